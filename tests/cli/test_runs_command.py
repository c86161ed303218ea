"""hcegan runs: settings, state and scores of every run."""

import io
import json

import pandas as pd
import pytest

from hcegan_lib import cli
from hcegan_lib.experiment import records
from tests.cli.calls import refuse

SETTINGS = {"gamma_init": "normal", "loss": "hinge_bce", "data": "mini", "seed": 3, "image_size": 64, "epochs": 2}
ROW = {"step": 1, "d_loss": 1.0, "g_loss": 1.0, "l1": 0.5, "real": 0.0, "fake": 0.0, "gain": None, "seconds": 0.1}


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Three runs of one grid: finished, stopped after a step, and with a damaged config.json."""
    monkeypatch.setattr(records, "RUNS", tmp_path)
    for name in ("a", "b", "c"):
        (tmp_path / "tour" / name).mkdir(parents=True)
        (tmp_path / "tour" / name / "config.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
    scores = [{"psnr": 18.0, "ssim": 0.5}, {"psnr": 20.0, "ssim": 0.7}]
    (tmp_path / "tour" / "a" / "record.json").write_text(json.dumps({"scores": scores}), encoding="utf-8")
    (tmp_path / "tour" / "b" / "log.jsonl").write_text(json.dumps(ROW) + "\n", encoding="utf-8")
    (tmp_path / "tour" / "c" / "config.json").write_text("{", encoding="utf-8")
    return tmp_path


def test_each_run_is_listed_with_its_settings_state_and_mean_scores(runs, capsys):
    assert cli.main(["runs", "--format", "csv"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out)).set_index("run")
    assert table["state"].to_dict() == {"tour/a": "finished", "tour/b": "step 1", "tour/c": table["state"]["tour/c"]}
    assert table["state"]["tour/c"].startswith("damaged: ")
    assert table.loc["tour/a", ["psnr", "ssim"]].tolist() == [19, 60]
    assert table.loc["tour/b", "model"] == "SA'+Hinge+BCE"
    assert table.loc["tour/b", ["data", "seed", "image_size", "epochs"]].tolist() == ["mini", 3, 64, 2]


def test_the_runs_of_one_grid_are_listed_as_text(runs, capsys):
    assert cli.main(["runs", "tour"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[1].split()[:4] == ["a", "mini", "SA'+Hinge+BCE", "3.0"]


def test_a_grid_without_runs_is_refused_with_those_that_there_are(runs, capsys):
    assert "nope does not exist; there are: tour" in refuse(["runs", "nope"], capsys)


def test_an_empty_folder_is_said_to_hold_no_run(runs, capsys):
    (runs / "empty").mkdir()
    assert cli.main(["runs", "empty"]) == 0
    assert capsys.readouterr().err.startswith("hcegan: no run in ")
