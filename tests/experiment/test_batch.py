import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_notebook
from papermill import inspect_notebook
from PIL import Image

from hcegan_lib import cli, data, paper, train
from hcegan_lib.backend import parallel
from hcegan_lib.experiment import batch, records

ROOT = Path(__file__).parents[2]
SMOKE = Path("notebooks") / "grids" / "smoke.yaml"
MINIMAL = {"profile": "smoke", "models": ["pix2pix"], "data": ["mini"], "seeds": [0, 1, 2]}
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
PATIENCE = 240  # seconds until a test gives up waiting
STARTED = []  # processes of the test that is running

# A notebook that takes a second: it does what ACTION says, then writes a record with one photograph.
STUB = """
import json, os, signal, sys, time
from pathlib import Path
import psutil
worker = psutil.Process().parent().parent()  # kernel <- papermill <- worker
folder = Path("..", "data", "runs", grid, f"{data}-{model}-seed{seed}")
exec(Path("..", "action.py").read_text())
"""
STUB_RECORD = """
row = {"file": "a.png", "psnr": 20.0 + seed, "ssim": 0.5, "colorfulness": 1.0, "true_colorfulness": 2.0}
(folder / "rendered.png").touch()
record = {"model": model, "settings": {"seed": seed}, "data": {"name": data}, "scores": [row], "gray copy": [row]}
(folder / "record.json").write_text(json.dumps(record | {"curves": [{"epoch": 1}], "pictures": ["a.png"]}))
"""


# --- a kit of one's own, so that no test touches the real one ---------------------------------------------------------


