"""Commands that execute the notebooks and hand them out: course, student."""

import argparse
import signal
import sys
from pathlib import Path

from tqdm import tqdm

from hcegan_lib import course
from hcegan_lib.cli.messages import complain, on_the_way, print_row, shell_command
from hcegan_lib.cli.parser import add_command

BAR = "{desc} |{bar:24}| {n_fmt}/{total_fmt} notebooks, {elapsed}"


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Declare the options."""
    run = add_command(commands, "course", run_course, "run the notebooks and write a page for each")
    run.description += " Open index.html in the output folder to read them."
    run.add_argument("--profile", metavar="P", help="size of the training runs: smoke, tour, laptop or paper")
    run.add_argument("--only", nargs="+", metavar="NN", help="run only these notebooks, given by number or name")
    pair = {"nargs": 2, "metavar": ("NAME", "VALUE"), "action": "append", "default": [], "dest": "parameters"}
    run.add_argument("-p", **pair, help="set a parameter in all notebooks that have it; may be repeated")
    run.add_argument("--output", type=Path, metavar="DIR", help="output folder (default: build/course)")
    run.add_argument("--in-place", action="store_true", help="also store the outputs in the notebooks themselves")

    student = add_command(
        commands, "student", run_student, "write the notebooks without the solutions of the exercises"
    )
    student.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="output folder (default: build/student)")


def run_course(args: argparse.Namespace) -> int:
    """Run notebooks, print a row as each ends, and list the failures last."""
    given = args.parameters + ([["profile", args.profile]] if args.profile else [])
    parameters = dict(given)
    if len(parameters) < len(given):
        raise ValueError("a parameter is given twice (--profile P is short for -p profile P)")
    if args.in_place and parameters:
        raise ValueError("--in-place stores the notebooks' own results: omit --profile and -p")
    jobs = course.plan(course.NOTEBOOKS, args.only, parameters)
    output = (args.output or course.OUTPUT).resolve()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops the notebook's process too, as Ctrl-C does

    names, done = [path.stem for path in jobs], []
    bar = tqdm(total=len(jobs), disable=not sys.stderr.isatty(), leave=False, bar_format=BAR)

    def watch(name: str, cells: int) -> None:
        bar.set_description_str(f"{name}, {cells} cells")

    outcomes = course.run(jobs, output, in_place=args.in_place, watch=watch)
    try:
        with bar, on_the_way():
            for outcome in outcomes:
                done.append(outcome)
                print_row(bar, outcome, max(map(len, names)))
                bar.update()
    except KeyboardInterrupt:
        command = resume_command(args, names[len(done) :])
        raise KeyboardInterrupt(f"stopped; finished notebooks are kept. Continue with: {command}") from None
    print(f"notebooks: {len(done)}, seconds: {sum(outcome.seconds for outcome in done):.0f}; {output / 'index.html'}")
    failures = [f"{outcome.name}, {error}" for outcome in done for error in outcome.errors]
    for failure in failures:
        complain(failure)
    return 1 if failures else 0


def resume_command(args: argparse.Namespace, left: list[str]) -> str:
    """Write the command that runs the notebooks in `left`."""
    parameters = [word for name, value in args.parameters for word in ("-p", name, value)]
    options = {"profile": args.profile, "output": args.output, "in_place": args.in_place}
    return shell_command("course", "--only", *(name[:2] for name in left), *parameters, **options)


def run_student(args: argparse.Namespace) -> int:
    """Write the handout and count its exercises."""
    folder = args.folder or course.handout.STUDENT
    exercises = course.handout.write(course.NOTEBOOKS, folder)
    print(f"notebooks: {len(exercises)}, exercises: {sum(exercises.values())}; {folder}")
    return 0
