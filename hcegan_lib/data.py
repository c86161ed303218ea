"""Photographs to pairs of gray and color: the embedded set, any folder, and a cache of what was decoded.

A photograph is cropped to its central square and scaled to `image_size`, once. What is kept is the color, as bytes;
the gray image is never stored but computed from it with `color.luma`, so that the two cannot drift apart.
"""

import hashlib
import json
import os
import warnings
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from tqdm.auto import tqdm

from hcegan_lib import KIT_ROOT
from hcegan_lib.backend.files import write_atomically
from hcegan_lib.backend.messages import did_you_mean
from hcegan_lib.color import luma

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")  # by content; Pillow is asked for no other decoder
SIZES = range(8, 2049)  # image_size, in pixels
NEAR_GRAY = 12  # levels of 255; see `color_spread`
MIN_TRAIN, MIN_TEST = 2, 1  # one batch that has a variance, one photograph to score
# What `sources.SOURCES` can build. The names are here too, so that a set that is not there yet can be told from a typo.
SETS = ("div2k", "coco-bird", "coco-dog", "coco-orange", "openimages-lion", "openimages-bird", "openimages-orange")
SETS += ("openimages-dog", "openimages-fish", "openimages-ladybug", "imagenet-sample", "flowers")
CACHE_FORMAT = 1  # raise it when anything below would decode a photograph to other bytes


class DataError(ValueError):
    """A folder or a photograph that cannot be used, and why, in one line."""


@dataclass(frozen=True, eq=False)
class Photos:
    """One split of a set."""

    # (N, S, S, 3), uint8, read-only; memory-mapped unless the cache could not be written; a Tensor after `to`
    pixels: np.ndarray | Tensor
    files: tuple[str, ...]  # N names relative to the folder, with forward slashes

    def __len__(self) -> int:
        """Count the photographs."""
        return len(self.files)

    def to(self, device: str | torch.device) -> "Photos":
        """Copy the bytes to a device once, so that no batch has to travel: 157 MB for 800 photographs at 256 px."""
        return replace(self, pixels=torch.from_numpy(np.array(self.pixels)).to(device))

    def batch(
        self, indices: Sequence[int] | np.ndarray | Tensor | None = None, device: str | torch.device = "cpu"
    ) -> tuple[Tensor, Tensor]:
        """Give photographs as the tensors that a network takes.

        Parameters
        ----------
        indices
            Which photographs, in which order, with repeats if you like; all of them when None.
        device
            Where the tensors are to live. The bytes travel there, the floats are made there.

        Returns
        -------
        gray, color
            Shapes (B, 1, S, S) and (B, 3, S, S), float32 in [0, 1]; `gray` is `luma(color)`.
        """
        rows = self.pixels if indices is None else self.pixels[np.atleast_1d(np.asarray(indices))]
        # A copy of the mapped bytes: torch refuses to look at read-only memory.
        images = (rows if isinstance(rows, Tensor) else torch.from_numpy(np.array(rows))).to(device)
        color = images.permute(0, 3, 1, 2).contiguous().float() / 255  # (B, S, S, 3) -> (B, 3, S, S)
        return luma(color), color


@dataclass(frozen=True, eq=False)
class PhotoSet:
    """A set of photographs in two splits, and what was left out of it."""

    name: str  # the folder's name: "mini" for the embedded set
    train: Photos
    test: Photos  # no file is in both
    skipped: tuple[str, ...]  # "file: reason" for each file that could not be read
    near_gray: tuple[str, ...]  # left out: with next to no color in them, copying gray scores a PSNR without bound
    fingerprint: str  # key of the files' bytes, their names and every setting


