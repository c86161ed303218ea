import contextlib
import json
import os
import shutil
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
    workers_at,
    write_grid,
)

from hcegan_lib import cli
from hcegan_lib.backend.files import lock_folder
from hcegan_lib.experiment import Run, cluster, code_hash

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


# --- the real notebook ------------------------------------------------------------------------------------------------

TWO_MODELS = {"models": ["pix2pix", "SA'+Hinge+BCE"], "seeds": [0]}
TABLES = ("grid.csv", "grid-curves.csv")


@pytest.fixture(scope="module")
def uninterrupted(cache, tmp_path_factory):
    """Two runs on two workers, with the addresses at which their processes listen, and the memory of the workers."""
    kit = make_kit(tmp_path_factory.mktemp("uninterrupted") / "kit", cache)
    write_grid(kit, **TWO_MODELS)
    process = start_batch(kit, "grid.yaml", "--workers", "2")
    wait_for(lambda: len(list(runs_of(kit).glob("*/run.json"))) == 2, process)
    tree = tree_of(process)
    listening = {c.laddr.ip for p in tree for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    memory = [p.memory_info().rss for p in tree if any("spawn_main" in word for word in p.cmdline())]
    status, out, err = finish(process)
    seen = {"listening": listening, "memory": memory, "runs": runs_of(kit), "results": kit / "data" / "results"}
    return {"status": status, "out": out, "err": err, **seen}


@pytest.mark.slow
def test_a_grid_runs_on_two_workers_and_leaves_its_table_and_manifest(uninterrupted):
    assert (uninterrupted["status"], uninterrupted["err"]) == (0, "")
    *rows, last = uninterrupted["out"].splitlines()
    assert sorted(row.split()[0] for row in rows) == ["mini-SAp+Hinge+BCE-seed0", "mini-pix2pix-seed0"]
    assert all(row.split()[1] == "ok" for row in rows)
    results = uninterrupted["results"]
    assert last == f"runs: 2, finished: 2; {results / 'grid.csv'}"
    assert {path.name for path in results.iterdir()} == {"grid.csv", "grid.json", "grid-curves.csv", "grid-pictures"}
    table = (results / "grid.csv").read_text(encoding="utf-8").splitlines()
    assert len(table) == 1 + 25 * (2 + 1)  # a header; two runs and the gray copy
    manifest = json.loads((results / "grid.json").read_text(encoding="utf-8"))
    assert {run["model"] for run in manifest["runs"]} == {"pix2pix", "SA'+Hinge+BCE"}
    assert manifest["failed"] == []
    assert {run["environment"]["threads"] for run in manifest["runs"]} == {1}


@pytest.mark.slow
def test_a_local_batch_listens_on_the_loopback_interface_only(uninterrupted):
    assert uninterrupted["listening"] == {"127.0.0.1"}


@pytest.mark.slow
def test_a_worker_takes_little_memory_because_it_does_not_load_torch(uninterrupted):
    assert len(uninterrupted["memory"]) >= 2
    assert max(uninterrupted["memory"]) < 300e6


@pytest.mark.slow
def test_killed_and_resumed_on_other_workers_it_gives_the_same_table_and_repeats_no_finished_run(
    kit, scheduler, uninterrupted
):
    write_grid(kit, **TWO_MODELS)
    shutil.copytree(uninterrupted["runs"] / "mini-pix2pix-seed0", runs_of(kit) / "mini-pix2pix-seed0")
    before = recorded(kit)
    process = start_batch(kit, "grid.yaml", "--workers", "1", "--resume")
    wait_for((runs_of(kit) / "mini-SAp+Hinge+BCE-seed0" / "log.jsonl").exists, process)
    kill(tree_of(process))
    assert recorded(kit) == before
    assert not (kit / "data" / "results").exists()

    _, address = scheduler
    with workers_at(address, kit):
        options = ["--scheduler", address, "--resources", "GPU=1", "--resume"]
        status, out, err = finish(start_batch(kit, "grid.yaml", *options))
    assert (status, err) == (0, "")
    row, last = out.splitlines()
    assert row.split()[:2] == ["mini-SAp+Hinge+BCE-seed0", "ok"]
    assert last.startswith("runs: 2, finished: 2; ")
    assert recorded(kit) == before | {"mini-SAp+Hinge+BCE-seed0": recorded(kit)["mini-SAp+Hinge+BCE-seed0"]}
    for name in TABLES:
        assert (kit / "data" / "results" / name).read_bytes() == (uninterrupted["results"] / name).read_bytes()


# --- a stub instead of the notebook -----------------------------------------------------------------------------------

TROUBLE = """
(folder / f"kernel{os.getpid()}").touch()
if seed == 0:
    {}["deep"]
if seed == 1:
    os.kill(os.getpid(), signal.SIGKILL)
if seed == 2:
    folder = folder.parent / "elsewhere"
    folder.mkdir()
if seed == 3 and len(list(folder.glob("kernel*"))) == 1:
    worker.kill()
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def troubled(tmp_path_factory, cache):
    """A batch of four runs, each with a different problem."""
    kit = make_stub_kit(tmp_path_factory.mktemp("troubled") / "kit", cache, TROUBLE)
    write_grid(kit, seeds=list(range(4)))
    status, out, err = finish(start_batch(kit, "grid.yaml", "--workers", "2"))
    errors = {line.split()[1].strip(","): line for line in err.splitlines()}
    rows = {row.split()[0]: row.split()[1] for row in out.splitlines()[:-1]}
    return {"status": status, "rows": rows, "errors": errors, "runs": runs_of(kit), "last": out.splitlines()[-1]}


@pytest.mark.slow
def test_a_failing_run_does_not_stop_the_others(troubled):
    assert troubled["status"] == 1
    name = "mini-pix2pix-seed"
    states = {"0": "failed", "1": "failed", "2": "failed", "3": "ok"}
    assert troubled["rows"] == {name + seed: state for seed, state in states.items()}
    assert set(troubled["errors"]) == {name + seed for seed in "012"}
    assert troubled["last"].startswith("runs: 4, finished: 1; ")


@pytest.mark.slow
def test_a_failing_cell_a_dead_kernel_and_a_missing_record_are_named(troubled):
    errors = troubled["errors"]
    assert errors["mini-pix2pix-seed0"] == "hcegan: mini-pix2pix-seed0, cell 3: KeyError: 'deep'"
    assert errors["mini-pix2pix-seed1"].startswith("hcegan: mini-pix2pix-seed1, cell 3: ")
    assert "DeadKernelError" in errors["mini-pix2pix-seed1"]
    assert errors["mini-pix2pix-seed2"].startswith("hcegan: mini-pix2pix-seed2, there is no record in ")


@pytest.mark.slow
def test_no_kernel_outlives_a_worker_that_dies_and_another_worker_takes_over(troubled):
    kernels = {n: [int(p.name[6:]) for p in troubled["runs"].glob(f"*seed{n}/kernel*")] for n in range(4)}
    assert {n: len(pids) for n, pids in kernels.items()} == {0: 1, 1: 1, 2: 1, 3: 2}
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


@pytest.mark.slow
def test_a_batch_ends_if_its_scheduler_is_gone_and_so_do_its_runs(stub_kit, scheduler):
    scheduler_process, address = scheduler
    act(stub_kit, f"if seed: {WAIT_FOREVER}")
    with workers_at(address, stub_kit) as (worker,):
        process = start_batch(stub_kit, "grid.yaml", "--scheduler", address, "--resources", "GPU=1")
        wait_for(at_work(stub_kit, 1), process)
        tree = worker.children(recursive=True)
        kill(tree_of(scheduler_process))
        status, out, err = finish(process)
        assert status == 1
        assert out.startswith("mini-pix2pix-seed0  ok")
        assert list(recorded(stub_kit)) == ["mini-pix2pix-seed0"]
        assert "the scheduler is gone; 1 of 3 runs are finished" in err
        assert err.endswith(f"hcegan batch grid.yaml --scheduler {address} --resources GPU=1 --resume\n")
        wait_for(lambda: not kernels_among(tree))


@pytest.mark.slow
def test_a_batch_waits_for_workers_and_if_it_is_killed_or_stopped_they_end_its_runs(stub_kit, scheduler, monkeypatch):
    _, address = scheduler
    act(stub_kit, WAIT_FOREVER)
    process = start_batch(stub_kit, "grid.yaml", "--scheduler", address)
    assert process.stderr.readline() == f"hcegan: no worker of {address} has taken a run yet; waiting\n"
    with workers_at(address, stub_kit) as (worker,):
        wait_for(at_work(stub_kit, 1), process)
        tree = worker.children(recursive=True)
        assert kernels_among(tree)
        process.kill()
        finish(process)
        wait_for(lambda: not kernels_among(tree))

        folder = runs_of(stub_kit) / "mini-pix2pix-seed0"
        shutil.rmtree(folder)
        parameters = {"profile": "smoke", "grid": "grid", "model": "pix2pix", "data": "mini", "seed": 0}
        run = Run(folder, parameters, {"code": code_hash()}, steps=4)

        def interrupt_at_work():
            if at_work(stub_kit, 1)():
                tree[:] = worker.children(recursive=True)
                raise KeyboardInterrupt

        monkeypatch.setattr(cluster, "KIT_ROOT", stub_kit)
        with cluster.scheduler_at(address) as client, pytest.raises(KeyboardInterrupt):
            list(cluster.run_all(client, [run], watch=interrupt_at_work))
        assert tree
        wait_for(lambda: not kernels_among(tree))
        assert worker.poll() is None


def kernels_among(processes):
    """Runs and kernels that are alive."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            line = " ".join(process.cmdline())
            found += [process] if "ipykernel" in line or "hcegan_lib.experiment.worker" in line else []
    return alive(found)
