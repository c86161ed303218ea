"""Sets of real photographs, built from their official files: fetched, cropped to squares, listed in a manifest.

`SOURCES` says of each set what it is, where its official files are, and how they are known to be right. `candidates`
finds the photographs in them; the rest is the same for all:

    plan -> disk space -> fetch -> crop -> split -> manifest -> one rename into data/raw

A set is made in a hidden folder and moved in whole: it is finished, or it is not there. What was fetched stays in
`data/raw/.downloads`, half a file too, and the next call goes on from there. Crops are made anew, which takes minutes.
"""

import contextlib
import csv
import difflib
import hashlib
import json
import os
import re
import shutil
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pooch
from PIL import Image
from tqdm.auto import tqdm

from hcegan_lib import data
from hcegan_lib.backend import parallel
from hcegan_lib.data import DataError
from hcegan_lib.sources import candidates
from hcegan_lib.sources.candidates import Box, Candidate, Source
from hcegan_lib.sources.fetch import Access, FetchError, MissingError, Remote, full_disk_told, left, room, size

SIZE = 256  # side of a crop in pixels, the paper's
JPEG = {"format": "JPEG", "quality": 95, "subsampling": 0}  # color at full resolution: it is what is learned here
CROP_BYTES = 60_000  # about what a crop takes
CONNECTIONS = 8  # photographs fetched and cropped at a time
LOST = 20  # fetched photographs of no use one after another: then the address is wrong, or a page wants a sign-in first

TFDS = "github.com/tensorflow/datasets, tensorflow_datasets/url_checksums/"

DIV2K_TRAIN = Remote(
    3_530_603_713,
    "sha256:9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335",
    TFDS + "div2k.txt",
    (
        "https://data.vision.ee.ethz.ch/cvl/DIV2K/DIV2K_train_HR.zip",
        "https://huggingface.co/datasets/eugenesiow/Div2k/resolve/main/data/DIV2K_train_HR.zip",
    ),
)
DIV2K_VALID = Remote(
    448_993_893,
    "sha256:20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc",
    TFDS + "div2k.txt",
    (
        "https://data.vision.ee.ethz.ch/cvl/DIV2K/DIV2K_valid_HR.zip",
        "https://huggingface.co/datasets/eugenesiow/Div2k/resolve/main/data/DIV2K_valid_HR.zip",
    ),
)
COCO = Remote(
    252_907_541,
    "sha256:113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
    TFDS + "coco.txt",
    (
        "http://images.cocodataset.org/annotations/annotations_trainval2017.zip",
        "https://s3.amazonaws.com/images.cocodataset.org/annotations/annotations_trainval2017.zip",
        "https://s3.amazonaws.com/fast-ai-coco/annotations_trainval2017.zip",
    ),
)
# The same bucket twice. By https first: without a checksum, the connection must vouch for a photograph.
COCO_PHOTOS = (
    "https://s3.amazonaws.com/images.cocodataset.org/train2017/",
    "http://images.cocodataset.org/train2017/",
)
FLOWERS = Remote(
    228_813_984,
    "sha256:4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",
    TFDS + "tf_flowers.txt",
    (
        "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz",
        "http://download.tensorflow.org/example_images/flower_photos.tgz",
    ),
)
# The commit of gallery.md, which shows all 1,000. GitHub packs the archive on demand, so no checksum of it would last.
IMAGENET = Remote(
    109_000_000,
    None,
    "no checksum published; size as other projects note it",
    (
        "https://github.com/EliSchwartz/imagenet-sample-images/archive/bc69043e2862758a1906c6a24a792bb28c6bb2ff.zip",
        "https://codeload.github.com/EliSchwartz/imagenet-sample-images/zip/bc69043e2862758a1906c6a24a792bb28c6bb2ff",
    ),
)


def _table(path: str, length: int, checksum: str, read_in: str) -> Remote:
    return Remote(length, checksum, read_in, (f"https://storage.googleapis.com/openimages/{path}",))


