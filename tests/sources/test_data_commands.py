"""The commands `hcegan data list | build | check`, and builds that are interrupted or killed."""

import io
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

from hcegan_lib import cli, data, sources
from tests.sources.server import files_of, nothing_unfinished, photos_in, zipped


def run(capsys, *words, status=0):
    """Run `hcegan data ...` and return the lines on standard output and on standard error."""
    capsys.readouterr()
    assert cli.main(["data", *words]) == status
    captured = capsys.readouterr()
    return captured.out.splitlines(), captured.err.splitlines()


def test_the_list_has_one_row_per_set_and_marks_the_sets_that_are_built(div2k, tmp_path, build, capsys):
    (tmp_path / "mine.zip").write_bytes(zipped(photos_in("photos", 3)))
    build("mine", origin=tmp_path / "mine.zip")
    rows = {line.split()[0]: line for line in run(capsys, "list")[0]}
    assert list(rows) == [*sources.SOURCES, "mine"]
    assert re.search(r"5 \+ +2 +1\.\d MB", rows["div2k"])
    assert re.search(r" \d{3}\.\d MB", rows["coco-dog"])
    assert "built" in rows["mine"]
    build("div2k")
    assert re.search(r"div2k +5 \+ +2 +built", "\n".join(run(capsys, "list")[0]))


def test_build_shows_the_plan_first_and_names_what_was_left_out(coco, server, capsys):
    del server.files[f"train2017/{coco[0]}.jpg"]
    out, err = run(capsys, "build", "coco-bird")
    assert out[:2] == sources.plan("coco-bird").text.splitlines()[:2]
    assert "4 photographs for training and 2 for testing" in out[-1]
    (line,) = err
    assert line.startswith("hcegan: left out ")
    assert f"{coco[0]}.jpg: 404 Not Found" in line
    assert run(capsys, "check", "coco-bird")[1] == []
    server.requests.clear()
    assert "is already built" in run(capsys, "build", "coco-bird")[0][-1]
    assert server.requests == []


@pytest.mark.parametrize(
    "words",
    [
        ["build", "div2"],
        ["build", "mini", "--from", "."],
        ["build", "mine", "--from", ""],
        ["build", "div2k", "--seed", "-5"],
        ["check", "nothing"],
    ],
)
def test_invalid_input_prints_one_line_to_standard_error(words, raw, capsys):
    out, err = run(capsys, *words, status=2)
    assert (out, len(err)) == ([], 1)
    assert err[0].startswith("hcegan: ")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_escape_sequences_in_the_name_of_a_photograph_are_printed_and_not_obeyed(raw, tmp_path, capsys):
    for name, content in (photos_in("mine\x1b[31m", 3) | {"mine\x1b[31m/a\x1b[2J\x07.jpg": b"damaged"}).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    out, (line,) = run(capsys, "build", "mine", "--from", str(tmp_path / "mine\x1b[31m"))
    assert r"a\x1b[2J\x07.jpg: " in line
    assert "\x1b" not in "".join((*out, line))


def test_a_failed_download_prints_one_line_and_the_next_call_completes(div2k, raw, server, capsys):
    right = server.files.pop("DIV2K_valid_HR.zip")
    (line,) = run(capsys, "build", "div2k", status=1)[1]
    assert f"{server.address}/DIV2K_valid_HR.zip: 404 Not Found" in line
    assert nothing_unfinished(raw)
    server.files["DIV2K_valid_HR.zip"] = right
    server.requests.clear()
    run(capsys, "build", "div2k")
    assert server.paths() == ["DIV2K_valid_HR.zip"]


def test_check_prints_one_line_per_problem(div2k, raw, build, capsys):
    build("div2k")
    (raw / "div2k" / "train" / "0001.jpg").unlink()
    first, last = run(capsys, "check", "div2k", status=1)[1]
    assert first == "hcegan: train/0001.jpg: missing"
    assert "div2k is damaged" in last


