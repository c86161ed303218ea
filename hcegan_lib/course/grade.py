"""Grades students' notebooks with the course's own tests.

The course's notebooks say which exercises there are. From a student's notebook, only the cell that defines the function
is taken. It runs in a process of its own, while the test runs in ours: it sends arguments there and gets plain values
back. So stored outputs, changed check cells, patched libraries and an early exit earn no points. This is not a sandbox:
the students' code runs with the rights of the person who grades.
"""

import ast
import contextlib
import csv
import io
import multiprocessing
import os
import pickle
import re
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import FunctionType
from typing import NamedTuple

import matplotlib
import nbformat
import numpy as np
import psutil
import torch
from torch import Tensor

from hcegan_lib.backend.files import name_file
from hcegan_lib.course.contents import NUMBERED
from hcegan_lib.experiment.notebooks import code_cells, tags
from hcegan_lib.lessons.exercises import EXERCISES, judge
from hcegan_lib.lessons.exercises.checking import NotWritten, WrongAnswer

CHECK = re.compile(r"""check\(\s*["'](\d\d\.\d+)["']\s*,\s*(\w+)\s*\)""")
POLL = 0.1  # seconds between two looks at a function that is running
PATIENCE = 10  # a function may take this many times its processor time by the clock, in case it only waits

# Linux copies a process that has loaded these packages once; elsewhere, each process loads them again.
START = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
PACKAGES = ["matplotlib.pyplot", "scipy.stats", "torchvision.transforms.v2", "hcegan_lib.experiment.results"]
PACKAGES += ["hcegan_lib.lessons.plots", "hcegan_lib.lessons.explorers", "hcegan_lib.train", __name__]


class Assignment(NamedTuple):
    """An exercise as the course's own notebook poses it."""

    number: str
    notebook: str  # name of the file
    function: str
    setup: tuple[str, ...]  # what comes before it: parameters, imports, functions, solutions of earlier exercises


class Grade(NamedTuple):
    """What an answer is worth, and why."""

    verdict: str  # right, wrong, not written, timeout, error (it raises, or its process ends) or missing
    complaint: str = ""


class _NoResult(Exception):
    """A function ran out of time or failed; the first argument is the verdict."""


def assignments(notebooks: Path) -> dict[str, Assignment]:
    """Collect the exercises of the course's notebooks in a folder, by number."""
    found = {}
    for path in sorted(notebooks.glob(NUMBERED)):
        cells = [cell for _, cell in code_cells(nbformat.read(path, as_version=4))]
        setup = [cell.source for cell in cells[:2]]
        for cell in cells[2:]:
            for number, function in CHECK.findall(cell.source):
                found[number] = Assignment(number, path.name, function, tuple(setup))
            if "exercise" not in tags(cell):
                setup += _definitions(cell.source)
    return found


def handed_in(submissions: Path, course: Mapping[str, Assignment]) -> tuple[list[Path], list[Assignment]]:
    """List the students' folders and the exercises of all notebooks that at least one student has handed in.

    ValueError if there is no folder, or no notebook of the course directly in any of them.
    """
    folders = [path for path in submissions.iterdir() if path.is_dir()]
    students = sorted(path for path in folders if not path.name.startswith((".", "__")))  # __MACOSX, for example
    if not students:
        raise ValueError(f"{submissions} has no folders: it should have one per student")
    names = {path.name for student in students for path in student.glob("*.ipynb")}
    chosen = [assignment for assignment in course.values() if assignment.notebook in names]
    if not chosen:
        raise ValueError(f"no folder in {submissions} has a notebook of the course, named as in the handout")
    return students, chosen


def ignored(students: Iterable[Path], course: Mapping[str, Assignment]) -> list[Path]:
    """List notebooks that are not graded because of their name or because they are in a folder further down."""
    names = {assignment.notebook for assignment in course.values()}
    found = [path for student in students for path in sorted(student.rglob("*.ipynb"))]
    found = [path for path in found if ".ipynb_checkpoints" not in path.parts]
    return [path for path in found if path.name not in names or path.parent not in students]


def grade_student(folder: Path, chosen: Iterable[Assignment], seconds: float) -> Iterator[tuple[str, Grade]]:
    """Grade one student's answers; yields the number of each exercise and its grade. `seconds` as in `grade_answer`."""
    cells: dict[str, list[nbformat.NotebookNode] | Grade] = {}
    for assignment in chosen:
        name = assignment.notebook
        if name not in cells:
            cells[name] = _read_cells(folder / name)
        found = cells[name]
        if not isinstance(found, Grade):
            found = find_answer(found, assignment)
        yield assignment.number, found if isinstance(found, Grade) else grade_answer(assignment, *found, seconds)


