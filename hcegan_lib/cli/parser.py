"""An argument parser whose errors take one line."""

import argparse
import re
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import NoReturn

from hcegan_lib.backend.messages import did_you_mean
from hcegan_lib.cli.messages import complain


class OneLineParser(argparse.ArgumentParser):
    """A parser that prints each error in one line and suggests the closest choice for a misspelled one."""

    def parse_args(self, args: list[str] | None = None, namespace: argparse.Namespace | None = None):
        """Parse the words of a command; refuse empty ones, since an empty path would mean the current folder."""
        words = sys.argv[1:] if args is None else args
        for before, word in pairwise((self.prog, *words)):
            if not word.strip() or re.fullmatch("--[a-z-]+=", word):
                self.error(f"expected a value after {word.strip('= ') or before}, got an empty one")
        return super().parse_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and exit with status 2."""
        wrong = re.fullmatch(r"(.*invalid choice: (.+)) \(choose from (.+)\)", message)
        if wrong:
            message = wrong[1] + did_you_mean(wrong[2].strip("'"), re.findall(r"[\w-]+", wrong[3]))
        sys.exit(complain(f"{message} (see {self.prog} --help)", 2))


def add_command(
    commands: argparse._SubParsersAction, name: str, run: Callable[[argparse.Namespace], int] | None, summary: str
) -> argparse.ArgumentParser:
    """Add a command; `summary` describes it in the list of commands and in its own help."""
    added = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    added.set_defaults(run_command=run)
    return added
