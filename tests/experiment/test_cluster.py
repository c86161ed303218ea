import contextlib
import json
import os
import signal
import sys

import psutil
import pytest
from kits import (
    WAIT_FOREVER,
    act,
    alive,
    at_work,
    finish,
    kill,
    make_kit,
    make_stub_kit,
    recorded,
    runs_of,
    start_batch,
    tree_of,
    wait_for,
    write_grid,
)

from hcegan_lib import cli, data, experiment, paper, train
from hcegan_lib.backend.files import lock_folder
from hcegan_lib.backend.parallel import find_device
from hcegan_lib.experiment import Run, cluster, code_hash, records

# --- with a cluster that only pretends --------------------------------------------------------------------------------


def test_a_failure_is_in_the_manifest_and_the_run_is_tried_again_by_resuming(client, kit_in_process, capsys):
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


def test_if_every_run_fails_there_is_no_table(client, kit_in_process, capsys):
    client.failing = [f"mini-pix2pix-seed{n}" for n in range(3)]
    assert cli.main(["batch", "grid.yaml"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "runs: 3, finished: 0; no table"
    assert not (kit_in_process / "data" / "results").exists()


def test_the_bar_shows_the_finished_runs_and_the_time_left(client, kit_in_process, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert cli.main(["batch", "grid.yaml", "--workers", "1"]) == 0
    shown = capsys.readouterr().err
    assert "2/3 runs" in shown
    assert " left" in shown


def test_a_second_batch_of_the_same_grid_is_refused_while_the_first_is_running(client, kit_in_process, capsys):
    folder = runs_of(kit_in_process)
    with lock_folder(folder, "batch"):
        assert cli.main(["batch", "grid.yaml", "--resume"]) == 2
    assert f"hcegan: another batch is running in {folder}" in capsys.readouterr().err
    assert client.executed == []


def test_a_run_that_kills_its_worker_is_tried_once_more(client, capsys):
    client.deadly = {"mini-pix2pix-seed0": 1, "mini-pix2pix-seed1": 2}
    assert cli.main(["batch", "grid.yaml", "--workers", "1"]) == 1
    out, err = capsys.readouterr()
    assert err == "hcegan: mini-pix2pix-seed1, its worker died twice\n"
    assert [row.split()[1] for row in out.splitlines()[:-1]] == ["ok", "failed", "ok"]
    assert [client.executed.count(f"mini-pix2pix-seed{n}") for n in range(3)] == [2, 2, 1]


def test_sigterm_stops_a_batch_and_keeps_what_is_finished(client, kit_in_process, capsys, monkeypatch):
    client.signaled = {"mini-pix2pix-seed1": signal.SIGTERM}
    before = signal.getsignal(signal.SIGTERM)
    assert cli.main(["batch", "grid.yaml", "--workers", "1"]) == 130
    signal.signal(signal.SIGTERM, before)
    assert "1 of 3 runs are finished" in capsys.readouterr().err
    assert list(recorded(kit_in_process)) == ["mini-pix2pix-seed0"]


def test_a_lost_scheduler_is_told_in_one_line_that_says_how_to_go_on(client, kit_in_process, capsys, monkeypatch):
    monkeypatch.setattr(experiment, "scheduler_at", lambda address: contextlib.nullcontext(client))
    client.lost = "mini-pix2pix-seed2"
    assert cli.main(["batch", "grid.yaml", "--scheduler", "tcp://x:1", "--resources", "GPU=1"]) == 1
    command = "hcegan batch grid.yaml --scheduler tcp://x:1 --resources GPU=1 --resume"
    line = f"hcegan: the scheduler is gone; 2 of 3 runs are finished. Continue with: {command}\n"
    assert capsys.readouterr().err == line
    assert sorted(recorded(kit_in_process)) == ["mini-pix2pix-seed0", "mini-pix2pix-seed1"]


# --- the real notebook ------------------------------------------------------------------------------------------------

MODEL = "SA'+Hinge+BCE"


@pytest.fixture(scope="module")
def resumed(cache, tmp_path_factory):
    """A batch of one run, killed in the middle of it and resumed, with what was seen on the way."""
    kit = make_kit(tmp_path_factory.mktemp("resumed") / "kit", cache)
    write_grid(kit, models=[MODEL], seeds=[0])
    process = start_batch(kit, "grid.yaml", "--workers", "1")
    wait_for((runs_of(kit) / "mini-SAp+Hinge+BCE-seed0" / "log.jsonl").exists, process)
    tree = tree_of(process)
    listening = {c.laddr.ip for p in tree for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    memory = [p.memory_info().rss for p in tree if any("spawn_main" in word for word in p.cmdline())]
    kill(tree)
    assert not (kit / "data" / "results").exists()
    status, out, err = finish(start_batch(kit, "grid.yaml", "--workers", "1", "--resume"))
    seen = {"listening": listening, "memory": memory, "results": kit / "data" / "results"}
    return {"status": status, "out": out, "err": err, **seen}


@pytest.fixture(scope="module")
def trained(cache, tmp_path_factory):
    """The tables of the same run, trained in this process without a batch."""
    folder = tmp_path_factory.mktemp("trained")
    photos = data.load("mini", 64, cache=cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "RUNS", folder / "runs")
        patch.setattr(records, "RESULTS", folder)
        settings = train.config("smoke", data="mini", seed=0, **paper.model(MODEL)._asdict())
        where = records.run_folder("grid", "mini", MODEL, 0)
        fit = train.fit(settings, photos, where, device=find_device("auto"), progress=False)
        records.save_record(where, fit, photos)
        records.collect("grid")
    return folder


@pytest.mark.slow
def test_a_killed_batch_can_be_resumed(resumed):
    assert (resumed["status"], resumed["err"]) == (0, "")
    row, last = resumed["out"].splitlines()
    assert row.split()[:2] == ["mini-SAp+Hinge+BCE-seed0", "ok"]
    assert last == f"runs: 1, finished: 1; {resumed['results'] / 'grid.csv'}"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["grid.csv", "grid-curves.csv"])
def test_a_batch_that_was_killed_and_resumed_has_the_same_table_as_training_without_a_batch(name, resumed, trained):
    assert (resumed["results"] / name).read_bytes() == (trained / name).read_bytes()


@pytest.mark.slow
def test_a_batch_leaves_its_table_curves_pictures_and_manifest(resumed):
    results = resumed["results"]
    assert {path.name for path in results.iterdir()} == {"grid.csv", "grid.json", "grid-curves.csv", "grid-pictures"}
    table = (results / "grid.csv").read_text(encoding="utf-8").splitlines()
    assert len(table) == 1 + 25 * (1 + 2)  # a header; the run, the gray copy and the tint
    manifest = json.loads((results / "grid.json").read_text(encoding="utf-8"))
    assert [(run["model"], run["environment"]["threads"]) for run in manifest["runs"]] == [(MODEL, 1)]
    assert manifest["failed"] == []


@pytest.mark.slow
def test_a_local_batch_listens_on_the_loopback_interface_only(resumed):
    assert resumed["listening"] == {"127.0.0.1"}


@pytest.mark.slow
def test_a_worker_takes_little_memory_because_it_does_not_load_torch(resumed):
    assert resumed["memory"]
    assert max(resumed["memory"]) < 300e6


# --- a stub instead of the notebook -----------------------------------------------------------------------------------

TROUBLE = """
(folder / f"kernel{os.getpid()}").touch()
if seed == 0:
    os.kill(os.getpid(), signal.SIGKILL)
if seed == 1:
    folder = folder.parent / "elsewhere"
    folder.mkdir()
if seed == 2 and len(list(folder.glob("kernel*"))) == 1:
    worker.kill()
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def troubled(tmp_path_factory, cache):
    """A batch of three runs, each with a different problem."""
    kit = make_stub_kit(tmp_path_factory.mktemp("troubled") / "kit", cache, TROUBLE)
    status, out, err = finish(start_batch(kit, "grid.yaml", "--workers", "1"))
    errors = {line.split()[1].strip(","): line for line in err.splitlines()}
    rows = {row.split()[0]: row.split()[1] for row in out.splitlines()[:-1]}
    return {"status": status, "rows": rows, "errors": errors, "runs": runs_of(kit), "last": out.splitlines()[-1]}


@pytest.mark.slow
def test_a_failing_run_does_not_stop_the_others(troubled):
    assert troubled["status"] == 1
    name = "mini-pix2pix-seed"
    assert troubled["rows"] == {f"{name}0": "failed", f"{name}1": "failed", f"{name}2": "ok"}
    assert set(troubled["errors"]) == {f"{name}0", f"{name}1"}
    assert troubled["last"].startswith("runs: 3, finished: 1; ")


@pytest.mark.slow
def test_a_dead_kernel_and_a_missing_record_are_named(troubled):
    errors = troubled["errors"]
    assert errors["mini-pix2pix-seed0"].startswith("hcegan: mini-pix2pix-seed0, cell 3: ")
    assert "DeadKernelError" in errors["mini-pix2pix-seed0"]
    assert errors["mini-pix2pix-seed1"].startswith("hcegan: mini-pix2pix-seed1, there is no record in ")


@pytest.mark.slow
def test_no_kernel_outlives_a_worker_that_dies_and_another_worker_takes_over(troubled):
    kernels = {n: [int(p.name[6:]) for p in troubled["runs"].glob(f"*seed{n}/kernel*")] for n in range(3)}
    assert {n: len(pids) for n, pids in kernels.items()} == {0: 1, 1: 1, 2: 2}
    assert not [pid for pids in kernels.values() for pid in pids if psutil.pid_exists(pid)]


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_ends_every_process_and_says_how_to_continue(stub_kit):
    act(stub_kit, WAIT_FOREVER)
    process = start_batch(stub_kit, "grid.yaml", "--workers", "2")
    wait_for(at_work(stub_kit, 2), process)
    tree = tree_of(process)
    assert len(tree) >= 1 + 2 * 3  # the batch; two workers, each with papermill and a kernel
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to every process of the batch
    status, out, err = finish(process)
    assert (status, out) == (130, "")
    assert "0 of 3 runs are finished" in err
    assert err.endswith("hcegan batch grid.yaml --workers 2 --resume\n")
    assert err.count("\n") == 1
    wait_for(lambda: not alive(tree))
    assert not (stub_kit / "data" / "results").exists()
    assert not list(runs_of(stub_kit).glob("*/error.txt"))  # nothing has failed


# --- a scheduler with one worker, shared by the tests below -----------------------------------------------------------


@pytest.mark.slow
def test_a_batch_waits_for_workers_and_if_it_is_killed_they_end_its_runs(scheduler):
    act(scheduler.kit, WAIT_FOREVER)
    options = ["--scheduler", scheduler.address, "--resources", "GPU=1"]
    process = start_batch(scheduler.kit, "grid.yaml", *options)
    assert process.stderr.readline() == f"hcegan: no worker of {scheduler.address} has taken a run yet; waiting\n"
    worker = scheduler.worker()
    wait_for(at_work(scheduler.kit, 1), process)
    tree = worker.children(recursive=True)
    assert kernels_among(tree)
    process.kill()
    finish(process)
    wait_for(lambda: not kernels_among(tree))
    assert worker.poll() is None


def run_until(scheduler, stop):
    """Begin a run that waits forever, call `stop`, check that the run ends, and return why it has been stopped."""
    act(scheduler.kit, WAIT_FOREVER)
    parameters = {"profile": "smoke", "grid": "grid", "model": "pix2pix", "data": "mini", "seed": 0}
    run = Run(runs_of(scheduler.kit) / "mini-pix2pix-seed0", parameters, {"code": code_hash()}, steps=4)
    worker, tree = scheduler.worker(), []

    def watch():
        if not tree and at_work(scheduler.kit, 1)():
            tree.extend(worker.children(recursive=True))
            stop()

    with cluster.scheduler_at(scheduler.address) as client, pytest.raises((KeyboardInterrupt, ConnectionError)) as why:
        list(cluster.run_all(client, [run], watch=watch))
    assert tree
    wait_for(lambda: not kernels_among(tree))
    return why


@pytest.mark.slow
def test_if_a_batch_is_stopped_a_worker_ends_its_run_and_lives_on(scheduler, monkeypatch):
    monkeypatch.setattr(cluster, "KIT_ROOT", scheduler.kit)

    def interrupt():
        raise KeyboardInterrupt

    assert run_until(scheduler, interrupt).type is KeyboardInterrupt
    assert scheduler.worker().poll() is None


@pytest.mark.slow
def test_if_the_scheduler_is_gone_a_batch_ends_and_so_does_its_run(scheduler, monkeypatch):
    monkeypatch.setattr(cluster, "KIT_ROOT", scheduler.kit)
    why = run_until(scheduler, lambda: kill(tree_of(scheduler.process)))
    assert str(why.value) == "the scheduler is gone"


def kernels_among(processes):
    """Runs and kernels that are alive."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            line = " ".join(process.cmdline())
            found += [process] if "ipykernel" in line or "hcegan_lib.experiment.worker" in line else []
    return alive(found)
