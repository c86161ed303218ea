"""Two real processes against one process."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pandas as pd
import psutil
import pytest
import torch
import torch.distributed as dist

from hcegan_lib import data, train
from hcegan_lib.backend import checkpoints, parallel
from hcegan_lib.experiment.grid import CHOSEN

# Five levels have no dropout (which each process draws for itself), so that two processes can be held to one.
TINY = replace(
    train.config("smoke"),
    gamma_init="normal",
    loss="hinge_bce",
    depth=5,
    epochs=2,
    batch_size=26,
    learning_rate=2e-4,
    checkpoint_every=4,
)
STEPS = 12
pytestmark = pytest.mark.slow  # starts other processes
TIMEOUT = 600  # seconds until a test gives up waiting
# Starts what torchrun starts, but from a process that has imported everything already: imports take most of the time.
FORK = """
import os, socket, sys
import torch._dynamo, torch.distributed.nn.functional, torchvision.utils
from hcegan_lib import data, train

with socket.socket() as free:
    free.bind(("localhost", 0))
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
for rank in range(2):
    if not os.fork():
        os.environ["RANK"] = str(rank)
        break
else:
    sys.exit(any([os.wait()[1] for rank in range(2)]))
"""
WORKER = """
import json, os, sys
from pathlib import Path
from hcegan_lib import data, train
from hcegan_lib.backend import parallel

settings, folder, cache = json.loads(sys.argv[1])
seen, share = [], parallel.split_batch

def counted(batch):
    seen.append(len(share(batch)))
    return share(batch)

def group_threads():
    names = []
    for path in Path("/proc/self/task").glob("*/comm"):
        try:
            names.append(path.read_text())
        except OSError:
            pass  # it has ended since
    return sum("gloo" in name for name in names)

parallel.split_batch = counted
photos = data.load("mini", settings["image_size"], cache=cache)
with parallel.process_group("cpu"):
    fit = train.fit(train.TrainConfig(**settings), photos, folder, device="cpu", progress=False)
    threads = [group_threads()]
photographs = sum(seen) // 2  # gray and color are shared out one after the other
threads.append(group_threads())
Path(folder, f"seen-{os.environ['RANK']}.json").write_text(json.dumps([os.getpid(), photographs, threads]))
"""


STALE = """
import os, torch
if os.environ["RANK"] == "1":
    load = torch.load

    def stale(path, **named):
        if path.name == "step-00000012.pt":
            raise OSError(116, "Stale file handle")
        return load(path, **named)

    torch.load = stale
"""

BROKEN = """
import faulthandler, os
import torch
import torch.distributed as dist
from hcegan_lib.backend import parallel

faulthandler.dump_traceback_later(60, exit=True)

def train():
    network = parallel.distribute(torch.nn.Linear(2, 2), "cpu")
    for _ in range(1000):
        dist.all_reduce(torch.ones(2), async_op=True)
    raise ArithmeticError

try:
    with parallel.process_group("cpu"):
        train()
except ArithmeticError:
    print("told", flush=True)
print("freed", flush=True)
os._exit(0)  # with work left undone, Python might not shut down well
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def photos(cache):
    return data.load("mini", TINY.image_size, cache=cache)


def start(*command):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def torchrun(*words):
    return start(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *words)


def forked(script, *words):
    """Run a script in two processes."""
    if sys.platform != "linux":  # elsewhere, a forked process may not use all libraries
        return torchrun(str(script), *words)
    script.write_text(FORK + script.read_text())
    return start(sys.executable, str(script), *words)


def kill_all(process):
    """Kill a process and its workers, which may be in sessions of their own and would outlive it."""
    processes = [process, *process.children(recursive=True)]
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    process.communicate()
    assert not psutil.wait_procs(processes, timeout=TIMEOUT)[1]
    return len(processes)


def two_processes(folder, cache, first=""):
    script = folder.parent / "worker.py"
    script.write_text(first + WORKER)
    return forked(script, json.dumps([asdict(TINY), str(folder), str(cache)]))


def ended(process):
    try:
        out, errors = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        kill_all(process)
        raise
    assert process.returncode == 0, errors
    return out


@pytest.fixture(scope="module")
def one_process(photos, tmp_path_factory):
    """Train in one process, with the batch that two processes share."""
    return train.fit(TINY, photos, tmp_path_factory.mktemp("one_process"), device="cpu", progress=False)