def find_answer(cells: Iterable[nbformat.NotebookNode], assignment: Assignment) -> tuple[str, str] | Grade:
    """Find the code that defines a student's answer, and the name of the function.

    The last cell counts that defines the function asked for. If there is none, it is the function that the student's
    own check names. Cells tagged "solution" are the course's.
    """
    sources = [cell.source for cell in cells if "solution" not in tags(cell)]
    checked = dict(CHECK.findall("\n".join(sources)))
    for name in (assignment.function, checked.get(assignment.number, assignment.function)):
        defining = [source for source in sources if re.search(rf"^(?:def +{name}\b|{name} *=)", source, re.MULTILINE)]
        if defining:
            return defining[-1], name
    return Grade("missing", f"no cell defines {assignment.function}.")


def grade_answer(assignment: Assignment, source: str, name: str, seconds: float) -> Grade:
    """Grade one answer: the function `name` that the code `source` defines.

    `seconds` limits its processor time; by the clock, it may take ten times as long.
    """
    with _Answer(assignment, source, name, seconds) as answer:
        try:
            EXERCISES[assignment.number].test(answer)
            answer.judge(assignment.number)
        except NotWritten:
            return Grade("not written")
        except WrongAnswer as complaint:
            return Grade("wrong", str(complaint))
        except _NoResult as failure:
            return Grade(*failure.args)
        except Exception as error:  # of the test, because of what it got
            return Grade("wrong", f"the result cannot be tested ({type(error).__name__}: {error}).")
    return Grade("right")


def points(grades: Mapping[str, Grade]) -> int:
    """Count the right answers."""
    return sum(grade.verdict == "right" for grade in grades.values())


def table(graded: Mapping[str, Mapping[str, Grade]]) -> bytes:
    """Write the grades as CSV for spreadsheets: one row per student, one column per exercise, and the points."""
    numbers = list(next(iter(graded.values())))
    rows = [[student, *(grades[n].verdict for n in numbers), points(grades)] for student, grades in graded.items()]
    return _csv([["student", *numbers, "points"], *rows])


def feedback(graded: Mapping[str, Mapping[str, Grade]]) -> bytes:
    """Write the complaints as CSV for spreadsheets: one row per student and exercise."""
    rows = [[student, number, *grade] for student, grades in graded.items() for number, grade in grades.items()]
    return _csv([["student", "exercise", "verdict", "complaint"], *rows])


