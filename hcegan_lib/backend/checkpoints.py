"""The folder of a training run: its settings, its log, and checkpoints from which it can be resumed.

config.json   the settings and the fingerprint of the photographs
log.jsonl     one row per step
checkpoints/  the two newest: weights and optimizers
samples/      test photographs as rendered during training
"""

import contextlib
import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.optim import Optimizer

from hcegan_lib.backend import parallel
from hcegan_lib.backend.files import lock_folder, require_plain_file, write_atomically
from hcegan_lib.backend.memory import is_out_of_memory

SAMPLES = 24  # test photographs rendered after each epoch
COLUMNS = ("step", "d_loss", "g_loss", "l1", "real", "fake", "gain", "seconds")  # of the log; all numbers
OWN_FILES = ("checkpoints", "samples", "run.json", "error.txt", "notebook.ipynb")  # the last three: of a batch
# What runs did that were made before these were settings.
FORMER_SETTINGS = {"precision": "float32", "decay_from": 1.0, "head": "rgb"}


class CheckpointError(ValueError):
    """A run folder that cannot be read, or that belongs to a run with other settings."""


class NonFiniteLossError(RuntimeError):
    """A loss became infinite or NaN; the message says at which step."""


@contextlib.contextmanager
def claim_folder(folder: Path, config: dict, steps: int) -> Iterator[None]:
    """Lock a run folder and make sure that it is new or belongs to the run with these settings.

    Parameters
    ----------
    folder
        Created if missing.
    config
        What decides the run's numbers. With a constant rate, "epochs" may be larger than before.
    steps
        Length of the whole run.

    Raises
    ------
    CheckpointError
        If the folder holds a longer run or one with other settings, or lacks a part of a run.
    ValueError
        If another training process has locked the folder.
    """
    if parallel.is_first():
        check_owner(folder, config, steps)  # so that no lock file is left in a folder that is refused
    with lock_folder(folder, "training") if parallel.is_first() else contextlib.nullcontext():
        if parallel.is_first():
            check_owner(folder, config, steps)
            for pattern in ("checkpoints/.step-*", "samples/.step-*", ".config.json.*", ".log.jsonl.*"):
                for part in folder.glob(pattern):  # temporary files of a process that was killed
                    part.unlink()
            for name in ("checkpoints", "samples"):
                (folder / name).mkdir(exist_ok=True)
            write_atomically(folder / "config.json", json.dumps(config, indent=1) + "\n")
        parallel.barrier()
        yield


def check_owner(folder: Path, config: dict, steps: int) -> None:
    """Raise CheckpointError if a folder holds anything but a run with this configuration."""
    path, found = folder / "config.json", list_checkpoints(folder)
    if (found or (folder / "log.jsonl").exists()) and not path.exists():
        raise CheckpointError(f"{folder} has checkpoints or a log but no config.json; choose another folder")
    if not found and (folder / "record.json").exists():
        raise CheckpointError(f"{folder} holds a recorded run without its checkpoints; choose another folder")
    if not path.exists() and folder.exists():
        others = sorted(item.name for item in folder.iterdir() if item.name[0] != "." and item.name not in OWN_FILES)
        if others:
            more = ", ..." if len(others) > 3 else ""
            raise CheckpointError(f"{folder} holds no run but {', '.join(others[:3])}{more}; choose another folder")
    if path.exists():
        theirs = FORMER_SETTINGS | read_run_json(path)
        # With a rate that falls to 0 at the end, a longer run differs from its first steps on.
        free = ("epochs",) if config["decay_from"] == 1 else ()
        other = sorted(name for name in config if name not in free and config[name] != theirs.get(name))
        if other:
            raise CheckpointError(
                f"{folder} holds a run with other settings ({', '.join(other)}); choose another folder"
            )
    if found and step_of(found[0]) > steps:
        done = f"{folder} holds a run of {step_of(found[0])} steps"
        raise CheckpointError(f"{done}, but {config['epochs']} epochs have {steps}; choose another folder")


def read_run_json(path: Path) -> dict:
    """Read a JSON file of a run; raise CheckpointError if it is missing or damaged."""
    try:
        content = json.loads(require_plain_file(path).read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("not a JSON object")
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); is this the folder of a run?") from None
    return content


