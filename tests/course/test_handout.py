"""The handout: every exercise of every notebook, unsolved and solved, and everything else unchanged."""

import ast
import functools
import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from hcegan_lib import course
from hcegan_lib.course import handout
from hcegan_lib.lessons.exercises import EXERCISES
from hcegan_lib.lessons.exercises.checking import failures

NOTEBOOKS = sorted(course.NOTEBOOKS.glob("*.ipynb"))


def tags(cell):
    return cell.metadata.get("tags", [])


def exercise_numbers():
    """Pairs of a stored notebook and the number of an exercise in it."""
    return [
        (path, number)
        for path in NOTEBOOKS
        for number in range(sum("exercise" in tags(cell) for cell in nbformat.read(path, as_version=4).cells))
    ]


@pytest.fixture(scope="module")
def handed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handed") / "out"
    handout.write(course.NOTEBOOKS, folder)
    return folder


@pytest.fixture(autouse=True)
def no_failures_so_far():
    failures.clear()


# --- every notebook ---------------------------------------------------------------------------------------------------


def exercise_cells(path):
    cells = nbformat.read(path, as_version=4).cells
    return [(cell, after) for cell, after in pairwise(cells) if "exercise" in tags(cell)]


@functools.cache
def solved(path):
    """The names that a notebook's parameters, imports and solutions define."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    names = {}
    exec("\n".join(cell.source for cell in cells[:2]), names)
    for cell, _ in exercise_cells(path):
        exec(cell.source, names)
    return names


@pytest.mark.parametrize(("path", "number"), exercise_numbers(), ids=lambda value: getattr(value, "stem", value))
def test_an_unsolved_exercise_gets_a_hint_and_its_solution_is_right(path, number, handed, capsys):
    names = dict(solved(path))  # an exercise may use earlier ones, which a student has solved
    stub, check = exercise_cells(handed / path.name)[number]
    exec(stub.source, names)
    exec(check.source, names)
    shown, error = capsys.readouterr()
    name = re.search(r"\d\d\.\d", check.source)[0]
    assert shown == f"Exercise {name}: not written yet.\n  Hint: {EXERCISES[name].hints[0]}\n"
    assert error == ""

    solution, check = exercise_cells(path)[number]
    exec(solution.source, names)
    exec(check.source, names)
    assert capsys.readouterr() == (f"Exercise {name}: right.\n", "")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_rest_of_a_notebook_is_unchanged(path, handed):
    whole, without = (json.loads((folder / path.name).read_bytes()) for folder in (path.parent, handed))
    cells, stubs = whole.pop("cells"), without.pop("cells")
    assert without == whole
    assert len(stubs) == len(cells)
    exercise = check = False  # whether this cell is an exercise, or follows one
    for cell, stub in zip(cells, stubs):
        exercise, check = "exercise" in cell["metadata"].get("tags", []), exercise
        if exercise or check:
            source = "".join(stub["source"])
            assert (stub["outputs"], stub["execution_count"]) == ([], None)
            assert "SOLUTION" not in source
            assert source.count("# your code here") == exercise
            kept = {"outputs", "execution_count"} | ({"source"} if exercise else set())
            assert cell | dict.fromkeys(kept) == stub | dict.fromkeys(kept)
        else:
            assert stub == cell


@pytest.mark.parametrize("path", [*filter(exercise_cells, NOTEBOOKS)], ids=lambda path: path.stem)
def test_no_solution_is_left_in_the_file(path, handed):
    text = (handed / path.name).read_text(encoding="utf-8")
    assert "SOLUTION" not in text
    assert ": right.\\n" not in text
    with_them = sum(len(solution.source) for solution, _ in exercise_cells(path))
    assert sum(len(stub.source) for stub, _ in exercise_cells(handed / path.name)) < with_them


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_lead_only_to_other_notebooks_or_the_web_because_a_handout_may_be_anywhere(path):
    texts = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    links = re.findall(r"\]\(<?([^)#>\s]+)", re.sub(r"`[^`]*`", "", "\n".join(texts)))
    assert [link for link in links if "/" in link and not re.match(r"[a-z]+:", link)] == []


def test_the_first_notebook_runs_to_its_end_because_no_other_cell_needs_a_students_function():
    exercises = exercise_cells(NOTEBOOKS[0])
    functions = {ast.parse(solution.source).body[0].name for solution, _ in exercises}
    own = [cell.source for pair in exercises for cell in pair]
    others = [cell.source for cell in nbformat.read(NOTEBOOKS[0], as_version=4).cells if cell.cell_type == "code"]
    names = {node.id for code in set(others) - set(own) for node in ast.walk(ast.parse(code)) if hasattr(node, "id")}
    assert len(functions) >= 2
    assert not functions & names


# --- a made-up notebook -----------------------------------------------------------------------------------------------

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
ANSWER = f"""def half(x):
    if x:
        {BEGIN}
        y = x / 2

        {END}
    return y"""
UNSOLVED = """def half(x):
    if x:
        # your code here
        raise NotImplementedError
    return y"""


def tiny(folder, *sources):
    """Write 00_tiny.ipynb with one exercise per source, a text cell and an ordinary code cell."""
    folder.mkdir(exist_ok=True)
    ran = {"execution_count": 7, "outputs": [new_output("stream", text="done\n")]}
    cells = [new_markdown_cell("# Tiny"), new_code_cell("print('done')", **ran)]
    for source in sources:
        cells.append(new_code_cell(source, metadata={"tags": ["exercise"], "collapsed": False}, **ran))
        cells.append(new_code_cell("check('00.1', half)", **ran))
    nbformat.write(new_notebook(cells=cells), folder / "00_tiny.ipynb")
    return folder


def test_a_stub_has_the_indentation_of_the_solution_and_the_code_around_it_stays():
    assert handout.without_solution(ANSWER) == UNSOLVED


def test_two_solutions_in_one_cell_become_two_stubs():
    assert handout.without_solution(f"{ANSWER}\n\n\n{ANSWER}") == f"{UNSOLVED}\n\n\n{UNSOLVED}"


def test_only_the_outputs_of_an_exercise_and_its_check_are_cleared(tmp_path):
    assert handout.write(tiny(tmp_path / "in", ANSWER), tmp_path / "out") == {"00_tiny.ipynb": 1}
    cells = nbformat.read(tmp_path / "out" / "00_tiny.ipynb", as_version=4).cells[1:]
    assert [cell.execution_count for cell in cells] == [7, None, None]
    assert [len(cell.outputs) for cell in cells] == [1, 0, 0]
    assert cells[1].metadata == {"tags": ["exercise"], "collapsed": False}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (ANSWER.replace(END, ""), "found ['BEGIN SOLUTION']"),
        (ANSWER.replace(BEGIN, ""), "found ['END SOLUTION']"),
        (f"{END}\n1\n{BEGIN}", "found ['END SOLUTION', 'BEGIN SOLUTION']"),
        (f"{BEGIN}\n{ANSWER}\n{END}", "found ['BEGIN SOLUTION', 'BEGIN SOLUTION', 'END SOLUTION', 'END SOLUTION']"),
        (ANSWER.replace(BEGIN, f"x = 1  {BEGIN}"), "found ['BEGIN SOLUTION', 'END SOLUTION']"),
        (ANSWER.replace(BEGIN, "## BEGIN SOLUTION"), "found ['BEGIN SOLUTION', 'END SOLUTION']"),
        ("def half(x):\n    return x / 2", "found neither"),
    ],
)
def test_unmatched_marks_are_reported_with_notebook_and_cell_and_nothing_is_written(source, found, tmp_path):
    tiny(tmp_path / "in", ANSWER, source)
    with pytest.raises(ValueError, match="a solution stands between the lines") as error:
        handout.write(tmp_path / "in", tmp_path / "out")
    assert str(error.value).startswith("00_tiny.ipynb, cell 4: ")
    assert str(error.value).endswith(found)
    assert not (tmp_path / "out").exists()


def test_an_exercise_without_the_tag_is_recognized_by_its_marks(tmp_path):
    source = tiny(tmp_path / "in", ANSWER) / "00_tiny.ipynb"
    source.write_text(source.read_text(encoding="utf-8").replace('"exercise"', '"other"'), encoding="utf-8")
    assert handout.write(source.parent, tmp_path / "out") == {"00_tiny.ipynb": 1}


def test_a_folder_without_notebooks_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no notebook in"):
        handout.write(tmp_path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


# --- the folder -------------------------------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path):
    """The folder of a notebook, and its handout."""
    source, folder = tiny(tmp_path / "in", ANSWER), tmp_path / "a" / "b"
    handout.write(source, folder)
    return source, folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_handout_consists_of_its_notebooks_and_their_checksums(written):
    _, folder = written
    notebook = (folder / "00_tiny.ipynb").read_bytes()
    sums = f"{hashlib.sha256(notebook).hexdigest()}  00_tiny.ipynb\n".encode()
    assert contents(folder) == {"00_tiny.ipynb": notebook, "handout.sha256": sums}


def test_an_earlier_handout_is_renewed_and_removed_notebooks_disappear(written):
    source, folder = written
    (source / "00_tiny.ipynb").rename(source / "01_tiny.ipynb")
    handout.write(source, folder)
    assert set(contents(folder)) == {"01_tiny.ipynb", "handout.sha256"}
    tiny(source, ANSWER, ANSWER)
    handout.write(source, folder)
    assert len(nbformat.read(folder / "00_tiny.ipynb", as_version=4).cells) == 6


def test_an_interrupted_handout_can_be_finished(written):
    source, folder = written
    (folder / "handout.sha256").unlink()
    handout.write(source, folder)
    assert "handout.sha256" in contents(folder)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("00_tiny.ipynb", "is not an unchanged handout"),
        ("notes.txt", "contains notes.txt, which is not part of a handout"),
    ],
)
def test_a_students_work_is_never_overwritten(name, line, written):
    source, folder = written
    with (folder / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    before = contents(folder)
    tiny(source, ANSWER, ANSWER)
    with pytest.raises(ValueError, match=line):
        handout.write(source, folder)
    assert contents(folder) == before


def test_the_notebooks_with_their_solutions_are_not_overwritten(written):
    source, _ = written
    before = contents(source)
    with pytest.raises(ValueError, match="choose another folder"):
        handout.write(source, Path(source))
    assert contents(source) == before
