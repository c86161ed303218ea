import json
from dataclasses import replace
from itertools import islice
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from torch._subclasses.fake_tensor import FakeTensor
from torch.optim import Adam

from benchmarks.plain import plain_step
from hcegan_lib import models, train
from hcegan_lib.backend import checkpoints, parallel
from hcegan_lib.backend.checkpoints import CheckpointError
from hcegan_lib.losses import LOSSES, AdversarialLoss
from hcegan_lib.train import NonFiniteLossError, TrainConfig
from tests.tiny import TINY, assert_same_run

# --- settings


def test_the_paper_profile_is_the_papers_settings():
    paper = train.config("paper")
    assert (paper.image_size, paper.base_channels, paper.epochs, paper.batch_size) == (256, 64, 200, 1)
    assert (paper.learning_rate, paper.l1_weight, paper.attend_max_positions) == (2e-4, 100, None)
    assert paper.decay_from == 0.5  # 100 epochs at a constant rate, then 100 that fall: pix2pix's own code
    assert train.BETAS == (0.5, 0.999)


@pytest.mark.parametrize(
    ("profile", "changes", "message"),
    [
        ("tuor", {}, "profile must be one of smoke, tour, laptop, paper, got 'tuor'"),
        ("tour", {"epoch": 3}, "unknown setting 'epoch'; the settings are gamma_init"),
        ("tour", {"loss": "bse"}, "loss must be one of bce, mse, hinge, hinge_bce, hinge_mse, none, got 'bse'"),
        ("tour", {"gamma_init": "one"}, "gamma_init must be None or one of zero, normal, uniform, got 'one'"),
        ("tour", {"image_size": 48}, "image_size must be a multiple of 2 \\*\\* depth = 64 and at least 24, got 48"),
        ("tour", {"image_size": 16, "depth": 2}, "image_size must be a multiple of 2 .* = 4 and at least 24, got 16"),
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
        ("tour", {"head": "lab"}, "head must be one of rgb, luma, got 'lab'"),
        ("tour", {"decay_from": 0.0}, "decay_from must be above 0 and at most 1, got 0.0"),
        ("tour", {"decay_from": 1.5}, "decay_from must be above 0 and at most 1, got 1.5"),
        ("tour", {"decay_from": float("nan")}, "decay_from must be above 0 and at most 1, got nan"),
        ("tour", {"precision": "float16"}, "precision must be one of float32, bfloat16, got 'float16'"),
    ],
)
def test_invalid_settings_are_refused(profile, changes, message):
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


def test_a_step_equals_pix2pixs_step_written_by_hand(photos):
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


def test_bfloat16_is_coarser_and_keeps_the_weights_in_float32(photos):
    full, half = (
        torch.tensor(list(islice(twenty_steps(replace(TINY, precision=precision), photos), 3)))
        for precision in train.PRECISIONS
    )
    assert (full - half).abs().max() > 1e-5
    networks = train.build(TINY)
    optimizers = tuple(train.adam(network, TINY) for network in networks)
    pair = train.batch_of_step(photos.train, TINY, 0)
    train.train_step(networks, optimizers, *pair, loss=LOSSES["hinge_bce"], l1_weight=100, precision="bfloat16")
    for network, optimizer in zip(networks, optimizers):
        kept = [*network.parameters(), *(value for state in optimizer.state.values() for value in state.values())]
        assert {value.dtype for value in kept} == {torch.float32}


def test_the_discriminators_weights_get_gradients_from_its_own_loss_only(photos):
    networks, computed = train.build(TINY), []
    optimizers = tuple(train.adam(network, TINY) for network in networks)
    for parameter in networks[1].parameters():
        parameter.register_hook(lambda gradient: computed.append(gradient))
    pair = train.batch_of_step(photos.train, TINY, 0)
    train.train_step(networks, optimizers, *pair, loss=LOSSES["hinge_bce"], l1_weight=100)
    assert len(computed) == len(list(networks[1].parameters()))


def test_a_step_leaves_the_discriminator_ready_for_the_next(photos):
    networks = train.build(TINY)
    optimizers = tuple(Adam(net.parameters(), lr=1e-3) for net in networks)
    gray, color = train.batch_of_step(photos.train, TINY, 0)
    train.train_step(networks, optimizers, gray, color, loss=LOSSES["hinge_bce"], l1_weight=100)
    assert all(parameter.requires_grad for parameter in networks[1].parameters())