def load(
    source: str | Path = "mini",
    image_size: int = 64,
    *,
    seed: int = 0,
    test_fraction: float = 0.2,
    cache: str | Path | None = None,
    progress: bool = False,
) -> PhotoSet:
    """Load a set of photographs, decoding it only if that has not been done before.

    Parameters
    ----------
    source
        "mini", the name of a set that `hcegan data build` has made, such as "coco-bird", or a folder: one with `train`
        and `test` in it, or any other, which is then split by `seed`. Folders inside are searched too. Hidden files
        are passed over.
    image_size
        Side of the squares in pixels, 8 to 2048. A smaller photograph is scaled up.
    seed
        Which photographs of an unsplit folder are for testing. It works on names alone: a new photograph moves
        hardly any other from one split to the other.
    test_fraction
        Share of an unsplit folder that is for testing, above 0 and below 1.
    cache
        Folder for decoded photographs; `data/cache` of the clone when None. If it cannot be written, a warning
        says so and the photographs stay in memory.
    progress
        Show a bar when decoding takes longer than a second.

    Returns
    -------
    PhotoSet
        Both splits. They share one memory-mapped file.

    Raises
    ------
    DataError
        If the folder is missing, or fewer than 2 photographs for training and 1 for testing can be used.

    Notes
    -----
    The key of the cache is the content: each file is read and hashed again, which takes a few percent of the time
    of decoding it (`make bench`). Its size and date would be quicker still, and wrong once in a while.
    """
    if not isinstance(image_size, (int, np.integer)) or image_size not in SIZES:
        raise DataError(f"image_size must be a whole number from {SIZES[0]} to {SIZES[-1]}, got {image_size!r}")
    if not 0 < test_fraction < 1:
        raise DataError(f"test_fraction must lie between 0 and 1, got {test_fraction!r}")
    folder = _find_folder(source)
    names, is_split = _find_photos(folder, seed)
    fraction = None if is_split else float(test_fraction)
    key = _fingerprint(folder, names, [CACHE_FORMAT, NEAR_GRAY, int(image_size), fraction])
    entry = _cache_folder(cache) / key
    stored = _read_cache(entry)
    if stored is None:
        stored = _decode(folder, names, image_size, fraction, progress)
        try:
            _write_cache(entry, *stored)
        except OSError as error:
            reason = error.strerror or error
            warnings.warn(f"{entry.parent}: {reason}; nothing is cached, the photographs stay in memory", stacklevel=2)
        stored = _read_cache(entry) or stored
    record, pixels = stored
    cut = len(record["train"])
    return PhotoSet(
        name=folder.name,
        train=Photos(pixels[:cut], tuple(record["train"])),
        test=Photos(pixels[cut:], tuple(record["test"])),
        skipped=tuple(record["skipped"]),
        near_gray=tuple(record["near_gray"]),
        fingerprint=key,
    )


def open_photo(path: str | Path) -> Image.Image:
    """Open one photograph, upright, as 8-bit RGB, whatever it was stored as.

    Parameters
    ----------
    path
        A JPEG, PNG, WebP, TIFF or BMP file. What counts is the content, not the name.

    Returns
    -------
    Image.Image
        Mode "RGB", full size, turned as its EXIF tag says. Transparent parts are laid over white; 16-bit grays are
        scaled to 8 bits; of several pages or frames it is the first. Embedded color profiles are not applied.

    Raises
    ------
    DataError
        If the file is missing, damaged, too large to be safe, or no such picture. The message starts with `path`.
    """
    try:
        if Path(path).stat().st_size == 0:
            raise DataError("the file is empty")
        with Image.open(path, formats=FORMATS) as image:
            return _to_rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise DataError(f"{path}: not a picture in one of the formats {', '.join(FORMATS)}") from error
    except Exception as error:  # damaged bytes make a decoder raise nearly anything, from struct.error to SyntaxError
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(f"{path}: {reason}") from error