# The tables that the page of version 7 links to. Google Storage announces a file's MD5 as its ETag.
OPEN_IMAGES = {
    "validation-annotations-bbox.csv": _table(
        "v5/validation-annotations-bbox.csv",
        25_105_048,
        "sha256:d8bbd59410af14835d7733165a7bb8a3f0213981b22dd5077b0b9f7878991ff2",
        "pinned alike by several public projects",
    ),
    "validation-images-with-rotation.csv": _table(
        "2018_04/validation/validation-images-with-rotation.csv",
        15_245_485,
        "sha256:ed93a0e121fe345effdfc7359b848dbc64a1ff6778c8c73563157cb500b33a17",
        "pinned alike by several public projects",
    ),
    "test-annotations-bbox.csv": _table(
        "v5/test-annotations-bbox.csv",
        77_484_237,
        "sha256:fe22e579b9453875601576859d14ef3304058165de139c66b725e599202bd7b1",
        "pinned alike by two public projects",
    ),
    "test-images-with-rotation.csv": _table(
        "2018_04/test/test-images-with-rotation.csv",
        45_227_339,
        "md5:d832feb775b3cb78077bf8ae350adce5",
        "ETag, as two public projects record it",
    ),
}
OPEN_IMAGES_TRAIN = {
    "oidv6-train-annotations-bbox.csv": _table(
        "v6/oidv6-train-annotations-bbox.csv",
        2_258_447_590,
        "md5:3c3e70cfaba5757ea5c2604b19cac3b2",
        "ETag, as two public projects record it",
    ),
    "train-images-boxable-with-rotation.csv": _table(
        "2018_04/train/train-images-boxable-with-rotation.csv",
        638_407_721,
        "md5:a4ac0bcedb5c2df4d1b1230dc6b41b8f",
        "pinned by one public project; two more record the same length",
    ),
}


def _coco(label: str) -> Source:
    return Source(
        name=f"coco-{label}",
        kind="coco",
        what=f"COCO 2017: the 600 training photographs in which one {label} fills most",
        license="each photograph its own (Flickr, some non-commercial); annotations CC-BY-4.0",
        train=500,
        test=100,
        files={"annotations_trainval2017.zip": COCO},
        label=label,
        photos=COCO_PHOTOS,
        photo_bytes=163_000,  # train2017.zip has 19,336,861,798 bytes and 118,287 photographs
    )


def _open_images(thing: str, label: str) -> Source:
    return Source(
        name=f"openimages-{thing}",
        kind="open images",
        what=f"Open Images V7: the 600 photographs in which one {thing} fills most",
        license="CC-BY-2.0; annotations CC-BY-4.0",
        train=500,
        test=100,
        files=OPEN_IMAGES,
        more=OPEN_IMAGES_TRAIN,
        label=label,  # the name alone would not do: the 20,000 classes have "Fish" more than once
        photos=("https://open-images-dataset.s3.amazonaws.com/",),
        photo_bytes=309_000,  # validation.tar.gz has 12,844,530,798 bytes and 41,620 photographs
    )


SOURCES = {
    source.name: source
    for source in (
        Source(
            name="div2k",
            kind="archive",
            what="DIV2K: its 800 training photographs, and its official 100 validation photographs as test",
            license="academic research only; the photographers keep their rights",
            train=800,
            test=100,
            files={"DIV2K_train_HR.zip": DIV2K_TRAIN, "DIV2K_valid_HR.zip": DIV2K_VALID},
            splits=("train", "test"),
        ),
        _coco("bird"),
        _coco("dog"),
        _coco("orange"),
        _open_images("lion", "/m/096mb"),
        _open_images("bird", "/m/015p6"),
        _open_images("orange", "/m/0cyhj_"),
        _open_images("dog", "/m/0bt9lr"),
        _open_images("fish", "/m/0ch_cf"),
        _open_images("ladybug", "/m/0gj37"),
        Source(
            name="imagenet-sample",
            kind="archive",
            what="one photograph of each of ImageNet's 1,000 classes, as Eli Schwartz collected them",
            license="ImageNet's terms: non-commercial research and teaching",
            train=800,
            test=200,
            files={"imagenet-sample-images.zip": IMAGENET},
        ),
        Source(
            name="flowers",
            kind="archive",
            what="TensorFlow's flowers: daisies, dandelions, roses, sunflowers, tulips",
            license="CC-BY-2.0",
            train=2936,
            test=734,
            files={"flower_photos.tgz": FLOWERS},
        ),
    )
}
OWN = Source("own", "own", "photographs of your own", "", 4, 1, {})  # a fifth for testing, as in `data.load`