def test_without_an_adversarial_loss_only_the_generator_learns_and_its_loss_is_l1(photos):
    networks = train.build(TINY)
    before = [{name: value.clone() for name, value in network.state_dict().items()} for network in networks]
    pair = train.batch_of_step(photos.train, TINY, 0)
    optimizers = tuple(torch.optim.SGD(network.parameters(), lr=1e-2) for network in networks)
    with train.seeded_dropout(0, 0, "cpu"):
        row = train.train_step(networks, optimizers, *pair, loss=None, l1_weight=100)
    assert row == {"d_loss": 0, "g_loss": 0, "l1": row["l1"], "real": 0, "fake": 0, "gain": row["gain"]}
    assert row["l1"] > 0.1
    for name, value in networks[1].state_dict().items():
        assert torch.equal(value, before[1][name]), name  # batch norm's averages too

    alone = train.build(TINY)[0]
    with train.seeded_dropout(0, 0, "cpu"):
        (100 * torch.nn.functional.l1_loss(2 * alone(pair[0]) - 1, 2 * pair[1] - 1)).backward()
    for (name, parameter), learned in zip(alone.named_parameters(), networks[0].parameters()):
        torch.testing.assert_close(learned, parameter - 1e-2 * parameter.grad, rtol=1e-5, atol=1e-7, msg=name)


@pytest.mark.parametrize("precision", train.PRECISIONS)
def test_no_tensor_of_a_step_is_on_the_wrong_device(precision, photos, fake_gpu, monkeypatch):
    settings = replace(TINY, attend_max_positions=None, precision=precision)
    networks, optimizer = train.build(settings), SimpleNamespace(zero_grad=lambda: None, step=lambda: None)
    # What a GPU that is not there cannot do: compute backwards, and send numbers.
    monkeypatch.setattr(torch.Tensor, "backward", lambda x: None)
    monkeypatch.setattr(FakeTensor, "tolist", lambda x: [(x.device.type, x.dtype)] * len(x))
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    with fake_gpu:
        for network in networks:
            network.to("cuda")
        gray, color = train.batch_of_step(photos.train.to("cuda"), settings, 0, "cuda")
        row = train.train_step(
            networks, (optimizer,) * 2, gray, color, loss=LOSSES[settings.loss], l1_weight=100, precision=precision
        )
    assert color.shape == (26, 3, 64, 64)
    assert set(row.values()) == {("cuda", torch.float32)}
    assert len(row) == 6


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


def test_a_different_seed_changes_photographs_mirroring_and_dropout(photos):
    batches, coins, drops = [], [], []
    for seed in (0, 1):
        batches.append(train.batch_of_step(photos.train, replace(TINY, seed=seed), 0)[1])
        coins.append(torch.rand(50, generator=train.random_generator(seed, 0, kind=1)))
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


def test_dropout_restores_the_random_state_of_apples_gpu_too(monkeypatch):
    state = [5]
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda device: list(state))
    monkeypatch.setattr(torch.mps, "set_rng_state", lambda saved, device: state.__setitem__(slice(None), saved))
    with train.seeded_dropout(0, 7, "mps"):
        state[0] = 6
    assert state == [5]


def test_dropout_of_a_step_does_not_change_the_global_generator():
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


# --- learning rate


def test_the_rate_is_constant_and_then_falls_linearly_to_zero():
    settings = replace(TINY, learning_rate=0.2, decay_from=0.6)
    rates = [train.learning_rate_at(settings, step, 10) for step in range(11)]
    assert rates == pytest.approx([0.2] * 7 + [0.15, 0.1, 0.05, 0])  # 0 only after the last step
    constant = replace(settings, decay_from=1.0)
    assert {train.learning_rate_at(constant, step, 10) for step in range(10)} == {0.2}