@pytest.fixture(scope="module")
def two_processes_run(cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two_processes_run") / "run"
    ended(two_processes(folder, cache))
    return folder


def log_of(folder):
    return pd.read_json(folder / "log.jsonl", lines=True).drop(columns="seconds")


def weights_of(folder):
    return checkpoints.newest_checkpoint(folder)["networks"]


def assert_nearly_the_same_run(folder, fit):
    log = log_of(folder)
    assert list(log["step"]) == list(range(1, STEPS + 1))
    pd.testing.assert_frame_equal(log, fit.log.drop(columns="seconds"), rtol=2e-3, atol=1e-4, check_dtype=False)


def test_two_processes_see_the_photographs_of_one_and_have_its_losses(two_processes_run, one_process):
    counts = [json.loads((two_processes_run / f"seen-{rank}.json").read_text()) for rank in (0, 1)]
    assert counts[0][0] != counts[1][0]  # really two processes
    assert [count[1] for count in counts] == [STEPS * 13, STEPS * 13]
    assert_nearly_the_same_run(two_processes_run, one_process)


@pytest.mark.skipif(sys.platform != "linux", reason="names of threads are read from /proc")
def test_no_thread_of_the_group_outlives_it(two_processes_run):
    """One that is at work while Python shuts down would abort the process, now and then."""
    for rank in (0, 1):
        during, after = json.loads((two_processes_run / f"seen-{rank}.json").read_text())[2]
        assert during > 0
        assert after == 0


def test_an_error_while_the_groups_threads_work_is_reported_and_ends_the_process(tmp_path):
    """The error holds the networks: freed with it, they must not wait for threads that wait for Python."""
    (tmp_path / "worker.py").write_text(BROKEN)
    out = ended(forked(tmp_path / "worker.py"))
    assert (out.count("told"), out.count("freed")) == (2, 2)


def test_two_processes_move_the_running_averages_as_one_does(two_processes_run, one_process):
    generator = weights_of(two_processes_run)[0]
    averages = [name for name in generator if "running" in name or "num_batches" in name]
    assert len(averages) == 3 * 7
    for name in averages:
        expected = one_process.generator.state_dict()[name]
        torch.testing.assert_close(generator[name], expected, rtol=0.02, atol=1e-3, msg=name)


def test_only_the_first_process_writes(two_processes_run):
    names = {path.name for path in two_processes_run.iterdir()} - {".lock"}
    assert names == {"config.json", "log.jsonl", "samples", "checkpoints", "seen-0.json", "seen-1.json"}
    assert len(list((two_processes_run / "samples").iterdir())) == TINY.epochs + 1


@pytest.fixture(scope="module")
def killed(cache, tmp_path_factory):
    """Kill two processes after their first checkpoint."""
    folder = tmp_path_factory.mktemp("killed") / "run"
    process = two_processes(folder, cache)
    deadline = time.monotonic() + TIMEOUT
    while not checkpoints.list_checkpoints(folder) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert kill_all(process) >= 3  # two workers and what started them
    assert not list(folder.glob("seen-*.json")), "they ended before they could be killed"
    assert checkpoints.list_checkpoints(folder), "it was killed before its first checkpoint"
    for path in checkpoints.list_checkpoints(folder)[:-1]:
        path.unlink()  # however late the kill came, there is a part to do again
    return folder


def test_two_killed_processes_are_resumed_by_two_and_the_run_is_bit_equal(killed, two_processes_run, cache, tmp_path):
    folder = shutil.copytree(killed, tmp_path / "run")
    ended(two_processes(folder, cache))
    pd.testing.assert_frame_equal(log_of(folder), log_of(two_processes_run), check_exact=True)
    for ours, theirs in zip(weights_of(folder), weights_of(two_processes_run)):
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_run_of_two_processes_is_resumed_by_one(killed, one_process, photos, tmp_path):
    folder = shutil.copytree(killed, tmp_path / "run")
    fit = train.fit(TINY, photos, folder, device="cpu", progress=False)
    assert fit.finished
    assert_nearly_the_same_run(folder, one_process)


def test_the_command_resumes_with_two_processes_what_one_began(one_process, tmp_path):
    folder = shutil.copytree(one_process.folder, tmp_path / "run")
    (folder / "checkpoints" / "step-00000012.pt").unlink()
    log = folder / "log.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:8]))
    settings = [f"--set={name}={value}" for name, value in asdict(TINY).items() if name not in CHOSEN]
    words = ["train", "--model", "SA'+Hinge+BCE", "--run", str(folder), *settings]
    script = tmp_path / "command.py"  # torchrun takes --run for one of its own
    script.write_text(f"import sys\nfrom hcegan_lib.cli import main\nsys.exit(main({words}))\n")
    out = ended(torchrun(str(script)))
    assert_nearly_the_same_run(folder, one_process)
    assert out.count("means over 25 test photographs") == 1
    assert (folder / "record.json").exists()


def test_processes_that_read_different_checkpoints_do_not_train(one_process, cache, tmp_path):
    """As on a shared disk whose newest file one machine does not see yet."""
    folder = shutil.copytree(one_process.folder, tmp_path / "run")
    before = (folder / "log.jsonl").read_bytes()
    process = two_processes(folder, cache, first=STALE)
    errors = process.communicate(timeout=TIMEOUT)[1]
    assert process.returncode != 0
    assert (
        errors.count(f"CheckpointError: not all processes can read the newest checkpoint in {folder}: try again") == 2
    )
    assert (folder / "log.jsonl").read_bytes() == before
    assert [path.name for path in checkpoints.list_checkpoints(folder)] == ["step-00000012.pt", "step-00000008.pt"]


@pytest.mark.parametrize(("device", "backend", "bound"), [("cuda:1", "nccl", "cuda:1"), ("cpu", "gloo", None)])
def test_a_group_of_gpus_is_bound_to_the_gpu_of_its_process(device, backend, bound, monkeypatch):
    joined = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "set_device", joined.append)
    monkeypatch.setattr(dist, "init_process_group", lambda kind, device_id: joined.extend([kind, device_id]))
    monkeypatch.setattr(dist, "destroy_process_group", lambda: None)
    with parallel.process_group(device):
        assert joined[-2:] == [backend, bound and torch.device(bound)]
    assert joined[:-2] == ([device] if bound else [])


def test_a_batch_that_cannot_be_split_evenly_is_refused(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "world_size", lambda: 3)
    with pytest.raises(ValueError, match="batch_size must be a multiple of the 3 processes, got 26"):
        train.fit(TINY, photos, tmp_path / "run", device="cpu", progress=False)
    assert not (tmp_path / "run").exists()


def test_shares_add_up_to_the_batch(monkeypatch):
    monkeypatch.setattr(parallel, "world_size", lambda: 3)
    batch, pieces = torch.arange(6), []
    for rank in range(3):
        monkeypatch.setattr(parallel, "rank", lambda rank=rank: rank)
        pieces.append(parallel.split_batch(batch))
    assert [len(piece) for piece in pieces] == [2, 2, 2]
    assert torch.equal(torch.cat(pieces), batch)
