"""Train one model: the discriminator's step, the generator's step, a log row, a checkpoint; and again.

Every random choice of step k (which photographs, which are mirrored, which units drop out) is a function of the seed
and of k alone. So a run that is stopped and resumed meets the same choices as one that never stopped, and no state
of a random generator has to be saved.
"""

import json
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor, nn
from torch.optim import Adam
from tqdm.auto import tqdm

from hcegan_lib.attention import GAMMA_INITS, SelfAttention2d
from hcegan_lib.backend import parallel
from hcegan_lib.data import Photos, PhotoSet, to_disk
from hcegan_lib.losses import LOSSES, AdversarialLoss, l1_distance
from hcegan_lib.models import PatchDiscriminator, UNetGenerator

BETAS = (0.5, 0.999)  # Adam's, as in pix2pix; the paper does not print them
PRECISIONS = ("float32", "bfloat16")
# Whole numbers from 1 to what nobody means; a slip of the keyboard is found before it fills the memory.
MOST = {
    "image_size": 2**14,
    "base_channels": 2**12,
    "depth": 14,
    "attend_max_positions": 2**28,
    "epochs": 10**9,
    "batch_size": 10**9,
    "checkpoint_every": 10**9,
}


class CheckpointError(ValueError):
    """A run folder that cannot be read, or that belongs to other settings."""


class NonFiniteLossError(RuntimeError):
    """A loss became infinite or NaN; the message says at which step."""


class OutOfMemoryError(RuntimeError):
    """Training does not fit into memory; the message says which settings need less of it."""


@dataclass(frozen=True)
class TrainConfig:
    """All that decides what a run computes. The defaults are the paper's, or pix2pix's where the paper is silent."""

    gamma_init: str | None = None  # gain of the attention: None (no attention), "zero", "normal", "uniform"
    loss: str = "bce"  # a name of losses.LOSSES
    data: str = "mini"  # "mini" or a folder of photographs
    seed: int = 0  # decides the initial weights and every choice of the training
    image_size: int = 256  # height and width of a photograph in pixels
    base_channels: int = 64  # channels after the first convolution of either network
    depth: int = 8  # convolutions down, and up, in the generator
    attend_max_positions: int | None = None  # no attention on larger feature maps; None: on all, as in the paper
    epochs: int = 200  # passes over the training photographs
    batch_size: int = 1  # photographs a step, over all processes; not printed in the paper, pix2pix's default
    learning_rate: float = 2e-4  # of both Adams
    l1_weight: float = 100.0  # lambda of Eq. (8), on the scale [-1, 1]; not printed in the paper, pix2pix's value
    checkpoint_every: int = 400  # steps between two checkpoints
    precision: str = "float32"  # of convolutions and attention in training; "bfloat16" is faster and coarser

    def __post_init__(self) -> None:
        """Refuse what cannot be trained, and say what could."""
        if self.gamma_init is not None and self.gamma_init not in GAMMA_INITS:
            raise ValueError(f"gamma_init must be None or one of {', '.join(GAMMA_INITS)}, got {self.gamma_init!r}")
        if self.loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {self.loss!r}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}")
        for name, most in MOST.items():
            value = getattr(self, name)
            every = value is None and name == "attend_max_positions"
            if not every and not (type(value) is int and 1 <= value <= most):
                raise ValueError(f"{name} must be a whole number from 1 to {most}, got {value!r}")
        if type(self.seed) is not int or not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must be a whole number from 0 to {2**32 - 1}, got {self.seed!r}")
        if self.image_size % 2**self.depth:
            raise ValueError(f"image_size must be a multiple of 2 ** depth = {2**self.depth}, got {self.image_size}")
        if not 0 < self.learning_rate < float("inf") or not 0 <= self.l1_weight < float("inf"):  # nor NaN
            raise ValueError("learning_rate must be above 0 and l1_weight at least 0, both finite")


