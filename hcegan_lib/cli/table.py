"""The commands that compare results with the paper's: table, verdict."""

import argparse

from hcegan_lib.cli.parser import add_command


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Declare the options."""
    table = add_command(commands, "table", run_table, "print a table of the paper next to the measured results")
    table.add_argument("number", type=int, choices=[1, 2, 3], help="its number in the paper")
    table.add_argument("--grid", default="laptop", metavar="G", help="grid of the measured results (default: laptop)")
    table.add_argument("--format", default="md", choices=["md", "csv", "latex", "html"], help="default: md")
    verdict = add_command(commands, "verdict", run_verdict, "print each claim of the paper with our effect and verdict")
    verdict.add_argument("grid", nargs="?", default="columns", metavar="GRID", help="default: columns")
    verdict.add_argument("--format", default="md", choices=["md", "short", "csv", "html"], help="default: md")


def run_table(args: argparse.Namespace) -> int:
    """Print one table."""
    from hcegan_lib.experiment import results

    print(results.render_table(args.number, args.grid, args.format), end="")
    return 0


def run_verdict(args: argparse.Namespace) -> int:
    """Print the scorecard of a grid."""
    from hcegan_lib.experiment import results

    print(results.render_scorecard(args.grid, args.format), end="")
    return 0