# --- what the command does --------------------------------------------------------------------------------------------


def finished(name: str, *, origin: str | Path | None = None, seed: int = 0) -> dict | None:
    """Tell whether a set is built.

    Parameters
    ----------
    name
        A key of `SOURCES`; with `origin`, a new name of your own.
    origin
        Folder, zip or tar of photographs that you have.
    seed
        Decides which photographs are for testing, where the source does not.

    Returns
    -------
    dict or None
        What `build` returned, or None if there is nothing.

    Raises
    ------
    DataError
        If the name is unknown, or something else lies in that place.
    """
    _source(name, origin)
    folder = data.raw_folder() / name
    if not folder.exists():
        return None
    record = _record(folder)
    differs = [key for key, value in _recipe(name, origin, seed).items() if record.get(key) != value]
    if differs:
        other = f"was built with another {', '.join(differs)}" if record else "is not a set that was built here"
        raise DataError(f"{folder} {other}: move it away, or delete it, and call again")
    return record


class Plan(NamedTuple):
    """What a build would fetch, in bytes."""

    text: str  # for people
    sure: int
    at_most: int  # if the first files name too few photographs
    space: int  # of the disk, for what is sure, and the crops


def plan(name: str, *, origin: str | Path | None = None) -> Plan:
    """Say what a build would fetch, without fetching anything.

    Parameters
    ----------
    name, origin
        As in `finished`.

    Returns
    -------
    Plan
        Sizes of files without a checksum, and of single photographs, are estimates.
    """
    if origin is not None:
        _source(name, origin)
        return Plan(f"{name}: from {origin}, nothing to fetch", 0, 0, 0)
    source, downloads = _source(name, origin), data.raw_folder() / ".downloads"
    missing = {remote: left(file, remote, downloads) for file, remote in source.files.items()}
    photos = source.train + source.test
    sure = sum(missing.values()) + photos * source.photo_bytes
    extra = sum(left(file, remote, downloads) for file, remote in source.more.items())
    lines = [f"{name}: {source.what}", f"license: {source.license}"]
    lines += [f"{size(bytes_left):>10}  {remote.addresses[0]}" for remote, bytes_left in missing.items()]
    if source.photo_bytes:
        lines.append(f"{size(photos * source.photo_bytes):>10}  about, {photos} photographs one by one")
    lines.append(f"{size(sure):>10}  to fetch" + f", {size(sure + extra)} if these name too few" * bool(source.more))
    return Plan("\n".join(lines), sure, sure + extra, sure + photos * CROP_BYTES)


def build(
    name: str,
    *,
    origin: str | Path | None = None,
    seed: int = 0,
    mirror: str | None = None,
    progress: bool = False,
) -> dict:
    """Build a set in data/raw, or go on with what an earlier call has fetched of it.

    Parameters
    ----------
    name, origin, seed
        As in `finished`.
    mirror
        Asked before the official addresses: an address, or a folder, with files as they are in somebody's
        data/raw/.downloads. Checksums hold for it too.
    progress
        Show bars.

    Returns
    -------
    dict
        What is written to build.json: name, origin, seed and size, how many photographs are in "train" and "test",
        each one that was "skipped" with the reason, and the checksums of the "tables".

    Raises
    ------
    DataError
        If there are too few photographs, or an archive is damaged or would write outside its folder.
    ValueError
        If another build is at work.
    FetchError
        If a file cannot be had or is not the published one, or the disk is full. What is fetched is kept.
    """
    done = finished(name, origin=origin, seed=seed)
    if done is not None:
        return done
    if mirror and not re.match("https?://", mirror) and not Path(mirror).is_dir():
        raise DataError(f"--mirror {mirror}: no such folder, and no address with http:// or https://")
    source, raw = _source(name, origin), data.raw_folder()
    building, access = raw / f".{name}.building", Access(raw / ".downloads", mirror, progress)
    with parallel.alone(raw, "build"), full_disk_told(raw):
        done = finished(name, origin=origin, seed=seed)  # by a build that has just ended
        if done is not None:
            return done
        room(raw, plan(name, origin=origin).space)
        shutil.rmtree(building, ignore_errors=True)  # of a build that was killed
        try:
            building.mkdir()
            if origin is None:
                found = candidates.FIND[source.kind](source, access)
            else:
                found = candidates.of_your_own(Path(origin))
            wanted = source.train + source.test if source.photo_bytes else sys.maxsize
            rows, skipped = _collect(found, wanted, building, access)
            _split(rows, source.test / (source.train + source.test), seed, building)
            record = _recipe(name, origin, seed) | _counts(name, rows, wanted, skipped)
            _write_record(record, rows, building)
            for path in building.rglob("*.*"):
                data.to_disk(path)
            os.rename(building, raw / name)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return record