def color_spread(photo: Image.Image) -> float:
    """Measure how colorful the most colorful percent of a photograph is.

    Parameters
    ----------
    photo
        Mode "RGB".

    Returns
    -------
    float
        99th percentile of max(R, G, B) - min(R, G, B) over the central square at 64 x 64, in levels of 255.

    Notes
    -----
    A mean would throw out a red coat in a gray street; the top percent keeps it. The size is fixed, so that the same
    photographs are left out at every `image_size`. Gray versions of `mini`'s photographs reach 11 with sensor noise
    of 10 levels or with a yellow cast of 4 percent; `mini`'s own photographs start at 36. `NEAR_GRAY` lies between.
    A sepia print (41 and more) stays: it has a color, if only one.
    """
    thumbnail = np.asarray(ImageOps.fit(photo, (64, 64), Image.Resampling.BOX))
    return float(np.percentile(np.ptp(thumbnail, axis=-1), 99))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise DataError("floating-point pixels, and no word on which value is white")
    if image.mode.startswith("I"):
        image = _from_16_bit(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _from_16_bit(image: Image.Image) -> Image.Image:
    levels = np.asarray(image).astype(np.int64)
    if levels.min() < 0 or levels.max() > 65535:
        raise DataError(f"gray levels from {levels.min()} to {levels.max()}, wanted 16 bits: 0 to 65535")
    return Image.fromarray(np.round(levels / 257).astype(np.uint8))  # 65535 / 257 = 255; convert("L") would clip


def raw_folder() -> Path:
    """Say where `sources.build` puts sets: data/raw of the clone, or ~/.cache/hcegan/raw where there is none."""
    in_clone = (KIT_ROOT / "data").is_dir()
    return KIT_ROOT / "data" / "raw" if in_clone else Path.home() / ".cache" / "hcegan" / "raw"


def _find_folder(source: str | Path) -> Path:
    if source == "mini":
        folder = KIT_ROOT / "data" / "mini"
        if folder.is_dir():
            return folder
        raise DataError(f"{folder} is missing: 'mini' comes with a clone of the kit; install from one with pip -e")
    folder = Path(os.path.expanduser(source)).resolve()
    built, is_bare = raw_folder() / source, Path(source).name == str(source) and str(source)[:1] not in ("", ".")
    if is_bare and built.is_dir():  # ./NAME is always the folder
        return built
    if not folder.is_dir() and str(source) in SETS:
        raise DataError(f"{str(source)!r} is not built yet: hcegan data build {source}")
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        hint = did_you_mean(folder.name.lower(), ["mini", *SETS])
        raise DataError(f"source must be a folder of photographs or a set; {str(source)!r} {problem}{hint}")
    return folder


def _find_photos(folder: Path, seed: int) -> tuple[list[str], bool]:
    """List names in the order of decoding, training first, and say whether the folder itself is split."""
    names = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]  # os.walk goes on into what is left
        inside = Path(place).relative_to(folder).as_posix()
        photos = [name for name in files if name.lower().endswith(SUFFIXES) and not name.startswith(".")]
        names += photos if inside == "." else [f"{inside}/{name}" for name in photos]
    names.sort()
    splits = [split for split in ("train", "test") if (folder / split).is_dir()]
    if len(splits) == 1:
        raise DataError(f"{folder} has a folder '{splits[0]}' alone; wanted 'train' and 'test', or neither")
    if splits:
        return [name for split in splits for name in names if name.startswith(f"{split}/")], True
    # A name's place is drawn from the name itself, so it does not depend on which other files are there.
    return sorted(names, key=lambda name: hashlib.sha256(os.fsencode(f"{seed}/{name}")).digest()), False


def _fingerprint(folder: Path, names: list[str], settings: list) -> str:
    digests = [_digest(os.path.join(folder, name)) for name in names]
    return hashlib.sha256(json.dumps([settings, names, digests]).encode()).hexdigest()[:16]


def _digest(path: str) -> str:
    try:
        with open(path, "rb", buffering=0) as file:  # read whole: a buffer would only be filled and copied
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return "unreadable"  # decoding it will say why