# A minute a model on two cores: the whole course before class, and the stored outputs of the notebooks. A step takes 8
# photographs where the paper takes 1, so it may be larger: 5 times the paper's learning rate.
TOUR = TrainConfig(
    image_size=64,
    base_channels=24,
    depth=6,
    attend_max_positions=256,
    epochs=40,
    batch_size=8,
    learning_rate=1e-3,
)

PROFILES: dict[str, TrainConfig] = {
    # Seconds: is everything wired together? Says nothing about any model.
    "smoke": TrainConfig(image_size=64, base_channels=4, depth=6, attend_max_positions=64, epochs=1, batch_size=32),
    "tour": TOUR,
    # The experiment on a laptop: eight models, five seeds, under an hour on two cores. Tour's networks, trained longer.
    "laptop": replace(TOUR, epochs=50),
    # The paper's size, for a GPU. The paper does not print a precision; weights, losses and Adam stay in float32.
    "paper": TrainConfig(precision="bfloat16"),
}


def config(profile: str = "tour", **changes: object) -> TrainConfig:
    """Take the settings of a profile, with some changed.

    Parameters
    ----------
    profile
        A name of `PROFILES`.
    **changes
        Fields of `TrainConfig` and their new values.

    Returns
    -------
    TrainConfig
        Checked settings.

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
    loss: AdversarialLoss,
    l1_weight: float,
    precision: str = "float32",
) -> dict[str, float]:
    """Move the discriminator once, then the generator once, Eq. (8).

    Parameters
    ----------
    networks, optimizers
        Generator first, discriminator second.
    gray, color
        One batch, shapes (B, 1, H, W) and (B, 3, H, W), in [0, 1].
    loss
        The two sides of the adversarial game, from `losses.LOSSES`.
    l1_weight
        lambda, the weight of the L1 distance.
    precision
        "float32"; or "bfloat16" for the convolutions and the attention of both networks.

    Returns
    -------
    dict
        d_loss, g_loss (without L1), l1, and the mean real and fake logits, as numbers.
    """
    generator, discriminator = networks
    g_optimizer, d_optimizer = optimizers
    networks_precision = torch.autocast(gray.device.type, torch.bfloat16, enabled=precision == "bfloat16")
    with networks_precision:
        rendered = generator(gray).float()
        real_pairs, fake_pairs = (torch.cat([gray, image], dim=1) for image in (color, rendered.detach()))
        real_logits, fake_logits = (logits.float() for logits in discriminator(real_pairs, fake_pairs))
    d_loss = loss.discriminator(real_logits=real_logits, fake_logits=fake_logits)
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()

    # Its gradients would be computed here and thrown away. With several processes there is nothing to average either.
    judge = getattr(discriminator, "module", discriminator).requires_grad_(False)
    with networks_precision:
        fake_again = judge(torch.cat([gray, rendered], dim=1)).float()
    g_loss = loss.generator(fake_logits=fake_again)
    l1 = l1_distance(rendered, color)
    g_optimizer.zero_grad()
    (g_loss + l1_weight * l1).backward()
    g_optimizer.step()
    judge.requires_grad_(True)

    row = {"d_loss": d_loss, "g_loss": g_loss, "l1": l1, "real": real_logits.mean(), "fake": fake_logits.mean()}
    numbers = torch.stack([value.detach() for value in row.values()]).tolist()  # one wait for the GPU, not five
    return dict(zip(row, numbers))


def build(settings: TrainConfig, device: str = "cpu") -> tuple[UNetGenerator, PatchDiscriminator]:
    """Make both networks, with the initial weights that the seed decides."""
    source = torch.Generator().manual_seed(settings.seed)
    # The discriminator draws first: with one seed it starts equal for all models, and so do the U-Net's convolutions.
    discriminator = PatchDiscriminator(base_channels=settings.base_channels, generator=source)
    generator = UNetGenerator(
        base_channels=settings.base_channels,
        depth=settings.depth,
        gamma_init=settings.gamma_init,
        image_size=settings.image_size,
        attend_max_positions=settings.attend_max_positions,
        generator=source,
    )
    # Channels side by side in memory: what tensor cores want. On a CPU it helps the discriminator alone, in bfloat16.
    if device.startswith("cuda"):
        generator.to(memory_format=torch.channels_last)
    if device.startswith("cuda") or settings.precision == "bfloat16":
        discriminator.to(memory_format=torch.channels_last)
    return generator.to(device), discriminator.to(device)


def adam(network: nn.Module, settings: TrainConfig, device: str = "cpu") -> Adam:
    """Make a network's optimizer: in one pass over the weights, where PyTorch has that for the device."""
    fused = device.partition(":")[0] in ("cpu", "cuda")
    return Adam(network.parameters(), lr=settings.learning_rate, betas=BETAS, fused=fused)