def check(name: str) -> list[str]:
    """Compare a set with its manifest, byte by byte.

    Parameters
    ----------
    name
        Of a set in data/raw.

    Returns
    -------
    list of str
        "file: missing", "file: changed" and "file: not in the manifest" for all that is so; empty for a sound set.

    Raises
    ------
    DataError
        If there is no such set.
    """
    folder = data.raw_folder() / _plain(name)
    record = _record(folder)
    if not record:
        raise DataError(f"{folder} is not a set that was built here; hcegan data list names those that can be")
    sums = dict(record["tables"])
    if _sha256(folder / "manifest.csv") == sums["manifest.csv"]:
        with open(folder / "manifest.csv", encoding="utf-8", newline="") as file:
            sums |= {row["file"]: row["crop_sha256"] for row in csv.DictReader(file)}
    found = {
        f"{split}/{path.name}": path
        for split in ("train", "test")
        for path in (folder / split).glob("[!.]*")  # `data.load` passes over hidden files, too
    }
    there = found | {file: folder / file for file in sums if (folder / file).is_file()}
    problems = [f"{file}: missing" for file in sums if file not in there]
    problems += [f"{file}: changed" for file in sums if file in there and _sha256(there[file]) != sums[file]]
    if len(sums) > len(record["tables"]):  # else the manifest itself is damaged, and every photograph would be extra
        problems += [f"{file}: not in the manifest" for file in sorted(found) if file not in sums]
    return problems


def is_built(name: str) -> bool:
    """Tell whether a set is there, whatever it was made from."""
    return bool(_record(data.raw_folder() / name))


def own_sets() -> list[str]:
    """List the sets that were built from photographs of the user."""
    found = {path.parent.name for path in data.raw_folder().glob("[!.]*/build.json")}
    return sorted(name for name in found - set(SOURCES) if is_built(name))


def clean(name: str) -> int:
    """Delete what was downloaded for a set, also what other sets could use; give the number of bytes."""
    raw = data.raw_folder()
    files = (*SOURCES[name].files, *SOURCES[name].more, f"{name}/")
    with parallel.alone(raw, "build"):  # one at work may need them
        paths = [path for file in files for path in (raw / ".downloads").glob(f"{file}*")]
        freed = sum(path.stat().st_size for path in paths)
        for path in paths:
            path.unlink()
    return freed


# --- cropping and writing ---------------------------------------------------------------------------------------------


