"""Load photographs as pairs of gray and color: the embedded sets or any folder, with a cache of decoded pixels.

A photograph is cropped to its central square and scaled to `image_size` once. Only the color pixels are kept, as bytes;
the gray image is always computed from them with `color.luma`.
"""

import hashlib
import json
import os
import re
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from tqdm.auto import tqdm

from hcegan_lib import KIT_ROOT
from hcegan_lib.backend import cache as pixel_cache
from hcegan_lib.backend.files import require_plain_file
from hcegan_lib.backend.messages import did_you_mean
from hcegan_lib.color import luma

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")  # by content; Pillow may use no other decoder
SIZES = range(8, 2049)  # image_size, in pixels
NEAR_GRAY = 12  # levels of 255; see `color_spread`
MIN_TRAIN, MIN_TEST = 2, 1  # batch norm needs two photographs
EMBEDDED = ("mini", "flowers")  # sets that come with a clone of the kit, in data/
CACHE_FORMAT = 1  # increase it if the code below would decode a photograph to different bytes
warnings.filterwarnings("ignore", module=r"PIL\.")  # they do not name the photograph; in a thread no `with` can do this


class DataError(ValueError):
    """A folder or photograph that cannot be used; the message says why in one line."""


@dataclass(frozen=True, eq=False)
class Photos:
    """One split of a set."""

    pixels: np.ndarray | Tensor  # (N, S, S, 3), uint8, usually memory-mapped; a Tensor after `to`
    files: tuple[str, ...]  # N names relative to the folder, with forward slashes

    def __len__(self) -> int:
        """Count the photographs."""
        return len(self.files)

    def to(self, device: str | torch.device) -> "Photos":
        """Copy all bytes to a device once, instead of batch by batch: 157 MB for 800 photographs at 256 px."""
        return replace(self, pixels=torch.from_numpy(np.array(self.pixels)).to(device))

    def choose(self, indices: Sequence[int]) -> "Photos":
        """Copy some of the photographs."""
        return Photos(self.pixels[list(indices)], tuple(self.files[index] for index in indices))

    def batch(
        self, indices: Sequence[int] | np.ndarray | Tensor | None = None, device: str | torch.device = "cpu"
    ) -> tuple[Tensor, Tensor]:
        """Return photographs as tensors for a network.

        Parameters
        ----------
        indices
            Which photographs, in which order, possibly repeated; None: all.
        device
            Device of the tensors. The bytes are moved there before they become floats.

        Returns
        -------
        gray, color
            Shapes (B, 1, S, S) and (B, 3, S, S), float32 in [0, 1]; `gray` is `luma(color)`.
        """
        rows = self.pixels
        if indices is not None and isinstance(rows, Tensor):  # on a GPU, without waiting for it
            rows = rows[torch.as_tensor(indices).view(-1).to(rows.device, non_blocking=True)]
        elif indices is not None:
            rows = rows[np.atleast_1d(np.asarray(indices))]
        # Copy the mapped bytes, because torch does not accept read-only memory.
        images = (rows if isinstance(rows, Tensor) else torch.from_numpy(np.array(rows))).to(device)
        color = images.permute(0, 3, 1, 2).contiguous().float() / 255  # (B, S, S, 3) -> (B, 3, S, S)
        return luma(color), color


@dataclass(frozen=True, eq=False)
class PhotoSet:
    """Photographs for training and testing, and what was left out."""

    name: str  # the folder's name, such as "mini"; of a link, its own name
    train: Photos
    test: Photos
    skipped: tuple[str, ...]  # "file: reason" for each file that could not be read
    near_gray: tuple[str, ...]  # left out: with almost no color in them, the gray copy would score an unbounded PSNR
    fingerprint: str  # hash of the files' bytes, their names and the settings


