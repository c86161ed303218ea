"""Ten made-up students hand in what students hand in; each answer gets the verdict that it deserves."""

import csv
import io
import pickle

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook, new_output

from hcegan_lib import course
from hcegan_lib.course import grade
from hcegan_lib.course.grade import Assignment, Grade
from hcegan_lib.lessons.exercises import EXERCISES
from tests.course import posed

SECONDS = 3  # of processor time; the answers here need a hundredth of it, or never end
NAME = "98_tiny.ipynb"

PARAMETERS = "margin: float = 1.0"
IMPORTS = (
    "import torch\n\nfrom hcegan_lib.lessons.exercises import check\nfrom tests.course.posed import pose\n\npose()"
)
RAMP = "def ramp(x, width=unknown):\n    return x\n\n\ndef excess(x):\n    return torch.relu(x)\n\n\nlong_run = 1 / 0"
STUBS = {
    "98.1": "def hinge_of_labels(scores, labels):\n    # your code here\n    raise NotImplementedError",
    "98.2": "def share_above(scores):\n    # your code here\n    raise NotImplementedError",
}
RIGHT = {
    "98.1": "def hinge_of_labels(scores, labels):\n    return excess(margin - labels * scores)",
    "98.2": "def share_above(scores):\n    return (scores > 0.5).double().mean().numpy()",
}
PATCH = """import numpy
import hcegan_lib.lessons.exercises
from hcegan_lib.lessons.exercises import checking
from tests.course import posed

def check(*_):
    print("Exercise 98.1: right.")

for module in (checking, posed):
    module.compare = lambda *_, **__: None
hcegan_lib.lessons.exercises.judge = checking.judge = lambda *_: True
numpy.allclose = torch.equal = lambda *_, **__: True
torch.relu = lambda x: 0 * x

def hinge_of_labels(scores, labels):
    return 0 * scores
"""


def cell(source, *tags, says=""):
    outputs = [new_output("stream", text=says)] if says else []
    return new_code_cell(source, metadata={"tags": list(tags)}, outputs=outputs)


def notebook(answers, checks=None, says=""):
    """A notebook with these answers, by number; `checks` are other check cells than the course's."""
    cells = [cell(PARAMETERS, "parameters"), cell(IMPORTS), cell(RAMP)]
    for number, answer in answers.items():
        function = STUBS[number].split("(")[0].removeprefix("def ")
        check = (checks or {}).get(number, f'check("{number}", {function})')
        cells += [cell(answer, "exercise"), cell(check, says=says)]
        cells += [cell(f"# A solution of exercise {number}\n{RIGHT[number]}", "solution")]
    return new_notebook(cells=cells)


ENDLESS = "def hinge_of_labels(scores, labels):\n    while True:\n        pass"
SILENT_EXIT = "import os\n\ndef hinge_of_labels(scores, labels):\n    print('Exercise 98.1: right.')\n    os._exit(0)"
FLIPPED = RIGHT["98.1"].replace("-", "+")
RENAMED = {number: answer.replace("(", "_by_me(", 1) for number, answer in RIGHT.items()}
HANDED_IN = {
    "anna": notebook(RIGHT),
    "bert": notebook(RIGHT | {"98.1": FLIPPED}),
    "cleo": notebook(STUBS),
    "dora": notebook(RIGHT | {"98.1": ENDLESS}),
    "emil": notebook({"98.1": SILENT_EXIT, "98.2": f"{RIGHT['98.2']}\n\nimport sys\n\nsys.exit()"}),
    "fred": notebook(STUBS, says="Exercise 98.1: right.\n"),
    "gina": notebook(RIGHT | {"98.1": PATCH}, checks={"98.1": "print('Exercise 98.1: right.')"}),
    "hans": None,
    "ines": "{broken",
    "jörg": notebook(RENAMED, checks={"98.1": 'check("98.1", hinge_of_labels_by_me)'}),
}
VERDICTS = {
    "anna": ("right", "right"),
    "bert": ("wrong", "right"),
    "cleo": ("not written", "not written"),
    "dora": ("timeout", "right"),
    "emil": ("error", "error"),
    "fred": ("not written", "not written"),
    "gina": ("wrong", "right"),
    "hans": ("missing", "missing"),
    "ines": ("error", "error"),
    "jörg": ("right", "missing"),
}
COMPLAINTS = {
    "bert": "the sign is flipped",
    "dora": "stopped after 3 seconds of processor time.",
    "emil": "your code ends the process, status 0.",
    "gina": "the values are wrong.",
    "hans": "98_tiny.ipynb was not handed in.",
    "ines": "cannot be read (NotJSONError",
}