def _collect(found: Iterator[Candidate], wanted: int, folder: Path, access: Access) -> tuple[list[dict], list[str]]:
    """Crop candidates in their order, several at a time, until enough are good; tell what was left out and why."""
    rows, skipped, seen, names, lost = [], [], {}, set(), 0
    bar = tqdm(total=None if wanted == sys.maxsize else wanted, unit="photo", leave=False, disable=not access.progress)
    pool, waiting = ThreadPoolExecutor(CONNECTIONS), deque()
    try:
        while True:
            while len(waiting) < 2 * CONNECTIONS and len(rows) + len(waiting) < wanted:
                candidate = next(found, None)
                if candidate is None:
                    break
                waiting.append(pool.submit(_crop, candidate._replace(name=_free(candidate.name, names)), folder))
            if not waiting:
                return rows, skipped
            try:
                row = waiting.popleft().result()
                _refuse_twin(row, seen, folder)
            except (DataError, MissingError) as problem:
                skipped.append(" ".join(str(problem).split()))
                lost += 1
                if lost == LOST and wanted < sys.maxsize:
                    told = f"{LOST} photographs one after another are missing or of no use, the last: {problem}"
                    raise FetchError(told) from None
                continue
            lost = 0
            rows.append(row)
            bar.update()
    finally:
        access.stopped.set()
        pool.shutdown(cancel_futures=True)
        bar.close()


def _crop(candidate: Candidate, folder: Path) -> dict:
    """Write the square of one photograph, and give its row of the manifest."""
    content = candidate.read()
    original, crop = folder / f".{candidate.name}", folder / f"{candidate.name}.jpg"
    original.write_bytes(content)
    try:
        photo = _upright(original, candidate)
    except DataError as problem:
        if candidate.kept:
            candidate.kept.unlink(missing_ok=True)  # perhaps it comes better next time
        raise DataError(f"{candidate.origin}: {str(problem).removeprefix(f'{original}: ')}") from problem
    finally:
        original.unlink()
    left, top, side = _square(photo.size, candidate.box)
    photo.resize((SIZE, SIZE), Image.Resampling.LANCZOS, (left, top, left + side, top + side)).save(crop, **JPEG)
    if data.color_spread(data.open_photo(crop)) <= data.NEAR_GRAY:  # what `data.load` will say of it
        crop.unlink()
        raise DataError(f"{candidate.origin}: near gray")
    known = {key: getattr(candidate, key) for key in ("split", "origin", "title", "author", "license")}
    sums = {"sha256": hashlib.sha256(content).hexdigest(), "crop_sha256": _sha256(crop)}
    return {"file": crop.name, "left": left, "top": top, "side": side, "source": candidate.page} | sums | known


def _upright(path: Path, candidate: Candidate) -> Image.Image:
    """Open a photograph, and refuse one to which its box may not belong."""
    photo = data.open_photo(path)
    if candidate.size not in (None, photo.size):
        raise DataError(f"has {photo.width} x {photo.height} pixels, its annotation says {candidate.size}")
    with Image.open(path) as stored:
        if candidate.box != candidates.WHOLE and stored.getexif().get(0x0112, 1) != 1:
            raise DataError("is stored turned, and its box perhaps is not")
    return photo


def _square(sides: tuple[int, int], box: Box) -> tuple[int, int, int]:
    """Place a square around a box: its longer side long, at least 256 pixels if there are as many, inside the sides."""
    W, H = sides
    left, top, right, bottom = box[0] * W, box[1] * H, box[2] * W, box[3] * H
    side = min(max(round(right - left), round(bottom - top), SIZE), W, H)
    x, y = (left + right - side) / 2, (top + bottom - side) / 2
    return round(min(max(x, 0), W - side)), round(min(max(y, 0), H - side)), side


def _refuse_twin(row: dict, seen: dict[str, str], folder: Path) -> None:
    """Take a photograph once: of two equal ones, one might be for training and one for testing."""
    first = seen.setdefault(row["sha256"], row["origin"])
    if first != row["origin"]:
        (folder / row["file"]).unlink()
        raise DataError(f"{row['origin']}: the same file as {first}")


def _free(name: str, taken: set[str]) -> str:
    """Give a name that every system can write, and that is not taken, even where A and a are the same."""
    plain = re.sub(r"[^\w-]+", "_", name).encode()[:100].decode(errors="ignore")  # 255 bytes are a name's limit
    if re.fullmatch(r"(?i)con|prn|aux|nul|(com|lpt)\d", plain):  # devices of Windows
        plain += "_"
    free = next(one for n in range(1, sys.maxsize) if (one := plain if n == 1 else f"{plain}-{n}").lower() not in taken)
    taken.add(free.lower())
    return free


