"""The stored notebooks: executed top to bottom, complete, readable, and really compared when they are run again."""

import ast
import copy
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from hcegan_lib import course
from hcegan_lib.lessons.exercises import EXERCISES

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
COMPARED = 5  # outputs of a notebook that nbval must have to compare
LONG = 20  # lines of a code cell, imports not counted; half of that is the aim
IMPORT = re.compile("(import|from) ")
# Sections without an idea of their own.
ENDS = ("Your own runs", "Your own photograph", "A project", "What we found", "What you can do now")
TOOLS = {"train_and_score"}  # no lessons: they have no exercises, and start with the smallest profile


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def named(cell):
    """Begin of a cell, to find it by."""
    return cell.source.strip().splitlines()[0][:70]


def calls(cell) -> Iterator[str]:
    """Names of the functions that a cell calls itself, not only inside a function that it defines."""
    waiting = list(ast.parse(cell.source).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)


def silent(notebook):
    """Cells that should have said or shown something and have stored nothing."""
    speaking = {"print", "display", "check", "show"}
    return [named(cell) for cell in code_cells(notebook) if speaking & set(calls(cell)) and not cell.outputs]


def compared(notebook):
    """Stored outputs that nbval compares: text, from cells that it does not ignore."""
    outputs = [out for cell in code_cells(notebook) if "nbval-ignore-output" not in tags(cell) for out in cell.outputs]
    return [out for out in outputs if out.output_type == "stream" or "image/png" not in out.get("data", {})]


def pictures(notebook):
    return [out for cell in code_cells(notebook) for out in cell.outputs if "image/png" in out.get("data", {})]


# --- as executed ------------------------------------------------------------------------------------------------------


def test_there_are_notebooks():
    assert {path.stem[:2] for path in NOTEBOOKS} >= {"00", "01"}
    assert {path.stem for path in NOTEBOOKS if not path.stem[:2].isdigit()} == TOOLS


