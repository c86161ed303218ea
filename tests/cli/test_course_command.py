import os
import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from hcegan_lib import cli, course
from hcegan_lib.experiment.notebooks import Outcome
from tests.cli.calls import KERNEL, files, pretend, refuse


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--profile", "laptpo"], "laptop"),
        (["-p", "profile", "laptpo"], "laptop"),
        (["--only", "05"], "unknown notebook '05'; valid: 00_start, 08_train"),
        (["-p", "stepz", "9"], "unknown parameter 'stepz', did you mean 'steps'?"),
        (["--only", "00", "-p", "steps", "9"], "unknown parameter 'steps'; valid: profile"),
        (["-p", "steps", "nine"], "parameter 'steps' must be of type int, got 'nine'"),
        (["-p", "steps", "9", "-p", "steps", "8"], "a parameter is given twice"),
        (["--profile", "smoke", "-p", "profile", "3"], "a parameter is given twice"),
        (["--in-place", "--profile", "smoke"], "--in-place"),
        (["--in-place", "-p", "steps", "9"], "--in-place"),
    ],
)
def test_impossible_options_of_the_course_are_refused_and_nothing_is_written(words, line, kit, capsys):
    before = files(kit)
    assert line in refuse(["course", *words, "--output", str(kit / "out")], capsys)
    assert files(kit) == before


def test_the_course_prints_one_row_per_notebook(kit, capsys, monkeypatch):
    asked = pretend(monkeypatch, Outcome("00_start", 1.25, 170.2), Outcome("08_train", 61.0, 1234.0))
    assert cli.main(["course"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "00_start  ok          1.2 s     170 MB",
        "08_train  ok         61.0 s    1234 MB",
        f"notebooks: 2, seconds: 62; {kit / 'build' / 'course' / 'index.html'}",
    ]
    assert err == ""  # no progress bar where nobody watches
    assert asked["jobs"] == {"00_start": {}, "08_train": {}}
    assert asked["output"] == kit / "build" / "course"
    assert asked["in_place"] is False


def test_a_failure_is_printed_with_its_notebook_and_cell(kit, capsys, monkeypatch):
    failed = Outcome("00_start", 1.0, 170.0, ["cell 3: ValueError: no", "a hidden widget: KeyError: 'a'"])
    pretend(monkeypatch, failed, Outcome("08_train", 1.0, 170.0))
    assert cli.main(["course"]) == 1
    out, err = capsys.readouterr()
    assert "00_start  failed" in out
    assert "08_train  ok" in out
    assert err == "hcegan: 00_start, cell 3: ValueError: no\nhcegan: 00_start, a hidden widget: KeyError: 'a'\n"


def test_the_options_of_the_course_reach_its_notebooks(kit, monkeypatch):
    asked = pretend(monkeypatch)
    assert cli.main(["course", "--profile", "smoke", "-p", "steps", "7", "--output", "there"]) == 0
    assert asked["jobs"] == {"00_start": {"profile": "smoke"}, "08_train": {"steps": "7"}}
    assert asked["output"] == kit / "there"
    assert cli.main(["course", "--only", "8", "--in-place"]) == 0
    assert asked["jobs"] == {"08_train": {}}
    assert asked["in_place"] is True


def test_a_stopped_course_prints_the_command_that_continues_it(kit, capsys, monkeypatch):
    pretend(monkeypatch, Outcome("00_start", 1.0, 170.0), then=KeyboardInterrupt())
    assert cli.main(["course", "--profile", "smoke", "-p", "steps", "7", "--output", "a b"]) == 130
    out, err = capsys.readouterr()
    assert "00_start  ok" in out
    assert err.endswith("hcegan course --only 08 -p steps 7 --profile smoke --output 'a b'\n")
    pretend(monkeypatch, then=KeyboardInterrupt())
    assert cli.main(["course", "--in-place"]) == 130
    assert capsys.readouterr().err.endswith("hcegan course --only 00 08 --in-place\n")


def test_rows_and_progress_bar_do_not_mix(kit, capsys, monkeypatch):
    pretend(monkeypatch, Outcome("00_start", 1.0, 170.0), Outcome("08_train", 1.0, 170.0))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert cli.main(["course"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[:2] for line in out.replace("\r", "").splitlines()[:2]] == [
        ["00_start", "ok"],
        ["08_train", "ok"],
    ]
    assert "08_train, 3 cells" in err
    assert "1/2 notebooks" in err


def test_sigterm_stops_a_course_as_ctrl_c_does(kit, capsys, monkeypatch):
    def run(*given, **named):
        os.kill(os.getpid(), signal.SIGTERM)
        yield

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(course, "run", run)
    assert cli.main(["course"]) == 130
    signal.signal(signal.SIGTERM, before)
    assert capsys.readouterr().err.startswith("hcegan: stopped; finished notebooks are kept")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="sends a signal as a terminal does")
def test_ctrl_c_stops_the_running_notebook_and_its_kernel_and_keeps_an_earlier_result(tmp_path):
    cell = new_code_cell("import time\ntime.sleep(300)")
    nbformat.write(new_notebook(cells=[cell], metadata=KERNEL), tmp_path / "01_long.ipynb")
    earlier = new_notebook(metadata={"hcegan": {}})
    (tmp_path / "out").mkdir()
    nbformat.write(earlier, tmp_path / "out" / "01_long.ipynb")
    setup = f"from pathlib import Path\ncourse.NOTEBOOKS = Path({str(tmp_path)!r})\n"
    heard = "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # even if the tests run in the background
    code = f"import signal, sys\nfrom hcegan_lib import cli, course\n{heard}{setup}sys.exit(cli.main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "course", "--output", str(tmp_path / "out")]
    process = psutil.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while len(children := process.children(recursive=True)) < 2:  # papermill and its kernel
        assert process.poll() is None
        time.sleep(0.1)
    assert "hcegan_lib.course.engine" in children[0].cmdline()  # papermill with the repair
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 130
    assert out == ""
    command = f"hcegan course --only 01 --output {tmp_path / 'out'}"
    assert err == f"hcegan: stopped; finished notebooks are kept. Continue with: {command}\n"
    assert list(files(tmp_path / "out")) == ["01_long.ipynb"]
    assert nbformat.read(tmp_path / "out" / "01_long.ipynb", as_version=4) == earlier
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
