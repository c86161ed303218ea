import copy
import errno
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch.utils._pytree import tree_map_only

from hcegan_lib import models, train
from hcegan_lib.backend import checkpoints, files
from hcegan_lib.backend.checkpoints import CheckpointError
from hcegan_lib.backend.memory import OutOfMemoryError
from tests.tiny import TINY, assert_same_run


def test_samples_are_read_back_as_the_rendered_test_photographs(photos, unbroken):
    samples = checkpoints.read_samples(unbroken.folder)
    assert list(samples) == [0, 6, 12, 18]
    gray, _ = photos.test.batch(checkpoints.sampled(len(photos.test)))
    torch.testing.assert_close(samples[18], models.render(unbroken.generator, gray), rtol=0, atol=1 / 255)


def test_only_the_newest_two_checkpoints_are_kept_and_no_temporary_file(unbroken):
    assert [path.name for path in checkpoints.list_checkpoints(unbroken.folder)] == [
        "step-00000018.pt",
        "step-00000015.pt",
    ]
    assert [path for path in unbroken.folder.rglob(".*") if path.is_file() and path.name != ".lock"] == []


KILLED = """
import sys
from hcegan_lib import data, train
from tests.tiny import TINY
train.fit(TINY, data.load("mini", TINY.image_size), sys.argv[1], progress=False)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_run_killed_without_warning_and_resumed_is_bit_equal(photos, unbroken, tmp_path):
    root = Path(train.__file__).parents[1]
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], cwd=root, env=environment)
    log = tmp_path / "log.jsonl"
    while process.poll() is None and not (checkpoints.list_checkpoints(tmp_path) and log.stat().st_size):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run ended before it could be killed"
    with open(log, "a") as half_written:
        half_written.write('{"step": 1')  # what a kill in the middle of a row leaves
    assert_same_run(unbroken, train.fit(TINY, photos, tmp_path, progress=False))


def truncate(path, keep=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def test_a_full_disk_keeps_the_checkpoint_that_was_there(photos, unbroken, tmp_path, monkeypatch):
    train.fit(TINY, photos, tmp_path, progress=False, stop_at=5)

    class FullDisk(io.FileIO):
        """Has room for a block. Of what it raises, torch makes an error of its own."""

        def write(self, block):
            if self.tell() > 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(block)

    def opened(path, mode, **named):
        return FullDisk(path, mode) if mode == "wb" else open(path, mode, **named)

    with monkeypatch.context() as full:
        full.setattr(checkpoints, "open", opened, raising=False)
        with pytest.raises(OSError, match=r"No space left on device; make room and .* '.*/step-00000010\.pt'"):
            train.fit(TINY, photos, tmp_path, progress=False)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000005.pt"]
    assert_same_run(unbroken, train.fit(TINY, photos, tmp_path, progress=False))


def test_other_errors_of_saving_are_not_hidden(photos, tmp_path, monkeypatch):
    def wrong(state, file):
        raise RuntimeError("cannot save this")

    monkeypatch.setattr(torch, "save", wrong)
    with pytest.raises(RuntimeError, match="cannot save this"):
        train.fit(TINY, photos, tmp_path, progress=False, stop_at=5)


@pytest.mark.parametrize("damage", ["gone", "half", "a line cut", "a line twice", "words", "no text"])
def test_a_log_shorter_than_all_checkpoints_is_refused_and_not_changed(damage, photos, unbroken, tmp_path):
    """As where two trainings have been at work in one folder: half a curve would be recorded as the whole one."""
    folder = shutil.copytree(unbroken.folder, tmp_path / "run")
    log = folder / "log.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    damaged = {"half": lines[:9], "a line cut": [*lines[:9], lines[9][:20]], "a line twice": lines[:1] + lines[:17]}
    log.write_text("".join(damaged.get(damage, ["[]\n"] * 18)))
    if damage == "no text":
        log.write_bytes(b"\xff" * 3000)
    if damage == "gone":
        log.unlink()
    before = log.read_bytes() if log.exists() else None
    told = r"no checkpoint in .* can be used: step-00000018.pt \(the log ends at step \d+\), step-.*; delete the folder"
    with pytest.raises(CheckpointError, match=told):
        train.fit(TINY, photos, folder, progress=False)
    assert (log.read_bytes() if log.exists() else None) == before


def test_a_log_cut_short_resumes_from_the_newest_checkpoint_it_covers(photos, unbroken, tmp_path):
    folder = shutil.copytree(unbroken.folder, tmp_path / "run")
    lines = (folder / "log.jsonl").read_text().splitlines(keepends=True)
    (folder / "log.jsonl").write_text("".join([*lines[:16], lines[16][:20]]))
    told = r"damaged checkpoint step-00000018\.pt \(the log ends at step 16\) .* resuming from step-000000"
    with pytest.warns(UserWarning, match=f"{told}15"):
        train.fit(TINY, photos, folder, progress=False, stop_at=16)
    assert [path.name for path in checkpoints.list_checkpoints(folder)] == ["step-00000016.pt", "step-00000015.pt"]
    assert_same_run(unbroken, train.fit(TINY, photos, folder, progress=False))


def test_the_log_is_on_disk_before_its_checkpoint(photos, tmp_path, monkeypatch):
    done, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: done.append(os.fstat(file).st_ino) or fsync(file))
    train.fit(TINY, photos, tmp_path, progress=False, stop_at=6)
    log, found = (tmp_path / "log.jsonl").stat().st_ino, checkpoints.list_checkpoints(tmp_path)
    assert len(found) == 2
    for path in found:
        assert done[done.index(path.stat().st_ino) - 1] == log
    moved = [path for path in tmp_path.rglob("*.*") if path.is_file() and path.name != ".lock"]
    assert len(moved) == 6
    assert {path.stat().st_ino for path in moved} <= set(done)


def test_a_run_without_its_config_is_refused(photos, unbroken, tmp_path):
    folder = shutil.copytree(unbroken.folder, tmp_path / "run")
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"has checkpoints or a log but no config\.json; choose another folder"):
        train.fit(replace(TINY, seed=7), photos, folder, progress=False)
    assert not (folder / "config.json").exists()


@pytest.mark.parametrize(
    ("name", "told"), [("log.jsonl", "a log but no config"), ("record.json", "a recorded run without")]
)
def test_a_log_or_record_without_checkpoints_is_not_overwritten(name, told, photos, tmp_path):
    (tmp_path / name).write_text("of something else")
    if name == "record.json":
        (tmp_path / "config.json").write_text(json.dumps(asdict(TINY) | {"fingerprint": photos.fingerprint}))
    with pytest.raises(CheckpointError, match=told):
        train.fit(TINY, photos, tmp_path, progress=False)
    assert (tmp_path / name).read_text() == "of something else"


def test_fewer_epochs_than_done_are_refused_and_the_config_is_kept(photos, tmp_path):
    settings = replace(TINY, epochs=2, decay_from=1.0)
    train.fit(settings, photos, tmp_path, progress=False)
    with pytest.raises(CheckpointError, match="holds a run of 12 steps, but 1 epochs have 6; choose another folder"):
        train.fit(replace(settings, epochs=1), photos, tmp_path, progress=False)
    assert json.loads((tmp_path / "config.json").read_text())["epochs"] == 2


def test_only_temporary_files_of_a_killed_process_are_deleted(photos, tmp_path):
    left = ["checkpoints/.step-00000005.pt.77", "samples/.step-00000006.png.77", ".config.json.77", ".log.jsonl.77"]
    others = [".mine.77", "checkpoints/.mine.77"]
    for name in (*left, *others):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    train.fit(TINY, photos, tmp_path, progress=False, stop_at=1)
    hidden = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob(".*")}
    assert hidden == {".lock", *others}


@pytest.mark.parametrize("number", files.NO_LOCKS)
def test_a_file_system_without_locks_gives_a_warning_and_trains(number, photos, tmp_path, monkeypatch):
    def none(*given):
        raise OSError(number, "No locks available")

    monkeypatch.setattr("filelock.FileLock.acquire", none)
    with pytest.warns(UserWarning, match=f"{tmp_path} cannot be locked: make sure no other training is running"):
        assert train.fit(TINY, photos, tmp_path, progress=False, stop_at=1).step == 1


def test_a_read_only_folder_is_an_error(photos, tmp_path, monkeypatch):
    def refuse(*given):
        raise PermissionError(errno.EACCES, "Permission denied", "run/.lock")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(PermissionError, match=r"run/\.lock"):
        train.fit(TINY, photos, tmp_path, progress=False, stop_at=1)


def test_a_second_training_process_in_one_folder_is_refused(photos, unbroken, tmp_path):
    with files.lock_folder(tmp_path, "training"):
        with pytest.raises(ValueError, match=f"another training is running in {tmp_path}: wait for it or stop it"):
            train.fit(TINY, photos, tmp_path, progress=False)
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert_same_run(unbroken, train.fit(TINY, photos, tmp_path, progress=False))


@pytest.mark.parametrize("change", ["config.json", "checkpoint", "both"])
def test_a_checkpoint_that_does_not_fit_its_config_is_explained(change, photos, unbroken, tmp_path):
    folder, settings = shutil.copytree(unbroken.folder, tmp_path / "run"), TINY
    if change == "config.json":
        settings = replace(TINY, base_channels=8)
        saved = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(saved | {"base_channels": 8}))
    for path in (folder / "checkpoints").iterdir():
        if change == "checkpoint":
            torch.save([1, 2], path)
        if change == "both":
            torch.save({"step": 18, "networks": [], "optimizers": []}, path)
    with pytest.raises(CheckpointError, match=r"the checkpoint in .* does not fit its config\.json: one was changed"):
        train.fit(settings, photos, folder, progress=False)
    with pytest.raises(CheckpointError, match=r"does not fit its config\.json"):
        train.load_generator(folder)


@pytest.mark.parametrize("place", ["build", "resume", "train_step"])
@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried to"),
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 16.00 GiB"),
    ],
)
def test_out_of_memory_names_the_settings_to_change(error, place, photos, tmp_path, monkeypatch):
    def full(*words, **named):
        raise error

    monkeypatch.setattr(checkpoints if place == "resume" else train, place, full)
    with pytest.raises(OutOfMemoryError) as told:
        train.fit(TINY, photos, tmp_path, progress=False)
    assert str(told.value) == (
        "training does not fit into the memory of cpu; try one of batch_size=13, attend_max_positions=4096 (attention "
        "on maps of up to 64 x 64 only), precision=bfloat16, base_channels=2"
    )


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_a_checkpoint_that_does_not_fit_into_memory_is_not_called_damaged(error, photos, tmp_path, monkeypatch):
    def full(*words, **named):
        raise error

    train.fit(TINY, photos, tmp_path, progress=False, stop_at=5)
    with monkeypatch.context() as patched:
        patched.setattr(torch, "load", full)
        with pytest.raises(OutOfMemoryError):
            train.fit(TINY, photos, tmp_path, progress=False, stop_at=6)
    assert train.fit(TINY, photos, tmp_path, progress=False, stop_at=6).step == 6


def test_other_errors_of_a_step_are_not_called_out_of_memory(photos, tmp_path, monkeypatch):
    def wrong(*words, **named):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(train, "train_step", wrong)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train.fit(TINY, photos, tmp_path, progress=False)


def test_a_run_made_before_some_settings_existed_is_resumed_and_read(photos, tmp_path):
    settings = replace(TINY, decay_from=1.0, epochs=2)
    unbroken = train.fit(settings, photos, tmp_path / "unbroken", progress=False)
    train.fit(settings, photos, tmp_path / "old", progress=False, stop_at=5)
    path = tmp_path / "old" / "config.json"
    saved = json.loads(path.read_text())
    path.write_text(json.dumps({name: saved[name] for name in set(saved) - {"precision", "decay_from", "head"}}))
    assert train.load_generator(tmp_path / "old")[1].head == "rgb"
    with pytest.raises(CheckpointError, match=r"other settings \(decay_from\)"):
        train.fit(replace(settings, decay_from=0.5), photos, tmp_path / "old", progress=False)
    assert_same_run(unbroken, train.fit(settings, photos, tmp_path / "old", progress=False))


LAYOUTS = (torch.contiguous_format, torch.channels_last)


def change_checkpoint(folder, change):
    """Apply `change` to every tensor of a run's newest checkpoint."""
    path = checkpoints.list_checkpoints(folder)[0]
    state = tree_map_only(torch.Tensor, change, torch.load(path, weights_only=True))
    torch.save(state, path)


