"""Commands that execute the notebooks, show them as slides, hand them out and grade them."""

import argparse
import signal
import sys
from pathlib import Path

from tqdm import tqdm

from hcegan_lib import course
from hcegan_lib.backend.files import write_atomically
from hcegan_lib.backend.messages import printable
from hcegan_lib.cli.messages import complain, on_the_way, print_row, shell_command
from hcegan_lib.cli.parser import add_command

BAR = "{desc} |{bar:24}| {n_fmt}/{total_fmt} notebooks, {elapsed}"
ANSWERS = BAR.replace("notebooks", "answers")


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

    slides = add_command(commands, "slides", run_slides, "make slides from the notebooks")
    slides.add_argument("only", nargs="*", metavar="NN", help="notebooks, by number or name (default: all)")
    slides.add_argument("--output", type=Path, metavar="DIR", help="output folder (default: build/slides)")

    grade = add_command(commands, "grade", run_grade, "grade the exercises in the students' notebooks")
    grade.description += " Each student has a folder, with notebooks named as in the handout."
    grade.add_argument("submissions", type=Path, metavar="SUBMISSIONS", help="the folder with the students' folders")
    grade.add_argument("--output", type=Path, metavar="FILE", default=Path("grades.csv"), help="default: grades.csv")
    grade.add_argument("--overwrite", action="store_true", help="replace FILE and the feedback beside it")
    limit = "processor time for each answer (default: 30)"
    grade.add_argument("--timeout", type=float, metavar="SECONDS", default=30, help=limit)


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
    seconds, page = sum(outcome.seconds for outcome in done), printable(str(output / "index.html"))
    print(f"notebooks: {len(done)}, seconds: {seconds:.0f}; {page}")
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
    print(f"notebooks: {len(exercises)}, exercises: {sum(exercises.values())}; {printable(str(folder))}")
    return 0


def run_slides(args: argparse.Namespace) -> int:
    """Make the slides of each notebook and print their names."""
    from hcegan_lib.course import slides

    sources = course.plan(course.NOTEBOOKS, args.only or None)
    folder = args.output or slides.SLIDES
    for source in tqdm(sources, disable=not sys.stderr.isatty(), leave=False, desc="slides"):
        tqdm.write(printable(str(slides.write(source, folder))), file=sys.stdout)
    return 0


def run_grade(args: argparse.Namespace) -> int:
    """Grade all answers and write two tables: the verdicts, and the complaints beside them."""
    from hcegan_lib.course import grade  # loads torch

    files = [args.output, args.output.with_name(f"{args.output.stem}-feedback.csv")]
    _require_writable(files, args.overwrite)
    if not args.timeout > 0:
        raise ValueError(f"--timeout must be above 0, got {args.timeout:g}")
    exercises = grade.assignments(course.NOTEBOOKS)
    students, chosen = grade.handed_in(args.submissions, exercises)
    for path in grade.ignored(students, exercises):
        complain(f"{path} is ignored: a student's folder should contain the notebooks, named as in the handout")
    bar = tqdm(total=len(students) * len(chosen), disable=not sys.stderr.isatty(), leave=False, bar_format=ANSWERS)
    graded: dict[str, dict] = {}
    with bar:
        for student in students:
            bar.set_description_str(printable(student.name))
            grades = graded[student.name] = {}
            for number, given in grade.grade_student(student, chosen, args.timeout):
                grades[number] = given
                bar.update()
    for path, content in zip(files, (grade.table(graded), grade.feedback(graded))):
        write_atomically(path, content)
    answers, right = len(students) * len(chosen), sum(map(grade.points, graded.values()))
    print(f"students: {len(students)}, answers: {answers}, right: {right}; {printable(', '.join(map(str, files)))}")
    return 0


def _require_writable(files: list[Path], overwrite: bool) -> None:
    for path in files:
        if not path.parent.is_dir():
            raise ValueError(f"there is no folder {path.parent}")
        if path.exists() and not (overwrite and path.is_file()):
            raise ValueError(f"{path} exists: add --overwrite, or choose another --output")
