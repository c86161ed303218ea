"""The minutes in TEACHING.md, counted from the notebooks: `python -m hcegan_lib.course.teaching` renews them.

Reading takes 200 words per minute, half a minute for each displayed formula and each figure, and four seconds for each
line of code. The cells of the exercises are not counted.
"""

import re
from math import ceil
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

from hcegan_lib import KIT_ROOT
from hcegan_lib.backend.files import write_atomically
from hcegan_lib.course.contents import NUMBERED
from hcegan_lib.course.pages import heading
from hcegan_lib.experiment.notebooks import tags

PAGE = KIT_ROOT / "TEACHING.md"
BEGIN, END = "<!-- lessons: written by python -m hcegan_lib.course.teaching -->", "<!-- end of lessons -->"

WORDS_PER_MINUTE = 200
MINUTES_PER_PIECE = {"formulas": 1 / 2, "figures": 1 / 2, "code": 1 / 15}
SESSION = re.compile(r"^(\| \d+ \| (\d\d(?:, \d\d)*) \| )\d+( min \|)", re.MULTILINE)  # its lessons and minutes
HEADER = """| notebook | objective | reading | run | exercises |
|---|---|---|---|---|
"""


class Lesson(NamedTuple):
    """What a notebook has to read."""

    words: int  # of text; an inline formula counts as one
    formulas: int  # displayed ones
    figures: int
    code: int  # lines that are neither empty nor a comment, without those of the exercises
    exercises: int


def measure(notebook: NotebookNode) -> Lesson:
    """Count what there is to read in a notebook."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    plain = re.sub(r"\$[^$]+\$", " x ", re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL))
    plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", plain)  # a link reads as its text
    lines = [line.strip() for cell in code if not _is_of_exercise(cell) for line in cell.source.splitlines()]
    return Lesson(
        words=len(re.findall(r"\w[\w'’.,-]*", plain)),
        formulas=len(re.findall(r"\$\$.*?\$\$", text, re.DOTALL)),
        figures=text.count("**Figure.**"),
        code=sum(bool(line) and not line.startswith("#") for line in lines),
        exercises=sum("exercise" in tags(cell) for cell in code),
    )


def reading_minutes(lesson: Lesson) -> float:
    """Estimate how long a notebook takes to read, without its exercises."""
    pieces = sum(getattr(lesson, name) * minutes for name, minutes in MINUTES_PER_PIECE.items())
    return lesson.words / WORDS_PER_MINUTE + pieces


def rounded_minutes(notebook: NotebookNode) -> int:
    """Round the reading time of a notebook up to five minutes."""
    return 5 * ceil(reading_minutes(measure(notebook)) / 5)


def renew(page: str, notebooks: Path) -> str:
    """Put the table of today's lessons, and the reading times of the sessions, into the text of TEACHING.md."""
    lessons = {path: nbformat.read(path, as_version=4) for path in sorted(notebooks.glob(NUMBERED))}
    table = HEADER + "\n".join(_row(path, notebook) for path, notebook in lessons.items())
    before, _, rest = page.partition(BEGIN)
    page = f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.partition(END)[2]}"
    minutes = {path.stem[:2]: rounded_minutes(notebook) for path, notebook in lessons.items()}

    def add_up(row: re.Match) -> str:
        return f"{row[1]}{sum(minutes[number] for number in row[2].split(', '))}{row[3]}"

    return SESSION.sub(add_up, page)


def _row(path: Path, notebook: NotebookNode) -> str:
    link = f"[{path.stem}]({path.parent.name}/{path.name})"
    goal = heading(notebook)[1].removeprefix("**Goal.** ").replace("|", r"\|")
    exercises = measure(notebook).exercises
    return f"| {link} | {goal} | {rounded_minutes(notebook)} min | {_run_time(notebook)} | {exercises} |"


def _is_of_exercise(cell: NotebookNode) -> bool:
    return bool({"exercise", "solution"} & set(tags(cell))) or cell.source.startswith("check(")


def _run_time(notebook: NotebookNode) -> str:
    """Read the run time that the notebook itself states, such as "less than half a minute"."""
    stated = re.search(r"\*\*Time\.\*\* (.+?) to run", notebook.cells[0].source)
    return f"{stated[1][0].lower()}{stated[1][1:]}" if stated else "not stated"


if __name__ == "__main__":
    write_atomically(PAGE, renew(PAGE.read_text(encoding="utf-8"), KIT_ROOT / "notebooks"))