@pytest.mark.parametrize(("here", "there"), [LAYOUTS, LAYOUTS[::-1]])
def test_a_run_resumed_with_another_memory_layout_is_bit_equal(here, there, photos, tmp_path, monkeypatch):
    """As from a CPU to a GPU and back: a checkpoint keeps the layout of the device that wrote it."""
    settings, build = replace(TINY, epochs=1), train.build
    monkeypatch.setattr(train, "build", lambda *given: tuple(part.to(memory_format=here) for part in build(*given)))
    unbroken = train.fit(settings, photos, tmp_path / "unbroken", progress=False)
    train.fit(settings, photos, tmp_path / "moved", progress=False, stop_at=3)
    change_checkpoint(tmp_path / "moved", lambda x: x.contiguous(memory_format=there) if x.ndim == 4 else x)
    assert_same_run(unbroken, train.fit(settings, photos, tmp_path / "moved", progress=False))


@pytest.mark.parametrize("fused", [True, False])
def test_an_optimizer_keeps_its_own_kernel_and_rate_when_it_is_restored(fused):
    layers = [torch.nn.Linear(3, 2) for _ in range(2)]
    layers[1].load_state_dict(layers[0].state_dict())
    saved, restored = (
        torch.optim.Adam(x.parameters(), lr=lr, fused=f) for x, lr, f in zip(layers, (1, 2), (not fused, fused))
    )
    for layer, optimizer in zip(layers, (saved, restored)):
        layer(torch.ones(1, 3)).sum().backward()
        if optimizer is saved:
            saved.step()
    checkpoints.load_optimizer(restored, copy.deepcopy(saved.state_dict()))
    assert (restored.param_groups[0]["fused"], restored.param_groups[0]["lr"]) == (fused, 2)
    layers[1].load_state_dict(layers[0].state_dict())
    saved.param_groups[0]["lr"] = 2
    saved.step()
    restored.step()
    torch.testing.assert_close(layers[1].weight, layers[0].weight)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_checkpoint_with_weights_that_are_not_finite_is_refused(value, photos, unbroken, tmp_path):
    folder = shutil.copytree(unbroken.folder, tmp_path / "run")
    change_checkpoint(folder, lambda x: x.index_fill(0, torch.tensor([0]), value) if x.ndim == 4 else x)
    for use in (lambda: train.load_generator(folder), lambda: train.fit(TINY, photos, folder, progress=False)):
        with pytest.raises(CheckpointError, match="weights that are infinite or NaN"):
            use()


