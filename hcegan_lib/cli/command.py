"""The command `hcegan` and its exit statuses."""

import contextlib
import errno
import signal
import sys
import warnings

from hcegan_lib import KIT_ROOT
from hcegan_lib.cli import batch, color, course, data, doctor, export, runs, start, table, train, weights
from hcegan_lib.cli.messages import FailureOnTheWay, complain, reason
from hcegan_lib.cli.parser import OneLineParser

# Errors that the user can fix by changing the command. Any other OSError, such as a full disk, is a failure on the way.
INVALID = (ValueError, FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
IMPOSSIBLE = (errno.ENAMETOOLONG, errno.ELOOP)  # names that Python has no types of errors for


def main(argv: list[str] | None = None) -> int:
    """Run one command; `argv` are the words after "hcegan", None those of the command line.

    Exit status: 0 success, 1 failure on the way, 2 invalid input, 130 stopped by the user.
    """
    with contextlib.suppress(AttributeError):  # stdout may have been replaced by a stream without this method
        sys.stdout.reconfigure(errors="backslashreplace")  # a path may contain what the terminal cannot show
    try:
        args = parser().parse_args(argv)
    except SystemExit as stop:  # after --help, or after the parser has printed an error
        return stop.code
    if not (KIT_ROOT / "notebooks").is_dir() and args.run_command not in (start.run_start, doctor.run_doctor):
        return complain("no course here: run hcegan start DIR, then cd into that folder", 2)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: complain(str(message))
            return args.run_command(args)
    except INVALID as error:
        return complain(reason(error), 2)
    except (OSError, FailureOnTheWay) as error:
        return complain(reason(error), 2 if getattr(error, "errno", None) in IMPOSSIBLE else 1)
    except KeyboardInterrupt as stop:
        if argv is None:  # the process ends: a second Ctrl-C must not interrupt the message
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        return complain(str(stop) or "stopped", 130)


def parser() -> OneLineParser:
    """Collect the options of all commands."""
    hcegan = OneLineParser(
        prog="hcegan",
        description="Run the HCEGAN course, train its models, color photographs and compare results with the paper.",
        epilog="Run hcegan COMMAND --help for the options of a command.",
    )
    commands = hcegan.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in (course, train, color, export, weights, batch, runs, table, data, doctor, start):
        group.add_commands(commands)
    return hcegan
