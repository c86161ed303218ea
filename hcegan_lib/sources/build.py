"""Builds sets in data/raw: download, crop, split, write a manifest, and move the finished set into place.

A set is built in a hidden folder and moved as a whole, so it is either complete or absent. Downloads, unfinished ones
too, stay in data/raw/.downloads, and the next call continues with them.
"""

import csv
import hashlib
import json
import math
import os
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from hcegan_lib import data
from hcegan_lib.backend.files import explain_disk_full, fsync_file, lock_folder, read_json, require_plain_file
from hcegan_lib.backend.messages import did_you_mean, printable
from hcegan_lib.data import DataError
from hcegan_lib.sources import candidates, standins
from hcegan_lib.sources.catalogue import OWN, SOURCES, Source
from hcegan_lib.sources.crop import SIZE, crop_all, sha256
from hcegan_lib.sources.fetch import Access, human_bytes, remaining_bytes, require_space

FIND = {
    "archive": candidates.from_archives,
    "coco": candidates.from_coco,
    "open images": candidates.from_open_images,
    "list": standins.from_list,
}
CROP_BYTES = 60_000  # approximate size of a crop on disk


def finished(name: str, *, origin: str | Path | None = None, seed: int = 0) -> dict | None:
    """Return what `build` returned for a set, or None if there is no such set; refuse any other folder of that name."""
    _source(name, origin)
    if seed < 0:
        raise DataError(f"seed must be 0 or more, got {seed}")
    folder = data.raw_folder() / name
    if not folder.exists():
        return None
    record = _record(folder)
    differs = [key for key, value in _recipe(name, origin, seed).items() if record.get(key) != value]
    if differs:
        problem = f"was built with a different {', '.join(differs)}" if record else "was not built by hcegan"
        raise DataError(f"{folder} {problem}: move or delete it and run the command again")
    return record


class Plan(NamedTuple):
    """What a build would download, in bytes."""

    text: str  # for people
    sure: int
    at_most: int  # if the first files list too few photographs
    space: int  # on disk, for the downloads that are sure and the crops


def plan(name: str, *, origin: str | Path | None = None) -> Plan:
    """Tell what `build` would download; some sizes are estimates."""
    source, downloads = _source(name, origin), data.raw_folder() / ".downloads"
    if origin is not None:
        return Plan(f"{name}: photographs from {printable(str(origin))}, nothing to download", 0, 0, 0)
    missing = {remote: remaining_bytes(file, remote, downloads) for file, remote in source.files.items()}
    photos = source.train + source.test
    sure = sum(missing.values()) + photos * source.photo_bytes
    extra = sum(remaining_bytes(file, remote, downloads) for file, remote in source.more.items())
    lines = [f"{name}: {source.what}", f"license: {source.license}"]
    lines += [f"{human_bytes(count):>10}  {remote.addresses[0]}" for remote, count in missing.items()]
    if source.photo_bytes:
        lines.append(f"{human_bytes(photos * source.photo_bytes):>10}  for {photos} single photographs (estimate)")
    lines.append(f"{human_bytes(sure):>10}  to download in all")
    if source.more:
        lines.append(f"{human_bytes(sure + extra):>10}  if these files list too few photographs")
    return Plan("\n".join(lines), sure, sure + extra, sure + photos * CROP_BYTES)


def build(
    name: str, *, origin: str | Path | None = None, seed: int = 0, mirror: str | None = None, progress: bool = False
) -> dict:
    """Build a set in data/raw, or continue with what an earlier call has downloaded.

    `name` is a key of `SOURCES`, or new if `origin` is a folder, zip or tar of your own photographs. `seed` selects the
    test photographs if the source has no official split. `mirror` is an address or folder with the files of somebody's
    data/raw/.downloads, which is tried before the official addresses.

    Returns the content of build.json: how the set was made, the numbers of "train" and "test" photographs, and which
    were "skipped" and why. Raises ValueError if a name is invalid, there are too few photographs, an archive is unsafe,
    or another build is running, and OSError if a download fails or the disk is full. Downloads are kept.
    """
    done = finished(name, origin=origin, seed=seed)
    if done is not None:
        return done
    if mirror and not re.match("https?://", mirror) and not Path(mirror).is_dir():
        raise DataError(f"--mirror must be a folder or start with http:// or https://, got {mirror!r}")
    raw = data.raw_folder()
    advice = f"downloads in {raw} are kept: free some space and run the command again"
    with lock_folder(raw, "build"), explain_disk_full(advice):
        require_space(raw, plan(name, origin=origin).space)
        building = raw / f".{name}.building"
        shutil.rmtree(building, ignore_errors=True)  # left by a build that was killed
        building.mkdir()
        try:
            record = _build_in(building, name, origin, seed, Access(raw / ".downloads", mirror, progress))
            os.rename(building, raw / name)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return record


def check(name: str) -> list[str]:
    """Compare a set with its manifest, byte by byte; return one line per difference, such as "train/a.jpg: missing"."""
    folder = data.raw_folder() / _valid(name)
    record = _record(folder)
    if not record:
        raise DataError(f"{folder} is not a set built by hcegan; `hcegan data list` shows all sets")
    paths = [path for path in folder.rglob("[!.]*") if path.is_file() and path.name != "build.json"]
    there = {path.relative_to(folder).as_posix(): sha256(path) for path in sorted(paths)}
    sums = dict(record["tables"])
    if there.get("manifest.csv") == sums["manifest.csv"]:
        with open(folder / "manifest.csv", encoding="utf-8", newline="") as file:
            sums |= {row["file"]: row["crop_sha256"] for row in csv.DictReader(file)}
    else:  # it cannot tell which photographs are right
        there = {file: there[file] for file in sums if file in there}
    problems = [f"{file}: missing" for file in sums if file not in there]
    problems += [f"{file}: changed" for file in sums if there.get(file, sums[file]) != sums[file]]
    return problems + [f"{file}: not in the manifest" for file in there if file not in sums]


