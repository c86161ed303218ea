"""The command that lists runs: runs."""

import argparse

from hcegan_lib.cli.messages import complain
from hcegan_lib.cli.parser import add_command


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Declare the options."""
    runs = add_command(commands, "runs", run_runs, "list the runs in data/runs with their settings, state and scores")
    runs.add_argument("grid", nargs="?", metavar="GRID", help="only those of this grid or profile, such as tour")
    runs.add_argument("--format", default="text", choices=["text", "csv"], help="default: text")


def run_runs(args: argparse.Namespace) -> int:
    """Print one row per run."""
    from hcegan_lib.backend.messages import printable
    from hcegan_lib.experiment import listing, records

    folder = records.RUNS / (args.grid or "")
    if not folder.is_dir():
        there = ", ".join(sorted(path.name for path in records.RUNS.glob("[!.]*"))) or "none"
        raise ValueError(f"{folder} does not exist; there are: {there}")
    table = listing.list_runs(folder)
    if table.empty:
        return complain(f"no run in {folder}")
    if args.format == "csv":
        print(table.to_csv(index=False, lineterminator="\n"), end="")
    else:
        lines = table.round(2).to_string(index=False, na_rep="").splitlines()
        print("\n".join(map(printable, lines)))
    return 0