def batch_of_step(photos: Photos, settings: TrainConfig, step: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Photographs of step `step`, counted from 0: each once an epoch, in new order, mirrored by a coin."""
    size = min(settings.batch_size, len(photos))
    epoch, place = divmod(step, len(photos) // size)
    order = torch.randperm(len(photos), generator=source_of(settings.seed, epoch, kind=0))
    gray, color = photos.batch(order[place * size : (place + 1) * size].tolist(), device=device)
    mirrored = (torch.rand(size, generator=source_of(settings.seed, step, kind=1)) < 0.5).view(-1, 1, 1, 1).to(device)
    return torch.where(mirrored, gray.flip(-1), gray), torch.where(mirrored, color.flip(-1), color)


def source_of(seed: int, count: int, *, kind: int) -> torch.Generator:
    """Random generator for one purpose and one step or epoch, the same in every run of this seed."""
    return torch.Generator().manual_seed((seed * 1_000_003 + count) * 3 + kind)


@contextmanager
def seeded_dropout(seed: int, step: int, device: str) -> Iterator[None]:
    """Let dropout of this step draw from its own seed, and give torch's global generator back as it was."""
    with torch.random.fork_rng(devices=[torch.device(device)] if device.startswith("cuda") else []):
        torch.manual_seed(source_of(seed, step, kind=2).initial_seed() + parallel.rank() * 2**48)
        yield


def find_device(wanted: str = "auto") -> str:
    """Take the fastest device there is, or the one that was asked for.

    Parameters
    ----------
    wanted
        "auto", "cpu", "cuda" or "mps".

    Returns
    -------
    str
        "cpu", "mps", "cuda", or "cuda:N" for process N of those that torchrun started on this machine.

    Raises
    ------
    ValueError
        If the device is not there; the message lists those that are.
    """
    there = ["cuda"] * torch.cuda.is_available() + ["mps"] * torch.backends.mps.is_available() + ["cpu"]
    kind = there[0] if wanted == "auto" else wanted.partition(":")[0]
    if kind not in there:
        raise ValueError(f"device {wanted} is not available here; there is {', '.join(there)}")
    if kind == "cuda" and wanted in ("auto", "cuda") and "LOCAL_RANK" in os.environ:
        return f"cuda:{os.environ['LOCAL_RANK']}"
    return kind if wanted == "auto" else wanted


# --- a run ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fit:
    """What a call of `fit` leaves: the trained generator, its log, and how far it came."""

    generator: UNetGenerator
    log: pd.DataFrame  # one row a step: step, d_loss, g_loss, l1, real, fake, gain, seconds
    step: int  # steps done
    steps: int  # steps of the whole run
    folder: Path
    settings: TrainConfig

    @property
    def finished(self) -> bool:
        """Whether the last step is done."""
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
    """Train one model in `folder`, or go on where an earlier call there was stopped.

    Writes config.json, log.jsonl (one row a step), samples/ (test photographs, as colored so far) and checkpoints/.
    A stopped run that is resumed on the same CPU ends with the weights of a run that was never stopped, bit for bit. It
    may also be resumed on another device, or with another number of processes (see `parallel`); then within rounding,
    but for dropout, which each process draws by itself.

    Parameters
    ----------
    settings
        What to train. `epochs` may be larger than in the earlier call, which makes the run longer.
    photos
        The photographs; `photos.train` is trained on, `photos.test` is only looked at.
    folder
        Folder of the run; made when missing.
    device
        "cpu", "cuda", "mps", or "auto" for the fastest there is. On a CPU alone are runs equal bit for bit.
    compiled
        Whether `torch.compile` may rewrite the networks: about a minute at the start, then no faster on the two cores
        where we tried it. What it gains on a GPU we could not try.
    progress
        Whether to show a bar with the losses and the time left.
    stop_at
        Stop after this many steps of the run, with a checkpoint; None: go to the end.

    Returns
    -------
    Fit
        Finished, or stopped at `stop_at`.

    Raises
    ------
    ValueError
        If the device is not there, `batch_size` cannot be shared out among the processes, or another training is at
        work in the folder.
    NonFiniteLossError
        If a loss becomes infinite or NaN. The checkpoints before it stay.
    OutOfMemoryError
        If it does not fit into memory; the message names the settings to change.
    CheckpointError
        If the folder holds a run with other settings, no readable checkpoint, or half a log.
    KeyboardInterrupt
        On Ctrl-C; call again to go on from the last checkpoint, `checkpoint_every` steps back at most.
    """
    folder, device = Path(folder), find_device(device)
    size = min(settings.batch_size, len(photos.train))
    if size % parallel.size():
        raise ValueError(f"batch_size must be a multiple of the {parallel.size()} processes, got {size}")
    epoch_steps = len(photos.train) // size
    steps = settings.epochs * epoch_steps
    with full_memory_told(settings, device):
        networks = build(settings, device)
        optimizers = tuple(adam(network, settings, device) for network in networks)
        # All photographs travel to a GPU once, as bytes.
        pictures = photos.train if device == "cpu" else photos.train.to(device)
    with parallel.alone(folder, "training"):
        claim(folder, settings, photos, steps)
        parallel.wait()
        with full_memory_told(settings, device):
            rows = resume(folder, networks, optimizers)
        step = len(rows)
        if not parallel.agree(step, device):
            raise CheckpointError(f"not all processes can read the newest checkpoint in {folder}: call again")
        trained = tuple(parallel.spread(network, device) for network in networks)
        if compiled:
            for network in trained:
                network.compile()
        last = steps if stop_at is None else min(stop_at, steps)
        if step == 0:
            save_samples(folder, networks[0], photos.test, step, device)

        shown = progress and parallel.is_first()
        # A second between two updates: each is a message in a notebook, and too many unread ones push out others.
        bar = tqdm(initial=step, total=steps, desc=folder.name, disable=not shown, unit="step", mininterval=1)
        path = folder / "log.jsonl" if parallel.is_first() else os.devnull
        with bar, open(path, "a", encoding="utf-8") as log, full_memory_told(settings, device):
            try:
                while step < last:
                    start = time.perf_counter()
                    gray, color = map(parallel.share, batch_of_step(pictures, settings, step, device))
                    with seeded_dropout(settings.seed, step, device):
                        row = train_step(
                            trained,
                            optimizers,
                            gray,
                            color,
                            loss=LOSSES[settings.loss],
                            l1_weight=settings.l1_weight,
                            precision=settings.precision,
                        )
                    step, row = step + 1, parallel.mean(row, device)
                    row = {"step": step, **row, "gain": gain(networks[0]), "seconds": time.perf_counter() - start}
                    refuse_non_finite(row, folder)
                    rows.append(row)
                    log.write(json.dumps(row) + "\n")
                    bar.update()
                    bar.set_postfix(
                        d=f"{row['d_loss']:.2f}", g=f"{row['g_loss']:.2f}", l1=f"{row['l1']:.3f}", refresh=False
                    )
                    if step % epoch_steps == 0:
                        save_samples(folder, networks[0], photos.test, step, device)
                    if step % settings.checkpoint_every == 0 or step == last:
                        log.flush()
                        if parallel.is_first():
                            os.fsync(log.fileno())  # a log that a power cut shortens is of no use to the checkpoint
                        save_checkpoint(folder, step, networks, optimizers)
            except KeyboardInterrupt:
                # A step may be half done. The last checkpoint is whole, and the steps since are cheap to repeat.
                raise KeyboardInterrupt(
                    f"stopped after step {step} of {steps}; train again in {folder} to go on"
                ) from None
    return Fit(networks[0], pd.DataFrame(rows), step, steps, folder, settings)


def gain(generator: nn.Module) -> float | None:
    """Mean size of the attention's gain, |gamma| over all layers and channels; None without attention."""
    gammas = [layer.gamma.detach() for layer in generator.modules() if isinstance(layer, SelfAttention2d)]
    return torch.cat(gammas).abs().mean().item() if gammas else None


@contextmanager
def full_memory_told(settings: TrainConfig, device: str) -> Iterator[None]:
    """Say of a memory that is full what to change."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(advice(settings, device)) from None


def is_out_of_memory(error: Exception) -> bool:
    """Tell a full memory from other errors: PyTorch has a type for it on a GPU, and only words on a CPU."""
    return isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) or "can't allocate memory" in str(error)


def advice(settings: TrainConfig, device: str) -> str:
    """Name the settings that need less memory, the ones that help most first."""
    smaller = []
    if settings.batch_size > 1:
        smaller.append(f"batch_size={settings.batch_size // 2}")
    if settings.gamma_init is not None:
        smaller.append("attend_max_positions=4096 (attention on maps of up to 64 x 64 only)")
    if settings.precision == "float32":
        smaller.append("precision=bfloat16")
    smaller.append(f"base_channels={max(1, settings.base_channels // 2)}")
    return f"training does not fit into the memory of {device}; try one of {', '.join(smaller)}"


def refuse_non_finite(row: dict, folder: Path) -> None:
    """Stop a run whose losses mean nothing any more."""
    for name in ("d_loss", "g_loss", "l1"):
        if not abs(row[name]) < float("inf"):  # false for NaN too
            raise NonFiniteLossError(f"{name} became {row[name]} at step {row['step']} of {folder}; the run is stopped")


def claim(folder: Path, settings: TrainConfig, photos: PhotoSet, steps: int) -> None:
    """Make the folder this run's own, or find that it already is."""
    if not parallel.is_first():
        return
    mine = {**asdict(settings), "fingerprint": photos.fingerprint}
    path, found = folder / "config.json", checkpoints(folder)
    if (found or (folder / "log.jsonl").exists()) and not path.exists():
        raise CheckpointError(f"{folder} has checkpoints or a log and no config.json; take another folder")
    if not found and (folder / "record.json").exists():
        raise CheckpointError(f"{folder} holds a recorded run whose checkpoints are gone; take another folder")
    if path.exists():
        theirs = {"precision": "float32", **read_json(path)}  # a run from before there was a choice
        other = sorted(name for name in mine if name != "epochs" and mine[name] != theirs.get(name))
        if other:
            raise CheckpointError(f"{folder} holds a run with other settings ({', '.join(other)}); take another folder")
    if found and step_of(found[0]) > steps:
        done = f"{folder} holds a run of {step_of(found[0])} steps"
        raise CheckpointError(f"{done}, and {settings.epochs} epochs have {steps}; take another folder")
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "samples").mkdir(exist_ok=True)
    for pattern in ("checkpoints/.step-*", "samples/.step-*", ".config.json.*", ".log.jsonl.*"):
        for part in folder.glob(pattern):  # what a kill in the middle of `write_whole` left
            part.unlink()
    write_whole(path, lambda part: part.write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8"))


def read_json(path: Path) -> dict:
    """Read a small file of the run, or say that it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("no settings in it")
        return content
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); is its folder the folder of a run?") from None


def write_whole(path: Path, write: object) -> None:
    """Write to a temporary name and move: a file of that name is whole or is not there."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(part)
        to_disk(part)
        os.replace(part, path)
    except OSError as error:
        if error.errno is None or error.filename:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None  # of a full disk the system names no file
    finally:
        part.unlink(missing_ok=True)


def save_checkpoint(folder: Path, step: int, networks: tuple, optimizers: tuple) -> None:
    """Write all that the next step needs; keep one before it, in case it cannot be read."""
    if not parallel.is_first():
        return
    state = {
        "step": step,
        "networks": [network.state_dict() for network in networks],
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
    }

    def save(part: Path) -> None:
        try:
            with open(part, "wb") as file:
                torch.save(state, file)
        except RuntimeError as error:  # torch's word for whatever the file said, such as that the disk is full
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None

    write_whole(folder / "checkpoints" / f"step-{step:08d}.pt", save)
    found = checkpoints(folder)
    kept = [path for path in found if step_of(path) <= step][:2]  # a newer one is of a log that was cut
    for path in found:
        if path not in kept:
            path.unlink()


def checkpoints(folder: Path) -> list[Path]:
    """List the run's checkpoints, the newest first."""
    found = (folder / "checkpoints").glob("step-*.pt")
    return sorted((path for path in found if path.stem[5:].isdecimal()), key=step_of, reverse=True)


def step_of(checkpoint: Path) -> int:
    """Read the step of a checkpoint from its name."""
    return int(checkpoint.stem.removeprefix("step-"))


def newest_checkpoint(folder: Path, logged: int | None = None) -> dict | None:
    """Read the newest checkpoint that can be read, into the CPU's memory; None if none was ever written.

    With `logged`, the number of steps in the log, a newer one is passed over: its curve would lack steps.
    """
    damaged = []
    for path in checkpoints(folder):
        if logged is not None and step_of(path) > logged:
            damaged.append(f"{path.name} (the log ends at step {logged})")
            continue
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises half a dozen types for a damaged file
            if is_out_of_memory(error):
                raise  # the file may be sound
            damaged.append(f"{path.name} ({type(error).__name__})")
            continue
        if damaged:
            warnings.warn(
                f"damaged checkpoint {', '.join(damaged)} in {folder}: going on from {path.name}", stacklevel=2
            )
        return state
    if damaged:
        raise CheckpointError(
            f"no checkpoint in {folder} can be used: {', '.join(damaged)}; delete the folder to start anew"
        )
    return None


def resume(folder: Path, networks: tuple, optimizers: tuple) -> list[dict]:
    """Put networks and optimizers back to the newest checkpoint; give the log up to it, which now ends there."""
    rows, step = read_log(folder), 0
    state = newest_checkpoint(folder, logged=len(rows))
    if state is not None:
        with other_settings_told(folder):
            for part, saved in zip((*networks, *optimizers), (*state["networks"], *state["optimizers"]), strict=True):
                part.load_state_dict(saved)
            step = int(state["step"])
    rows = rows[:step]
    if parallel.is_first():  # the steps after it will be done again
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        write_whole(folder / "log.jsonl", lambda part: part.write_text(lines, encoding="utf-8"))
    return rows


@contextmanager
def other_settings_told(folder: Path) -> Iterator[None]:
    """Say of a checkpoint that it was not made with the settings beside it."""
    try:
        yield
    except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
        if is_out_of_memory(error):
            raise
        raise CheckpointError(f"the checkpoint in {folder} does not fit its config.json: one was changed") from None


def read_log(folder: Path) -> list[dict]:
    """Read the log, a row a step, up to the first row that is damaged or missing."""
    path, rows = folder / "log.jsonl", []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    for line in lines:
        try:
            row = json.loads(line)
            if row["step"] != len(rows) + 1:
                break
        except (ValueError, LookupError, TypeError, RecursionError):
            break
        rows.append(row)
    return rows


# --- using a trained generator ----------------------------------------------------------------------------------------


@torch.no_grad()
def render(generator: UNetGenerator, gray: Tensor, batch_size: int = 32) -> Tensor:
    """Color photographs with a trained generator, the same way every time.

    Parameters
    ----------
    generator
        A trained generator; it is left in the mode it was in.
    gray
        Shape (N, 1, H, W), in [0, 1].
    batch_size
        Photographs at a time; changes memory, not the result.

    Returns
    -------
    Tensor
        Shape (N, 3, H, W), in [0, 1], on the CPU.

    Notes
    -----
    Dropout is off and batch norm takes the averages that it gathered in training, so a photograph's colors depend on
    that photograph alone. pix2pix leaves dropout on and takes the statistics of the test batch; notebook 09 shows
    both side by side.
    """
    was_training = generator.training
    generator.eval()
    device = next(generator.parameters()).device
    rendered = torch.cat([generator(part.to(device)).cpu() for part in gray.split(batch_size)])
    generator.train(was_training)
    return rendered


def load_generator(folder: str | Path, device: str = "cpu") -> tuple[UNetGenerator, TrainConfig]:
    """Read the newest generator of a run.

    Parameters
    ----------
    folder
        Folder of a run, as `fit` left it.
    device
        Where to put the generator.

    Returns
    -------
    generator, settings
        The generator in evaluation mode, and the settings of its run.

    Raises
    ------
    CheckpointError
        If the folder holds no run or no readable checkpoint, or one of other settings.
    """
    folder = Path(folder)
    if not (folder / "config.json").exists():
        raise CheckpointError(f"{folder} is not the folder of a run: it has no config.json")
    saved = read_json(folder / "config.json")
    saved.pop("fingerprint", None)
    try:
        settings = TrainConfig(**saved)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / 'config.json'} holds no settings of a run: {error}") from None
    state = newest_checkpoint(folder)
    if state is None:
        raise CheckpointError(f"{folder} has no checkpoint yet: train longer first")
    with other_settings_told(folder):
        generator, _ = build(settings, device)
        generator.load_state_dict(state["networks"][0])
    return generator.eval(), settings