def read_settings(folder: Path) -> dict:
    """Read the settings of a run; raise CheckpointError if the folder holds none."""
    path = folder / "config.json"
    if not path.exists():
        raise CheckpointError(f"{folder} is not the folder of a run: it has no config.json")
    return {name: value for name, value in read_run_json(path).items() if name != "fingerprint"}


def save_checkpoint(folder: Path, step: int, networks: tuple, optimizers: tuple, log: TextIO) -> None:
    """Write all that the next step needs; keep the checkpoint before it too, in case this one is damaged."""
    if not parallel.is_first():
        return
    log.flush()
    os.fsync(log.fileno())  # a checkpoint is only useful if the log reaches as far after a power cut
    state = {
        "step": step,
        "networks": [network.state_dict() for network in networks],
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
    }

    def save(part: Path) -> None:
        try:
            with open(part, "wb") as file:
                torch.save(state, file)
        except RuntimeError as error:  # torch wraps the file's own error, such as a full disk
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None

    write_atomically(folder / "checkpoints" / f"step-{step:08d}.pt", save)
    found = list_checkpoints(folder)
    kept = [path for path in found if step_of(path) <= step][:2]  # newer ones belong to a log that was cut
    for path in found:
        if path not in kept:
            path.unlink()


def list_checkpoints(folder: Path) -> list[Path]:
    """List the checkpoints of a run, newest first."""
    found = (folder / "checkpoints").glob("step-*.pt")
    return sorted((path for path in found if path.stem[5:].isdecimal()), key=step_of, reverse=True)


def step_of(checkpoint: Path) -> int:
    """Read the step of a checkpoint from its name."""
    return int(checkpoint.stem.removeprefix("step-"))