def make_kit(folder, cache, notebook=None):
    """Copy what a batch needs, so that no test touches the real kit; photographs and their cache are shared."""
    shutil.copytree(ROOT / "hcegan_lib", folder / "hcegan_lib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "notebooks" / "grids", folder / "notebooks" / "grids")
    nbformat.write(notebook or nbformat.read(batch.UNIT, as_version=4), folder / "notebooks" / batch.UNIT.name)
    (folder / "data").mkdir()
    (folder / "data" / "mini").symlink_to(ROOT / "data" / "mini", target_is_directory=True)
    (folder / "data" / "cache").symlink_to(cache, target_is_directory=True)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    data.load("mini", 64, cache=folder)
    return folder


@pytest.fixture
def kit(tmp_path, cache):
    return make_kit(tmp_path / "kit", cache)


def stub(folder, cache):
    """Make a kit whose notebook is the stub, and a grid of three runs."""
    parameters = new_code_cell(parameters_cell().source, metadata={"tags": ["parameters"]})
    cells = [parameters, new_code_cell(STUB), new_code_cell(STUB_RECORD)]
    make_kit(folder, cache, new_notebook(cells=cells, metadata=KERNEL))
    write_grid(folder)
    act(folder, "")
    return folder


@pytest.fixture
def stub_kit(tmp_path, cache):
    return stub(tmp_path / "kit", cache)


def parameters_cell():
    cells = nbformat.read(batch.UNIT, as_version=4).cells
    return next(cell for cell in cells if cell.metadata.get("tags") == ["parameters"])


def write_grid(folder, text=None, **changed):
    """Write grid.yaml: as given, or the minimal grid with some keys changed."""
    path = folder / "grid.yaml"
    path.write_text(yaml.safe_dump(MINIMAL | changed) if text is None else text, encoding="utf-8")
    return path


def act(folder, code):
    """Say what the stub is to do."""
    (folder / "action.py").write_text(code, encoding="utf-8")


def start(folder, *words):
    """Start a command that Ctrl-C can reach: a shell in the background lets its children ignore it."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
    process = psutil.Popen(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    STARTED.append(process)
    return process


@pytest.fixture(autouse=True)
def _nothing_is_left():
    """End what a test that has failed leaves behind."""
    yield
    for process in STARTED:
        kill(tree_of(process))
    STARTED.clear()


def start_batch(folder, *words):
    return start(folder, "hcegan_lib.cli", "batch", *words)


def hcegan_batch(folder, *words):
    """Run a batch to its end; give exit status, standard output and error."""
    process = start_batch(folder, *words)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def wait_for(condition, process=None):
    """Wait until something is there, and not for a process that has ended."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "nothing happened"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.05)
    return found


def tree_of(process):
    """Give a process and all that it and its children have started; nothing when it has ended."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill(tree):
    """Kill -9 of all of them at once."""
    for process in tree:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(tree, timeout=PATIENCE)


def alive(processes):
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def runs_of(folder, grid="grid"):
    return folder / "data" / "runs" / grid


def recorded(folder, grid="grid"):
    """Each finished run's record: its bytes and when it was written."""
    return {p.parent.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in runs_of(folder, grid).glob("*/record.json")}


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# --- what a grid file may say -----------------------------------------------------------------------------------------


def read(folder, text=None, **changed):
    return batch.read_grid(write_grid(folder, text, **changed))


def test_a_grid_is_named_as_its_file_and_all_models_are_the_papers_eight(tmp_path):
    grid = read(tmp_path, models="all", set={"epochs": 2, "learning_rate": "1e-3"}, device="cpu")
    assert grid.name == "grid"
    assert grid.models == list(paper.MODELS)
    assert grid.settings == {"epochs": 2, "learning_rate": 0.001}  # 1e-3 is text for YAML
    assert grid.device == "cpu"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"modles": []}, "unknown key 'modles', did you mean 'models'? valid: profile, models, data, seeds"),
        ({"models": "pix2pix"}, "models must be a list of names, or all, got 'pix2pix'"),
        ({"models": []}, "models must be a list of names"),
        ({"models": ["pix2pixx"]}, "did you mean 'pix2pix'?"),
        ({"models": ["pix2pix", "pix2pix"]}, "models names 'pix2pix' twice"),
        ({"data": ["mini", "data/raw/lion", "data/raw/bird"]}, "there is no folder data/raw/lion, data/raw/bird"),
        ({"data": [3]}, "data must be a list of names, got [3]"),
        ({"seeds": 3}, "seeds must be a list of whole numbers, got 3"),
        ({"seeds": [0, True]}, "seeds must be a list of whole numbers"),
        ({"seeds": [1, 0, 1]}, "seeds names 1 twice"),
        ({"seeds": [-1]}, "seeds must be from 0 to 4294967295, got -1"),
        ({"profile": "laptpo"}, "profile must be one of smoke, tour, laptop, paper, got 'laptpo'"),
        ({"profile": ["smoke"]}, "profile must be one of"),
        ({"device": "gpu"}, "device must be one of auto, cpu, cuda, mps, got 'gpu'"),
        ({"set": ["epochs"]}, "set must hold settings and their values, got ['epochs']"),
        ({"set": {"epoch": 3}}, "unknown setting 'epoch', did you mean 'epochs'?"),
        ({"set": {"seed": 3}}, "unknown setting 'seed'"),
        ({"set": {"epochs": 2.5}}, "epochs must be a whole number of at least 1, got 2.5"),
        ({"set": {"epochs": True}}, "epochs must be a whole number of at least 1, got True"),
        ({"set": {"depth": 7}}, "image_size must be a multiple of 2 ** depth = 128, got 64"),
        ({"set": {"learning_rate": "fast"}}, "learning_rate must be a number, got 'fast'"),
        ({"set": {"learning_rate": float("nan")}}, "learning_rate must be a number, got nan"),
        ({"set": {"learning_rate": 0}}, "learning_rate must be above 0"),
        ({"set": {"learning_rate": 10**400}}, "learning_rate must be a number, got 1000"),
        ({"set": {"epochs": 10**400}}, "epochs must be a whole number from 1 to 1000000000, got 1000"),
        ({"set": {"attend_max_positions": True}}, "must be a whole number of at least 1, or all, got True"),
        ({"set": {"attend_max_positions": None}}, "attend_max_positions must be a whole number of at least 1, or all"),
        (
            {"set": {"attend_max_positions": "some"}},
            "attend_max_positions must be a whole number of at least 1, or all",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line_and_nothing_is_written(changed, told, kit_in_process, capsys):
    path = write_grid(kit_in_process, **changed)
    before = files(kit_in_process)
    assert cli.main(["batch", str(path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"hcegan: {path}: ")
    assert told in err
    assert files(kit_in_process) == before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("profile: [", "while parsing a flow node"),
        ("profile: smoke\nprofile: tour", "the key 'profile' stands twice"),
        ("profile: smoke\nset: {epochs: 1, depth: 6, epochs: 2}", "the key 'epochs' stands twice"),
        ("profile: &a smoke\nmodels: [*a]", "a grid has no aliases"),
        ("!!map [a]", "expected a mapping node"),
        ("seeds: !!bool maybe", "maybe"),
        ("seeds: !!int ''", "index"),
        ("[" * 3000, "maximum recursion depth exceeded"),
        ("just words", "a grid has the keys profile, models, data, seeds, set, device, got 'just words'"),
        ("profile: smoke", "the key 'models' is missing"),
    ],
)
def test_a_file_that_is_no_grid_is_refused(text, told, kit_in_process, capsys):
    path = write_grid(kit_in_process, text)
    assert cli.main(["batch", str(path)]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["gone.yaml"], "gone.yaml: No such file or directory"),
        (["grid-curves.yaml"], "grid-curves.yaml: a grid's file is named with letters"),
        (["grid.yaml", "--workers", "0"], "--workers must be at least 1, got 0"),
        (["grid.yaml", "--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], "not allowed with argument --workers"),
        (["grid.yaml", "--resources", "GPU=1"], "--resources goes with --scheduler"),
        (["grid.yaml", "--scheduler", "tcp://127.0.0.1:1", "--resources", "GPU"], "--resources must be like GPU=1"),
        (["grid.yaml", "--resume", "--fresh"], "not allowed with argument --resume"),
        (["grid.yaml", "--scheduler", "tcp://127.0.0.1:1"], "no Dask scheduler answers at 'tcp://127.0.0.1:1'"),
        (["grid.yaml", "--scheduler", "nonsense://x"], "no Dask scheduler answers at 'nonsense://x'"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(words, told, kit_in_process, capsys, monkeypatch):
    monkeypatch.setattr(batch, "PATIENCE", 1)
    write_grid(kit_in_process)
    before = files(kit_in_process)
    assert cli.main(["batch", *words]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    assert files(kit_in_process) == before


def test_two_folders_of_one_name_are_refused_because_their_runs_would_be_one(kit_in_process, capsys):
    for parent in ("a", "b"):
        photos(kit_in_process / parent / "lions")
    folders = [str(kit_in_process / parent / "lions") for parent in ("a", "b")]
    assert cli.main(["batch", str(write_grid(kit_in_process, data=folders))]) == 2
    assert "two runs of the grid have the name lions-pix2pix-seed0" in capsys.readouterr().err


def test_a_folder_with_too_few_photographs_is_refused_before_the_first_run(kit_in_process, capsys):
    (kit_in_process / "none").mkdir()
    assert cli.main(["batch", str(write_grid(kit_in_process, data=["mini", str(kit_in_process / "none")]))]) == 2
    assert "no photographs found" in capsys.readouterr().err
    assert not (kit_in_process / "data" / "runs").exists()


def photos(folder):
    """Ten small photographs."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(10):
        Image.fromarray(random.integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


# --- from a grid to its runs ------------------------------------------------------------------------------------------


def test_the_grids_of_the_kit_are_what_they_say(monkeypatch):
    folder = ROOT / "notebooks" / "grids"
    grids = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in folder.glob("*.yaml")}
    assert set(grids) == {"smoke", "laptop", "paper"}
    monkeypatch.setattr(Path, "is_dir", lambda self: True)  # the paper's photographs are not part of the kit
    smoke, laptop, whole = (batch.read_grid(folder / f"{name}.yaml") for name in ("smoke", "laptop", "paper"))
    assert (smoke.profile, len(smoke.models), smoke.data, smoke.seeds) == ("smoke", 2, ["mini"], [0, 1])
    assert (laptop.profile, laptop.models, laptop.data) == ("laptop", list(paper.MODELS), ["mini"])
    assert laptop.seeds == [0, 1, 2, 3, 4]
    assert (whole.profile, whole.models, whole.settings) == ("paper", list(paper.MODELS), {})
    assert (len(whole.data), len(whole.seeds)) == (len(paper.DATASETS), 3)


def test_the_first_eight_runs_compare_all_models_of_the_first_seed(kit_in_process):
    runs = batch.expand(read(kit_in_process, models="all"))
    assert len(runs) == 8 * 3
    assert [run.parameters["model"] for run in runs[:8]] == list(paper.MODELS)
    assert [run.parameters["seed"] for run in runs] == [0] * 8 + [1] * 8 + [2] * 8
    assert runs[5].folder == kit_in_process / "data" / "runs" / "grid" / "mini-SAp+Hinge+BCE-seed0"
    assert len({run.made_from["hash"] for run in runs}) == len(runs)
    assert {run.steps for run in runs} == {156 // 32}


def test_settings_reach_the_runs_and_the_notebook(kit_in_process):
    changed = {"epochs": 3, "attend_max_positions": "all", "learning_rate": 1}
    run = batch.expand(read(kit_in_process, set=changed))[0]
    assert run.made_from["settings"] == {
        **vars(train.config("smoke", epochs=3, learning_rate=1.0)),
        "attend_max_positions": None,
    }
    assert {name: run.parameters[name] for name in changed} == changed
    assert run.steps == 3 * (156 // 32)


def test_the_notebook_has_every_parameter_and_every_setting():
    declared = inspect_notebook(str(batch.UNIT))
    settings = {field.name for field in fields(train.TrainConfig)} - {"gamma_init", "loss", "data", "seed"}
    assert set(declared) == {"profile", "model", "data", "seed", "grid", "device"} | settings
    assert all(declared[name]["default"] == "None" for name in settings)


def test_the_hash_knows_settings_photographs_code_and_torch(monkeypatch):
    settings = train.config("smoke")
    same = batch.made_from(settings, "photos", "code")
    assert batch.made_from(replace(settings), "photos", "code") == same
    others = [
        batch.made_from(replace(settings, seed=1), "photos", "code"),
        batch.made_from(settings, "other photos", "code"),
        batch.made_from(settings, "photos", "other code"),
    ]
    monkeypatch.setattr("torch.__version__", "0.0")
    others.append(batch.made_from(settings, "photos", "code"))
    assert same["hash"] not in {other["hash"] for other in others}


@pytest.mark.parametrize("module", ["color.py", "train.py", "backend/kernels.py", "backend/new.py", "new.py"])
def test_the_code_hash_changes_with_code_and_not_with_comments(module, kit_in_process, monkeypatch):
    shutil.copytree(ROOT / "hcegan_lib", kit_in_process / "hcegan_lib")
    monkeypatch.setattr(batch, "KIT", kit_in_process)
    path = kit_in_process / "hcegan_lib" / module
    text = path.read_text(encoding="utf-8") if path.exists() else '"""New."""\n'
    path.write_text(text, encoding="utf-8")
    before = batch.code_hash()
    path.write_text("# a comment\n" + text.replace('"""', '"""Reworded. ', 1), encoding="utf-8")
    assert batch.code_hash() == before
    path.write_text(text + "\nMORE = 1\n", encoding="utf-8")
    assert batch.code_hash() != before


def test_the_code_hash_ignores_what_only_shows_or_runs(kit_in_process, monkeypatch):
    shutil.copytree(ROOT / "hcegan_lib", kit_in_process / "hcegan_lib")
    monkeypatch.setattr(batch, "KIT", kit_in_process)
    before = batch.code_hash()
    for module in ("__init__.py", "cli/__init__.py", "lessons/plots/__init__.py"):
        path = kit_in_process / "hcegan_lib" / module
        path.write_text(path.read_text(encoding="utf-8") + "\nMORE = 1\n", encoding="utf-8")
    assert batch.code_hash() == before


def test_the_cores_are_shared_out_unless_the_user_has_said_how_many_threads(monkeypatch):
    monkeypatch.setattr(batch, "cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [batch.threads(workers) for workers in (1, 3, 8, 9)] == ["8", "2", "1", "1"]
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert batch.threads(3) == "5"


# --- what an earlier batch has left -----------------------------------------------------------------------------------


class Done:
    """A future that has ended."""

    status = "finished"

    def __init__(self, outcome):
        self.result = lambda: outcome

    def done(self):
        return True

    def cancelled(self):
        return False


class Client:
    """Executes at once, without Dask and without training: each run leaves a record, but those that are to fail."""

    status = "running"

    def __init__(self):
        self.executed, self.failing = [], ()

    def submit(self, function, job, **asked):
        folder = Path(job["folder"])
        self.executed.append(folder.name)
        errors = ["cell 4: NonFiniteLossError: d_loss became nan"] if folder.name in self.failing else []
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.json").write_text(json.dumps(job["made_from"]))
        if not errors:
            stub_record(folder, job["parameters"])
        return Done({"name": folder.name, "seconds": 1.0, "memory": 2.0, "errors": errors})

    def cancel(self, futures):
        assert futures == []


def stub_record(folder, parameters):
    exec(STUB_RECORD, {"json": json, "folder": folder, **parameters})


@pytest.fixture
def kit_in_process(tmp_path, cache, monkeypatch):
    """A folder that this process takes for the kit; the photographs are the true ones."""
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batch, "POLL", 0)
    monkeypatch.setattr(data, "_cache_folder", lambda given: cache)
    monkeypatch.setattr(records, "RUNS", tmp_path / "data" / "runs")
    monkeypatch.setattr(records, "RESULTS", tmp_path / "data" / "results")
    return tmp_path


@pytest.fixture
def client(kit_in_process, monkeypatch):
    """The kit's folder with a grid of three runs, and a cluster that only pretends."""
    client = Client()
    monkeypatch.setattr(batch, "local_cluster", lambda workers: contextlib.nullcontext(client))
    write_grid(kit_in_process)
    return client


def replaced(folder):
    return sorted(path.name for path in (folder / "data" / "runs").glob("grid.replaced/*"))


def test_runs_that_are_there_are_neither_kept_nor_replaced_unless_it_is_said(client, kit_in_process, capsys):
    assert cli.main(["batch", "grid.yaml"]) == 0
    before = recorded(kit_in_process)
    capsys.readouterr()
    assert cli.main(["batch", "grid.yaml"]) == 2
    folder = runs_of(kit_in_process)
    told = f"hcegan: {folder} holds 3 runs: --resume goes on with the grid's, --fresh starts anew\n"
    assert capsys.readouterr() == ("", told)
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


def test_a_run_without_a_record_is_gone_on_with_in_its_folder(client, kit_in_process):
    cli.main(["batch", "grid.yaml"])
    folder = runs_of(kit_in_process) / "mini-pix2pix-seed1"
    (folder / "record.json").write_text('{"half')
    (folder / "checkpoint").touch()
    assert cli.main(["batch", "grid.yaml", "--resume"]) == 0
    assert client.executed[3:] == ["mini-pix2pix-seed1"]
    assert (folder / "checkpoint").exists()
    assert replaced(kit_in_process) == []


def test_a_folder_in_which_a_training_is_at_work_is_not_put_aside_and_neither_are_the_others(tmp_path):
    folders = [tmp_path / "grid" / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir(parents=True)
    with (
        parallel.alone(folders[1], "training"),
        pytest.raises(ValueError, match=f"another training is at work in {folders[1]}: wait for it, or stop it"),
    ):
        batch.put_aside(folders)
    assert all(folder.is_dir() for folder in folders)
    assert batch.put_aside(folders) == tmp_path / "grid.replaced"


def test_runs_of_other_settings_are_put_aside_and_none_is_lost(client, kit_in_process, capsys):
    cli.main(["batch", "grid.yaml"])
    first = recorded(kit_in_process)
    write_grid(kit_in_process, set={"epochs": 2})
    assert cli.main(["batch", "grid.yaml", "--resume"]) == 0
    aside = kit_in_process / "data" / "runs" / "grid.replaced"
    assert f"hcegan: put 3 runs aside that are not of this grid as it is now: {aside}\n" in capsys.readouterr().err
    assert replaced(kit_in_process) == [f"mini-pix2pix-seed{n}-1" for n in range(3)]
    assert cli.main(["batch", "grid.yaml", "--fresh"]) == 0
    assert len(client.executed) == 9
    assert replaced(kit_in_process) == [f"mini-pix2pix-seed{n}-{k}" for n in range(3) for k in (1, 2)]
    for name, (written, _) in first.items():
        assert (aside / f"{name}-1" / "record.json").read_bytes() == written


def test_a_run_that_the_grid_has_no_more_leaves_its_table(client, kit_in_process):
    cli.main(["batch", "grid.yaml"])
    write_grid(kit_in_process, seeds=[0, 2])
    assert cli.main(["batch", "grid.yaml", "--resume"]) == 0
    assert len(client.executed) == 3
    assert replaced(kit_in_process) == ["mini-pix2pix-seed1-1"]
    table = (kit_in_process / "data" / "results" / "grid.csv").read_text(encoding="utf-8")
    assert "pix2pix,2" in table
    assert "pix2pix,1" not in table


def test_a_failure_is_in_the_manifest_and_is_tried_again_by_resuming(client, kit_in_process, capsys):
    client.failing = ["mini-pix2pix-seed1"]
    assert cli.main(["batch", "grid.yaml"]) == 1
    out, err = capsys.readouterr()
    assert [row.split()[1] for row in out.splitlines()[:-1]] == ["ok", "failed", "ok"]
    assert err == "hcegan: mini-pix2pix-seed1, cell 4: NonFiniteLossError: d_loss became nan\n"
    manifest = json.loads((kit_in_process / "data" / "results" / "grid.json").read_text(encoding="utf-8"))
    assert manifest["failed"] == [
        {"run": "mini-pix2pix-seed1", "error": "cell 4: NonFiniteLossError: d_loss became nan"}
    ]
    client.failing = []
    assert cli.main(["batch", "grid.yaml", "--resume"]) == 0
    assert client.executed[3:] == ["mini-pix2pix-seed1"]


def test_when_every_run_fails_there_is_no_table(client, kit_in_process, capsys):
    client.failing = [f"mini-pix2pix-seed{n}" for n in range(3)]
    assert cli.main(["batch", "grid.yaml"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "runs: 3, finished: 0; no table"
    assert not (kit_in_process / "data" / "results").exists()


def test_results_that_are_not_a_grids_are_not_overwritten(client, kit_in_process, capsys):
    results = kit_in_process / "data" / "results"
    results.mkdir()
    (results / "grid.json").write_text('{"made by": "hand"}')
    assert cli.main(["batch", "grid.yaml"]) == 2
    assert "grid.json is not the manifest of a grid 'grid'" in capsys.readouterr().err
    assert not (kit_in_process / "data" / "runs").exists()


def test_the_last_whole_row_of_a_log_tells_how_far_a_run_is(tmp_path):
    run = batch.Run(tmp_path, {}, {}, 9)
    assert batch.steps_done(run) == 0
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps({"step": n, "filler": "x" * 190}) + "\n" for n in range(1, 31)))
    assert batch.steps_done(run) == 30
    log.write_text(log.read_text()[:-20])  # the last row is being written
    assert batch.steps_done(run) == 29
    log.write_text('{"step": 1')
    assert batch.steps_done(run) == 0


def test_the_bar_shows_runs_and_time_left_from_steps(client, kit_in_process, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert cli.main(["batch", "grid.yaml", "--workers", "1"]) == 0
    shown = capsys.readouterr().err
    assert "2/3 runs" in shown
    assert " left" in shown


def test_cores_are_at_least_one_and_no_more_than_the_process_may_use():
    assert 1 <= batch.cores() <= psutil.cpu_count()


# --- one run, on a worker that is this process ------------------------------------------------------------------------


@pytest.fixture
def job(stub_kit, monkeypatch):
    """A run of the stub, as it travels to a worker."""
    monkeypatch.setattr(batch, "KIT", stub_kit)
    folder = runs_of(stub_kit) / "mini-pix2pix-seed0"
    parameters = {"profile": "smoke", "grid": "grid", "model": "pix2pix", "data": "mini", "seed": 0}
    made = batch.made_from(train.config("smoke"), "photos", batch.code_hash())
    return {"kit": str(stub_kit), "folder": str(folder), "parameters": parameters, "made_from": made, "batch": "b"}


@pytest.mark.slow
def test_a_failed_run_keeps_its_notebook_and_its_traceback(job, stub_kit):
    act(stub_kit, "print('before'); {}['deep']")
    folder = Path(job["folder"])
    folder.mkdir(parents=True)
    (folder / "notebook.ipynb").write_text("of an earlier attempt")
    outcome = batch.execute(job)
    assert outcome["errors"] == ["cell 3: KeyError: 'deep'"]
    assert outcome["memory"] > 50
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    assert any("before" in str(cell.get("outputs")) for cell in notebook.cells)
    error = (folder / "error.txt").read_text(encoding="utf-8")
    assert "Traceback (most recent call last)" in error
    assert "\x1b[" not in error
    begun = json.loads((folder / "run.json").read_text())
    assert begun == job["made_from"] | {"batch": "b", "attempt": 1}

    act(stub_kit, "")
    assert batch.execute(job)["errors"] == []
    assert not (folder / "error.txt").exists()
    assert (folder / "record.json").exists()
    assert batch.attempts(folder, "b") == 2
    assert batch.attempts(folder, "another batch") == 0
    with pytest.raises(RuntimeError, match="its worker has died, and so did the next one"):
        batch.execute(job)


def test_a_worker_with_another_kit_or_other_code_refuses_the_run(job):
    with pytest.raises(ValueError, match=r"the worker has the kit in .*, the batch in /elsewhere"):
        batch.execute(job | {"kit": "/elsewhere"})
    with pytest.raises(ValueError, match="the library has changed since the batch began: start it again with --resume"):
        batch.execute(job | {"made_from": job["made_from"] | {"code": "old"}})
    assert not Path(job["folder"]).exists()


# --- the true notebook ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unbroken(cache, tmp_path_factory):
    """Run the smoke grid on two workers, and look at its processes on the way."""
    kit = make_kit(tmp_path_factory.mktemp("unbroken") / "kit", cache)
    process = start_batch(kit, SMOKE, "--workers", "2")
    wait_for(lambda: len(list(runs_of(kit, "smoke").glob("*/run.json"))) == 2, process)
    tree = tree_of(process)
    listening = {c.laddr.ip for p in tree for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    out, err = process.communicate(timeout=PATIENCE)
    results = kit / "data" / "results"
    return {"status": process.returncode, "out": out, "err": err, "listening": listening, "results": results}


@pytest.mark.slow
def test_the_smoke_grid_runs_on_two_workers_and_leaves_its_table_and_manifest(unbroken):
    assert (unbroken["status"], unbroken["err"]) == (0, "")
    *rows, last = unbroken["out"].splitlines()
    names = [f"mini-{model}-seed{seed}" for seed in (0, 1) for model in ("pix2pix", "SAp+Hinge+BCE")]
    assert sorted(row.split()[0] for row in rows) == sorted(names)
    assert all(row.split()[1] == "ok" for row in rows)
    assert last == f"runs: 4, finished: 4; {unbroken['results'] / 'smoke.csv'}"
    left = {path.name for path in unbroken["results"].iterdir()}
    assert left == {"smoke.csv", "smoke.json", "smoke-curves.csv", "smoke-pictures"}
    table = (unbroken["results"] / "smoke.csv").read_text(encoding="utf-8").splitlines()
    assert len(table) == 1 + 25 * (4 + 1)  # a head; four runs and the gray copy
    manifest = json.loads((unbroken["results"] / "smoke.json").read_text(encoding="utf-8"))
    made = {(run["model"], run["settings"]["seed"]) for run in manifest["runs"]}
    assert made == {(model, seed) for model in ("pix2pix", "SA'+Hinge+BCE") for seed in (0, 1)}
    assert manifest["failed"] == []
    assert {run["environment"]["threads"] for run in manifest["runs"]} == {1}


@pytest.mark.slow
def test_a_local_batch_listens_on_the_loopback_alone(unbroken):
    assert unbroken["listening"] == {"127.0.0.1"}


@pytest.mark.slow
def test_killed_in_the_middle_and_resumed_it_ends_as_if_unbroken_and_repeats_no_finished_run(kit, unbroken):
    process = start_batch(kit, SMOKE, "--workers", "2")
    wait_for(lambda: recorded(kit, "smoke"), process)
    kill(tree_of(process))
    before = recorded(kit, "smoke")
    assert 1 <= len(before) < 4
    assert not (kit / "data" / "results").exists()

    victim = runs_of(kit, "smoke") / before.popitem()[0]  # and one of the finished runs is damaged
    (victim / "record.json").unlink()
    for checkpoint in (victim / "checkpoints").iterdir():
        checkpoint.write_bytes(b"damaged")
    status, out, err = hcegan_batch(kit, SMOKE, "--workers", "2", "--resume")
    assert status == 1, err
    assert out.splitlines()[-1].startswith("runs: 4, finished: 3; ")
    (line,) = err.splitlines()
    executed = nbformat.read(victim / "notebook.ipynb", as_version=4)
    (training,) = [cell for cell in executed.cells if "train.fit(" in cell.source]
    wanted = f"hcegan: {victim.name}, cell {training.execution_count}: CheckpointError: no checkpoint in {victim} can"
    assert line.startswith(wanted)
    assert "in newest_checkpoint" in (victim / "error.txt").read_text(encoding="utf-8")
    manifest = json.loads((kit / "data" / "results" / "smoke.json").read_text(encoding="utf-8"))
    assert [failure["run"] for failure in manifest["failed"]] == [victim.name]
    after = recorded(kit, "smoke")
    assert len(after) == 3
    assert {name: after[name] for name in before} == before

    shutil.rmtree(victim)
    status, out, err = hcegan_batch(kit, SMOKE, "--workers", "2", "--resume")
    assert (status, err) == (0, "")
    assert [row.split()[:2] for row in out.splitlines()[:-1]] == [[victim.name, "ok"]]
    assert {name: recorded(kit, "smoke")[name] for name in after} == after
    for name in ("smoke.csv", "smoke-curves.csv"):
        assert (kit / "data" / "results" / name).read_bytes() == (unbroken["results"] / name).read_bytes()


@pytest.fixture
def scheduler(tmp_path):
    """A Dask scheduler on the loopback, without workers; its address."""
    told = tmp_path / "scheduler.json"
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    process = start(tmp_path, "dask", "scheduler", *words, "--scheduler-file", told)
    yield process, wait_for(lambda: told.exists() and json.loads(told.read_text())["address"], process)
    kill(tree_of(process))


@contextlib.contextmanager
def workers_at(address, kit, *names):
    """Two Dask workers, as a user starts them on two GPUs."""
    words = ["--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard", "--resources", "GPU=1"]
    started = [start(kit, "dask", "worker", address, *words, "--name", name) for name in names]
    try:
        yield started
    finally:
        kill([member for process in started for member in tree_of(process)])


@pytest.mark.slow
def test_a_scheduler_and_two_workers_that_run_already_give_the_same_table(kit, unbroken, scheduler):
    _, address = scheduler
    with workers_at(address, kit, "one", "two"):
        status, out, err = hcegan_batch(kit, SMOKE, "--scheduler", address, "--resources", "GPU=1")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1].startswith("runs: 4, finished: 4; ")
    for name in ("smoke.csv", "smoke-curves.csv"):
        assert (kit / "data" / "results" / name).read_bytes() == (unbroken["results"] / name).read_bytes()


# --- runs that are stopped, killed, or fail: a stub in place of the notebook ------------------------------------------

WAIT_FOREVER = "(folder / 'here').touch(); time.sleep(600)"
TROUBLE = """
(folder / f"kernel{os.getpid()}").touch()
if seed == 0:
    {}["deep"]
if seed == 1:
    os.kill(os.getpid(), signal.SIGKILL)
if seed == 2:
    folder = folder.parent / "elsewhere"
    folder.mkdir()
if seed == 3 and len(list(folder.glob("kernel*"))) == 1 or seed == 4:
    worker.kill()
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def troubled(tmp_path_factory, cache):
    """Run a batch in which all goes wrong that can: five runs in trouble, and one that is not."""
    kit = stub(tmp_path_factory.mktemp("troubled") / "kit", cache)
    write_grid(kit, seeds=list(range(6)))
    act(kit, TROUBLE)
    status, out, err = hcegan_batch(kit, "grid.yaml", "--workers", "2")
    told = {line.split()[1].strip(","): line for line in err.splitlines()}
    rows = {row.split()[0]: row.split()[1] for row in out.splitlines()[:-1]}
    return {"status": status, "rows": rows, "told": told, "runs": runs_of(kit), "last": out.splitlines()[-1]}


@pytest.mark.slow
def test_the_others_are_finished_whatever_becomes_of_one(troubled):
    assert troubled["status"] == 1
    name = "mini-pix2pix-seed"
    assert troubled["rows"] == {
        name + "0": "failed", name + "1": "failed", name + "2": "failed",
        name + "3": "ok", name + "4": "failed", name + "5": "ok",
    }  # fmt: skip
    assert set(troubled["told"]) == {name + number for number in "0124"}
    assert troubled["last"].startswith("runs: 6, finished: 2; ")


@pytest.mark.slow
def test_a_failing_cell_a_dead_kernel_and_a_missing_record_are_named(troubled):
    told = troubled["told"]
    assert told["mini-pix2pix-seed0"] == "hcegan: mini-pix2pix-seed0, cell 3: KeyError: 'deep'"
    assert told["mini-pix2pix-seed1"].startswith("hcegan: mini-pix2pix-seed1, cell 3: ")
    assert "DeadKernelError" in told["mini-pix2pix-seed1"]
    assert told["mini-pix2pix-seed2"].startswith("hcegan: mini-pix2pix-seed2, there is no record in ")


@pytest.mark.slow
def test_a_run_whose_worker_dies_is_tried_once_more_and_no_kernel_outlives_its_worker(troubled):
    kernels = {n: [int(p.name[6:]) for p in troubled["runs"].glob(f"*seed{n}/kernel*")] for n in range(6)}
    assert {n: len(pids) for n, pids in kernels.items()} == {0: 1, 1: 1, 2: 1, 3: 2, 4: 2, 5: 1}
    assert not [pid for pids in kernels.values() for pid in pids if psutil.pid_exists(pid)]
    died = "hcegan: mini-pix2pix-seed4, its worker has died, and so did the next one"
    assert troubled["told"]["mini-pix2pix-seed4"] == died


def at_work(folder, count=2):
    return lambda: len(list(runs_of(folder).glob("*/here"))) == count


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_ends_every_process_and_says_how_to_go_on(stub_kit):
    act(stub_kit, WAIT_FOREVER)
    process = start_batch(stub_kit, "grid.yaml", "--workers", "2")
    wait_for(at_work(stub_kit), process)
    tree = tree_of(process)
    assert len(tree) >= 1 + 2 * 3  # the batch; two workers, each with papermill and a kernel
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to all that it has started
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    go_on = "hcegan batch grid.yaml --workers 2 --resume"
    assert err == f"hcegan: stopped; 0 of 3 runs are finished. Go on with: {go_on}\n"
    wait_for(lambda: not alive(tree))
    assert not (stub_kit / "data" / "results").exists()
    assert not list(runs_of(stub_kit).glob("*/error.txt"))  # nothing has failed


@pytest.mark.slow
def test_a_second_batch_is_kept_out_while_the_first_is_at_work_and_sigterm_ends_that_one(stub_kit):
    write_grid(stub_kit, seeds=[0])
    act(stub_kit, WAIT_FOREVER)
    process = start_batch(stub_kit, "grid.yaml")
    wait_for(at_work(stub_kit, 1), process)
    status, out, err = hcegan_batch(stub_kit, "grid.yaml", "--resume")
    assert (status, out) == (2, "")
    assert err == f"hcegan: another batch is at work in {runs_of(stub_kit)}: wait for it, or stop it\n"
    tree = tree_of(process)
    assert len(tree) >= 1 + 3
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    wait_for(lambda: not alive(tree))


@pytest.mark.slow
def test_a_batch_waits_for_workers_says_so_and_ends_when_the_scheduler_is_gone(stub_kit, scheduler):
    process, address = scheduler
    act(stub_kit, WAIT_FOREVER)
    waiting = start_batch(stub_kit, "grid.yaml", "--scheduler", address, "--resources", "GPU=1")
    assert waiting.stderr.readline() == f"hcegan: no worker of {address} has taken a run yet; waiting\n"
    with workers_at(address, stub_kit, "one") as (worker,):
        wait_for(at_work(stub_kit, 1), waiting)
        kernels = worker.children(recursive=True)
        kill(tree_of(process))
        out, err = waiting.communicate(timeout=PATIENCE)
        assert (waiting.returncode, out) == (1, "")
        go_on = f"hcegan batch grid.yaml --scheduler {address} --resources GPU=1 --resume"
        assert err == f"hcegan: the scheduler is gone; 0 of 3 runs are finished. Go on with: {go_on}\n"
        wait_for(lambda: not [p for p in alive(kernels) if "ipykernel" in " ".join(p.cmdline())])


@pytest.mark.slow
def test_ctrl_c_reaches_the_runs_of_workers_that_were_there_before_and_leaves_the_workers(stub_kit, scheduler):
    _, address = scheduler
    act(stub_kit, WAIT_FOREVER)
    with workers_at(address, stub_kit, "one") as (worker,):
        process = start_batch(stub_kit, "grid.yaml", "--scheduler", address)
        wait_for(at_work(stub_kit, 1), process)
        there = worker.children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        wait_for(lambda: not [p for p in alive(there) if "hcegan_lib.experiment.batch" in " ".join(p.cmdline())])
        wait_for(lambda: not [p for p in alive(there) if "ipykernel" in " ".join(p.cmdline())])
        assert worker.poll() is None
