import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from hcegan_lib import cli
from tests.cli.calls import KERNEL, files, refuse

STUB, ANSWER = "def half(x):\n    raise NotImplementedError", "def half(x):\n    return x / 2"


@pytest.fixture
def kit_with_exercise(kit):
    """A kit whose first notebook has an exercise."""
    cells = [
        new_code_cell(STUB, metadata={"tags": ["exercise"]}),
        new_code_cell(ANSWER, metadata={"tags": ["solution"]}),
    ]
    nbformat.write(new_notebook(cells=cells, metadata=KERNEL), kit / "notebooks" / "00_start.ipynb")
    return kit


@pytest.mark.parametrize(("words", "folder"), [([], "build/student"), (["my class/one"], "my class/one")])
def test_the_handout_is_written_to_the_given_folder_and_can_be_renewed(words, folder, kit_with_exercise, capsys):
    for _ in range(2):  # the second call finds an unchanged handout
        assert cli.main(["student", *words]) == 0
        out, err = capsys.readouterr()
        assert out.startswith("notebooks: 2, exercises: 1; ")
        assert out.endswith(f"{folder}\n")
        assert err == ""
    assert list(files(kit_with_exercise / folder)) == ["00_start.ipynb", "08_train.ipynb", "handout.sha256"]
    assert "x / 2" not in (kit_with_exercise / folder / "00_start.ipynb").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["notes"], "notes contains mine.txt, which is not part of a handout: choose another folder"),
        (["notebooks"], "is not an unchanged handout: choose another folder"),
        (["notes/mine.txt"], "notes/mine.txt: Not a directory"),
        (["one", "two"], "unrecognized arguments: two"),
    ],
)
def test_a_handout_overwrites_no_other_file(words, line, kit_with_exercise, capsys):
    (kit_with_exercise / "notes").mkdir()
    (kit_with_exercise / "notes" / "mine.txt").touch()
    before = files(kit_with_exercise)
    assert line in refuse(["student", *words], capsys)
    assert files(kit_with_exercise) == before
