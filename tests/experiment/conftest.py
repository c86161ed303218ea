import contextlib
import json

import pytest
from kits import STARTED, kill, link_photos, make_kit, make_stub_kit, start, tree_of, wait_for, write_grid
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
def kit(tmp_path, cache):
    """A copy of the kit."""
    return make_kit(tmp_path / "kit", cache)


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


@pytest.fixture
def scheduler(tmp_path):
    """A Dask scheduler without workers, and its address."""
    file = tmp_path / "scheduler.json"
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    process = start(tmp_path, "dask", "scheduler", *words, "--scheduler-file", file)
    return process, wait_for(lambda: file.exists() and json.loads(file.read_text())["address"], process)


@pytest.fixture(autouse=True)
def _leave_no_process():
    """Kill what a test has left running."""
    yield
    for process in STARTED:
        kill(tree_of(process))
    STARTED.clear()