def newest_checkpoint(folder: Path, logged: int | None = None) -> dict | None:
    """Load the newest readable checkpoint into CPU memory.

    Parameters
    ----------
    folder
        Folder of the run.
    logged
        Number of steps in the log. Newer checkpoints are skipped, because their log would lack steps.

    Returns
    -------
    dict or None
        "step", "networks" and "optimizers"; None if no checkpoint was ever written.

    Raises
    ------
    CheckpointError
        If there are checkpoints but none can be used.
    """
    damaged = []
    for path in list_checkpoints(folder):
        if logged is not None and step_of(path) > logged:
            damaged.append(f"{path.name} (the log ends at step {logged})")
            continue
        try:
            state = torch.load(require_plain_file(path), map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises half a dozen types for a damaged file
            if is_out_of_memory(error):
                raise  # the file itself may be fine
            damaged.append(f"{path.name} ({type(error).__name__})")
            continue
        if damaged:
            warnings.warn(
                f"damaged checkpoint {', '.join(damaged)} in {folder}: resuming from {path.name}", stacklevel=2
            )
        return state
    if damaged:
        raise CheckpointError(
            f"no checkpoint in {folder} can be used: {', '.join(damaged)}; delete the folder to start over"
        )
    return None


def resume(folder: Path, networks: tuple, optimizers: tuple, device: str) -> list[dict]:
    """Restore networks and optimizers from the newest checkpoint and cut the log to it.

    Returns
    -------
    list of dict
        The rows of the log, one per finished step; empty for a new run.
    """
    rows, step = read_log(folder), 0
    state = newest_checkpoint(folder, logged=len(rows))
    if state is not None:
        with explain_settings_mismatch(folder):
            for network, saved in zip(networks, state["networks"], strict=True):
                network.load_state_dict(saved)
            for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
                load_optimizer(optimizer, saved)
            step = range(len(rows) + 1).index(state["step"])
        require_finite(folder, networks)
    rows = rows[:step]  # later steps will be repeated
    if parallel.is_first():
        write_atomically(folder / "log.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    if not parallel.all_agree(step, device):
        raise CheckpointError(f"not all processes can read the newest checkpoint in {folder}: try again")
    return rows


def load_optimizer(optimizer: Optimizer, saved: dict) -> None:
    """Restore an optimizer's state; its kernel and layout in memory are those of the device that it is on now.

    A fused kernel reads weights and averages in the order in which they are stored, so both must have the same layout,
    but the averages come in the layout of the network that was saved.
    """
    optimizer.load_state_dict(saved | {"param_groups": optimizer.state_dict()["param_groups"]})
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter, requires_grad=False).copy_(value)


def require_finite(folder: Path, networks: tuple[nn.Module, ...]) -> None:
    """Raise CheckpointError if a weight that was loaded is infinite or NaN."""
    if not all(value.isfinite().all() for network in networks for value in network.state_dict().values()):
        raise CheckpointError(f"the newest checkpoint in {folder} has weights that are infinite or NaN: delete it")


def open_log(folder: Path) -> TextIO:
    """Open the log for appending; only the first of several processes writes to it."""
    return open(folder / "log.jsonl" if parallel.is_first() else os.devnull, "a", encoding="utf-8")


@contextlib.contextmanager
def explain_settings_mismatch(folder: Path) -> Iterator[None]:
    """Replace the error of a checkpoint that was made with other settings than the config.json beside it."""
    try:
        yield
    except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
        if is_out_of_memory(error):
            raise
        raise CheckpointError(f"the checkpoint in {folder} does not fit its config.json: one was changed") from None


@contextlib.contextmanager
def explain_interrupt(folder: Path, rows: list[dict], steps: int) -> Iterator[None]:
    """Tell a user who presses Ctrl-C how to resume. Steps since the last checkpoint will be repeated."""
    try:
        yield
    except KeyboardInterrupt:
        message = f"stopped after step {len(rows)} of {steps}; train again in {folder} to resume"
        raise KeyboardInterrupt(message) from None


def refuse_non_finite(row: dict, folder: Path) -> None:
    """Raise NonFiniteLossError if a loss in a row of the log is infinite or NaN."""
    for name in ("d_loss", "g_loss", "l1"):
        if not abs(row[name]) < float("inf"):  # false for NaN too
            raise NonFiniteLossError(f"{name} became {row[name]} at step {row['step']} of {folder}; training stopped")


def read_log(folder: Path) -> list[dict]:
    """Read the log up to the first row that is cut off or missing; raise CheckpointError for a row without a number."""
    path, rows = folder / "log.jsonl", []
    try:
        text = require_plain_file(path).read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    except ValueError as error:
        raise CheckpointError(str(error)) from None
    for line in text.splitlines():
        try:
            row = json.loads(line)
            if row["step"] != len(rows) + 1:
                break
        except (ValueError, LookupError, TypeError, RecursionError):
            break
        for name in COLUMNS:
            value = row.get(name, "nothing")
            without = value is None and name == "gain"
            if not without and not (type(value) in (int, float) and abs(value) < 1e300):  # false for NaN too
                raise CheckpointError(f"{path}, line {len(rows) + 1}: {name} must be a finite number, got {value!r}")
        rows.append(row)
    return rows


def sampled(count: int, wanted: int = SAMPLES) -> list[int]:
    """Choose `wanted` of `count` photographs, evenly spaced; all if there are fewer. Sets are sorted by subject."""
    return torch.linspace(0, count - 1, min(wanted, count)).round().int().tolist()


def save_samples(folder: Path, step: int, rendered: Tensor) -> None:
    """Save test photographs (N, 3, H, W), in [0, 1], side by side as samples/step-NNNNNNNN.png."""
    if parallel.is_first():
        from torchvision.utils import save_image  # here, because importing it takes a second

        path = folder / "samples" / f"step-{step:08d}.png"
        write_atomically(path, lambda part: save_image(rendered, part, format="PNG", nrow=len(rendered), padding=0))


def read_samples(folder: str | Path) -> dict[int, Tensor]:
    """Read the test photographs as rendered during a run.

    Parameters
    ----------
    folder
        Folder of a run, as written by `train.fit`.

    Returns
    -------
    dict[int, Tensor]
        Step -> photographs, shape (N, 3, H, W), in [0, 1]: step 0 and the last step of each epoch.
    """
    samples = {}
    for path in sorted((Path(folder) / "samples").glob("step-*.png")):
        with Image.open(require_plain_file(path)) as picture:
            strip = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255  # (3, H, N * H)
        samples[int(path.stem.removeprefix("step-"))] = torch.stack(strip.split(strip.shape[1], dim=2))
    return samples