def test_the_cells_were_executed_from_top_to_bottom(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_what_a_cell_prints_or_draws_is_stored(notebook):
    assert silent(notebook) == []


def test_nothing_went_wrong_and_nothing_went_to_standard_error(notebook):
    outputs = [out for cell in code_cells(notebook) for out in cell.outputs]
    assert course.errors(notebook) == []
    assert [out.text for out in outputs if out.output_type == "stream" and out.name != "stdout"] == []


def test_nbval_has_outputs_to_compare(notebook):
    assert len(compared(notebook)) >= COMPARED


def test_ignored_outputs_have_a_neighbor_that_is_compared(notebook):
    ignored = [cell for cell in code_cells(notebook) if "nbval-ignore-output" in tags(cell)]
    assert len(ignored) < len(compared(notebook))


def test_every_picture_is_a_png_with_a_text_alternative(notebook):
    assert pictures(notebook)
    for picture in pictures(notebook):
        words = picture.metadata.get("image/png", {}).get("alt", "").split()
        assert 8 <= len(words) <= 80, words
    data = [out.get("data", {}) for cell in code_cells(notebook) for out in cell.outputs]
    assert not any("image/svg+xml" in shown for shown in data)


def test_the_metadata_does_not_depend_on_the_machine(notebook):
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.language_info == {"name": "python"}
    assert notebook.metadata.get("widgets", {"state": {}}) != {}  # GitHub shows "Invalid Notebook" without a state
    assert "papermill" not in notebook.metadata
    assert not any({"papermill", "execution"} & set(cell.metadata) for cell in notebook.cells)


# --- as read ----------------------------------------------------------------------------------------------------------


def test_the_first_text_says_title_goal_what_to_know_and_how_long(notebook):
    title, *others = notebook.cells[0].source.split("\n\n")
    assert re.fullmatch(r"# \S.*", title)
    assert sum(bool(re.fullmatch(r"\*\*Goal\.\*\* [A-Z][^.]*\.", text)) for text in others) == 1, "one sentence"
    assert any(text.startswith("**Before you start.**") for text in others)
    assert any(re.match(r"\*\*Time\.\*\* .*(minute|hour).* two CPU cores", text) for text in others)


def test_the_parameters_are_commented_literals_and_the_next_cell_checks_them(path, notebook):
    cells = code_cells(notebook)
    assert [tags(cell) for cell in cells].count(["parameters"]) == 1
    assert tags(cells[0]) == ["parameters"]
    lines = cells[0].source.splitlines()
    default = "smoke" if path.stem in TOOLS else "tour"
    assert lines[0].startswith(f'profile: str = "{default}"  # ')
    for line in lines:
        (parameter,) = ast.parse(line).body
        assert isinstance(parameter, ast.AnnAssign)
        ast.literal_eval(parameter.value)
        assert "  # " in line
    assert "config(profile" in cells[1].source


def test_three_to_seven_sections_end_with_what_was_found_or_learned(notebook):
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    sections = re.findall(r"^## (.*)$", "\n".join(texts), re.MULTILINE)
    ideas = [section for section in sections if section not in ENDS]
    assert 3 <= len(ideas) <= 7
    assert sections[-1] in ENDS
    assert notebook.cells[-1].cell_type == "markdown"


def test_text_stands_between_the_code(notebook):
    shown = [cell for cell in notebook.cells if "solution" not in tags(cell)]
    runs = [(kind, len(list(cells))) for kind, cells in groupby(shown, key=lambda cell: cell.cell_type)]
    assert max(length for kind, length in runs if kind == "code") <= 2
    lengths = {
        named(cell): sum(not IMPORT.match(line) for line in cell.source.splitlines()) for cell in code_cells(notebook)
    }
    assert [name for name, length in lengths.items() if length > LONG] == []


def test_a_figure_cell_draws_one_figure_shows_it_and_has_a_caption_near(notebook):
    texts = " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    draws = re.compile(r"\b(?:plots\.\w+|explorers\.(?:loss_picture|attention_looks|attention_picture))\(")
    drawing = [cell for cell in code_cells(notebook) if draws.search(cell.source)]
    for cell in drawing:
        assert len(draws.findall(cell.source)) == 1, named(cell)
        assert cell.source.endswith("plt.show()"), named(cell)
    assert texts.count("**Figure.**") == len(drawing)


def test_an_exercise_starts_empty_and_is_followed_by_its_check_and_a_closed_solution(path, notebook):
    exercises = [cells for cells in zip(notebook.cells, notebook.cells[1:], notebook.cells[2:]) if is_exercise(cells)]
    assert not exercises if path.stem in TOOLS else 2 <= len(exercises) <= 5
    for stub, check, solution in exercises:
        (function,), (answer,) = ast.parse(stub.source).body, ast.parse(solution.source).body
        assert isinstance(function.body[-1], ast.Raise)
        assert stub.source.count("# your code here") == 1
        assert ast.get_docstring(function)
        name, called = re.fullmatch(r'check\("(\d\d\.\d)", (\w+)\)', check.source).groups()
        assert name in EXERCISES
        assert check.outputs[0].text == f"Exercise {name}: not written yet.\n"
        assert called == function.name == answer.name
        assert ast.unparse(answer.args) == ast.unparse(function.args)
        assert tags(solution) == ["solution"]
        assert solution.metadata["jupyter"]["source_hidden"]
        assert solution.source.startswith(f"# A solution of exercise {name}\n")


def is_exercise(cells):
    return "exercise" in tags(cells[0])


# --- as run again -----------------------------------------------------------------------------------------------------


def stripped(notebook):
    bare = copy.deepcopy(notebook)
    for cell in code_cells(bare):
        cell.outputs = []
    return bare


def test_a_notebook_without_outputs_is_detected(notebook):
    assert len(silent(stripped(notebook))) >= COMPARED
    assert compared(stripped(notebook)) == []


def changed(notebook):
    """Change the last digit of the first output that has one, and drop the cells below it."""
    altered = copy.deepcopy(notebook)
    outputs = [(n, output) for n, cell in enumerate(altered.cells) for output in cell.get("outputs", [])]
    number, output = next((n, output) for n, output in outputs if re.search(r"\d", output.get("text", "")))
    *_, last = re.finditer(r"\d", output.text)
    output.text = output.text[: last.start()] + str(9 - int(last[0])) + output.text[last.end() :]
    del altered.cells[number + 1 :]
    return altered


@pytest.mark.slow
def test_nbval_passes_what_repeats_and_fails_on_one_changed_number_in_a_notebook_of_the_course(tmp_path):
    cells = [new_code_cell("print(1 + 1)", execution_count=1, outputs=[new_output("stream", text="2\n")])]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "repeats.ipynb")
    start = changed(nbformat.read(NOTEBOOKS[0], as_version=4))
    nbformat.write(start, tmp_path / "changed.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert f"changed.ipynb::Cell {len(code_cells(start)) - 1} ___" in run.stdout
    assert f"1 failed, {len(code_cells(start))} passed" in run.stdout


@pytest.mark.slow
def test_the_first_notebook_runs_in_the_smallest_profile(tmp_path):
    (outcome,) = course.run(course.plan(course.NOTEBOOKS, ["00"], {"profile": "smoke"}), tmp_path)
    assert outcome.errors == []
    assert outcome.parameters == {"profile": "smoke"}