def test_both_optimizers_step_with_the_rate_of_the_step(photos, tmp_path, monkeypatch):
    used, step = [], train.train_step

    def noted(networks, optimizers, *pair, **words):
        used.append([optimizer.param_groups[0]["lr"] for optimizer in optimizers])
        return step(networks, optimizers, *pair, **words)

    monkeypatch.setattr(train, "train_step", noted)
    train.fit(TINY, photos, tmp_path, progress=False, stop_at=11)
    train.fit(TINY, photos, tmp_path, progress=False)  # the checkpoint holds an older rate
    assert used == [[train.learning_rate_at(TINY, step, 18)] * 2 for step in range(18)]
    assert used[-1][0] == pytest.approx(TINY.learning_rate / 9)


# --- a run


def test_the_same_seed_gives_bit_equal_weights_and_another_seed_does_not(photos, unbroken, tmp_path):
    assert_same_run(unbroken, train.fit(TINY, photos, tmp_path / "again", progress=False))
    other = train.fit(replace(TINY, seed=1), photos, tmp_path / "other", progress=False)
    assert not torch.equal(other.generator.decoder[0][1].weight, unbroken.generator.decoder[0][1].weight)


def test_training_reduces_the_l1_distance(photos, tmp_path):
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


def test_more_epochs_lengthen_a_finished_run_at_a_constant_rate(photos, tmp_path):
    settings = replace(TINY, decay_from=1.0)
    train.fit(replace(settings, epochs=1), photos, tmp_path / "lengthened", progress=False)
    longer = train.fit(settings, photos, tmp_path / "lengthened", progress=False)
    assert_same_run(train.fit(settings, photos, tmp_path / "at once", progress=False), longer)


def test_a_run_whose_rate_falls_is_not_lengthened(photos, unbroken):
    with pytest.raises(CheckpointError, match=r"other settings \(epochs\); choose another folder"):
        train.fit(replace(TINY, epochs=4), photos, unbroken.folder, progress=False)


def test_l1_alone_trains_from_start_to_end_and_resumes(photos, tmp_path):
    settings = replace(TINY, loss="none", epochs=1)
    unbroken = train.fit(settings, photos, tmp_path / "unbroken", progress=False)
    train.fit(settings, photos, tmp_path / "stopped", progress=False, stop_at=2)
    assert_same_run(unbroken, train.fit(settings, photos, tmp_path / "stopped", progress=False))


def test_the_log_has_one_row_per_step_and_one_sample_per_epoch(unbroken):
    rows = [json.loads(line) for line in (unbroken.folder / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 19))
    samples = sorted((unbroken.folder / "samples").iterdir())
    assert [path.name for path in samples] == [f"step-{step:08d}.png" for step in (0, 6, 12, 18)]
    with Image.open(samples[-1]) as strip:
        assert strip.size == (TINY.image_size * checkpoints.SAMPLES, TINY.image_size)


def test_a_folder_with_other_settings_is_refused(photos, unbroken):
    with pytest.raises(CheckpointError, match=r"other settings \(learning_rate, seed\)"):
        train.fit(replace(TINY, seed=3, learning_rate=1e-3), photos, unbroken.folder, progress=False)


def test_a_folder_trained_on_other_photographs_is_refused(photos, unbroken):
    with pytest.raises(CheckpointError, match="other settings \\(fingerprint\\)"):
        train.fit(TINY, replace(photos, fingerprint="another"), unbroken.folder, progress=False)


