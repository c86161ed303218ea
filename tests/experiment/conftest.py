import contextlib
import functools
import json
import shutil
from types import SimpleNamespace

import pytest
from kits import STARTED, kill, link_photos, make_stub_kit, runs_of, start, tree_of, wait_for, write_grid
from made_up import LIFT, made_up_run, made_up_scores, write_manifest
from pretended import Client

from hcegan_lib import data, experiment
from hcegan_lib.experiment import cluster, records


@pytest.fixture
def scores():
    """Scores of three models with five seeds each, and of the gray copy."""
    return made_up_scores()


@pytest.fixture
def grid(scores, tmp_path, monkeypatch):
    """Committed results of a grid named "made", beside files that are not scores."""
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    records.write_table(tmp_path / "made.csv", scores)
    (tmp_path / "made-curves.csv").write_text("data,model,seed,epoch\n", encoding="utf-8")
    (tmp_path / "gains.csv").write_text("model,step,gain\n", encoding="utf-8")
    (tmp_path / "gains.json").write_text("{}", encoding="utf-8")
    write_manifest(tmp_path, [made_up_run(model, seed) for model in LIFT for seed in range(5)])
    return tmp_path


# --- batches ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Decoded photographs for all kits."""
    folder = tmp_path_factory.mktemp("cache")
    data.load("mini", 64, cache=folder)
    return folder


@pytest.fixture
def stub_kit(tmp_path, cache):
    """A copy of the kit in which a run takes a second."""
    return make_stub_kit(tmp_path / "kit", cache)


@pytest.fixture
def kit_in_process(tmp_path, cache, monkeypatch):
    """A folder that this process takes for the kit."""
    link_photos(tmp_path, cache)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data, "KIT_ROOT", tmp_path)
    monkeypatch.setattr(records, "RUNS", tmp_path / "data" / "runs")
    monkeypatch.setattr(records, "RESULTS", tmp_path / "data" / "results")
    return tmp_path


@pytest.fixture
def client(kit_in_process, monkeypatch):
    """The kit in this process, with a grid of three runs and a cluster that only pretends."""
    client = Client()
    monkeypatch.setattr(cluster, "POLL", 0)
    monkeypatch.setattr(experiment, "local_cluster", lambda workers: contextlib.nullcontext(client))
    write_grid(kit_in_process)
    return client


@pytest.fixture(scope="module")
def dask(tmp_path_factory, cache):
    """A Dask scheduler, its address, a stub kit, and a function that starts the only worker or finds it."""
    kit, started = make_stub_kit(tmp_path_factory.mktemp("dask") / "kit", cache), []
    file, here = kit / "scheduler.json", ["--host", "127.0.0.1", "--no-dashboard"]
    words = ["scheduler", *here, "--port", "0", "--dashboard-address", "127.0.0.1:0", "--scheduler-file", file]
    process = start(kit, "dask", *words, started=started)
    address = wait_for(lambda: file.exists() and json.loads(file.read_text())["address"], process)
    words = ["worker", address, *here, "--nthreads", "1", "--resources", "GPU=1"]
    worker = functools.cache(lambda: start(kit, "dask", *words, started=started))
    yield SimpleNamespace(process=process, address=address, kit=kit, worker=worker)
    kill([member for process in started for member in tree_of(process)])


@pytest.fixture
def scheduler(dask):
    """The shared scheduler, in whose kit nothing has run yet."""
    shutil.rmtree(runs_of(dask.kit), ignore_errors=True)
    return dask


@pytest.fixture(autouse=True)
def _leave_no_process():
    """Kill what a test has left running."""
    yield
    for process in STARTED:
        kill(tree_of(process))
    STARTED.clear()
