"""Train one model: per step one update of the discriminator, one of the generator, and one row of the log.

Every random choice of step k (which photographs, which are mirrored, which units drop out) is a function of the seed
and k alone. So a run that was stopped and resumed makes the same choices as a run that was never stopped, without
saving the state of any random generator.
"""

import json
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim import Adam
from tqdm.auto import tqdm

from hcegan_lib.attention import GAMMA_INITS, SelfAttention2d
from hcegan_lib.backend import checkpoints, parallel
from hcegan_lib.backend.checkpoints import CheckpointError, NonFiniteLossError, refuse_non_finite  # noqa: F401
from hcegan_lib.backend.files import explain_disk_full
from hcegan_lib.backend.memory import explain_out_of_memory
from hcegan_lib.backend.parallel import find_device
from hcegan_lib.backend.randomness import random_generator, seeded_dropout
from hcegan_lib.data import Photos, PhotoSet
from hcegan_lib.losses import LOSSES, AdversarialLoss, l1_distance
from hcegan_lib.models import HEADS, PatchDiscriminator, UNetGenerator, render

BETAS = (0.5, 0.999)  # Adam's, as in pix2pix; the paper does not print them
PRECISIONS = ("float32", "bfloat16")
# Upper limits of whole-number settings, far above any sensible value: they catch typos before memory fills up.
UPPER_LIMITS = {
    "image_size": 2**14,
    "base_channels": 2**12,
    "depth": 14,
    "attend_max_positions": 2**28,
    "epochs": 10**9,
    "batch_size": 10**9,
    "checkpoint_every": 10**9,
}


@dataclass(frozen=True)
class TrainConfig:
    """All settings that decide what a run computes. Defaults: the paper's, or pix2pix's where the paper is silent."""

    gamma_init: str | None = None  # start of the attention's gain: None (no attention), "zero", "normal", "uniform"
    loss: str = "bce"  # a key of losses.LOSSES, or "none": L1 alone, without a discriminator
    head: str = "rgb"  # what the generator predicts, one of models.HEADS
    data: str = "mini"  # "mini" or a folder of photographs
    seed: int = 0  # decides the initial weights and all random choices of training
    image_size: int = 256  # height and width of a photograph in pixels
    base_channels: int = 64  # channels after the first convolution of each network
    depth: int = 8  # convolutions down, and up, in the generator
    attend_max_positions: int | None = None  # no attention on larger feature maps; None: on all, as in the paper
    epochs: int = 200  # passes over the training photographs
    batch_size: int = 1  # photographs per step, over all processes; pix2pix's value, the paper prints none
    learning_rate: float = 2e-4  # of both Adam optimizers
    decay_from: float = 0.5  # share of the steps after which the rate falls linearly to 0, as in pix2pix; 1: constant
    l1_weight: float = 100.0  # lambda of Eq. (8), on the scale [-1, 1]; pix2pix's value, the paper prints none
    checkpoint_every: int = 400  # steps between two checkpoints
    precision: str = "float32"  # of convolutions and attention; in "bfloat16", models with attention score lower

    def __post_init__(self) -> None:
        """Raise ValueError for settings that cannot be trained."""
        if self.gamma_init is not None and self.gamma_init not in GAMMA_INITS:
            raise ValueError(f"gamma_init must be None or one of {', '.join(GAMMA_INITS)}, got {self.gamma_init!r}")
        for name, allowed in {"loss": (*LOSSES, "none"), "head": HEADS, "precision": PRECISIONS}.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        for name, limit in UPPER_LIMITS.items():
            value = getattr(self, name)
            every = value is None and name == "attend_max_positions"
            if not every and not (type(value) is int and 1 <= value <= limit):
                raise ValueError(f"{name} must be a whole number from 1 to {limit}, got {value!r}")
        if type(self.seed) is not int or not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must be a whole number from 0 to {2**32 - 1}, got {self.seed!r}")
        if self.image_size % 2**self.depth or self.image_size < 24:  # nothing smaller has a patch to score
            multiple = f"a multiple of 2 ** depth = {2**self.depth}"
            raise ValueError(f"image_size must be {multiple} and at least 24, got {self.image_size}")
        if not 0 < self.learning_rate < float("inf") or not 0 <= self.l1_weight < float("inf"):  # nor NaN
            raise ValueError("learning_rate must be above 0 and l1_weight at least 0, both finite")
        if not 0 < self.decay_from <= 1:
            raise ValueError(f"decay_from must be above 0 and at most 1, got {self.decay_from!r}")


