import errno
import subprocess
import sys

import pytest

from hcegan_lib import cli, course
from tests.cli.calls import files, pretend, refuse


def test_help_loads_nothing_heavy():
    code = "import sys; from hcegan_lib.cli import main; print(main(['--help'])); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    text, status, modules = run.stdout.rstrip("\n").rsplit("\n", 2)
    assert status == "0"
    assert all(
        command in text for command in ("course", "student", "train", "color", "batch", "data", "table", "verdict")
    )
    assert not {"torch", "numpy", "pandas", "matplotlib", "nbconvert", "distributed"} & set(modules.split())


COMMANDS = ("course", "student", "grade", "slides", "train", "color", "weights", "batch", "runs", "table", "verdict")
COMMANDS += ("data", "doctor", "start")


@pytest.mark.parametrize(
    "words",
    [[name] for name in COMMANDS] + [["data", action] for action in ("list", "build", "check")],
)
def test_each_command_has_a_help_that_fits_the_terminal(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main([*words, "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(f"usage: hcegan {' '.join(words)} ")
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.slow
def test_the_package_runs_as_a_module():
    run = subprocess.run([sys.executable, "-m", "hcegan_lib", "cuorse"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith("hcegan: ")
    assert "did you mean 'course'?" in run.stderr
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "required: COMMAND"),
        (["cuorse"], "did you mean 'course'?"),
        (["course", "--onyl", "04"], "unrecognized arguments: --onyl 04"),
        (["course", "-p", "steps"], "expected 2 arguments"),
        (["table", "4"], "invalid choice: 4; valid: 1, 2, 3"),
        (["table", "1", "--format", "mdd"], "did you mean 'md'?"),
        (["train", "--model", "pix2pix", "--device", "cdua"], "did you mean 'cuda'?"),
        (["train"], "required: --model"),
        (["color"], "required: PHOTO"),
        (["data"], "required: ACTION"),
        (["data", "lits"], "did you mean 'list'?"),
        (["data", "build"], "required: NAME"),
        (["course", "--only", ""], "expected a value after --only, got an empty one"),
        (["course", "--output", " "], "expected a value after --output, got an empty one"),
        (["batch", "grid.yaml", "--scheduler="], "expected a value after --scheduler, got an empty one"),
        (["train", "--model", "pix2pix", "--data", ""], "expected a value after --data, got an empty one"),
        (["color", "", "--run", "a"], "expected a value after color, got an empty one"),
    ],
)
def test_a_wrong_command_line_gets_one_line_that_names_the_right_choice(words, line, kit, capsys):
    before = files(kit)
    assert line in refuse(words, capsys)
    assert files(kit) == before


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (FileNotFoundError(2, "No such file or directory", "a.csv"), 2, "hcegan: a.csv: No such file or directory\n"),
        (PermissionError(13, "Permission denied", "runs"), 2, "hcegan: runs: Permission denied\n"),
        (ValueError("two\nlines"), 2, "hcegan: two lines\n"),
        (ValueError("a\x1b[31mred\x07.png"), 2, "hcegan: a\\x1b[31mred\\x07.png\n"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x"), 2, "hcegan: x: File name too long\n"),
        (
            OSError(errno.ELOOP, "Too many levels of symbolic links", "x"),
            2,
            "hcegan: x: Too many levels of symbolic links\n",
        ),
        (OSError(28, "No space left on device"), 1, "hcegan: No space left on device\n"),
        (OSError("a bare text"), 1, "hcegan: a bare text\n"),
    ],
)
def test_invalid_input_exits_with_2_and_a_failure_on_the_way_with_1(error, status, line, kit, capsys, monkeypatch):
    def fail(*given):
        raise error

    monkeypatch.setattr(course, "plan", fail)
    assert cli.main(["course"]) == status
    assert capsys.readouterr().err == line


def test_a_file_that_disappears_on_the_way_is_not_invalid_input(kit, capsys, monkeypatch):
    pretend(monkeypatch, then=FileNotFoundError(2, "No such file or directory", "out/index.html"))
    assert cli.main(["course"]) == 1
    assert capsys.readouterr().err == "hcegan: out/index.html: No such file or directory\n"


def test_a_bug_keeps_its_traceback(kit, monkeypatch):
    pretend(monkeypatch, then=ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        cli.main(["course"])