def test_photographs_of_a_different_size_are_refused(photos, tmp_path):
    with pytest.raises(ValueError, match="the photographs have 64 x 64 pixels, but image_size is 128"):
        train.fit(replace(TINY, image_size=128), photos, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_cudnn_may_choose_its_algorithms_and_float32_is_not_rounded_to_tf32(photos, tmp_path, monkeypatch):
    seen, step = [], train.train_step

    def noted(*words, **named):
        seen.append((torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32))
        return step(*words, **named)

    monkeypatch.setattr(train, "train_step", noted)
    before = torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32
    train.fit(TINY, photos, tmp_path, progress=False, stop_at=1)
    assert seen == [(True, False)]
    assert (torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32) == before
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize("value", ["inf", "nan"])
def test_a_non_finite_loss_stops_the_run_and_names_the_step(value, photos, tmp_path, monkeypatch):
    calls = []

    def explode(*, real_logits, fake_logits):
        calls.append(1)
        return real_logits.mean() * 0 + (float(value) if len(calls) == 7 else 1)

    monkeypatch.setitem(LOSSES, "hinge_bce", AdversarialLoss(explode, LOSSES["bce"].generator))
    with pytest.raises(NonFiniteLossError, match=f"d_loss became {value} at step 7"):
        train.fit(TINY, photos, tmp_path, progress=False)
    assert [path.name for path in checkpoints.list_checkpoints(tmp_path)] == ["step-00000005.pt"]
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 6


def test_ctrl_c_says_how_to_resume_and_the_resumed_run_is_bit_equal(photos, unbroken, tmp_path, monkeypatch):
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


def test_the_progress_bar_is_updated_at_most_once_per_second(photos, tmp_path, monkeypatch):
    shown, plain = [], train.tqdm
    monkeypatch.setattr(train, "tqdm", lambda **words: shown.append(words) or plain(**words))
    train.fit(TINY, photos, tmp_path, stop_at=1)
    assert not shown[0]["disable"]
    assert shown[0]["mininterval"] >= 1  # a notebook keeps each update as messages, and not many thousands of them


def test_on_request_the_networks_are_compiled_for_training_and_not_for_rendering(photos, tmp_path, monkeypatch):
    compiled, calls = [], []

    class Compiled(torch.nn.Module):
        """As torch.compile returns it: a module around the network."""

        def __init__(self, network):
            super().__init__()
            self.network = network
            compiled.append(type(network))

        def forward(self, *x):
            calls.append(len(x[0]))
            return self.network(*x)

    monkeypatch.setattr(torch, "compile", Compiled)
    train.fit(TINY, photos, tmp_path, progress=False, stop_at=1)
    assert compiled == []
    fit = train.fit(TINY, photos, tmp_path, progress=False, stop_at=2, compiled=True)
    assert compiled == [train.UNetGenerator, train.PatchDiscriminator]
    assert calls == [26, 26, 26]  # the discriminator is called twice
    assert type(fit.generator) is train.UNetGenerator


def test_the_fastest_device_is_taken(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert parallel.find_device("auto") == "cuda"
    assert parallel.find_device("cpu") == "cpu"
    assert parallel.find_device("cuda:1") == "cuda:1"
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert parallel.find_device("auto") == parallel.find_device("cuda") == "cuda:3"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert parallel.find_device() == "mps"
    with pytest.raises(ValueError, match="device 'cuda' is not available; available: mps, cpu"):
        parallel.find_device("cuda")


def test_the_progress_bar_shows_losses(photos, tmp_path, capsys):
    train.fit(replace(TINY, epochs=1), photos, tmp_path, progress=True)
    assert "l1=" in capsys.readouterr().err


# --- a trained generator


def test_a_generator_is_loaded_as_it_was_saved(photos, unbroken):
    generator, settings = train.load_generator(unbroken.folder)
    gray, _ = photos.test.batch()
    assert settings == TINY
    assert torch.equal(models.render(generator, gray), models.render(unbroken.generator, gray))


def test_rendering_repeats_itself_and_does_not_depend_on_the_other_photographs(photos, unbroken):
    gray, _ = photos.test.batch()
    rendered = models.render(unbroken.generator.train(), gray)
    assert unbroken.generator.training
    assert torch.equal(rendered, models.render(unbroken.generator, gray))
    torch.testing.assert_close(rendered[3:4], models.render(unbroken.generator, gray[3:4]), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(rendered, models.render(unbroken.generator, gray, batch_size=7), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "is not the folder of a run"),
        ({"config.json": "{"}, "cannot be read"),
        ({"config.json": "[]"}, "cannot be read .not a JSON object"),
        (
            {"config.json": json.dumps(TrainConfig().__dict__ | {"learning_rate": "fast"})},
            "does not hold the settings",
        ),
        ({"config.json": json.dumps({"fingerprint": ""} | TrainConfig().__dict__)}, "has no checkpoint yet"),
        (
            {"config.json": json.dumps(TrainConfig().__dict__ | {"loss": "bse"})},
            "does not hold the settings of a run: loss must",
        ),
    ],
)
def test_a_folder_without_a_generator_is_refused(files, message, tmp_path):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(CheckpointError, match=message):
        train.load_generator(tmp_path)