# A minute per model on two cores: used by the stored notebooks. data/results/PLAN.md says why this rate and schedule.
TOUR = TrainConfig(
    image_size=64,
    base_channels=24,
    depth=6,
    attend_max_positions=256,
    epochs=16,
    batch_size=8,
    learning_rate=4e-3,
)

PROFILES: dict[str, TrainConfig] = {
    # Seconds: checks that everything runs. Its scores mean nothing.
    "smoke": TrainConfig(image_size=64, base_channels=4, depth=6, attend_max_positions=64, epochs=1, batch_size=32),
    "tour": TOUR,
    # The experiment on a laptop: tour's networks with attention on larger maps, trained longer.
    "laptop": replace(TOUR, epochs=24, attend_max_positions=1024),
    # The paper's size, for a GPU. Weights, losses and Adam stay in float32. A checkpoint has 686 MB.
    "paper": TrainConfig(precision="bfloat16", checkpoint_every=20_000),
}


def config(profile: str = "tour", **changes: Any) -> TrainConfig:
    """Look up the settings of a profile, and change some of them.

    Parameters
    ----------
    profile
        A key of `PROFILES`.
    **changes
        Fields of `TrainConfig` and their new values.

    Raises
    ------
    ValueError
        If the profile, a field or a value is unknown; the message lists what is allowed.
    """
    if profile not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}, got {profile!r}")
    known = [field.name for field in fields(TrainConfig)]
    for name in changes:
        if name not in known:
            raise ValueError(f"unknown setting {name!r}; the settings are {', '.join(known)}")
    return replace(PROFILES[profile], **changes)


# --- one step ---------------------------------------------------------------------------------------------------------


def train_step(
    networks: tuple[nn.Module, nn.Module],
    optimizers: tuple[Adam, Adam],
    gray: Tensor,
    color: Tensor,
    *,
    loss: AdversarialLoss | None,
    l1_weight: float,
    precision: str = "float32",
) -> dict[str, float]:
    """Update the discriminator once, then the generator once, Eq. (8).

    Parameters
    ----------
    networks, optimizers
        Generator first, discriminator second.
    gray, color
        One batch, shapes (B, 1, H, W) and (B, 3, H, W), in [0, 1].
    loss
        The adversarial losses of both networks, from `losses.LOSSES`. None: L1 alone; the discriminator stays as it is.
    l1_weight
        lambda, the weight of the L1 distance.
    precision
        "float32", or "bfloat16" for the convolutions and the attention of both networks.

    Returns
    -------
    dict
        d_loss, g_loss (without L1), l1, and the mean logits of real and fake pairs; all but l1 are 0 if `loss` is None.
        With attention also its `gain`.
    """
    generator, discriminator = networks
    g_optimizer, d_optimizer = optimizers
    networks_precision = torch.autocast(gray.device.type, torch.bfloat16, enabled=precision == "bfloat16")
    with networks_precision:
        rendered = generator(gray).float()
    l1 = l1_distance(rendered, color)
    d_loss = g_loss = real_logits = fake_logits = torch.zeros_like(l1)
    if loss is not None:
        with networks_precision:
            real_pairs, fake_pairs = (torch.cat([gray, image], dim=1) for image in (color, rendered.detach()))
            real_logits, fake_logits = (logits.float() for logits in discriminator(real_pairs, fake_pairs))
        d_loss = loss.discriminator(real_logits=real_logits, fake_logits=fake_logits)
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()

        # The generator's step needs no gradients of the discriminator's weights (and no averaging over processes).
        judge = getattr(discriminator, "module", discriminator).requires_grad_(False)
        with networks_precision:
            fake_again = judge(torch.cat([gray, rendered], dim=1)).float()
        judge.requires_grad_(True)
        g_loss = loss.generator(fake_logits=fake_again)
    g_optimizer.zero_grad()
    (g_loss + l1_weight * l1).backward()
    g_optimizer.step()

    row = {"d_loss": d_loss, "g_loss": g_loss, "l1": l1, "real": real_logits.mean(), "fake": fake_logits.mean()}
    if (size := gain(generator)) is not None:
        row["gain"] = size
    numbers = torch.stack([value.detach() for value in row.values()]).tolist()  # waits for the GPU once, not six times
    return dict(zip(row, numbers))


def gain(generator: nn.Module) -> Tensor | None:
    """Mean |gamma| over all attention layers and channels, a scalar; None without attention."""
    gammas = [layer.gamma.detach() for layer in generator.modules() if isinstance(layer, SelfAttention2d)]
    return torch.cat(gammas).abs().mean() if gammas else None