def _decode(
    folder: Path, names: list[str], image_size: int, fraction: float | None, progress: bool
) -> tuple[dict, np.ndarray]:
    """Decode every photograph; return the record of what was kept, and its pixels, training first."""
    pixels = np.empty((len(names), image_size, image_size, 3), np.uint8)
    kept, skipped, near_gray = [], [], []
    with ThreadPoolExecutor() as pool:
        squares = pool.map(lambda name: _square(folder, name, image_size), names)
        bar = tqdm(squares, total=len(names), desc="decoding", unit="photo", delay=1, disable=not progress)
        for square, name in zip(bar, names):
            if isinstance(square, DataError):
                skipped.append(str(square))
            elif square is None:
                near_gray.append(name)
            else:
                pixels[len(kept)] = square
                kept.append(name)
    if fraction is None:
        cut = sum(name.startswith("train/") for name in kept)
    else:
        cut = len(kept) - max(1, round(len(kept) * fraction))
    record = {"train": kept[:cut], "test": kept[cut:], "skipped": skipped, "near_gray": near_gray}
    if len(record["train"]) < MIN_TRAIN or len(record["test"]) < MIN_TEST:
        raise DataError(f"{folder}: {_shortage(len(names), record)}")
    pixels.flags.writeable = False
    return record | {"image_size": int(image_size)}, pixels[: len(kept)]


def _square(folder: Path, name: str, image_size: int) -> np.ndarray | DataError | None:
    """Return the central square of one photograph; None if it is near gray; the error if it cannot be read."""
    try:
        photo = open_photo(folder / name)
    except DataError as error:
        return DataError(str(error).replace(str(folder / name), name, 1))
    if color_spread(photo) <= NEAR_GRAY:
        return None
    # Lanczos: BOX is as good at whole ratios, but at 300 -> 256 it drops pixels and leaves stair-steps.
    return np.asarray(ImageOps.fit(photo, (image_size, image_size), Image.Resampling.LANCZOS))


def _shortage(found: int, record: dict) -> str:
    if not found:
        return f"no photographs found; looked for {', '.join(SUFFIXES)}"
    counts = {key: len(names) for key, names in record.items()}
    reasons = "; ".join((record["skipped"] + [f"{name}: near gray" for name in record["near_gray"]])[:3])
    return (
        f"{found} files found, {counts['skipped']} unreadable, {counts['near_gray']} near gray, which leaves "
        f"{counts['train']} for training and {counts['test']} for testing; wanted {MIN_TRAIN} and {MIN_TEST} or more"
        + (f" ({reasons})" if reasons else "")
    )


def _cache_folder(cache: str | Path | None) -> Path:
    if cache is not None:
        return Path(os.path.expanduser(cache))
    in_clone = (KIT_ROOT / "data").is_dir()  # else KIT_ROOT is site-packages, no place for a student's pictures
    return KIT_ROOT / "data" / "cache" if in_clone else Path.home() / ".cache" / "hcegan"


def _read_cache(entry: Path) -> tuple[dict, np.ndarray] | None:
    """Return what `_write_cache` stored, or None if there is nothing or any byte of it has changed."""
    try:
        record = json.loads(entry.with_suffix(".json").read_text(encoding="utf-8"))
        checksum = record.pop("checksum")
        size = record["image_size"]
        shape = (len(record["train"]) + len(record["test"]), size, size, 3)
        pixels = np.memmap(entry.with_suffix(".bytes"), np.uint8, mode="r", shape=shape)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return (record, pixels) if checksum == _checksum(record, pixels) else None


def _write_cache(entry: Path, record: dict, pixels: np.ndarray) -> None:
    """Store pixels first and the record last: without a record that fits, there is no cache."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(entry.with_suffix(".bytes"), pixels.tobytes())
    record = record | {"checksum": _checksum(record, pixels)}
    write_atomically(entry.with_suffix(".json"), json.dumps(record, indent=1))


def _checksum(record: dict, pixels: np.ndarray) -> int:
    return zlib.crc32(pixels, zlib.crc32(json.dumps(record, sort_keys=True).encode()))
