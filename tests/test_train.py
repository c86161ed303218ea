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

import pandas as pd
import pytest
import torch
from PIL import Image
from torch.optim import Adam

from benchmarks.plain import plain_step
from hcegan_lib import data, train
from hcegan_lib.backend import parallel
from hcegan_lib.losses import LOSSES, AdversarialLoss
from hcegan_lib.train import CheckpointError, NonFiniteLossError, TrainConfig

TINY = replace(
    train.config("smoke"), gamma_init="normal", loss="hinge_bce", epochs=3, batch_size=26, checkpoint_every=5
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return data.load("mini", TINY.image_size, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def unbroken(photos, tmp_path_factory):
    """Train 18 steps without a stop: what every stopped and resumed run must end with."""
    return train.fit(TINY, photos, tmp_path_factory.mktemp("unbroken"), progress=False)


def assert_same_run(a, b):
    for name, value in a.generator.state_dict().items():
        assert torch.equal(value, b.generator.state_dict()[name]), name
    columns = ["step", "d_loss", "g_loss", "l1", "real", "fake", "gain"]
    pd.testing.assert_frame_equal(a.log[columns], b.log[columns], check_exact=True)


# --- settings


def test_the_paper_profile_is_the_papers_settings():
    paper = train.config("paper")
    assert (paper.image_size, paper.base_channels, paper.epochs, paper.batch_size) == (256, 64, 200, 1)
    assert (paper.learning_rate, paper.l1_weight, paper.attend_max_positions) == (2e-4, 100, None)
    assert train.BETAS == (0.5, 0.999)


@pytest.mark.parametrize(
    ("profile", "changes", "message"),
    [
        ("tuor", {}, "profile must be one of smoke, tour, laptop, paper, got 'tuor'"),
        ("tour", {"epoch": 3}, "unknown setting 'epoch'; the settings are gamma_init"),
        ("tour", {"loss": "bse"}, "loss must be one of bce, mse, hinge, hinge_bce, hinge_mse, got 'bse'"),
        ("tour", {"gamma_init": "one"}, "gamma_init must be None or one of zero, normal, uniform, got 'one'"),
        ("tour", {"image_size": 48}, "image_size must be a multiple of 2 \\*\\* depth = 64, got 48"),
        ("tour", {"epochs": 0}, "epochs must be a whole number from 1 to 1000000000, got 0"),
        ("tour", {"epochs": "many"}, "epochs must be a whole number from 1 to 1000000000, got 'many'"),
        ("tour", {"learning_rate": 0.0}, "learning_rate must be above 0"),
        ("tour", {"learning_rate": float("inf")}, "learning_rate must be above 0 .*, both finite"),
        ("tour", {"learning_rate": float("nan")}, "learning_rate must be above 0 .*, both finite"),
        ("tour", {"l1_weight": float("inf")}, "l1_weight at least 0, both finite"),
        ("tour", {"l1_weight": float("nan")}, "l1_weight at least 0, both finite"),
        ("tour", {"depth": 10**9}, "depth must be a whole number from 1 to 14, got 1000000000"),
        ("tour", {"base_channels": 10**18}, "base_channels must be a whole number from 1 to 4096, got 10"),
        ("tour", {"attend_max_positions": 0}, "attend_max_positions must be a whole number from 1 to 268435456, got 0"),
        ("tour", {"attend_max_positions": 0.5}, "attend_max_positions must be a whole number from 1 .*, got 0.5"),
        ("tour", {"epochs": None}, "epochs must be a whole number from 1 to 1000000000, got None"),
        ("tour", {"seed": -1}, "seed must be a whole number from 0 to 4294967295, got -1"),
        ("tour", {"seed": 10**13}, "seed must be a whole number from 0 to 4294967295, got 10"),
        ("tour", {"seed": 0.5}, "seed must be a whole number from 0 to 4294967295, got 0.5"),
        ("tour", {"precision": "float16"}, "precision must be one of float32, bfloat16, got 'float16'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(profile, changes, message):
    with pytest.raises(ValueError, match=message):
        train.config(profile, **changes)


# --- one step


def step_by_hand(networks, gray, color, *, l1_weight):
    """Write out one pix2pix step in the plainest way, with PyTorch's own losses and gradients taken apart."""
    generator, discriminator = networks
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    rendered = generator(gray)
    real = discriminator(torch.cat([gray, color], 1))
    fake = discriminator(torch.cat([gray, rendered.detach()], 1))
    d_loss = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
    moved = torch.autograd.grad(d_loss, list(discriminator.parameters()))
    optimizer = torch.optim.SGD(discriminator.parameters(), lr=1e-2)
    for parameter, gradient in zip(discriminator.parameters(), moved):
        parameter.grad = gradient
    optimizer.step()
    fake = discriminator(torch.cat([gray, rendered], 1))
    l1 = torch.nn.functional.l1_loss(2 * rendered - 1, 2 * color - 1)
    gradients = torch.autograd.grad(bce(fake, torch.ones_like(fake)) + l1_weight * l1, list(generator.parameters()))
    optimizer = torch.optim.SGD(generator.parameters(), lr=1e-2)
    for parameter, gradient in zip(generator.parameters(), gradients):
        parameter.grad = gradient
    optimizer.step()
    return d_loss.item(), l1.item()


def test_a_step_is_pix2pixs_step_written_out_by_hand(photos):
    settings = replace(TINY, loss="bce", gamma_init="uniform")
    gray, color = train.batch_of_step(photos.train, settings, 0)
    ours, theirs = train.build(settings), train.build(settings)
    # Plain gradient descent: Adam's first step is the gradient's sign, and the sign of a rounding error is chance.
    optimizers = tuple(torch.optim.SGD(net.parameters(), lr=1e-2) for net in ours)
    with train.seeded_dropout(0, 0, "cpu"):
        row = train.train_step(ours, optimizers, gray, color, loss=LOSSES["bce"], l1_weight=100)
    with train.seeded_dropout(0, 0, "cpu"):
        d_loss, l1 = step_by_hand(theirs, gray, color, l1_weight=100)
    assert row["d_loss"] == pytest.approx(d_loss, rel=1e-5)
    assert row["l1"] == pytest.approx(l1, rel=1e-5)
    for a, b in zip(ours, theirs):
        for (name, mine), other in zip(a.named_parameters(), b.parameters()):
            torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6, msg=name)


def twenty_steps(settings, photos):
    networks = train.build(settings)
    optimizers = tuple(train.adam(network, settings) for network in networks)
    for step in range(20):
        gray, color = train.batch_of_step(photos.train, settings, step)
        row = train.train_step(
            networks, optimizers, gray, color, loss=LOSSES["bce"], l1_weight=100, precision=settings.precision
        )
        yield row["d_loss"], row["g_loss"], row["l1"]


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-3), ("bfloat16", 0.03)])
def test_the_fast_path_has_the_losses_of_the_plain_loop_for_20_steps(precision, tolerance, photos):
    # Five levels: no dropout. The plain loop differs in all that makes ours faster.
    settings = replace(TINY, loss="bce", depth=5, batch_size=4, learning_rate=2e-4)
    ours = torch.tensor(list(twenty_steps(replace(settings, precision=precision), photos)))
    step = plain_step(*train.build(settings))
    theirs = torch.tensor([step(*train.batch_of_step(photos.train, settings, k)) for k in range(20)])
    assert theirs[-1, 2] < 0.8 * theirs[0, 2]  # there is something to follow
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


def test_bfloat16_is_really_coarser_and_leaves_the_weights_in_float32(photos):
    full, half = (
        torch.tensor(list(twenty_steps(replace(TINY, precision=precision), photos))) for precision in train.PRECISIONS
    )
    assert (full - half).abs().max() > 1e-5
    networks = train.build(TINY)
    optimizers = tuple(train.adam(network, TINY) for network in networks)
    pair = train.batch_of_step(photos.train, TINY, 0)
    train.train_step(networks, optimizers, *pair, loss=LOSSES["hinge_bce"], l1_weight=100, precision="bfloat16")
    for network, optimizer in zip(networks, optimizers):
        kept = [*network.parameters(), *(value for state in optimizer.state.values() for value in state.values())]
        assert {value.dtype for value in kept} == {torch.float32}


def test_a_step_leaves_the_discriminator_ready_for_the_next(photos):
    networks = train.build(TINY)
    optimizers = tuple(Adam(net.parameters(), lr=1e-3) for net in networks)
    gray, color = train.batch_of_step(photos.train, TINY, 0)
    train.train_step(networks, optimizers, gray, color, loss=LOSSES["hinge_bce"], l1_weight=100)
    assert all(parameter.requires_grad for parameter in networks[1].parameters())


def test_all_models_start_from_the_same_discriminator_and_convolutions():
    plain, attending = train.build(replace(TINY, gamma_init=None)), train.build(TINY)
    for a, b in zip(plain, attending):
        for name, value in a.state_dict().items():
            assert torch.equal(value, b.state_dict()[name]), name


# --- photographs of a step


def test_an_epoch_shows_every_photograph_once_in_a_new_order(photos):
    settings = replace(TINY, batch_size=12)
    epochs = []
    for epoch in range(2):
        steps = range(13 * epoch, 13 * (epoch + 1))
        batches = [train.batch_of_step(photos.train, settings, step)[1] for step in steps]
        # A mirrored photograph has the same sorted pixels as the photograph.
        epochs.append([tuple(image.mean(dim=(1, 2)).mul(1e4).round().tolist()) for image in torch.cat(batches)])
    assert len(set(epochs[0])) == len(photos.train) == 156
    assert sorted(epochs[0]) == sorted(epochs[1])
    assert epochs[0] != epochs[1]


def test_another_seed_shows_other_photographs_mirrors_others_and_drops_others(photos):
    batches, coins, drops = [], [], []
    for seed in (0, 1):
        batches.append(train.batch_of_step(photos.train, replace(TINY, seed=seed), 0)[1])
        coins.append(torch.rand(50, generator=train.source_of(seed, 0, kind=1)))
        with train.seeded_dropout(seed, 0, "cpu"):
            drops.append(torch.rand(50))
    for first, second in (batches, coins, drops):
        assert not torch.equal(first, second)


def test_gray_and_color_are_mirrored_together_about_half_the_time(photos):
    _, straight = photos.train.batch()
    by_sum = {tuple(image.mean(dim=(1, 2)).mul(1e4).round().tolist()): image for image in straight}
    mirrored = []
    for step in range(6):
        gray, color = train.batch_of_step(photos.train, TINY, step)
        torch.testing.assert_close(gray, train_luma(color))
        keys = [tuple(image.mean(dim=(1, 2)).mul(1e4).round().tolist()) for image in color]
        mirrored += [not torch.equal(by_sum[key], image) for key, image in zip(keys, color)]
    assert 0.3 < sum(mirrored) / len(mirrored) < 0.7


def train_luma(color):
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (color * weights).sum(1, keepdim=True)


def test_dropout_of_a_step_leaves_the_global_generator_as_it_was():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with train.seeded_dropout(0, 7, "cpu"):
        first = torch.rand(3)
    assert torch.equal(torch.rand(3), expected)
    with train.seeded_dropout(0, 7, "cpu"):
        assert torch.equal(torch.rand(3), first)
    with train.seeded_dropout(0, 8, "cpu"):
        assert not torch.equal(torch.rand(3), first)


# --- a run


def test_the_same_seed_gives_bit_equal_weights_and_another_seed_does_not(photos, unbroken, tmp_path):
    assert_same_run(unbroken, train.fit(TINY, photos, tmp_path / "again", progress=False))
    other = train.fit(replace(TINY, seed=1), photos, tmp_path / "other", progress=False)
    assert not torch.equal(other.generator.decoder[0][1].weight, unbroken.generator.decoder[0][1].weight)


def test_training_brings_the_pictures_nearer(photos, tmp_path):
    fit = train.fit(replace(TINY, learning_rate=5e-3, epochs=4), photos, tmp_path, progress=False)
    assert fit.finished
    assert fit.log["l1"].tail(3).mean() < 0.8 * fit.log["l1"].head(3).mean()


@pytest.mark.parametrize("stop_at", [1, 5, 7, 17])
def test_a_run_stopped_at_any_step_and_resumed_is_bit_equal(stop_at, photos, unbroken, tmp_path):
    stopped = train.fit(TINY, photos, tmp_path, progress=False, stop_at=stop_at)
    assert (stopped.step, stopped.finished) == (stop_at, False)
    assert_same_run(unbroken, train.fit(TINY, photos, tmp_path, progress=False))


def test_a_finished_run_is_not_trained_again(photos, unbroken):
    before = (unbroken.folder / "log.jsonl").read_bytes()
    again = train.fit(TINY, photos, unbroken.folder, progress=False)
    assert_same_run(unbroken, again)
    assert (unbroken.folder / "log.jsonl").read_bytes() == before


def test_more_epochs_lengthen_a_finished_run(photos, unbroken, tmp_path):
    train.fit(replace(TINY, epochs=1), photos, tmp_path, progress=False)
    assert_same_run(unbroken, train.fit(TINY, photos, tmp_path, progress=False))


def test_the_log_has_one_row_a_step_and_a_sample_an_epoch(unbroken):
    rows = [json.loads(line) for line in (unbroken.folder / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 19))
    samples = sorted((unbroken.folder / "samples").iterdir())
    assert [path.name for path in samples] == [f"step-{step:08d}.png" for step in (0, 6, 12, 18)]
    with Image.open(samples[-1]) as strip:
        assert strip.size == (TINY.image_size * train.SAMPLES, TINY.image_size)


def test_samples_are_read_back_as_the_rendered_test_photographs(photos, unbroken):
    samples = train.read_samples(unbroken.folder)
    assert list(samples) == [0, 6, 12, 18]
    gray, _ = photos.test.batch(range(train.SAMPLES))
    torch.testing.assert_close(samples[18], train.render(unbroken.generator, gray), rtol=0, atol=1 / 255)


def test_only_the_newest_two_checkpoints_are_kept_and_no_temporary_file(unbroken):
    assert [path.name for path in train.checkpoints(unbroken.folder)] == ["step-00000018.pt", "step-00000015.pt"]
    assert [path for path in unbroken.folder.rglob(".*") if path.is_file() and path.name != ".lock"] == []


KILLED = """
import sys
from hcegan_lib import data, train
from tests.test_train import TINY
train.fit(TINY, data.load("mini", TINY.image_size), sys.argv[1], progress=False)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_run_killed_without_warning_and_resumed_is_bit_equal(photos, unbroken, tmp_path):
    root = Path(train.__file__).parents[1]
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], cwd=root, env=environment)
    log = tmp_path / "log.jsonl"
    while process.poll() is None and not (train.checkpoints(tmp_path) and log.stat().st_size):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run ended before it could be killed"
    with open(log, "a") as half_written:
        half_written.write('{"step": 1')  # what a kill in the middle of a row leaves
    assert_same_run(unbroken, train.fit(TINY, photos, tmp_path, progress=False))


def truncate(path, keep=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def test_a_truncated_checkpoint_falls_back_to_the_one_before_and_says_so(photos, unbroken, tmp_path):
    train.fit(TINY, photos, tmp_path, progress=False, stop_at=12)
    newest, before = train.checkpoints(tmp_path)
    truncate(newest)
    with pytest.warns(UserWarning, match=f"damaged checkpoint {newest.name} .* going on from {before.name}"):
        resumed = train.fit(TINY, photos, tmp_path, progress=False)
    assert_same_run(unbroken, resumed)


def test_a_run_without_a_readable_checkpoint_is_refused_and_kept(photos, tmp_path):
    train.fit(TINY, photos, tmp_path, progress=False, stop_at=3)
    truncate(train.checkpoints(tmp_path)[0], keep=0)
    log = (tmp_path / "log.jsonl").read_bytes()
    with pytest.raises(CheckpointError, match=r"no checkpoint .* can be used: step-00000003.pt .*delete the folder"):
        train.fit(TINY, photos, tmp_path, progress=False)
    assert (tmp_path / "log.jsonl").read_bytes() == log


def test_a_folder_with_other_settings_is_refused_and_named(photos, unbroken):
    with pytest.raises(CheckpointError, match=r"other settings \(learning_rate, seed\)"):
        train.fit(replace(TINY, seed=3, learning_rate=1e-3), photos, unbroken.folder, progress=False)


def test_a_folder_trained_on_other_photographs_is_refused(photos, unbroken):
    with pytest.raises(CheckpointError, match="other settings \\(fingerprint\\)"):
        train.fit(TINY, replace(photos, fingerprint="another"), unbroken.folder, progress=False)


@pytest.mark.parametrize("value", ["inf", "nan"])
def test_a_non_finite_loss_stops_the_run_and_names_the_step(value, photos, tmp_path, monkeypatch):
    calls = []

    def explode(*, real_logits, fake_logits):
        calls.append(1)
        return real_logits.mean() * 0 + (float(value) if len(calls) == 7 else 1)

    monkeypatch.setitem(LOSSES, "hinge_bce", AdversarialLoss(explode, LOSSES["bce"].generator))
    with pytest.raises(NonFiniteLossError, match=f"d_loss became {value} at step 7"):
        train.fit(TINY, photos, tmp_path, progress=False)
    assert [path.name for path in train.checkpoints(tmp_path)] == ["step-00000005.pt"]
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 6


def test_ctrl_c_says_how_to_go_on_and_the_run_ends_as_if_it_had_not_been(photos, unbroken, tmp_path, monkeypatch):
    step_of = train.batch_of_step

    def interrupt(photos, settings, step, device):
        if step == 8:
            raise KeyboardInterrupt
        return step_of(photos, settings, step, device)

    monkeypatch.setattr(train, "batch_of_step", interrupt)
    with pytest.raises(KeyboardInterrupt, match="stopped after step 8 of 18; train again in"):
        train.fit(TINY, photos, tmp_path, progress=False)
    monkeypatch.undo()
    assert_same_run(unbroken, train.fit(TINY, photos, tmp_path, progress=False))


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
        full.setattr(train, "open", opened, raising=False)
        with pytest.raises(OSError, match=r"No space left on device: '.*/step-00000010\.pt'"):
            train.fit(TINY, photos, tmp_path, progress=False)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000005.pt"]
    assert_same_run(unbroken, train.fit(TINY, photos, tmp_path, progress=False))


def test_another_error_of_saving_is_not_hidden(photos, tmp_path, monkeypatch):
    def wrong(state, file):
        raise RuntimeError("cannot save this")

    monkeypatch.setattr(torch, "save", wrong)
    with pytest.raises(RuntimeError, match="cannot save this"):
        train.fit(TINY, photos, tmp_path, progress=False, stop_at=5)


@pytest.mark.parametrize("damage", ["gone", "half", "a line cut", "a line twice", "words", "no text"])
def test_a_log_that_lacks_steps_of_all_checkpoints_is_refused_and_left_as_it_is(damage, photos, unbroken, tmp_path):
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


def test_a_log_that_a_power_cut_made_shorter_goes_on_from_the_checkpoint_that_it_reaches(photos, unbroken, tmp_path):
    folder = shutil.copytree(unbroken.folder, tmp_path / "run")
    lines = (folder / "log.jsonl").read_text().splitlines(keepends=True)
    (folder / "log.jsonl").write_text("".join([*lines[:16], lines[16][:20]]))
    told = r"damaged checkpoint step-00000018\.pt \(the log ends at step 16\) .* going on from step-000000"
    with pytest.warns(UserWarning, match=f"{told}15"):
        train.fit(TINY, photos, folder, progress=False, stop_at=16)
    assert [path.name for path in train.checkpoints(folder)] == ["step-00000016.pt", "step-00000015.pt"]
    assert_same_run(unbroken, train.fit(TINY, photos, folder, progress=False))


def test_the_log_is_on_the_disk_before_its_checkpoint_is(photos, tmp_path, monkeypatch):
    done, fsync, save = [], os.fsync, train.save_checkpoint
    monkeypatch.setattr(os, "fsync", lambda file: done.append(os.fstat(file).st_ino) or fsync(file))
    monkeypatch.setattr(train, "save_checkpoint", lambda *given: done.append("checkpoint") or save(*given))
    train.fit(TINY, photos, tmp_path, progress=False, stop_at=6)
    for place in (place for place, what in enumerate(done) if what == "checkpoint"):
        assert done[place - 1] == (tmp_path / "log.jsonl").stat().st_ino
    assert done.count("checkpoint") == 2
    moved = [path for path in tmp_path.rglob("*.*") if path.is_file() and path.name != ".lock"]
    assert len(moved) == 6
    assert {path.stat().st_ino for path in moved} <= set(done)


def test_a_run_without_its_settings_is_not_taken_for_a_run_of_other_ones(photos, unbroken, tmp_path):
    folder = shutil.copytree(unbroken.folder, tmp_path / "run")
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"has checkpoints or a log and no config\.json; take another folder"):
        train.fit(replace(TINY, seed=7), photos, folder, progress=False)
    assert not (folder / "config.json").exists()


@pytest.mark.parametrize(
    ("name", "told"), [("log.jsonl", "a log and no config"), ("record.json", "a recorded run whose")]
)
def test_a_log_or_record_without_checkpoints_is_not_written_over(name, told, photos, tmp_path):
    (tmp_path / name).write_text("of something else")
    if name == "record.json":
        (tmp_path / "config.json").write_text(json.dumps(asdict(TINY) | {"fingerprint": photos.fingerprint}))
    with pytest.raises(CheckpointError, match=told):
        train.fit(TINY, photos, tmp_path, progress=False)
    assert (tmp_path / name).read_text() == "of something else"


def test_fewer_epochs_than_are_done_are_refused_and_the_settings_stay(photos, unbroken, tmp_path):
    folder = shutil.copytree(unbroken.folder, tmp_path / "run")
    with pytest.raises(CheckpointError, match="holds a run of 18 steps, and 2 epochs have 12; take another folder"):
        train.fit(replace(TINY, epochs=2), photos, folder, progress=False)
    assert json.loads((folder / "config.json").read_text())["epochs"] == 3


def test_what_a_kill_left_is_cleared_away_and_nothing_else(photos, tmp_path):
    left = ["checkpoints/.step-00000005.pt.77", "samples/.step-00000006.png.77", ".config.json.77", ".log.jsonl.77"]
    others = [".mine.77", "checkpoints/.mine.77"]
    for name in (*left, *others):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    train.fit(TINY, photos, tmp_path, progress=False, stop_at=1)
    hidden = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob(".*")}
    assert hidden == {".lock", *others}


@pytest.mark.parametrize("number", train.parallel.NO_LOCKS)
def test_a_file_system_without_locks_is_told_and_trains(number, photos, tmp_path, monkeypatch):
    def none(*given):
        raise OSError(number, "No locks available")

    monkeypatch.setattr("filelock.FileLock.acquire", none)
    with pytest.warns(UserWarning, match=f"{tmp_path} cannot be locked: see to it that no other training is at work"):
        assert train.fit(TINY, photos, tmp_path, progress=False, stop_at=1).step == 1


def test_a_folder_that_may_not_be_written_is_an_error_and_no_file_system_without_locks(photos, tmp_path, monkeypatch):
    def refuse(*given):
        raise PermissionError(errno.EACCES, "Permission denied", "run/.lock")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(PermissionError, match=r"run/\.lock"):
        train.fit(TINY, photos, tmp_path, progress=False, stop_at=1)


def test_a_second_training_in_one_folder_waits_outside(photos, unbroken, tmp_path):
    with parallel.alone(tmp_path, "training"):
        with pytest.raises(ValueError, match=f"another training is at work in {tmp_path}: wait for it, or stop it"):
            train.fit(TINY, photos, tmp_path, progress=False)
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert_same_run(unbroken, train.fit(TINY, photos, tmp_path, progress=False))


@pytest.mark.parametrize("change", ["config.json", "checkpoint", "both"])
def test_a_checkpoint_that_does_not_fit_the_settings_beside_it_is_told(change, photos, unbroken, tmp_path):
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
def test_a_full_memory_names_the_settings_to_change(error, place, photos, tmp_path, monkeypatch):
    def full(*words, **named):
        raise error

    monkeypatch.setattr(train, place, full)
    with pytest.raises(train.OutOfMemoryError) as told:
        train.fit(TINY, photos, tmp_path, progress=False)
    assert str(told.value) == (
        "training does not fit into the memory of cpu; try one of batch_size=13, attend_max_positions=4096 (attention "
        "on maps of up to 64 x 64 only), precision=bfloat16, base_channels=2"
    )


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_a_checkpoint_that_does_not_fit_into_memory_is_not_taken_for_a_damaged_one(
    error, photos, tmp_path, monkeypatch
):
    def full(*words, **named):
        raise error

    train.fit(TINY, photos, tmp_path, progress=False, stop_at=5)
    with monkeypatch.context() as patched:
        patched.setattr(torch, "load", full)
        with pytest.raises(train.OutOfMemoryError):
            train.fit(TINY, photos, tmp_path, progress=False, stop_at=6)
    assert train.fit(TINY, photos, tmp_path, progress=False, stop_at=6).step == 6


def test_other_errors_of_a_step_are_not_taken_for_a_full_memory(photos, tmp_path, monkeypatch):
    def wrong(*words, **named):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(train, "train_step", wrong)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train.fit(TINY, photos, tmp_path, progress=False)


def test_a_run_from_before_there_was_a_choice_of_precision_goes_on(photos, unbroken, tmp_path):
    train.fit(TINY, photos, tmp_path, progress=False, stop_at=5)
    path = tmp_path / "config.json"
    old = json.loads(path.read_text())
    del old["precision"]
    path.write_text(json.dumps(old))
    assert_same_run(unbroken, train.fit(TINY, photos, tmp_path, progress=False))


def test_the_bar_of_a_run_is_updated_once_a_second_at_most(photos, tmp_path, monkeypatch):
    shown, plain = [], train.tqdm
    monkeypatch.setattr(train, "tqdm", lambda **words: shown.append(words) or plain(**words))
    train.fit(TINY, photos, tmp_path, stop_at=1)
    assert not shown[0]["disable"]
    assert shown[0]["mininterval"] >= 1  # a notebook keeps each update as messages, and not many thousands of them


def test_both_networks_are_compiled_when_that_is_asked_for(photos, tmp_path, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda network: compiled.append(type(network)))
    train.fit(TINY, photos, tmp_path, progress=False, stop_at=1)
    assert compiled == []
    train.fit(TINY, photos, tmp_path, progress=False, stop_at=2, compiled=True)
    assert compiled == [train.UNetGenerator, train.PatchDiscriminator]


def test_the_fastest_device_is_taken(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert train.find_device("auto") == "cuda"
    assert train.find_device("cpu") == "cpu"
    assert train.find_device("cuda:1") == "cuda:1"
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert train.find_device("auto") == train.find_device("cuda") == "cuda:3"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert train.find_device() == "mps"
    with pytest.raises(ValueError, match="device cuda is not available here; there is mps, cpu"):
        train.find_device("cuda")


def test_the_progress_bar_shows_losses(photos, tmp_path, capsys):
    train.fit(replace(TINY, epochs=1), photos, tmp_path, progress=True)
    assert "l1=" in capsys.readouterr().err


# --- a trained generator


def test_a_generator_is_read_back_as_it_was(photos, unbroken):
    generator, settings = train.load_generator(unbroken.folder)
    gray, _ = photos.test.batch()
    assert settings == TINY
    assert torch.equal(train.render(generator, gray), train.render(unbroken.generator, gray))


def test_rendering_repeats_itself_and_does_not_depend_on_the_other_photographs(photos, unbroken):
    gray, _ = photos.test.batch()
    rendered = train.render(unbroken.generator.train(), gray)
    assert unbroken.generator.training
    assert torch.equal(rendered, train.render(unbroken.generator, gray))
    torch.testing.assert_close(rendered[3:4], train.render(unbroken.generator, gray[3:4]), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(rendered, train.render(unbroken.generator, gray, batch_size=7), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "is not the folder of a run"),
        ({"config.json": "{"}, "cannot be read"),
        ({"config.json": "[]"}, "cannot be read .no settings in it"),
        ({"config.json": "[" * 99999}, "cannot be read"),
        ({"config.json": json.dumps(TrainConfig().__dict__ | {"learning_rate": "fast"})}, "holds no settings of a run"),
        ({"config.json": json.dumps({"fingerprint": ""} | TrainConfig().__dict__)}, "has no checkpoint yet"),
        (
            {"config.json": json.dumps(TrainConfig().__dict__ | {"loss": "bse"})},
            "holds no settings of a run: loss must",
        ),
    ],
)
def test_a_folder_that_holds_no_generator_is_refused(files, message, tmp_path):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(CheckpointError, match=message):
        train.load_generator(tmp_path)
