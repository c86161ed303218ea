"""The commands slides and grade."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from hcegan_lib import cli
from hcegan_lib.course import grade, slides
from tests.cli.calls import KERNEL, files, refuse

STUB = "def hinge_of_labels(scores, labels):\n    raise NotImplementedError"


@pytest.fixture
def submissions(kit, monkeypatch):
    """Two students; what they handed in is not run."""
    source = [new_code_cell("n: int = 1"), new_code_cell("import torch"), new_code_cell(STUB)]
    posed = new_notebook(cells=[*source, new_code_cell('check("02.1", hinge_of_labels)')], metadata=KERNEL)
    nbformat.write(posed, kit / "notebooks" / "02_hinge.ipynb")
    for student in ("anna", "jörg"):
        (kit / "class" / student).mkdir(parents=True)
    for name in ("02_hinge.ipynb", "02_hinge (1).ipynb"):
        nbformat.write(posed, kit / "class" / "anna" / name)
    monkeypatch.setattr(grade, "grade_answer", lambda *given: grade.Grade("wrong", f"no, in {given[-1]:g} s"))
    return kit / "class"


def test_grade_writes_a_table_and_the_complaints_beside_it(submissions, kit, capsys):
    assert cli.main(["grade", "class", "--timeout", "7"]) == 0
    out, err = capsys.readouterr()
    assert out == "students: 2, answers: 2, right: 0; grades.csv, grades-feedback.csv\n"
    assert err.startswith("hcegan: class/anna/02_hinge (1).ipynb is ignored")
    assert (kit / "grades.csv").read_text("utf-8-sig").split("\n")[:3] == [
        "student,02.1,points",
        "anna,wrong,0",
        "jörg,missing,0",
    ]
    assert '"no, in 7 s"' in (kit / "grades-feedback.csv").read_text("utf-8-sig")


def test_grade_replaces_a_table_only_if_told_so(submissions, kit, capsys):
    (kit / "mine.csv").write_text("mine", encoding="utf-8")
    assert "mine.csv exists: add --overwrite" in refuse(["grade", "class", "--output", "mine.csv"], capsys)
    assert cli.main(["grade", "class", "--output", "mine.csv", "--overwrite"]) == 0
    assert (kit / "mine.csv").read_bytes() != b"mine"
    assert "mine-feedback.csv" in files(kit)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nowhere"], "nowhere: No such file or directory"),
        (["class/anna"], "has no folders: it should have one per student"),
        (["class", "--timeout", "0"], "--timeout must be above 0, got 0"),
        (["class", "--timeout", "nan"], "--timeout must be above 0, got nan"),
        (["class", "--output", "no/grades.csv"], "there is no folder no"),
    ],
)
def test_what_cannot_be_graded_is_refused_and_nothing_is_written(words, line, submissions, kit, capsys):
    before = files(kit)
    assert line in refuse(["grade", *words], capsys)
    assert files(kit) == before


def test_slides_are_written_for_the_notebooks_named(kit, monkeypatch, capsys):
    monkeypatch.setattr(slides, "SLIDES", kit / "build" / "slides")
    for name in ("00_start", "08_train"):
        nbformat.write(new_notebook(cells=[new_markdown_cell("# T")]), kit / "notebooks" / f"{name}.ipynb")
    assert cli.main(["slides", "8"]) == 0
    assert capsys.readouterr().out == f"{kit / 'build' / 'slides' / '08_train.html'}\n"
    assert cli.main(["slides", "--output", "there"]) == 0
    assert sorted(path.name for path in (kit / "there").iterdir()) == ["00_start.html", "08_train.html"]
    capsys.readouterr()
    assert "unknown notebook '05'" in refuse(["slides", "05"], capsys)
