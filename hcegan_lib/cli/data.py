"""Commands for larger sets of photographs: data list, data build, data check."""

import argparse
import signal
import sys
from pathlib import Path

from hcegan_lib.cli.messages import complain, shell_command
from hcegan_lib.cli.parser import add_command


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Declare the options."""
    data = add_command(commands, "data", None, "list, build and check larger sets of photographs")
    actions = data.add_subparsers(title="actions", metavar="ACTION", required=True)
    add_command(actions, "list", run_list, "list the sets with their training and test photographs and download size")
    build = add_command(actions, "build", run_build, "download a set and crop its photographs")
    build.description += " Repeat the command to continue a build that was stopped."
    build.add_argument("name", metavar="NAME", help="a set from `hcegan data list`, or a new name for --from")
    build.add_argument("--from", dest="origin", type=Path, metavar="PHOTOS", help="use your own folder, zip or tar")
    build.add_argument("--mirror", metavar="URL", help="try this address or folder with the official files first")
    build.add_argument("--seed", type=int, default=0, metavar="N", help="selects the test photographs (default: 0)")
    build.add_argument("--yes", action="store_true", help="download more than 1 GB without asking")
    build.add_argument("--clean", action="store_true", help="delete the downloads once the set is built")
    check = add_command(actions, "check", run_check, "compare the files of a set with its manifest")
    check.add_argument("name", metavar="NAME", help="a built set")


def run_list(args: argparse.Namespace) -> int:
    """Print one row per set: its size, how much there is to download or whether it is built, and its content."""
    from hcegan_lib import sources
    from hcegan_lib.sources.fetch import human_bytes

    for name, source in sources.SOURCES.items():
        download = "built" if sources.is_built(name) else human_bytes(sources.plan(name).sure)
        print(f"{name:19} {source.train:5} + {source.test:3}  {download:>8}  {source.what}")
    for name in sources.own_sets():
        print(f"{name:19} {'built':>21}  your own photographs")
    return 0


def run_build(args: argparse.Namespace) -> int:
    """Show what will be downloaded, build the set, and name the photographs that were left out."""
    from hcegan_lib import sources

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # downloads are kept, as after Ctrl-C
    recipe = {"origin": args.origin, "seed": args.seed}
    record = sources.finished(args.name, **recipe)
    already = " already" if record else ""
    if record is None:
        plan = sources.plan(args.name, origin=args.origin)
        print(plan.text, flush=True)
        if plan.at_most > 1e9 and not args.yes and sys.stdin.isatty() and not confirm():
            return complain("nothing was downloaded", 2)
        try:
            record = sources.build(args.name, **recipe, mirror=args.mirror, progress=sys.stderr.isatty())
        except KeyboardInterrupt:
            message = f"stopped; downloads are kept. Continue with: {resume_command(args)}"
            raise KeyboardInterrupt(message) from None
        for skipped in record["skipped"]:
            complain(f"left out {skipped}")
    if args.clean and args.origin is None:
        print(f"deleted {sources.clean(args.name) / 1e9:.2f} GB of downloads")
    count = f"{record['train']} photographs for training and {record['test']} for testing"
    print(f"{args.name} is{already} built: {count}, {len(record['skipped'])} left out; hcegan data check {args.name}")
    return 0


def confirm() -> bool:
    """Ask whether to download so much."""
    try:
        return input("Download? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        print()
        return False


def resume_command(args: argparse.Namespace) -> str:
    """Write the command that finishes a build."""
    options = {"from": args.origin, "mirror": args.mirror, "seed": args.seed, "yes": args.yes, "clean": args.clean}
    return shell_command("data", "build", args.name, **options)


def run_check(args: argparse.Namespace) -> int:
    """Print each file of a set that differs from its manifest."""
    from hcegan_lib import sources

    problems = sources.check(args.name)
    for problem in problems:
        complain(problem)
    if problems:
        return complain(f"{args.name} is damaged: delete its folder and build it again; downloads are kept", 1)
    print(f"{args.name} is intact")
    return 0
