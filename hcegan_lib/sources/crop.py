"""Crops candidates to squares of 256 x 256 pixels and describes each crop."""

import hashlib
import re
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image
from tqdm.auto import tqdm

from hcegan_lib import data
from hcegan_lib.data import DataError
from hcegan_lib.sources.candidates import WHOLE, Box, Candidate, Square
from hcegan_lib.sources.fetch import Access, FetchError, MissingError

SIZE = 256  # side of a crop in pixels, as in the paper
JPEG = {"format": "JPEG", "quality": 95, "subsampling": 0}  # full color resolution, since color is what is learned
CONNECTIONS = 8  # photographs downloaded and cropped in parallel
HELD = 100_000_000  # bytes of photographs from an archive that may wait in memory
MAX_FAILURES = 20  # unusable downloads in a row: then the address is wrong, or the network asks for a sign-in
ORIENTATION = 0x0112  # EXIF tag; 1 is upright


def crop_all(found: Iterator[Candidate], wanted: int, folder: Path, access: Access) -> tuple[list[dict], list[str]]:
    """Crop candidates in order, several at a time, until `wanted` of them are usable.

    Returns one row of the manifest per crop, and "photograph: reason" for each candidate that was left out.
    """
    rows, skipped, seen, names, failures = [], [], {}, {}, 0
    bar = tqdm(total=None if wanted == sys.maxsize else wanted, unit="photo", leave=False, disable=not access.progress)
    pool, waiting = ThreadPoolExecutor(CONNECTIONS), deque()  # of crops, each with the memory that it holds
    try:
        while True:
            while (
                len(waiting) < 2 * CONNECTIONS
                and len(rows) + len(waiting) < wanted
                and sum(held for _, held in waiting) < HELD
            ):
                candidate = next(found, None)
                if candidate is None:
                    break
                split = candidate.split or ""
                candidate = candidate._replace(name=free_name(candidate.name, names.setdefault(split, set())))
                (folder / split).mkdir(exist_ok=True)
                waiting.append((pool.submit(_crop, candidate, folder / split), candidate.held))
                del candidate  # before the next one is read
            if not waiting:
                return rows, skipped
            try:
                row = waiting.popleft()[0].result()
                _refuse_duplicate(row, seen, folder / (row["split"] or ""))
            except (DataError, MissingError) as problem:
                skipped.append(" ".join(str(problem).split()))
                failures += 1
                if failures == MAX_FAILURES and wanted < sys.maxsize:
                    series = f"{MAX_FAILURES} photographs in a row are missing or unusable"
                    raise FetchError(f"{series}, most recently {problem}") from None
                continue
            failures = 0
            rows.append(row)
            bar.update()
    finally:
        access.stopped.set()
        pool.shutdown(cancel_futures=True)
        bar.close()


def place_square(sides: tuple[int, int], box: Box) -> tuple[int, int, int]:
    """Place a square around the center of a box, inside a photograph of W x H pixels; return left, top, side in pixels.

    The side is the longer side of the box, but at least 256 and at most min(W, H).
    """
    W, H = sides
    left, top, right, bottom = box[0] * W, box[1] * H, box[2] * W, box[3] * H
    side = min(max(round(right - left), round(bottom - top), SIZE), W, H)
    x, y = (left + right - side) / 2, (top + bottom - side) / 2
    return round(min(max(x, 0), W - side)), round(min(max(y, 0), H - side)), side


def free_name(name: str, taken: set[str]) -> str:
    """Make a file name of letters, digits, "-" and "_" that is not in `taken`, ignoring case; add it to `taken`."""
    plain = re.sub(r"[^\w-]+", "_", name).encode()[:100].decode(errors="ignore")  # names may have 255 bytes
    free, number = plain, 1
    while free.lower() in taken:
        number += 1
        free = f"{plain}-{number}"
    taken.add(free.lower())
    return free


def sha256(path: Path) -> str:
    """Compute the SHA-256 of a file as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _crop(candidate: Candidate, folder: Path) -> dict:
    """Write the square of one photograph and return its row of the manifest."""
    content = candidate.read()
    original, crop = folder / f".{candidate.name}", folder / f"{candidate.name}.jpg"
    original.write_bytes(content)
    try:
        photo = _open_original(original, candidate)
    except DataError as problem:
        if candidate.kept:
            candidate.kept.unlink(missing_ok=True)  # the next download may be intact
        raise DataError(f"{candidate.origin}: {str(problem).removeprefix(f'{original}: ')}") from problem
    finally:
        original.unlink()
    left, top, side = square = candidate.square or place_square(photo.size, candidate.box)
    (candidate.save or _save)(photo, square, crop)
    if data.color_spread(data.open_photo(crop)) <= data.NEAR_GRAY:  # `data.load` would leave it out, too
        crop.unlink()
        raise DataError(f"{candidate.origin}: near gray")
    known = {key: getattr(candidate, key) for key in ("split", "origin", "title", "author", "license")}
    sums = {"sha256": hashlib.sha256(content).hexdigest(), "crop_sha256": sha256(crop)}
    return {"file": crop.name, "left": left, "top": top, "side": side, "source": candidate.page} | sums | known


def _save(photo: Image.Image, square: Square, path: Path) -> None:
    left, top, side = square
    photo.resize((SIZE, SIZE), Image.Resampling.LANCZOS, (left, top, left + side, top + side)).save(path, **JPEG)


def _open_original(path: Path, candidate: Candidate) -> Image.Image:
    """Open a photograph; refuse it if its box may not fit."""
    photo = data.open_photo(path)
    with Image.open(path) as stored:
        if candidate.square and photo.size != candidate.size == stored.size:
            photo = stored.convert("RGB")  # the list of stand-ins has one whose square counts pixels as they are stored
        elif candidate.box != WHOLE and stored.getexif().get(ORIENTATION, 1) != 1:
            raise DataError("is stored rotated, so its box may not fit")
    if candidate.size not in (None, photo.size):
        W, H = candidate.size
        raise DataError(f"is {photo.width} x {photo.height} pixels, but its annotation says {W} x {H}")
    return photo


def _refuse_duplicate(row: dict, seen: dict[str, str], folder: Path) -> None:
    """Use a photograph only once: its second copy could end up in the other split."""
    first = seen.setdefault(row["sha256"], row["origin"])
    if first != row["origin"]:
        (folder / row["file"]).unlink()
        raise DataError(f"{row['origin']}: the same file as {first}")