def test_a_config_that_asks_for_a_huge_network_is_compared_before_memory_is_taken(unbroken, tmp_path, monkeypatch):
    folder, devices, build = shutil.copytree(unbroken.folder, tmp_path / "run"), set(), train.build
    saved = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(saved | {"base_channels": 4096}))

    def noted(*given):
        built = build(*given)
        devices.update(value.device.type for part in built for value in part.state_dict().values())
        return built

    monkeypatch.setattr(train, "build", noted)
    with pytest.raises(CheckpointError, match=r"does not fit its config\.json"):
        train.load_generator(folder)
    assert devices == {"meta"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"l1": "low"}, "line 7: l1 must be a finite number, got 'low'"),
        ({"seconds": True}, "line 7: seconds must be a finite number, got True"),
        ({"d_loss": float("nan")}, "line 7: d_loss must be a finite number, got nan"),
        ({"real": 10**400}, "line 7: real must be a finite number, got 1000"),
        ({"fake": None}, "line 7: fake must be a finite number, got None"),
        ({"l1": ...}, "line 7: l1 must be a finite number, got 'nothing'"),
        ({"step": float("inf")}, r" can be used: .* \(the log ends at step 6\)"),
    ],
)
def test_a_log_that_was_edited_is_refused_and_named(change, told, photos, unbroken, tmp_path):
    folder = shutil.copytree(unbroken.folder, tmp_path / "run")
    log = folder / "log.jsonl"
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    rows[6] = {name: value for name, value in (rows[6] | change).items() if value is not ...}
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(CheckpointError, match=f"{folder}.*{told}"):
        train.fit(TINY, photos, folder, progress=False)


