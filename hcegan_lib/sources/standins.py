"""Rebuilds the stand-ins for the paper's seven sets from a list of public photographs, byte for byte.

The photographs have no license to pass them on, so the kit has only the list: for each photograph a repository, commit,
path and checksum, and the square that was cut.
"""

import csv
import functools
import io
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from hcegan_lib import data
from hcegan_lib.sources.candidates import Candidate, Square
from hcegan_lib.sources.catalogue import Remote, Source
from hcegan_lib.sources.fetch import Access, fetch

LONGEST = 1600  # pixels; larger photographs were reduced first, except in varied
FINE, SMALL = {"quality": 92, "subsampling": 0}, {"quality": 82, "optimize": True}
SAVED = {"varied": (SMALL,), "lion": (FINE, SMALL)}  # JPEG settings, one after the other; others: FINE


def from_list(source: Source, access: Access) -> Iterator[Candidate]:
    """Find the photographs that the list names for a set."""
    with open(data.KIT_ROOT / "data" / "standins" / "crops.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if f"standin-{row['set']}" == source.name]
    for row in rows:
        path = quote(f"{row['repo']}/{row['commit']}/{row['path']}")
        remote = Remote(int(row["bytes"]), f"sha256:{row['sha256']}", tuple(start + path for start in source.photos))
        kept = f"{source.name}/{row['split']}-{row['file']}"
        yield Candidate(
            name=Path(row["file"]).stem,
            origin=remote.addresses[0],
            read=lambda kept=kept, remote=remote: fetch(kept, remote, access).read_bytes(),
            split=row["split"],
            size=(int(row["width"]), int(row["height"])),
            square=tuple(json.loads(row[length]) for length in ("left", "top", "side")),
            save=functools.partial(_save, row["set"]),
            license=source.license,
        )


def _save(name: str, photo: Image.Image, square: Square, path: Path) -> None:
    """Write a square of 256 x 256 pixels as it was written for the list."""
    (left, top, side), (W, H) = square, photo.size
    if name != "varied" and max(W, H) > LONGEST:
        photo.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
        x, y = photo.width / W, photo.height / H
        left, top, side = round(left * x), round(top * y), round(side * (x + y) / 2)
    crop = photo.crop((left, top, left + side, top + side)).resize((256, 256), Image.Resampling.LANCZOS)
    for settings in SAVED.get(name, (FINE,)):
        file = io.BytesIO()
        crop.save(file, "JPEG", **settings)
        crop = Image.open(file)
    path.write_bytes(file.getvalue())