def load(
    source: str | Path = "mini",
    image_size: int = 64,
    *,
    seed: int = 0,
    test_fraction: float = 0.2,
    cache: str | Path | None = None,
    progress: bool = False,
) -> PhotoSet:
    """Load a set of photographs; decode it only the first time.

    Parameters
    ----------
    source
        "mini"; "flowers"; the name of a set built by `hcegan data build`, such as "coco-bird"; or a folder, including
        its subfolders but not hidden files. A folder without `train` and `test` is split by `seed`.
    image_size
        Side of the squares in pixels, 8 to 2048. Smaller photographs are scaled up.
    seed
        Decides, with their names, which photographs of an unsplit folder are for testing.
    test_fraction
        Share of an unsplit folder for testing, above 0 and below 1.
    cache
        Folder for decoded photographs; None: `data/cache`.
    progress
        Whether to show a bar if decoding takes longer than a second.

    Raises
    ------
    DataError
        If the folder is missing, or fewer than 2 training photographs and 1 test photograph can be used.
    """
    if not isinstance(image_size, (int, np.integer)) or image_size not in SIZES:
        raise DataError(f"image_size must be a whole number from {SIZES[0]} to {SIZES[-1]}, got {image_size!r}")
    if not 0 < test_fraction < 1:
        raise DataError(f"test_fraction must lie between 0 and 1, got {test_fraction!r}")
    folder = _find_folder(source)
    names, is_split = _find_photos(folder, seed)
    fraction = None if is_split else float(test_fraction)
    key = _fingerprint(folder, names, [CACHE_FORMAT, NEAR_GRAY, int(image_size), fraction])
    entry = Path(os.path.expanduser(cache or raw_folder().with_name("cache"))) / key
    record, pixels = pixel_cache.reuse(entry, lambda: _decode(folder, names, image_size, fraction, progress))
    cut = len(record["train"])
    return PhotoSet(
        name=folder.name,
        train=Photos(pixels[:cut], tuple(record["train"])),
        test=Photos(pixels[cut:], tuple(record["test"])),
        skipped=tuple(record["skipped"]),
        near_gray=tuple(record["near_gray"]),
        fingerprint=key,
    )


def validation_split(photos: PhotoSet, share: float = 0.2, seed: int = 0) -> PhotoSet:
    """Hold out some training photographs as `test`, to choose settings without looking at the test photographs.

    All crops of one photograph, such as a-c.jpg and a-tl.jpg of `mini`, stay on one side. Names and `seed` decide.
    """
    if not 0 < share < 1:
        raise DataError(f"share must lie between 0 and 1, got {share!r}")
    names = [re.sub(r"-(c|[tb][lr])\.\w+$", "", file) for file in photos.train.files]
    order = _by_hash(set(names), seed)
    held = set(order[: max(1, round(len(order) * share))])
    train, test = ([row for row, name in enumerate(names) if (name in held) == out] for out in (False, True))
    if len(train) < MIN_TRAIN:
        raise DataError(f"{photos.name} has too few photographs to hold out {len(test)} of {len(names)}")
    key = hashlib.sha256(json.dumps([photos.fingerprint, share, seed]).encode()).hexdigest()[:16]
    return replace(photos, train=photos.train.choose(train), test=photos.train.choose(test), fingerprint=key)


def open_photo(path: str | Path) -> Image.Image:
    """Open one photograph as upright 8-bit RGB.

    The file is recognized by its content, not its name. The photograph keeps its size and is rotated as its EXIF tag
    says. Transparent parts become white, 16-bit grays are scaled to 8 bits, and only the first of several pages is
    read. Embedded color profiles are not applied.

    Raises DataError if the file is missing, damaged, too large to be safe, or not a picture in one of `FORMATS`.
    """
    try:
        if require_plain_file(Path(path)).stat().st_size == 0:
            raise DataError("the file is empty")
        with Image.open(path, formats=FORMATS) as image:
            return _to_rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise DataError(f"{path}: not a picture in one of the formats {', '.join(FORMATS)}") from error
    except Exception as error:  # damaged files make decoders raise almost anything, even SyntaxError
        reason = getattr(error, "strerror", None) or str(error).removeprefix(f"{path} is ") or type(error).__name__
        raise DataError(f"{path}: {reason}") from error


def color_spread(photo: Image.Image) -> float:
    """Measure how colorful the most colorful percent of an RGB photograph is.

    Returns the 99th percentile of max(R, G, B) - min(R, G, B) over the central square at 64 x 64, in levels of 255.
    The top percent, unlike the mean, keeps a red coat in a gray street. Gray versions of `mini`'s photographs reach 11
    with sensor noise of 10 levels, the photographs themselves start at 36; `NEAR_GRAY` lies in between.
    """
    thumbnail = np.asarray(ImageOps.fit(photo, (64, 64), Image.Resampling.BOX))
    return float(np.percentile(np.ptp(thumbnail, axis=-1), 99))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise DataError("floating-point pixels without a defined white value")
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
    """Return the folder of built sets: data/raw in the clone, or ~/.cache/hcegan/raw without one."""
    in_clone = (KIT_ROOT / "data").is_dir()  # otherwise KIT_ROOT is site-packages
    return (KIT_ROOT / "data" if in_clone else Path.home() / ".cache" / "hcegan") / "raw"