@pytest.mark.parametrize("step", [float("inf"), float("nan"), -1, 19, "18"])
def test_a_checkpoint_with_an_impossible_step_is_refused(step, photos, unbroken, tmp_path):
    folder = shutil.copytree(unbroken.folder, tmp_path / "run")
    path = checkpoints.list_checkpoints(folder)[0]
    torch.save(torch.load(path, weights_only=True) | {"step": step}, path)
    with pytest.raises(CheckpointError, match=r"does not fit its config\.json"):
        train.fit(TINY, photos, folder, progress=False)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes in folders")
@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("name", ["config.json", "log.jsonl", "checkpoints"])
def test_a_pipe_or_device_among_the_files_of_a_run_is_refused_unread(name, kind, photos, unbroken, tmp_path):
    folder = shutil.copytree(unbroken.folder, tmp_path / "run")
    for path in checkpoints.list_checkpoints(folder) if name == "checkpoints" else [folder / name]:
        path.unlink()
        path.symlink_to("/dev/zero") if kind == "device" else os.mkfifo(path)
    with pytest.raises(CheckpointError, match=f"{folder}.*(not a plain file|ValueError)"):
        train.fit(TINY, photos, folder, progress=False)


def test_a_folder_with_other_files_is_refused_and_left_as_it_is(photos, tmp_path):
    for name in ("thesis.tex", "a.csv", "b.csv", "c.csv", ".hidden"):
        (tmp_path / name).touch()
    with pytest.raises(
        CheckpointError, match=r"holds no run but a\.csv, b\.csv, c\.csv, \.\.\.; choose another folder"
    ):
        train.fit(TINY, photos, tmp_path, progress=False)
    assert len(list(tmp_path.iterdir())) == 5  # no lock file either


def test_a_truncated_checkpoint_falls_back_to_the_one_before_and_says_so(photos, unbroken, tmp_path):
    train.fit(TINY, photos, tmp_path, progress=False, stop_at=12)
    newest, before = checkpoints.list_checkpoints(tmp_path)
    truncate(newest)
    with pytest.warns(UserWarning, match=f"damaged checkpoint {newest.name} .* resuming from {before.name}"):
        resumed = train.fit(TINY, photos, tmp_path, progress=False)
    assert_same_run(unbroken, resumed)


def test_a_run_without_a_readable_checkpoint_is_refused_and_kept(photos, tmp_path):
    train.fit(TINY, photos, tmp_path, progress=False, stop_at=3)
    truncate(checkpoints.list_checkpoints(tmp_path)[0], keep=0)
    log = (tmp_path / "log.jsonl").read_bytes()
    with pytest.raises(CheckpointError, match=r"no checkpoint .* can be used: step-00000003.pt .*delete the folder"):
        train.fit(TINY, photos, tmp_path, progress=False)
    assert (tmp_path / "log.jsonl").read_bytes() == log
