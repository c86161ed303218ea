"""The command that compares results with the paper's: table."""

import argparse

from hcegan_lib.cli.parser import add_command


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Declare the options."""
    table = add_command(commands, "table", run_table, "print a table of the paper next to the measured results")
    table.add_argument("number", type=int, choices=[1, 2, 3], help="its number in the paper")
    table.add_argument("--grid", default="laptop", metavar="G", help="grid of the measured results (default: laptop)")
    table.add_argument("--format", default="md", choices=["md", "csv", "latex", "html"], help="default: md")


def run_table(args: argparse.Namespace) -> int:
    """Print one table."""
    from hcegan_lib.experiment import results

    print(results.render_table(args.number, args.grid, args.format), end="")
    return 0