def _split(rows: list[dict], share: float, seed: int, folder: Path) -> None:
    """Say of each photograph whether it is for training or testing, and move it there."""
    loose = [row for row in rows if row["split"] is None]
    loose.sort(key=lambda row: hashlib.sha256(f"{seed}/{row['file']}".encode()).digest())
    for place, row in enumerate(loose):
        row["split"] = "test" if place < max(1, round(len(loose) * share)) else "train"
    for row in rows:
        (folder / row["split"]).mkdir(exist_ok=True)
        os.rename(folder / row["file"], folder / row["split"] / row["file"])
        row["file"] = f"{row['split']}/{row['file']}"
    rows.sort(key=lambda row: (row["split"] == "test", row["file"]))


def _counts(name: str, rows: list[dict], wanted: int, skipped: list[str]) -> dict:
    """Count what a set has, and refuse one with too few photographs."""
    test = sum(row["split"] == "test" for row in rows)
    train = len(rows) - test
    if train < data.MIN_TRAIN or test < data.MIN_TEST or len(rows) < wanted < sys.maxsize:
        least = f"{data.MIN_TRAIN} and {data.MIN_TEST} or more" if wanted == sys.maxsize else f"{wanted} in all"
        told = f"{train} photographs for training and {test} for testing, wanted {least}; {len(skipped)} left out"
        raise DataError(f"{name}: {told}" + f" ({'; '.join(skipped[:3])})" * bool(skipped))
    return {"train": train, "test": test, "skipped": skipped}


def _write_record(record: dict, rows: list[dict], folder: Path) -> None:
    """Write the manifest, who is to be named for which photograph, and last what it was all made from."""
    crop = ("left", "top", "side", "crop_sha256")
    tables = {"manifest.csv": ("file", "split", "origin", "sha256", *crop, "author", "license")}
    if any(row["source"] for row in rows):
        tables["attribution.csv"] = ("file", "title", "author", "license", "source")
    for table, columns in tables.items():
        # An origin may hold what is no UTF-8, and carriage returns: csv writes them bare and reads the end of a row.
        with open(folder / table, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows({key: str(value).replace("\r", " ") for key, value in row.items()} for row in rows)
    record["tables"] = {table: _sha256(folder / table) for table in tables}
    (folder / "build.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


# --- small things -----------------------------------------------------------------------------------------------------


def _source(name: str, origin: str | Path | None) -> Source:
    """Look up a set, or make sure that an own one can have its name and that its photographs exist."""
    if origin is None:
        if name in SOURCES:
            return SOURCES[name]
        close = difflib.get_close_matches(name, SOURCES, n=1)
        hint = f", did you mean {close[0]!r}?" if close else ";"
        raise DataError(f"no set {name!r}{hint} valid: {', '.join(SOURCES)}; any other name with --from PHOTOS")
    if name in SOURCES or name == "mini":
        raise DataError(f"{name!r} is another set: --from takes a new name, --mirror a copy of official files")
    _plain(name)
    if not Path(origin).exists():
        raise DataError(f"--from {origin}: no such file or folder")
    return OWN


def _plain(name: str) -> str:
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise DataError(f"the name of a set is made of letters, digits, '-', '_' and '.', got {name!r}")
    return name


def _recipe(name: str, origin: str | Path | None, seed: int) -> dict:
    return {"name": name, "origin": origin and str(Path(origin).resolve()), "seed": seed, "size": SIZE}


def _record(folder: Path) -> dict:
    """Read build.json; one that is missing, or not as `_write_record` leaves it, holds nothing."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        record = json.loads((folder / "build.json").read_text(encoding="utf-8"))
        kinds = {"train": int, "test": int, "skipped": list, "tables": dict}
        if isinstance(record, dict) and all(isinstance(record.get(key), kind) for key, kind in kinds.items()):
            return record if "manifest.csv" in record["tables"] else {}
    return {}


def _sha256(path: Path) -> str | None:
    return pooch.file_hash(str(path)) if path.is_file() else None
