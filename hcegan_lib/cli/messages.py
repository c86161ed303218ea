"""What the commands print: errors, rows of finished notebooks and runs, and commands to continue with."""

import contextlib
import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hcegan_lib.backend.messages import printable

if TYPE_CHECKING:
    from tqdm import tqdm

    from hcegan_lib.experiment.notebooks import Outcome


class FailureOnTheWay(Exception):
    """An error of the system after the input was found to be valid."""


@contextlib.contextmanager
def on_the_way() -> Iterator[None]:
    """Turn errors of the system, such as a folder that was deleted meanwhile, into failures on the way."""
    try:
        yield
    except ConnectionError:  # is one already
        raise
    except OSError as error:
        raise FailureOnTheWay(reason(error)) from error


def complain(message: str, status: int = 0) -> int:
    """Print one line to standard error, without escape sequences for the terminal, and return the exit status."""
    print("hcegan:", printable(" ".join(message.split())), file=sys.stderr)
    return status


def reason(error: BaseException) -> str:
    """Return an error's message; for an error of the system, the file and the problem, without the error's number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def print_row(bar: "tqdm", outcome: "Outcome", width: int) -> None:
    """Print how a notebook or run ended, above its progress bar; names take `width` characters."""
    status = "failed" if outcome.errors else "ok"
    row = f"{printable(outcome.name):{width}}  {status:6}  {outcome.seconds:7.1f} s  {outcome.memory:6.0f} MB"
    bar.write(row, file=sys.stdout)
    sys.stdout.flush()  # into a file, too


def shell_command(*words: str, **options: object) -> str:
    """Write a command that the user can paste into a shell; options that are None, False, 0 or empty are left out."""
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        words += (option,) if value is True else (option, str(value)) if value else ()
    return shlex.join(("hcegan", *words))