def build(settings: TrainConfig, device: str = "cpu") -> tuple[UNetGenerator, PatchDiscriminator]:
    """Create the generator and the discriminator with the initial weights that the seed decides."""
    source = torch.Generator().manual_seed(settings.seed)
    # The discriminator draws first, so with one seed it starts equal in all models; so do the U-Net's convolutions.
    discriminator = PatchDiscriminator(base_channels=settings.base_channels, generator=source)
    generator = UNetGenerator(
        base_channels=settings.base_channels,
        depth=settings.depth,
        gamma_init=settings.gamma_init,
        image_size=settings.image_size,
        attend_max_positions=settings.attend_max_positions,
        head=settings.head,
        generator=source,
    )
    # Tensor cores want channels last in memory. On a CPU that helps only the discriminator, in bfloat16.
    if device.startswith("cuda"):
        generator.to(memory_format=torch.channels_last)
    if device.startswith("cuda") or settings.precision == "bfloat16":
        discriminator.to(memory_format=torch.channels_last)
    return generator.to(device), discriminator.to(device)


def adam(network: nn.Module, settings: TrainConfig, device: str = "cpu") -> Adam:
    """Create the optimizer of a network; fused (one pass over all weights) where PyTorch supports it."""
    fused = device.partition(":")[0] in ("cpu", "cuda")
    return Adam(network.parameters(), lr=settings.learning_rate, betas=BETAS, fused=fused)


def learning_rate_at(settings: TrainConfig, step: int, steps: int) -> float:
    """Learning rate of step `step` of `steps`, counted from 0; the linear fall reaches 0 after the last step."""
    left, falling = steps - step, steps * (1 - settings.decay_from)
    return settings.learning_rate * min(1, left / falling if falling else 1)