def _find_folder(source: str | Path) -> Path:
    name = str(source)
    known = (KIT_ROOT / "data" if name in EMBEDDED else raw_folder()) / name
    is_bare = Path(name).name == name and name[:1] not in ("", ".")  # ./NAME is always the folder
    if is_bare and known.is_dir():
        return known
    if name in EMBEDDED:
        raise DataError(f"{known} is missing: {name!r} comes with a clone of the kit; install from one with pip -e")
    folder = Path(os.path.abspath(os.path.expanduser(name)))  # a link keeps its name
    if name and folder.is_dir():
        return folder
    problem = "is not a folder" if name and folder.exists() else "does not exist"
    sets = [*EMBEDDED, *sorted(path.name for path in raw_folder().glob("[!.]*"))]
    hint = did_you_mean(Path(name).name.lower(), sets)
    wanted, more = "source must be a folder of photographs or a set", "`hcegan data build` makes more sets"
    raise DataError(f"{wanted}; {name!r} {problem}{hint}; {more}")


def _find_photos(folder: Path, seed: int) -> tuple[list[str], bool]:
    """List names in the order of decoding, training first, and whether the folder itself is split."""
    names = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]  # os.walk descends into these
        inside = Path(place).relative_to(folder).as_posix()
        photos = [name for name in files if name.lower().endswith(SUFFIXES) and not name.startswith(".")]
        names += photos if inside == "." else [f"{inside}/{name}" for name in photos]
    names.sort()
    splits = [split for split in ("train", "test") if (folder / split).is_dir()]
    if len(splits) == 1:
        raise DataError(f"{folder} has a folder '{splits[0]}' only; it needs both 'train' and 'test', or neither")
    if splits:
        return [name for split in splits for name in names if name.startswith(f"{split}/")], True
    return _by_hash(names, seed), False


def _by_hash(names: Iterable[str], seed: int) -> list[str]:
    """Shuffle names so that the order of two depends only on them and the seed, not on the others."""
    return sorted(names, key=lambda name: hashlib.sha256(os.fsencode(f"{seed}/{name}")).digest())


def _fingerprint(folder: Path, names: list[str], settings: list) -> str:
    digests = [_digest(folder / name) for name in names]
    return hashlib.sha256(json.dumps([settings, names, digests]).encode()).hexdigest()[:16]


def _digest(path: Path) -> str:
    try:
        with open(require_plain_file(path), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return "unreadable"  # decoding will report the reason


def _decode(
    folder: Path, names: list[str], image_size: int, fraction: float | None, progress: bool
) -> tuple[dict, np.ndarray]:
    """Decode all photographs; return a record of what was kept, and the pixels, training first."""
    pixels = np.empty((len(names), image_size, image_size, 3), np.uint8)
    kept: list[str] = []
    skipped, near_gray = [], []
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
    """Return the central square of one photograph, None if it is near gray, or the error if it cannot be read."""
    try:
        photo = open_photo(folder / name)
    except DataError as error:
        return DataError(str(error).replace(str(folder / name), name, 1))
    if color_spread(photo) <= NEAR_GRAY:
        return None
    # Lanczos, because BOX drops pixels at ratios such as 300 -> 256. Not v2.Resize: it would give other pixels.
    return np.asarray(ImageOps.fit(photo, (image_size, image_size), Image.Resampling.LANCZOS))


def _shortage(found: int, record: dict) -> str:
    if not found:
        return f"no photographs found; looked for {', '.join(SUFFIXES)}"
    counts = {key: len(names) for key, names in record.items()}
    reasons = "; ".join((record["skipped"] + [f"{name}: near gray" for name in record["near_gray"]])[:3])
    return (
        f"{found} files found, {counts['skipped']} unreadable, {counts['near_gray']} near gray, which leaves "
        f"{counts['train']} for training and {counts['test']} for testing; needs {MIN_TRAIN} and {MIN_TEST}"
        + (f" ({reasons})" if reasons else "")
    )
