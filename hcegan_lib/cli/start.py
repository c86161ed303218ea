"""The command that sets up the course for an installation without a clone: start."""

import argparse
from pathlib import Path

from hcegan_lib.cli.parser import add_command


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Declare the options."""
    start = add_command(commands, "start", run_start, "copy the course into a new folder, for an installation by pip")
    start.add_argument("folder", type=Path, metavar="DIR", help="a folder that does not exist yet, or is empty")


def run_start(args: argparse.Namespace) -> int:
    """Copy the course and say how to open it."""
    from hcegan_lib.course.start import start

    start(args.folder)
    print(f"the course is in {args.folder}; open it with: cd {args.folder} && jupyter lab notebooks")
    return 0