@pytest.fixture(autouse=True, scope="module")
def _posed():
    posed.pose()
    yield
    for number in posed.POSED:
        del EXERCISES[number]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The folders of the course and of the submissions."""
    notebooks, submissions = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("submissions")
    nbformat.write(notebook(STUBS), notebooks / NAME)
    for student, content in HANDED_IN.items():
        (submissions / student).mkdir()
        if isinstance(content, str):
            (submissions / student / NAME).write_text(content, encoding="utf-8")
        elif content:
            nbformat.write(content, submissions / student / NAME)
    return notebooks, submissions


@pytest.fixture(scope="module")
def graded(folders):
    notebooks, submissions = folders
    students, chosen = grade.handed_in(submissions, grade.assignments(notebooks))
    return {student.name: dict(grade.grade_student(student, chosen, SECONDS)) for student in students}


def single(source, number="98.1", seconds=SECONDS):
    """Grade one answer, a function named f."""
    return grade.grade_answer(Assignment(number, NAME, "f", (IMPORTS,)), source, "f", seconds)


@pytest.mark.slow
@pytest.mark.parametrize("student", VERDICTS)
def test_each_student_gets_the_verdicts_that_the_answers_deserve(student, graded):
    assert tuple(given.verdict for given in graded[student].values()) == VERDICTS[student]


@pytest.mark.slow
@pytest.mark.parametrize("student", COMPLAINTS)
def test_what_is_not_right_has_a_reason(student, graded):
    assert COMPLAINTS[student] in graded[student]["98.1"].complaint


# --- the way of one answer --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_courses_own_solutions_are_right():
    given = {}
    for number, task in grade.assignments(course.NOTEBOOKS).items():
        cells = nbformat.read(course.NOTEBOOKS / task.notebook, as_version=4).cells
        (source,) = [each.source for each in cells if each.source.startswith(f"# A solution of exercise {number}\n")]
        given[number] = grade.grade_answer(task, source, task.function, seconds=30)
    assert len(given) > 40
    assert {number: each for number, each in given.items() if each != Grade("right")} == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "source", "complaint"),
    [
        ("98.1", "def f(scores, labels):\n    return 'right'", "got an object of type str"),
        ("98.3", "def f(halve, x):\n    while True:\n        x = halve(x)", "the loop never ends."),
        ("98.4", "def f(x):\n    return torch.outer(x, x).sum() / 8", "one tensor holds 64 numbers."),
    ],
)
def test_a_wrong_answer_gets_the_complaint_that_check_would_print(number, source, complaint):
    verdict, text = single(source, number)
    assert verdict == "wrong"
    assert complaint in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "source"),
    [
        ("98.3", "def f(halve, x):\n    n = 0\n    while x > 0.01:\n        x, n = halve(x), n + 1\n    return n"),
        ("98.4", "def f(x):\n    return x.sum()"),
    ],
)
def test_an_answer_may_call_a_function_that_it_gets_and_may_be_watched(number, source):
    assert single(source, number) == Grade("right")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("def f(scores, labels):\n    return wrongly_spelled", "NameError"),
        ("def f(scores, labels)\n    return 1", "SyntaxError"),
        ("class Tricky:\n    pass\n\ndef f(scores, labels):\n    return Tricky()", "TypeError"),
    ],
)
def test_an_answer_that_raises_is_an_error_with_the_reason(source, complaint):
    verdict, text = single(source)
    assert verdict == "error"
    assert complaint in text


@pytest.mark.slow
def test_an_answer_that_only_waits_is_stopped_by_the_clock():
    assert single("import time\n\ndef f(scores, labels):\n    time.sleep(1000)", seconds=0.3).verdict == "timeout"


# --- what is graded ---------------------------------------------------------------------------------------------------


def test_every_exercise_of_the_course_is_found_with_what_comes_before_it():
    found = grade.assignments(course.NOTEBOOKS)
    notebooks = [nbformat.read(path, as_version=4) for path in course.NOTEBOOKS.glob("[0-9]*.ipynb")]
    stubs = [cell for notebook in notebooks for cell in notebook.cells if "exercise" in cell.metadata.get("tags", [])]
    assert len(found) == len(stubs)
    assert found["10.2"].function == "paired_interval"
    assert any("def interval_of_a_mean" in part and "NotImplemented" not in part for part in found["10.2"].setup)
    assert not any("def paired_interval" in part for part in found["10.2"].setup)


def test_the_last_definition_counts_and_the_courses_solution_does_not():
    task = Assignment("98.1", NAME, "hinge_of_labels", ())
    cells = [*notebook(STUBS).cells, cell(RIGHT["98.1"])]
    assert grade.find_answer(cells, task) == (RIGHT["98.1"], "hinge_of_labels")
    assert grade.find_answer(cells[:-1], task) == (STUBS["98.1"], "hinge_of_labels")
    lambda_cell = cell("hinge_of_labels = lambda scores, labels: 0 * scores")
    assert grade.find_answer([lambda_cell], task)[0] == lambda_cell.source


def test_notebooks_that_nobody_handed_in_are_not_graded(tmp_path):
    tasks = {f"0{k}.1": Assignment(f"0{k}.1", f"0{k}_x.ipynb", "f", ()) for k in range(3)}
    for student in ("b", "a", ".hidden", "__MACOSX"):
        (tmp_path / student).mkdir()
    (tmp_path / "b" / "01_x.ipynb").touch()
    (tmp_path / ".hidden" / "02_x.ipynb").touch()
    students, chosen = grade.handed_in(tmp_path, tasks)
    assert [student.name for student in students] == ["a", "b"]
    assert chosen == [tasks["01.1"]]


@pytest.mark.parametrize(("student", "line"), [(None, "one per student"), ("anna", "named as in the handout")])
def test_a_folder_without_students_or_notebooks_is_refused(student, line, tmp_path):
    if student:
        (tmp_path / student).mkdir()
    with pytest.raises(ValueError, match=line):
        grade.handed_in(tmp_path, {})


def test_notebooks_with_other_names_or_places_are_listed(tmp_path):
    student = tmp_path / "anna"
    for place in (student / "deep", student / ".ipynb_checkpoints"):
        place.mkdir(parents=True)
        (place / NAME).touch()
    for name in (NAME, "98_tiny (1).ipynb"):
        (student / name).touch()
    found = grade.ignored([student], {"98.1": Assignment("98.1", NAME, "f", ())})
    assert [path.relative_to(student).as_posix() for path in found] == ["98_tiny (1).ipynb", f"deep/{NAME}"]


@pytest.mark.parametrize(
    ("result", "sent"),
    [
        (np.float64(0.5), 0.5),
        ((1, [True, None]), (1, [True, None])),
        ({"A": "trains"}, {"A": "trains"}),
        ({"C"}, ["C"]),
        (torch.ones(2, requires_grad=True) * 2, torch.tensor([2.0, 2.0])),
        (np.array([1, 2]), torch.tensor([1, 2])),
        (pd.Series([0.5, 1.5]), torch.tensor([0.5, 1.5], dtype=torch.float64)),
        (..., None),
    ],
)
def test_a_result_is_sent_as_plain_values(result, sent):
    kind, value = torch.load(io.BytesIO(grade._encode("result", grade._plain(result))), weights_only=True)
    assert kind == "result"
    assert type(value) is type(sent)
    assert torch.equal(value, sent) if isinstance(sent, torch.Tensor) else value == sent


def test_a_result_that_runs_code_when_it_is_read_is_refused():
    with pytest.raises(TypeError):
        grade._plain(Unpickled())
    with pytest.raises(pickle.UnpicklingError):
        torch.load(io.BytesIO(grade._encode("result", Unpickled())), weights_only=True)


class Unpickled:
    def __reduce__(self):
        return print, ("right",)


# --- the tables -------------------------------------------------------------------------------------------------------

GRADED = {
    "Jo\u0308rg": {"98.1": Grade("right"), "98.2": Grade("wrong", "=HYPERLINK(1)")},
    "@SUM(1)": {"98.1": Grade("missing", "no cell, defines f."), "98.2": Grade("right")},
}


def read(content):
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_the_table_has_a_row_per_student_and_a_column_per_exercise_and_the_points():
    rows = read(grade.table(GRADED))
    assert rows[0] == ["student", "98.1", "98.2", "points"]
    assert rows[1] == ["Jörg", "right", "wrong", "1"]


def test_the_feedback_has_a_row_per_answer_with_its_complaint():
    rows = read(grade.feedback(GRADED))
    assert rows[0] == ["student", "exercise", "verdict", "complaint"]
    assert rows[3][1:] == ["98.1", "missing", "no cell, defines f."]
    assert len(rows) == 5


def test_spreadsheets_read_umlauts_and_take_nothing_for_a_formula():
    assert grade.table(GRADED).startswith(b"\xef\xbb\xbfstudent,")
    entries = [
        entry for content in (grade.table(GRADED), grade.feedback(GRADED)) for row in read(content) for entry in row
    ]
    assert {"'@SUM(1)", "'=HYPERLINK(1)"} <= set(entries)
    assert not [entry for entry in entries if entry.startswith(("=", "+", "-", "@"))]
    assert [grade._harmless(entry)[0] for entry in ("+1", "-1", "\t=1", "\r", "1")] == ["'", "'", "'", "'", "1"]
