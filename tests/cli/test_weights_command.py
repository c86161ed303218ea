import ast
import importlib.util
import socket
import subprocess
from types import SimpleNamespace

import nbformat
import pytest

from hcegan_lib import cli
from hcegan_lib.cli import weights as command
from hcegan_lib.experiment import weights
from tests.cli.calls import refuse

SCORES = {
    "photographs": 25,
    "psnr_over_gray": [0.5, 0.1, 0.9],
    "ssim_over_gray": [-0.25, -1, 1],
    "colorfulness": [0.5, 0.4, 0.6],
}


def test_the_list_has_size_training_photographs_and_scores_of_each(tmp_path, capsys, monkeypatch):
    entry = {"file": "a.safetensors", "image_size": 128, "trained_on": "9 photographs", "scores": {"mini": SCORES}}
    (tmp_path / "a.safetensors").write_bytes(bytes(2_500_000))
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    monkeypatch.setattr(weights, "manifest", lambda: {"landscapes": entry})
    assert cli.main(["weights", "list"]) == 0
    out, err = capsys.readouterr()
    first, second, note = out.splitlines()
    assert first.split() == ["landscapes", "128", "px", "2.5", "MB", "9", "photographs"]
    assert second.strip() == "mini, 25 test photographs: PSNR +0.50 dB, SSIM -0.25 points, colorfulness 50%"
    assert (note[:13], err) == ("PSNR and SSIM", "")


def test_without_a_manifest_one_line_says_what_to_do(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    assert "git checkout" in refuse(["weights", "list"], capsys)


def test_without_voila_one_line_says_how_to_install_it(capsys, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.main(["app"]) == 1
    line = "hcegan: hcegan app needs Voila: pip install voila, or pip install -e '.[app]' in the kit's folder\n"
    assert capsys.readouterr() == ("", line)


@pytest.fixture
def voila(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(command.signal, "signal", lambda *given: None)  # the tests' own process goes on
    started = []

    def run(words, cwd):
        started.append((words, nbformat.read(words[3], as_version=4)))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    return started


def test_the_page_is_served_to_this_computer_only(voila, capsys):
    with socket.socket() as free:
        free.bind((command.HOST, 0))
        port = free.getsockname()[1]
    assert cli.main(["app", "--port", str(port)]) == 0
    ((words, notebook),) = voila
    assert {f"--port={port}", "--Voila.ip=127.0.0.1", "--Voila.port_retries=0", "--no-browser"} <= set(words)
    assert capsys.readouterr().out == f"open http://127.0.0.1:{port} in a browser; Ctrl-C stops\n"
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert "explorers.color_upload()" in ast.unparse(ast.parse("\n".join(code)))


@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_an_impossible_port_is_refused(port, voila, capsys):
    assert f"--port must be a number from 1 to 65535, got {port}" in refuse(["app", "--port", port], capsys)
    assert voila == []


def test_a_port_in_use_is_refused(voila, capsys):
    with socket.socket() as taken:
        taken.bind((command.HOST, 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"port {port} cannot be used (Address already in use)" in refuse(["app", "--port", port], capsys)
    assert voila == []
