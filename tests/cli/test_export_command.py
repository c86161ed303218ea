import importlib.util

import pytest

from hcegan_lib import cli
from hcegan_lib.experiment import export
from tests.cli.calls import refuse


@pytest.fixture
def exported(tmp_path, monkeypatch):
    """The calls of `to_onnx`, which writes a few bytes and needs no package, from an empty folder."""
    calls = []

    def write(generator, path):
        calls.append(generator)
        path.write_bytes(bytes(2_500_000))

    monkeypatch.setattr(export, "to_onnx", write)
    monkeypatch.setattr(export, "require_packages", lambda: None)
    monkeypatch.chdir(tmp_path)
    return calls


def test_ready_weights_become_a_file_of_their_name(exported, tmp_path, capsys):
    assert cli.main(["export", "flowers", "--format", "onnx"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "flowers.onnx (2.5 MB)"
    assert "multiples of 128" in out
    assert err == ""
    assert [generator.head for generator in exported] == ["luma"]
    assert (tmp_path / "flowers.onnx").stat().st_size == 2_500_000


def test_a_run_becomes_a_file_where_it_was_asked_for(trained, exported, tmp_path):
    run, _, _ = trained
    assert cli.main(["export", str(run), "--out", "phone/colors.onnx"]) == 0
    assert (tmp_path / "phone" / "colors.onnx").is_file()
    assert cli.main(["export", str(run)]) == 0
    assert (tmp_path / f"{run.name}.onnx").is_file()
    assert exported[0].head == "rgb"


def test_an_existing_file_is_replaced_only_if_asked(exported, tmp_path, capsys):
    (tmp_path / "flowers.onnx").write_text("mine")
    assert "flowers.onnx exists: replace it with --overwrite" in refuse(["export", "flowers"], capsys)
    assert (tmp_path / "flowers.onnx").read_text() == "mine"
    assert "is a folder" in refuse(["export", "flowers", "--out", str(tmp_path), "--overwrite"], capsys)
    assert exported == []
    assert cli.main(["export", "flowers", "--overwrite"]) == 0


def test_an_unknown_source_gets_the_valid_names(exported, tmp_path, capsys):
    error = refuse(["export", "flower"], capsys)
    assert "flower is neither the folder of a run nor one of the ready weights general, flowers" in error
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_gets_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "pip install onnx onnxscript onnxruntime" in refuse(["export", "flowers"], capsys)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_a_failure_on_the_way(exported, monkeypatch, capsys):
    def fail(generator, path):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(export, "to_onnx", fail)
    assert cli.main(["export", "flowers"]) == 1
    assert capsys.readouterr() == ("", "hcegan: flowers.onnx: No space left on device\n")