def test_clean_deletes_the_downloads_once_the_set_is_built(div2k, raw, capsys):
    run(capsys, "build", "div2k", "--clean")
    assert files_of(raw / ".downloads") == []
    assert sources.check("div2k") == []


@pytest.fixture
def two_gigabytes(div2k, monkeypatch):
    plan = sources.plan("div2k")._replace(at_most=2 * 10**9)
    monkeypatch.setattr(sources, "plan", lambda *args, **options: plan)


@pytest.mark.parametrize(("answer", "status"), [("n\n", 2), ("\n", 2), ("", 2), ("y\n", 0)])  # "": Ctrl-D
def test_build_asks_before_it_downloads_more_than_a_gigabyte(
    answer, status, two_gigabytes, server, capsys, monkeypatch
):
    monkeypatch.setattr(sys, "stdin", type("Terminal", (io.StringIO,), {"isatty": lambda self: True})(answer))
    run(capsys, "build", "div2k", status=status)
    assert bool(server.requests) is (status == 0)


def test_build_does_not_ask_without_a_terminal_or_with_yes(two_gigabytes, raw, capsys, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda prompt: pytest.fail("asked a question"))
    run(capsys, "build", "div2k")
    (raw / "div2k").rename(raw / "before")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    run(capsys, "build", "div2k", "--yes")


def start(name: str, *words: str) -> psutil.Popen:
    """Start the command in a new process with this test's catalogue."""
    source = sources.SOURCES[name]
    files = {file: tuple(remote) for file, remote in source.files.items()}
    changes = f"train={source.train}, test={source.test}, photos={source.photos!r}"
    code = f"""
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests run in the background
from hcegan_lib import cli, data, sources
from hcegan_lib.sources import catalogue, fetch
data.KIT_ROOT = Path({str(data.KIT_ROOT)!r})
files = {{name: catalogue.Remote(*remote) for name, remote in {files!r}.items()}}
sources.SOURCES[{name!r}] = sources.SOURCES[{name!r}]._replace(files=files, {changes})
fetch.TIMEOUT = (5, 2)
sys.exit(cli.main(["data", "build", {name!r}, *{list(words)!r}]))
"""
    return psutil.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition, process: psutil.Popen) -> None:
    deadline = time.monotonic() + 240
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal as a terminal does")
@pytest.mark.parametrize("number", [signal.SIGINT, getattr(signal, "SIGKILL", None)])
def test_a_build_that_is_interrupted_or_killed_resumes_the_download(number, div2k, raw, server, build):
    server.stalled["DIV2K_train_HR.zip"] = 2**17
    process = start("div2k", "--seed", "3")
    part = raw / ".downloads" / "DIV2K_train_HR.zip.part"
    wait_for(lambda: part.exists() and part.stat().st_size >= 2**16, process)
    process.send_signal(number)
    err = process.communicate(timeout=240)[1]
    if number == signal.SIGINT:
        assert process.returncode == 130
        (line,) = err.splitlines()
        assert line.endswith("hcegan data build div2k --seed 3")
        assert nothing_unfinished(raw)
    assert not list(raw.glob("[!.]*"))
    kept = part.stat().st_size
    server.stalled.clear()
    server.requests.clear()
    build("div2k", seed=3)
    assert server.ranges("DIV2K_train_HR.zip") == [f"bytes={kept}-"]
    assert not list(raw.glob(".*.building"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal as a terminal does")
def test_a_build_that_is_interrupted_between_photographs_keeps_the_complete_ones(coco, raw, server, build):
    server.stalled[f"train2017/{coco[1]}.jpg"] = 1000
    process = start("coco-bird")
    wait_for(lambda: len(list((raw / ".downloads" / "coco-bird").glob("*.jpg"))) == 5, process)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=240)[1]
    assert process.returncode == 130
    (line,) = err.splitlines()
    assert line.endswith("hcegan data build coco-bird")
    assert nothing_unfinished(raw)
    server.stalled.clear()
    server.requests.clear()
    build("coco-bird")
    assert server.paths() == [f"train2017/{coco[1]}.jpg"]