def is_built(name: str) -> bool:
    """Tell whether a set is finished, whatever it was made from."""
    return bool(_record(data.raw_folder() / name))


def own_sets() -> list[str]:
    """List the sets that were built from the user's own photographs."""
    names = {folder.name for folder in data.raw_folder().glob("[!.]*")}
    return sorted(name for name in names - set(SOURCES) if is_built(name))


def clean(name: str) -> int:
    """Delete the downloads of a set, also those that it shares with other sets; return the number of bytes."""
    raw, files = data.raw_folder(), (*SOURCES[name].files, *SOURCES[name].more, f"{name}/")
    with lock_folder(raw, "build"):  # a running build may need them
        paths = [path for file in files for path in (raw / ".downloads").glob(f"{file}*")]
        freed = sum(path.stat().st_size for path in paths)
        for path in paths:
            path.unlink()
    return freed


def _build_in(building: Path, name: str, origin: str | Path | None, seed: int, access: Access) -> dict:
    """Write all files of a set, wait until they are on the disk, and return its record."""
    source = _source(name, origin)
    wanted = source.train + source.test if source.label else sys.maxsize  # all others have no more than they list
    found = (
        FIND[source.kind](source, access) if origin is None else candidates.photographs(Path(origin), Path(origin).name)
    )
    rows, skipped = crop_all(found, wanted, building, access)
    _split(rows, source.test / (source.train + source.test), seed, building)
    record = _recipe(name, origin, seed) | _count(name, rows, wanted, skipped)
    _write_record(record, rows, building)
    for path in building.rglob("*.*"):
        fsync_file(path)
    return record


def _split(rows: list[dict], share: float, seed: int, folder: Path) -> None:
    """Assign each photograph to training or testing and move it there."""
    unassigned = [row for row in rows if row["split"] is None]
    unassigned.sort(key=lambda row: hashlib.sha256(f"{seed}/{row['file']}".encode()).digest())
    for place, row in enumerate(unassigned):
        row["split"] = "test" if place < max(1, round(len(unassigned) * share)) else "train"
        (folder / row["split"]).mkdir(exist_ok=True)
        os.rename(folder / row["file"], folder / row["split"] / row["file"])
    for row in rows:
        row["file"] = f"{row['split']}/{row['file']}"
    rows.sort(key=lambda row: (row["split"] == "test", row["file"]))


def _count(name: str, rows: list[dict], wanted: int, skipped: list[str]) -> dict:
    """Count the photographs of a set; refuse a set with too few."""
    test = sum(row["split"] == "test" for row in rows)
    train = len(rows) - test
    if train < data.MIN_TRAIN or test < data.MIN_TEST or len(rows) < wanted < sys.maxsize:
        least = f"at least {data.MIN_TRAIN} and {data.MIN_TEST}" if wanted == sys.maxsize else f"{wanted} in all"
        found = f"found {train} photographs for training and {test} for testing, but needs {least}"
        reasons = f": {'; '.join(skipped[:3])}" if skipped else ""
        raise DataError(f"{name}: {found}; {len(skipped)} left out{reasons}")
    return {"train": train, "test": test, "skipped": skipped}


def _write_record(record: dict, rows: list[dict], folder: Path) -> None:
    """Write the manifest, the attribution if known, and build.json."""
    crop = ("left", "top", "side", "crop_sha256")
    tables = {"manifest.csv": ("file", "split", "origin", "sha256", *crop, "author", "license")}
    if any(row["source"] for row in rows):
        tables["attribution.csv"] = ("file", "title", "author", "license", "source")
    for table, columns in tables.items():
        # File names may be invalid UTF-8 or contain carriage returns, which csv would read as the end of a row.
        with open(folder / table, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows({key: str(value).replace("\r", " ") for key, value in row.items()} for row in rows)
    record["tables"] = {table: sha256(folder / table) for table in tables}
    (folder / "build.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _source(name: str, origin: str | Path | None) -> Source:
    """Look up a set, or validate the name and the photographs of the user's own set."""
    if origin is None:
        if name not in SOURCES:
            raise DataError(f"unknown set {name!r}{did_you_mean(name, SOURCES)}; a new name needs --from PHOTOS")
        return SOURCES[name]
    if name in SOURCES or name in data.EMBEDDED:
        raise DataError(f"{name!r} is taken: --from needs a new name; use --mirror for a copy of the official files")
    _valid(name)
    if not Path(origin).exists():
        raise DataError(f"--from {origin}: no such file or folder")
    if not Path(origin).is_dir():
        require_plain_file(Path(origin), math.inf)
    return OWN


def _valid(name: str) -> str:
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise DataError(f"the name of a set may contain letters, digits, '-', '_' and '.', got {name!r}")
    return name


def _recipe(name: str, origin: str | Path | None, seed: int) -> dict:
    return {"name": name, "origin": origin and str(Path(origin).resolve()), "seed": seed, "size": SIZE}


def _record(folder: Path) -> dict:
    """Read build.json; return an empty dict if it is missing or was not written by `build`."""
    record = read_json(folder / "build.json")
    tables, skipped = record.get("tables"), record.get("skipped")
    whole = isinstance(tables, dict) and isinstance(skipped, list) and {"train", "test"} <= set(record)
    return record if whole and "manifest.csv" in tables else {}
