"""The handout: every notebook without its solutions, and everything else unchanged."""

import ast
import hashlib
import json
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from hcegan_lib import course
from hcegan_lib.course import handout

NOTEBOOKS = sorted(course.NOTEBOOKS.glob("*.ipynb"))


def tags(cell):
    return cell.metadata.get("tags", [])


@pytest.fixture(scope="module")
def handed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handed") / "out"
    handout.write(course.NOTEBOOKS, folder)
    return folder


# --- every notebook ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_handed_out_notebook_lacks_its_solutions_and_nothing_else(path, handed):
    whole, without = (json.loads((folder / path.name).read_bytes()) for folder in (path.parent, handed))
    kept = [cell for cell in whole.pop("cells") if "solution" not in cell["metadata"].get("tags", [])]
    assert without.pop("cells") == kept
    assert without == whole
    assert "olution of exercise" not in (handed / path.name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_lead_only_to_other_notebooks_or_the_web_because_a_handout_may_be_anywhere(path):
    texts = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    links = re.findall(r"\]\(<?([^)#>\s]+)", re.sub(r"`[^`]*`", "", "\n".join(texts)))
    assert [link for link in links if "/" in link and not re.match(r"[a-z]+:", link)] == []


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem[0].isdigit()], ids=lambda path: path.stem)
def test_a_handout_runs_to_its_end_because_no_other_cell_needs_a_students_function(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    solutions = [cell for cell in cells if "solution" in tags(cell)]
    parts = [part for cell in solutions for part in ast.parse(cell.source).body]
    functions = {part.name for part in parts if isinstance(part, ast.FunctionDef | ast.ClassDef)}
    others = [cell.source for cell in cells if "solution" not in tags(cell) and not cell.source.startswith("check(")]
    names = {node.id for code in others for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    assert len(functions) >= 2
    assert not functions & names


# --- a made-up notebook -----------------------------------------------------------------------------------------------

STUB, ANSWER = "def half(x):\n    raise NotImplementedError", "def half(x):\n    return x / 2"


def tiny(folder, exercises=1):
    """Write 00_tiny.ipynb with a text cell, an ordinary code cell and some exercises."""
    folder.mkdir(exist_ok=True)
    ran = {"execution_count": 7, "outputs": [new_output("stream", text="done\n")]}
    cells = [new_markdown_cell("# Tiny"), new_code_cell("print('done')", **ran)]
    for _ in range(exercises):
        cells.append(new_code_cell(STUB, metadata={"tags": ["exercise"]}, **ran))
        cells.append(new_code_cell("check('00.1', half)", **ran))
        cells.append(new_code_cell(ANSWER, metadata={"tags": ["solution"]}, **ran))
    nbformat.write(new_notebook(cells=cells), folder / "00_tiny.ipynb")
    return folder


def test_solutions_are_removed_and_exercises_counted(tmp_path):
    assert handout.write(tiny(tmp_path / "in", exercises=2), tmp_path / "out") == {"00_tiny.ipynb": 2}
    cells = nbformat.read(tmp_path / "out" / "00_tiny.ipynb", as_version=4).cells
    assert [cell.source for cell in cells[2:]] == [STUB, "check('00.1', half)"] * 2


def test_a_folder_without_notebooks_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no notebook in"):
        handout.write(tmp_path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


# --- the folder -------------------------------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path):
    """The folder of a notebook, and its handout."""
    source, folder = tiny(tmp_path / "in"), tmp_path / "a" / "b"
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
    tiny(source, exercises=2)
    handout.write(source, folder)
    assert len(nbformat.read(folder / "00_tiny.ipynb", as_version=4).cells) == 6


def test_an_interrupted_handout_can_be_finished(written):
    source, folder = written
    (folder / "handout.sha256").unlink()
    handout.write(source, folder)
    assert "handout.sha256" in contents(folder)


def test_damaged_checksums_are_named(written):
    source, folder = written
    (folder / "handout.sha256").write_bytes(b"\xff\x00")
    with pytest.raises(ValueError, match=r"handout\.sha256 cannot be read"):
        handout.write(source, folder)


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
    tiny(source, exercises=2)
    with pytest.raises(ValueError, match=line):
        handout.write(source, folder)
    assert contents(folder) == before


def test_the_notebooks_with_their_solutions_are_not_overwritten(written):
    source, _ = written
    before = contents(source)
    with pytest.raises(ValueError, match="choose another folder"):
        handout.write(source, Path(source))
    assert contents(source) == before
