"""Ready generators in data/weights: a manifest, one file of weights and one model card each.

The weights are stored in half precision, in the format safetensors, which cannot hold code. A file whose checksum is
not the manifest's is never read.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hcegan_lib import KIT_ROOT
from hcegan_lib.backend.files import read_json, write_atomically
from hcegan_lib.backend.messages import did_you_mean

if TYPE_CHECKING:
    from hcegan_lib.data import Photos
    from hcegan_lib.models import UNetGenerator

FOLDER = KIT_ROOT / "data" / "weights"
MANIFEST = "weights.json"
SETTINGS = ("base_channels", "depth", "gamma_init", "attend_max_positions", "head")  # that decide a generator
RESTORE = "restore it with `git checkout -- data/weights`, or train your own with `hcegan train`"


def manifest() -> dict[str, dict]:
    """Read the manifest: name -> file, sha256, image_size, settings, trained_on, and scores by test set.

    Raises ValueError if there is none, as in an installation without a clone of the kit.
    """
    entries = read_json(FOLDER / MANIFEST)
    if not entries:
        raise ValueError(f"{FOLDER / MANIFEST} is missing or damaged: {RESTORE}")
    return entries


def names() -> tuple[str, ...]:
    """List the names of the ready generators."""
    return tuple(manifest())


def load(name: str) -> "tuple[UNetGenerator, int]":
    """Load a ready generator.

    Parameters
    ----------
    name
        One of `names()`.

    Returns
    -------
    generator, image_size
        The generator in float32 and evaluation mode, and the short side in pixels of the photographs it was trained on.

    Raises
    ------
    ValueError
        If there is no such generator, or its file is missing or not the one in the manifest; says what to do.
    """
    import safetensors.torch  # here, like torch itself: `hcegan weights list` needs neither

    from hcegan_lib.models import UNetGenerator

    entries = manifest()
    if name not in entries:
        raise ValueError(f"unknown weights {name!r}{did_you_mean(name, entries)}")
    entry = entries[name]
    path = FOLDER / entry["file"]
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise ValueError(f"{path} {'is not the file of the manifest' if content else 'is missing'}: {RESTORE}")
    generator = UNetGenerator(image_size=entry["image_size"], **entry["settings"])
    weights = safetensors.torch.load(content)
    generator.load_state_dict({key: value.to(generator.state_dict()[key].dtype) for key, value in weights.items()})
    return generator.eval(), entry["image_size"]


# --- making them ------------------------------------------------------------------------------------------------------


def export(run: str | Path, name: str, trained_on: str, tests: dict[str, "Photos"], gain: float = 1.0) -> dict:
    """Add the generator of a finished run to the manifest, with its scores; a name that exists is replaced.

    Parameters
    ----------
    run
        Folder of a run with the luma head.
    name
        Name of the ready generator and of its file.
    trained_on
        What it was trained on, in one line.
    tests
        Name of a test set -> its photographs, of the size that the run was trained on.
    gain
        Factor of the chroma, by which the last layer is multiplied. It ends with a tanh, so strong colors grow less.

    Returns
    -------
    dict
        The new entry of the manifest.
    """
    import safetensors.torch

    from hcegan_lib import train

    generator, settings = train.load_generator(run)
    with_gain(generator, gain)
    state = generator.state_dict()
    halves = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    content = safetensors.torch.save({key: value.contiguous() for key, value in halves.items()})
    chosen = {key: value for key, value in asdict(settings).items() if key in SETTINGS}
    entry = {"file": f"{name}.safetensors", "sha256": hashlib.sha256(content).hexdigest()}
    entry |= {"image_size": settings.image_size, "settings": chosen, "trained_on": trained_on, "scores": {}}
    FOLDER.mkdir(exist_ok=True)
    write_atomically(FOLDER / entry["file"], content)
    save_entry(name, entry)
    stored, _ = load(name)
    entry["scores"] = {test: score(stored, photos) for test, photos in tests.items()}
    save_entry(name, entry)
    return entry


def with_gain(generator: "UNetGenerator", gain: float) -> "UNetGenerator":
    """Multiply what the last layer of a generator with the luma head gives to its tanh; changes the generator."""
    for parameter in generator.decoder[-1][1].parameters():
        parameter.data.mul_(gain)
    return generator


def save_entry(name: str, entry: dict) -> None:
    """Write one entry of the manifest."""
    entries = read_json(FOLDER / MANIFEST) | {name: entry}
    write_atomically(FOLDER / MANIFEST, json.dumps(entries, indent=1) + "\n")


def score(generator: "UNetGenerator", photos: "Photos", resamples: int = 10_000) -> dict[str, int | list[float]]:
    """Score a generator beside the gray copy.

    Returns
    -------
    dict
        photographs: their number. Then (mean, low, high) with the 95% percentile interval of a bootstrap over
        photographs: psnr in dB, ssim in percent and ciede2000; the same `_over_gray`, minus the gray copy's; and
        colorfulness, as a share of the originals'.
    """
    from hcegan_lib import metrics
    from hcegan_lib.color import gray_to_rgb
    from hcegan_lib.models import render

    gray, _ = photos.batch()
    model, copy = (metrics.evaluate(pictures, photos) for pictures in (render(generator, gray), gray_to_rgb(gray)))
    draws = np.random.default_rng(0).integers(0, len(photos), (resamples, len(photos)))
    draws = np.vstack([np.arange(len(photos)), draws])  # the first row is the set itself

    def interval(values: np.ndarray) -> list[float]:
        return [round(float(value), 4) for value in (values[0], *np.percentile(values[1:], [2.5, 97.5]))]

    scores: dict[str, int | list[float]] = {"photographs": len(photos)}
    for metric, unit in {"psnr": 1, "ssim": 100, "ciede2000": 1}.items():
        of_model, of_copy = (unit * table[metric].to_numpy() for table in (model, copy))
        scores[metric] = interval(of_model[draws].mean(axis=1))
        scores[f"{metric}_over_gray"] = interval((of_model - of_copy)[draws].mean(axis=1))
    colors = (model[name].to_numpy()[draws].mean(axis=1) for name in ("colorfulness", "true_colorfulness"))
    scores["colorfulness"] = interval(np.divide(*colors))
    return scores


def contact_sheet(name: str, photos: "Photos", path: Path | None = None) -> Path:
    """Save a picture for the model card: photographs in gray, as a ready generator colors them, and as they are.

    Its columns are the four photographs whose PSNR gains most over the gray copy, the four in the middle and the four
    that gain least. Returns the path, by default NAME.jpg beside the weights.
    """
    import torch
    from torchvision.utils import save_image

    from hcegan_lib import metrics
    from hcegan_lib.color import gray_to_rgb
    from hcegan_lib.models import render

    generator, size = load(name)
    gray, color = photos.batch()
    rows = gray_to_rgb(gray), render(generator, gray), color
    order = (metrics.psnr(rows[1], color) - metrics.psnr(rows[0], color)).argsort(descending=True)
    middle = len(order) // 2 - 2
    chosen = torch.cat([order[:4], order[middle : middle + 4], order[-4:]])
    shown = torch.cat([row[chosen] for row in rows]).repeat_interleave(128 // size, 2).repeat_interleave(128 // size, 3)
    path = path or FOLDER / f"{name}.jpg"
    write_atomically(path, lambda part: save_image(shown, part, format="jpeg", nrow=len(chosen), pad_value=1))
    return path