SAMPLES = 6  # test photographs that are looked at during training


def save_samples(folder: Path, generator: UNetGenerator, photos: Photos, step: int, device: str) -> None:
    """Write the first test photographs as colored so far, side by side, as samples/step-NNNNNNNN.png."""
    if not parallel.is_first():
        return
    gray, _ = photos.batch(range(min(SAMPLES, len(photos))), device=device)
    strip = torch.cat(list(render(generator, gray)), dim=2)  # (3, H, SAMPLES * W)
    pixels = (strip * 255).round().byte().permute(1, 2, 0).numpy()
    path = folder / "samples" / f"step-{step:08d}.png"
    write_whole(path, lambda part: Image.fromarray(pixels).save(part, format="PNG"))


def read_samples(folder: str | Path) -> dict[int, Tensor]:
    """Read the test photographs as they were colored during a run.

    Parameters
    ----------
    folder
        Folder of a run, as `fit` left it.

    Returns
    -------
    dict[int, Tensor]
        Step -> photographs, shape (N, 3, H, W), in [0, 1]; the first at step 0, then one after each epoch.
    """
    samples = {}
    for path in sorted((Path(folder) / "samples").glob("step-*.png")):
        with Image.open(path) as picture:
            strip = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255  # (3, H, N * H)
        samples[int(path.stem.removeprefix("step-"))] = torch.stack(strip.split(strip.shape[1], dim=2))
    return samples