def batch_of_step(photos: Photos, settings: TrainConfig, step: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Photographs of step `step`, counted from 0: each at most once per epoch, in a new order, half mirrored."""
    size = min(settings.batch_size, len(photos))
    epoch, place = divmod(step, len(photos) // size)
    order = torch.randperm(len(photos), generator=random_generator(settings.seed, epoch, kind=0))
    gray, color = photos.batch(order[place * size : (place + 1) * size], device=device)
    # Not v2.RandomHorizontalFlip: it draws from the global generator, so a resumed run would draw other flips.
    coins = torch.rand(size, generator=random_generator(settings.seed, step, kind=1))
    mirrored = (coins < 0.5).view(-1, 1, 1, 1).to(device, non_blocking=True)
    return torch.where(mirrored, gray.flip(-1), gray), torch.where(mirrored, color.flip(-1), color)


# --- a run ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fit:
    """Result of `fit`: the trained generator, its log, and how far training got."""

    generator: UNetGenerator
    log: pd.DataFrame  # one row per step: step, d_loss, g_loss, l1, real, fake, gain, seconds
    step: int  # steps done
    steps: int  # steps of the whole run
    folder: Path
    settings: TrainConfig

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.step == self.steps


def fit(
    settings: TrainConfig,
    photos: PhotoSet,
    folder: str | Path,
    *,
    device: str = "cpu",
    compiled: bool = False,
    progress: bool = True,
    stop_at: int | None = None,
) -> Fit:
    """Train one model in `folder`, or resume a run that was stopped there.

    `backend.checkpoints` describes the files. A run that is resumed on the same CPU ends with the same weights, bit for
    bit, as a run that was never stopped. On another device, or with another number of processes (`backend.parallel`),
    the weights agree up to rounding, except for dropout, which each process draws for itself.

    Parameters
    ----------
    settings
        What to train. With a constant rate (`decay_from` is 1), `epochs` may be larger than in an earlier call, which
        extends the run.
    photos
        Trains on `photos.train`; `photos.test` is only rendered.
    folder
        Folder of the run; created if missing.
    device
        "cpu", "cuda", "mps", or "auto" for the fastest available. Only runs on a CPU repeat bit for bit.
    compiled
        Whether to use `torch.compile`, for GPUs: it takes about a minute to start, and on CPU cores it was slower.
    progress
        Whether to show a progress bar.
    stop_at
        Stop after this many steps of the run, with a checkpoint; None: train to the end.

    Raises
    ------
    ValueError
        If the device is not available, the photographs do not have `image_size`, the processes cannot split
        `batch_size`, or another process trains in `folder`.
    NonFiniteLossError
        If a loss becomes infinite or NaN. Earlier checkpoints are kept.
    OutOfMemoryError
        If training does not fit into memory; the message names the settings to change.
    CheckpointError
        If the folder holds something else, a run with other settings, no readable checkpoint, or a damaged log.
    OSError, KeyboardInterrupt
        If the disk is full, or on Ctrl-C. Call again to resume from the last checkpoint.
    """
    folder, device = Path(folder), find_device(device)
    side = photos.train.pixels.shape[1]
    if side != settings.image_size:
        raise ValueError(f"the photographs have {side} x {side} pixels, but image_size is {settings.image_size}")
    batch_size = min(settings.batch_size, len(photos.train))
    parallel.check_batch_size(batch_size)
    epoch_steps = len(photos.train) // batch_size
    steps = settings.epochs * epoch_steps
    last = steps if stop_at is None else min(stop_at, steps)
    with explain_out_of_memory(settings, device):
        networks = build(settings, device)
        optimizers: tuple = tuple(adam(network, settings, device) for network in networks)
        pictures = photos.train if device == "cpu" else photos.train.to(device)  # to a GPU all at once, as bytes

    config = {**asdict(settings), "fingerprint": photos.fingerprint}
    # All steps have the same shapes. TF32 stays off (in matrix products it is by default): it is not float32.
    cudnn = torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False)
    room = explain_disk_full(f"make room and train again in {folder} to resume")
    with room, checkpoints.claim_folder(folder, config, steps), cudnn, explain_out_of_memory(settings, device):
        rows = checkpoints.resume(folder, networks, optimizers, device)
        trained: tuple = tuple(parallel.distribute(network, device) for network in networks)
        if compiled:  # not `networks`, which render photographs of other shapes
            trained = tuple(torch.compile(network) for network in trained)
        shown, _ = photos.test.batch(checkpoints.sampled(len(photos.test)), device=device)
        if not rows:
            checkpoints.save_samples(folder, 0, render(networks[0], shown))
        objective = {key: getattr(settings, key) for key in ("l1_weight", "precision")}
        objective["loss"] = LOSSES.get(settings.loss)
        hidden = not (progress and parallel.is_first())
        # At most one update per second: a notebook stores each update as a message.
        bar = tqdm(initial=len(rows), total=steps, desc=folder.name, disable=hidden, unit="step", mininterval=1)
        with bar, checkpoints.open_log(folder) as log, checkpoints.explain_interrupt(folder, rows, steps):
            for step in range(len(rows) + 1, last + 1):
                start = time.perf_counter()
                for group in (group for optimizer in optimizers for group in optimizer.param_groups):
                    group["lr"] = learning_rate_at(settings, step - 1, steps)
                gray, color = map(parallel.split_batch, batch_of_step(pictures, settings, step - 1, device))
                with seeded_dropout(settings.seed, step - 1, device):
                    measured = train_step(trained, optimizers, gray, color, **objective)
                measured = parallel.mean_over_processes(measured, device)
                row = {"step": step, **measured, "gain": measured.get("gain")}
                row["seconds"] = time.perf_counter() - start
                refuse_non_finite(row, folder)
                rows.append(row)
                log.write(json.dumps(row) + "\n")
                bar.update()
                bar.set_postfix_str("d={d_loss:.2f}, g={g_loss:.2f}, l1={l1:.3f}".format(**measured), refresh=False)
                if step % epoch_steps == 0:
                    checkpoints.save_samples(folder, step, render(networks[0], shown))
                if step % settings.checkpoint_every == 0 or step == last:
                    checkpoints.save_checkpoint(folder, step, networks, optimizers, log)
    return Fit(networks[0], pd.DataFrame(rows), len(rows), steps, folder, settings)


# --- using a trained generator ----------------------------------------------------------------------------------------


def load_generator(folder: str | Path, device: str = "cpu") -> tuple[UNetGenerator, TrainConfig]:
    """Load the newest generator of a run.

    Parameters
    ----------
    folder
        Folder of a run, as written by `fit`.
    device
        Device for the generator.

    Returns
    -------
    generator, settings
        The generator in evaluation mode, and the settings of its run.

    Raises
    ------
    CheckpointError
        If the folder holds no run, or no readable checkpoint that fits its settings and is finite.
    """
    folder = Path(folder)
    saved = checkpoints.read_settings(folder)
    try:
        settings = TrainConfig(**saved)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / 'config.json'} does not hold the settings of a run: {error}") from None
    state = checkpoints.newest_checkpoint(folder)
    if state is None:
        raise CheckpointError(f"{folder} has no checkpoint yet: train longer first")
    with checkpoints.explain_settings_mismatch(folder):
        with torch.device("meta"):  # takes no memory, whatever the size in a config.json that was changed
            generator, _ = build(settings, "meta")
        generator.load_state_dict(state["networks"][0], assign=True)
    checkpoints.require_finite(folder, (generator,))
    return generator.to(device).eval(), settings
