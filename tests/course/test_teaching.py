"""TEACHING.md: its minutes are those of the notebooks, its answers are right, and the checks know its wrong answers."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from hcegan_lib import course
from hcegan_lib.course import teaching
from hcegan_lib.course.teaching import Lesson

PAGE = teaching.PAGE.read_text(encoding="utf-8")
EXERCISES = Path(teaching.__file__).parents[1] / "lessons" / "exercises"


def section(title):
    """The rows of the first table below a heading, without its header, as lists of cells."""
    rows = [line for line in PAGE.partition(f"# {title}\n")[2].partition("\n#")[0].splitlines() if line[:2] == "| "]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[1:]]


def test_the_minutes_are_those_of_todays_notebooks():
    assert teaching.renew(PAGE, course.NOTEBOOKS) == PAGE, "run: python -m hcegan_lib.course.teaching"


def test_words_formulas_figures_and_code_are_counted_without_the_exercises():
    text = "# One two\n\nSee [three four](x.md), $a + b$.\n\n$$\nc = d\n$$\n\n**Figure.** It's drawn."
    cells = [new_markdown_cell(text), new_code_cell("# a comment\n\nx = 1\ny = 2"), new_code_cell("check('00.1', f)")]
    cells += [new_code_cell("def f():\n    pass", metadata={"tags": [tag]}) for tag in ("exercise", "solution")]
    assert teaching.measure(new_notebook(cells=cells)) == Lesson(9, 1, 1, 2, 1)


def test_reading_takes_as_long_as_the_page_says():
    assert "200 words per minute, half a minute for each displayed formula and each\nfigure, and four seconds" in PAGE
    assert teaching.reading_minutes(Lesson(words=400, formulas=2, figures=4, code=30, exercises=9)) == pytest.approx(7)


def test_renewing_replaces_the_table_and_the_sums_and_nothing_else(tmp_path):
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    for name in ("00_a", "01_b"):
        cell = new_markdown_cell("# T\n\n**Goal.** Learn a | b.\n\n**Time.** Half a minute to run.\n\n" + 900 * "word ")
        (notebooks / f"{name}.ipynb").write_text(teaching.nbformat.writes(new_notebook(cells=[cell])), encoding="utf-8")
    page = f"before\n{teaching.BEGIN}\nold\n{teaching.END}\n| 1 | 00, 01 | 7 min | all |\nafter"
    row = "| [00_a](notebooks/00_a.ipynb) | Learn a \\| b. | 5 min | half a minute | 0 |\n"
    table = teaching.HEADER + row + row.strip().replace("00_a", "01_b")
    wanted = f"before\n{teaching.BEGIN}\n\n{table}\n\n{teaching.END}\n| 1 | 00, 01 | 10 min | all |\nafter"
    assert teaching.renew(page, notebooks) == wanted


@pytest.mark.parametrize(
    ("title", "minutes"),
    [("90 minutes: can you trust a table of scores?", 90), ("Half a day: from the loss to the verdict", 240)],
)
def test_a_plan_fills_its_time(title, minutes):
    assert sum(int(row[0]) for row in section(title)) == minutes


def test_the_answers_of_the_self_test_are_right():
    rows = [row for row in section("A self-test") if row[0].startswith("`")]
    assert len(rows) == 6
    for question, answer in rows:
        names = {"math": math, "np": np, "torch": torch}
        assert eval(question.strip("`"), names) == eval(answer.strip("`"))
    slopes = [row[1] for row in section("A self-test")[len(rows) :]]
    s = torch.tensor([0.5, 2.0], requires_grad=True)
    torch.relu(1 - s).sum().backward()
    assert slopes == [f"`{slope:.0f}`" for slope in s.grad + 0.0]


def test_the_typical_wrong_answers_are_in_the_checks_word_by_word():
    sources = "".join(path.read_text(encoding="utf-8") for path in EXERCISES.glob("*.py"))
    rows = section("Typical wrong answers")
    assert [row for row in rows if f'"{row[0]}"' not in sources or row[1] not in sources] == []
    assert {row[0][:2] for row in rows} <= {path.name[:2] for path in course.NOTEBOOKS.glob("[0-9]*.ipynb")}
    assert len(rows) > 20
