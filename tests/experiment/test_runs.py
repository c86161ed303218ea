import json
import shutil
from dataclasses import fields

import numpy as np
import pytest
from kits import grid_of, recorded, runs_of, write_grid
from papermill import inspect_notebook
from PIL import Image

from hcegan_lib import cli, paper, train
from hcegan_lib.backend.files import lock_folder
from hcegan_lib.experiment import Run, archive, expand, steps_done
from hcegan_lib.experiment.grid import CHOSEN
from hcegan_lib.experiment.worker import NOTEBOOK

# --- from a grid to its runs ------------------------------------------------------------------------------------------


def test_the_first_eight_runs_compare_all_models_with_the_first_seed(kit_in_process):
    runs = expand(grid_of(kit_in_process, models="all"))
    assert len(runs) == 8 * 3
    assert [run.parameters["model"] for run in runs[:8]] == list(paper.MODELS)
    assert [run.parameters["seed"] for run in runs] == [0] * 8 + [1] * 8 + [2] * 8
    assert runs[5].folder == kit_in_process / "data" / "runs" / "grid" / "mini-SAp+Hinge+BCE-seed0"
    assert len({run.made_from["hash"] for run in runs}) == len(runs)
    assert {run.steps for run in runs} == {156 // 32}


def test_settings_reach_the_runs_and_the_notebook(kit_in_process):
    changed = {"epochs": 3, "attend_max_positions": "all", "learning_rate": 1, "precision": "bfloat16"}
    run = expand(grid_of(kit_in_process, set=changed))[0]
    parsed = {"epochs": 3, "attend_max_positions": None, "learning_rate": 1.0, "precision": "bfloat16"}
    assert run.made_from["settings"] == vars(train.config("smoke", **parsed))
    assert {name: run.parameters[name] for name in changed} == changed
    assert run.steps == 3 * (156 // 32)


def test_the_notebook_has_every_parameter_and_every_setting():
    declared = inspect_notebook(str(NOTEBOOK))
    settings = {field.name for field in fields(train.TrainConfig)} - set(CHOSEN)
    assert set(declared) == {"profile", "model", "data", "seed", "grid", "device"} | settings
    assert all(declared[name]["default"] == "None" for name in settings)


def photos(folder):
    """Ten small photographs."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(10):
        Image.fromarray(random.integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


def test_two_data_folders_of_the_same_name_are_refused_because_their_runs_would_share_a_folder(kit_in_process, capsys):
    folders = [str(photos(kit_in_process / parent / "lions")) for parent in ("a", "b")]
    assert cli.main(["batch", str(write_grid(kit_in_process, data=folders))]) == 2
    assert "two runs would have the name lions-pix2pix-seed0" in capsys.readouterr().err


def test_a_folder_with_too_few_photographs_is_refused_before_the_first_run(kit_in_process, capsys):
    (kit_in_process / "none").mkdir()
    assert cli.main(["batch", str(write_grid(kit_in_process, data=["mini", str(kit_in_process / "none")]))]) == 2
    assert "no photographs found" in capsys.readouterr().err
    assert not (kit_in_process / "data" / "runs").exists()


# --- what an earlier batch has left -----------------------------------------------------------------------------------


def replaced(folder):
    return sorted(path.name for path in (folder / "data" / "runs").glob("grid.replaced/*"))


def test_earlier_runs_are_neither_kept_nor_replaced_unless_the_user_says_which(client, kit_in_process, capsys):
    assert cli.main(["batch", "grid.yaml"]) == 0
    before = recorded(kit_in_process)
    capsys.readouterr()
    assert cli.main(["batch", "grid.yaml"]) == 2
    line = f"hcegan: {runs_of(kit_in_process)} has 3 runs: continue with --resume, or start over with --fresh\n"
    assert capsys.readouterr() == ("", line)
    assert recorded(kit_in_process) == before
    assert len(client.executed) == 3


def test_resuming_a_finished_grid_runs_nothing_and_writes_the_same_table(client, kit_in_process, capsys):
    assert cli.main(["batch", "grid.yaml"]) == 0
    table = kit_in_process / "data" / "results" / "grid.csv"
    written, before = table.read_bytes(), recorded(kit_in_process)
    table.unlink()
    assert cli.main(["batch", "grid.yaml", "--resume"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"runs: 3, finished: 3; {table}"
    assert len(client.executed) == 3
    assert recorded(kit_in_process) == before
    assert table.read_bytes() == written


def cut_the_record(folder):
    (folder / "record.json").write_text('{"half')


def take_the_notebook(folder):
    (folder / "notebook.ipynb").unlink()


def leave_an_error(folder):
    (folder / "error.txt").write_text("a check of the notebook failed")


# The notebook writes its record in the middle, so a run with one may have been killed later, or failed a later check.
@pytest.mark.parametrize("damage", [cut_the_record, take_the_notebook, leave_an_error])
def test_a_run_that_did_not_come_to_its_end_is_resumed_in_its_folder(client, kit_in_process, damage):
    cli.main(["batch", "grid.yaml"])
    folder = runs_of(kit_in_process) / "mini-pix2pix-seed1"
    damage(folder)
    (folder / "checkpoint").touch()
    assert cli.main(["batch", "grid.yaml", "--resume"]) == 0
    assert client.executed[3:] == ["mini-pix2pix-seed1"]
    assert (folder / "checkpoint").exists()
    assert replaced(kit_in_process) == []


def test_no_folder_is_moved_aside_while_a_training_is_running_in_one_of_them(tmp_path):
    folders = [tmp_path / "grid" / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir(parents=True)
    with (
        lock_folder(folders[1], "training"),
        pytest.raises(ValueError, match=f"another training is running in {folders[1]}"),
    ):
        archive(folders)
    assert all(folder.is_dir() for folder in folders)
    assert archive(folders) == tmp_path / "grid.replaced"


def test_runs_with_other_settings_are_moved_aside_and_none_is_lost(client, kit_in_process, capsys):
    cli.main(["batch", "grid.yaml"])
    first = recorded(kit_in_process)
    write_grid(kit_in_process, set={"epochs": 2})
    assert cli.main(["batch", "grid.yaml", "--resume"]) == 0
    aside = kit_in_process / "data" / "runs" / "grid.replaced"
    assert f"hcegan: moved 3 earlier runs to {aside}: 3 made with different settings\n" in capsys.readouterr().err
    assert replaced(kit_in_process) == [f"mini-pix2pix-seed{n}-1" for n in range(3)]
    assert cli.main(["batch", "grid.yaml", "--fresh"]) == 0
    assert len(client.executed) == 9
    assert f"hcegan: moved 3 earlier runs to {aside}\n" in capsys.readouterr().err
    assert replaced(kit_in_process) == [f"mini-pix2pix-seed{n}-{k}" for n in range(3) for k in (1, 2)]
    for name, (written, _) in first.items():
        assert (aside / f"{name}-1" / "record.json").read_bytes() == written


def test_runs_of_other_code_are_moved_aside_and_run_again(client, kit_in_process, capsys):
    cli.main(["batch", "grid.yaml"])
    path = runs_of(kit_in_process) / "mini-pix2pix-seed1" / "run.json"
    made = json.loads(path.read_text())
    path.write_text(json.dumps(made | {"code": "old", "hash": "old"}))
    assert cli.main(["batch", "grid.yaml", "--resume"]) == 0
    assert client.executed[3:] == ["mini-pix2pix-seed1"]
    assert replaced(kit_in_process) == ["mini-pix2pix-seed1-1"]
    aside = kit_in_process / "data" / "runs" / "grid.replaced"
    assert f"hcegan: moved 1 earlier run to {aside}: 1 made with different code\n" in capsys.readouterr().err


def test_resuming_counts_the_replaced_runs_per_reason(client, kit_in_process, capsys):
    write_grid(kit_in_process, seeds=[0, 1, 2, 3])
    cli.main(["batch", "grid.yaml"])
    runs = runs_of(kit_in_process)
    for seed in (0, 1):
        path = runs / f"mini-pix2pix-seed{seed}" / "run.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"code": "old", "torch": "1.0", "hash": "old"}))
    (runs / "mini-pix2pix-seed2" / "run.json").write_text("{")
    write_grid(kit_in_process, seeds=[0, 1, 2])
    capsys.readouterr()
    assert cli.main(["batch", "grid.yaml", "--resume"]) == 0
    reasons = "2 made with different code and torch, 1 without a readable run.json, 1 not in this grid"
    line = f"hcegan: moved 4 earlier runs to {runs.with_name('grid.replaced')}: {reasons}\n"
    assert capsys.readouterr().err == line


def test_a_run_that_the_grid_no_longer_has_leaves_its_table(client, kit_in_process):
    cli.main(["batch", "grid.yaml"])
    write_grid(kit_in_process, seeds=[0, 2])
    assert cli.main(["batch", "grid.yaml", "--resume"]) == 0
    assert len(client.executed) == 3
    assert replaced(kit_in_process) == ["mini-pix2pix-seed1-1"]
    table = (kit_in_process / "data" / "results" / "grid.csv").read_text(encoding="utf-8")
    assert "pix2pix,2" in table
    assert "pix2pix,1" not in table


def test_results_whose_runs_are_gone_are_replaced_only_by_starting_over(client, kit_in_process, capsys):
    assert cli.main(["batch", "grid.yaml"]) == 0
    table = kit_in_process / "data" / "results" / "grid.csv"
    before = table.read_bytes()
    shutil.rmtree(runs_of(kit_in_process))
    (runs_of(kit_in_process) / "mini-pix2pix-seed0").mkdir(parents=True)  # as `hcegan train` leaves it
    write_grid(kit_in_process, seeds=[7])
    capsys.readouterr()
    assert cli.main(["batch", "grid.yaml", "--resume"]) == 2
    line = f"hcegan: {table} exists, but its runs are not in {runs_of(kit_in_process)}: replace it with --fresh, or "
    assert capsys.readouterr().err.startswith(line)
    assert table.read_bytes() == before
    assert cli.main(["batch", "grid.yaml", "--fresh"]) == 0
    assert table.read_bytes() != before


def test_results_that_are_not_a_grids_are_not_overwritten(client, kit_in_process, capsys):
    results = kit_in_process / "data" / "results"
    results.mkdir()
    (results / "grid.json").write_text('{"made by": "hand"}')
    assert cli.main(["batch", "grid.yaml"]) == 2
    assert "grid.json is not the manifest of a grid 'grid'" in capsys.readouterr().err
    assert not (kit_in_process / "data" / "runs").exists()


def test_the_last_complete_row_of_its_log_says_how_far_a_run_is(make_pipe, tmp_path):
    run = Run(tmp_path, {}, {}, 9)
    assert steps_done(run) == 0
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps({"step": n, "filler": "x" * 190}) + "\n" for n in range(1, 31)))
    assert steps_done(run) == 30
    log.write_text(log.read_text()[:-20])  # the last row is being written
    assert steps_done(run) == 29
    log.write_text('{"step": null}\n')
    assert steps_done(run) == 0
    log.write_text('{"step": 1')
    assert steps_done(run) == 0
    log.unlink()
    make_pipe(log)  # must not be waited for
    assert steps_done(run) == 0
