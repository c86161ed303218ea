"""The command that checks the machine: doctor."""

import argparse

from hcegan_lib.cli.parser import add_command


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Declare the options."""
    add_command(commands, "doctor", run_doctor, "check whether this machine can run the course, and say what to do")


def run_doctor(args: argparse.Namespace) -> int:
    """Print one line per check; the exit status is 1 if the course cannot run."""
    from hcegan_lib.course.doctor import findings

    problems = 0
    for finding in findings():
        print(f"{'ok' if finding.ok else '!!'}  {finding.name:<8}  {finding.text}", flush=True)
        problems += not finding.ok
    print("This machine can run the course." if not problems else f"Problems: {problems}; see the lines with !!.")
    return 1 if problems else 0