def _csv(rows: Iterable[list]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_harmless(str(entry)) for entry in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")  # without the mark, Excel misreads umlauts


def _harmless(entry: str) -> str:
    """Keep a spreadsheet from taking a student's text for a formula."""
    entry = unicodedata.normalize("NFC", entry)  # macOS splits the umlauts of file names in two
    return f"'{entry}" if entry.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else entry


def _definitions(source: str) -> list[str]:
    kept = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    return [ast.unparse(node) for node in ast.parse(source).body if isinstance(node, kept)]


def _read_cells(path: Path) -> list[nbformat.NotebookNode] | Grade:
    if not path.exists():
        return Grade("missing", f"{path.name} was not handed in.")
    try:
        with name_file(path):
            return [cell for _, cell in code_cells(nbformat.read(path, as_version=4))]
    except (OSError, ValueError) as error:
        return Grade("error", " ".join(str(error).split())[:300])


# --- our side of the pipe ---------------------------------------------------------------------------------------------


class _Callback(NamedTuple):
    """Stands for a function among the arguments, which stays on our side."""

    index: int


class _Answer:
    """A student's function in a process of its own. A call sends the arguments there and returns plain values."""

    def __init__(self, assignment: Assignment, source: str, name: str, seconds: float) -> None:
        START.set_forkserver_preload(PACKAGES)
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.pipe, theirs = START.Pipe()
        given = theirs, self.folder.name, assignment.setup, source, name
        self.process, self.seconds = START.Process(target=_serve, args=given, daemon=True), seconds
        self.process.start()
        theirs.close()  # so that the end of the process ends the pipe
        self.notebook, self.begin, self.clock = assignment.notebook, 0.0, 0.0

    def __enter__(self) -> "_Answer":
        try:
            self.pipe.recv_bytes()  # the course's own cells have run; from now on, time counts
        except (EOFError, OSError):
            self.__exit__()
            raise ValueError(f"{self.notebook} of the course cannot be run: its first cells fail") from None
        with contextlib.suppress(psutil.NoSuchProcess):
            self.begin = self._processor_time()
        self.clock = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()
        self.folder.cleanup()

    def __call__(self, *arguments: object) -> object:
        sent = [_Callback(k) if isinstance(a, FunctionType) else a for k, a in enumerate(arguments)]
        self._send("call", sent)
        kind, value = self._receive()
        while kind == "callback":
            index, given = value
            self._send("value", arguments[index](*given))
            kind, value = self._receive()
        if value is None:
            raise NotWritten
        return value

    def judge(self, number: str) -> None:
        """Repeat the test on the other side, for tests that also watch how a function works."""
        self._send("judge", number)
        _, complaint = self._receive()
        if complaint:
            raise WrongAnswer(complaint)

    def _send(self, kind: str, value: object) -> None:
        with contextlib.suppress(OSError):  # the process has ended, which `_receive` reports
            self.pipe.send_bytes(pickle.dumps((kind, value)))  # tensors by value; `send` would share their memory

    def _receive(self) -> tuple[str, object]:
        try:
            self._wait()
            kind, value = torch.load(io.BytesIO(self.pipe.recv_bytes()), weights_only=True)  # runs no code of theirs
        except (EOFError, OSError):
            self.process.join(5)
            raise _NoResult("error", f"your code ends the process, status {self.process.exitcode}.") from None
        except (pickle.UnpicklingError, RuntimeError, ValueError):
            raise _NoResult("error", "the result cannot be read.") from None
        if kind == "failed":
            raise _NoResult("error", value)
        if kind == "not written":
            raise NotWritten
        return kind, value

    def _wait(self) -> None:
        while True:
            clock = time.monotonic() - self.clock
            try:
                used = self._processor_time() - self.begin
            except psutil.NoSuchProcess:
                return  # what it sent before it ended is still in the pipe
            if clock > PATIENCE * self.seconds or used > self.seconds:
                raise _NoResult("timeout", f"stopped after {self.seconds:g} seconds of processor time.")
            if self.pipe.poll(POLL):
                return

    def _processor_time(self) -> float:
        return sum(psutil.Process(self.process.pid).cpu_times()[:2])


# --- the student's side of the pipe -----------------------------------------------------------------------------------


def _serve(pipe: Connection, folder: str, setup: Iterable[str], source: str, name: str) -> None:
    """Run the course's cells and a student's, then call the function whenever the other side asks."""
    _withdraw(folder)
    names: dict = {"__name__": "__main__"}
    for part in setup:
        with contextlib.suppress(NameError):  # a default may be a variable of the lesson, which has not run
            exec(part, names)
    pipe.send_bytes(b"ready")
    try:
        names.pop(name, None)
        exec(compile(source, "<answer>", "exec"), names)
        while True:
            pipe.send_bytes(_encode("result", _obey(names[name], pipe)))
    except NotImplementedError:
        pipe.send_bytes(_encode("not written", None))
    except BaseException as error:  # sys.exit, too
        text = " ".join(str(error).split())
        pipe.send_bytes(_encode("failed", f"your code raises {type(error).__name__}{f': {text}' if text else '.'}"))


def _withdraw(folder: str) -> None:
    """Print nothing, read nothing, show no windows, and write files only where they will be deleted."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    os.chdir(folder)
    matplotlib.use("agg")
    torch.set_num_threads(1)


def _obey(answer: Callable, pipe: Connection) -> object:
    """Wait for an order: call the function, or test it on this side."""
    order, value = pickle.loads(pipe.recv_bytes())
    if order == "judge":
        return _complaint(value, answer)
    return _plain(answer(*(_remote(pipe, each) if isinstance(each, _Callback) else each for each in value)))


def _complaint(number: str, answer: Callable) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        right = judge(number, answer)
    return "" if right else printed.getvalue().splitlines()[0].removeprefix(f"Exercise {number}: ")


def _remote(pipe: Connection, callback: _Callback) -> Callable:
    def ask(*given: object) -> object:
        pipe.send_bytes(_encode("callback", (callback.index, [_plain(each) for each in given])))
        return pickle.loads(pipe.recv_bytes())[1]

    return ask


def _plain(value: object) -> object:
    """Turn a result into tensors, numbers and text, which can be read without running anything."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | complex | str):
        return value
    if value is ...:  # the body of a stub
        return None
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return (tuple if isinstance(value, tuple) else list)(map(_plain, value))
    if isinstance(value, Tensor):
        return value.detach().clone()
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        array = np.asarray(value, float)  # raises TypeError for what is no number
    return torch.from_numpy(array.copy())


def _encode(kind: str, value: object) -> bytes:
    content = io.BytesIO()
    torch.save((kind, value), content)
    return content.getvalue()
