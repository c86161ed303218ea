"""Which photographs could a set have? One function for each kind of source, each gives candidates in their order.

An archive gives all it holds. COCO and Open Images have boxes around objects, and give the photographs in which one
object of a class fills most. Nothing is extracted to disk: an archive cannot write outside its folder.
"""

import contextlib
import csv
import errno
import functools
import io
import json
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from hcegan_lib.data import SUFFIXES, DataError
from hcegan_lib.sources.fetch import Access, FetchError, Remote, fetch, left, room, size

MAX_PHOTO = 200_000_000  # bytes of a photograph in an archive; DIV2K's have some 5 million
ENOUGH = 2  # candidates for each wanted photograph, so that the better half is taken
# What damage, a password or an unknown compression makes the standard library raise.
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, RuntimeError, IndexError)
DAMAGE += (ValueError, OverflowError, OSError)
CREDIT = re.compile(r"(\S.*?\.jpg)\s+CC-BY\s+(?:by (.+?) - (https?://\S+)|(https?://\S+) - by (.+))")

Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of the sides
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


class Source(NamedTuple):
    """One set."""

    name: str
    kind: str  # a key of FIND
    what: str
    license: str
    train: int  # photographs, unless some must be left out
    test: int
    files: Mapping[str, Remote]
    splits: tuple[str, ...] = ()  # of each file, where the files are the split
    more: Mapping[str, Remote] = {}  # fetched only if the files name too few photographs
    label: str = ""  # of the wanted objects, where a set has many
    photos: tuple[str, ...] = ()  # where single photographs are fetched from
    photo_bytes: int = 0  # mean size of one


class Candidate(NamedTuple):
    """A photograph that may become part of a set."""

    name: str  # of the crop, without suffix
    origin: str  # address, or archive and entry
    read: Callable[[], bytes]
    split: str | None = None  # where the source says it
    box: Box = WHOLE
    size: tuple[int, int] | None = None  # W, H that the annotation states
    kept: Path | None = None  # where its own download is
    title: str = ""
    author: str = ""
    license: str = ""
    page: str = ""  # where the photographer shows it


def in_archives(source: Source, access: Access) -> Iterator[Candidate]:
    """Find the photographs in the archives of a set."""
    paths = [fetch(name, remote, access) for name, remote in source.files.items()]
    for remote, path, split in zip(source.files.values(), paths, source.splits or [None] * len(paths)):
        try:
            for candidate in _photographs(path, remote.addresses[0], split):
                yield candidate._replace(license=source.license)
        except DAMAGE as error:
            if not _is_damage(error):
                raise
            path.unlink()
            told = f"{path.name} came damaged ({error}) and was deleted: call again to fetch it anew"
            raise FetchError(told) from error


def of_your_own(path: Path) -> Iterator[Candidate]:
    """Find the photographs in a folder, zip or tar that the user has, with their train and test if they have these."""
    try:
        yield from _photographs(path, path.name, None)
    except DAMAGE as error:
        if not _is_damage(error):
            raise
        raise DataError(f"{path} is damaged, or not a folder, zip or tar that can be read ({error})") from error


def _is_damage(error: Exception) -> bool:
    """Tell damage from what we say of an archive ourselves, and from a disk that fails; a bad offset is EINVAL."""
    failing_disk = isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)
    return not isinstance(error, DataError) and not failing_disk


def _photographs(path: Path, origin: str, split: str | None) -> Iterator[Candidate]:
    with _opened(path) as entries:
        names = [name for name in entries if _is_photo(name) and not _hidden(name)]
        if not names:
            raise DataError(f"{path}: no photographs found; looked for {', '.join(SUFFIXES)}")
        briefs = _without_common_folders(names)
        splits = {brief.split("/")[0] for brief in briefs if "/" in brief} & {"train", "test"}
        if len(splits) == 1:
            raise DataError(f"{path} has a folder '{splits.pop()}' alone; wanted 'train' and 'test', or neither")
        credits = _credits(entries)
        for name, brief in zip(names, briefs):
            first, _, rest = brief.partition("/")
            if splits and first not in splits:
                continue
            # An archive is read here and not in a thread: a tar has one reader.
            content = None if path.is_dir() else entries[name]()
            author, page = credits.get(brief, ("", ""))
            yield Candidate(
                name="-".join(PurePosixPath(rest if splits else brief).with_suffix("").parts),
                origin=f"{origin}/{name}",
                read=functools.partial(_read_own, path / name) if content is None else lambda content=content: content,
                split=first if splits else split,
                author=author,
                page=page,
            )


def _read_own(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except PermissionError as error:  # other errors are of the disk: then nothing is built
        raise DataError(f"{path}: {error.strerror}") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[dict[str, Callable[[], bytes]]]:
    """Open a folder, a zip or a tar: each file's name, and how to read it. Nothing is extracted."""
    if path.is_dir():
        yield {file.relative_to(path).as_posix(): file.read_bytes for file in sorted(path.rglob("*")) if file.is_file()}
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            files = [entry for entry in archive.infolist() if not entry.is_dir()]
            for entry in files:
                _safe(path, entry.filename, entry.file_size, link=stat.S_ISLNK(entry.external_attr >> 16))
            yield {entry.filename: functools.partial(archive.read, entry) for entry in files}
    elif path.is_file() and tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            files = [entry for entry in archive.getmembers() if not entry.isdir()]
            for entry in files:
                _safe(path, entry.name, entry.size, link=not entry.isfile())
            yield {entry.name: lambda entry=entry: archive.extractfile(entry).read() for entry in files}
    else:
        raise zipfile.BadZipFile("no zip, no tar")


def _safe(path: Path, name: str, unpacked: int, *, link: bool) -> None:
    """Refuse an archive with an entry that means harm, before anything of it is read."""
    parts, harm = PurePosixPath(name.replace("\\", "/")).parts, None
    if name.startswith(("/", "\\")) or ".." in parts or re.match("[A-Za-z]:", name):
        harm = "would leave its folder"
    elif link:
        harm = "is a link or a device"
    elif unpacked > MAX_PHOTO and (_is_photo(name) or name.endswith("/LICENSE.txt")):
        harm = f"would unpack to {size(unpacked)}"
    if harm:
        raise DataError(f"{path}: the entry {name!r} {harm}; nothing was taken from this archive")


def _is_photo(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _without_common_folders(names: list[str]) -> list[str]:
    """Drop the folders that all names share, down to train and test."""
    while all("/" in name for name in names) and len(first := {name.split("/")[0] for name in names}) == 1:
        if first <= {"train", "test"}:
            break
        names = [name.partition("/")[2] for name in names]
    return names


def _credits(entries: dict[str, Callable[[], bytes]]) -> dict[str, tuple[str, str]]:
    """Read who took which of the flowers, from the LICENSE.txt that lies with them."""
    texts = [read().decode("utf-8", "replace") for name, read in entries.items() if name.endswith("/LICENSE.txt")]
    found = [CREDIT.match(line) for text in texts for line in text.splitlines()]
    return {match[1]: (match[2] or match[5], match[3] or match[4]) for match in found if match}


def in_coco(source: Source, access: Access) -> Iterator[Candidate]:
    """Find COCO's photographs of one category, largest object first; boxes around crowds are passed over.

    Only those of train2017: COCO's validation photographs stay unseen by whoever trains here.
    """
    ((name, remote),) = source.files.items()
    with (
        zipfile.ZipFile(fetch(name, remote, access)) as entries,
        entries.open("annotations/instances_train2017.json") as stream,
    ):
        told = json.load(io.TextIOWrapper(stream, "utf-8"), object_hook=_without_outlines)
    (category,) = [each["id"] for each in told["categories"] if each["name"] == source.label]
    photos, licenses = ({each["id"]: each for each in told[key]} for key in ("images", "licenses"))
    best = {}
    for each in told["annotations"]:
        if each["category_id"] == category and not each["iscrowd"]:
            W, H = _sides(photos[each["image_id"]])
            x, y, width, height = each["bbox"]
            _keep_larger(best, each["image_id"], (x / W, y / H, (x + width) / W, (y + height) / H))
    photos = {key: photos[key] for key in best}
    del told, each  # a gigabyte, and the photographs take their time
    for key in _largest_first(best):
        photo = photos[key]
        known = {
            "box": best[key],
            "size": _sides(photo),
            "license": licenses.get(photo["license"], {}).get("url", ""),
            # COCO does not name photographers; this address leads to the page that does.
            "page": re.sub(r".*/(\d+)_.*", r"https://www.flickr.com/photo.gne?id=\1", photo.get("flickr_url", "")),
        }
        yield _single(source, photo["file_name"], access, **known)


def _without_outlines(thing: dict) -> dict:
    thing.pop("segmentation", None)  # most of the file, and of the memory
    return thing


def _sides(photo: dict) -> tuple[int, int]:
    return photo["width"], photo["height"]


def in_open_images(source: Source, access: Access) -> Iterator[Candidate]:
    """Find the photographs of one Open Images class, largest object first.

    The small tables, of the validation and test photographs, come first; the large ones of the training photographs
    only if those name fewer than `ENOUGH` candidates for each photograph that is wanted.
    """
    tables, wanted = [*source.files.items(), *source.more.items()], ENOUGH * (source.train + source.test)
    best, lists = {}, []
    for boxes, photos in zip(tables[::2], tables[1::2]):
        if len(best) >= wanted:
            break
        room(access.downloads, sum(left(*table, access.downloads) for table in (boxes, photos)))
        for key, box in _read_boxes(fetch(*boxes, access), source.label):
            _keep_larger(best, key, box)
        lists.append(fetch(*photos, access))
    first = _largest_first(best)[:wanted]
    rows = {row["ImageID"]: row for path in lists for row in _read_rows(path, set(first))}
    for key in first:
        row = rows.get(key)
        # One that lies on its side, or is listed under other terms, is passed over.
        if row and not float(row["Rotation"] or 0) > 0 and "/licenses/by/" in row["License"]:
            known = {"title": row["Title"], "author": row["Author"], "license": row["License"]}
            known |= {"page": row["OriginalLandingURL"], "box": best[key]}
            yield _single(source, f"{row['Subset']}/{key}.jpg", access, **known)


def _read_boxes(table: Path, label: str) -> Iterator[tuple[str, Box]]:
    """Read the boxes of one class, line by line: the largest table has a gigabyte."""
    with open(table, encoding="utf-8", newline="") as lines:
        header = next(lines).strip().split(",")
        for row in csv.DictReader((line for line in lines if f",{label}," in line), header):
            if "1" not in (row["IsGroupOf"], row["IsDepiction"], row["IsInside"]):
                yield row["ImageID"], tuple(float(row[side]) for side in ("XMin", "YMin", "XMax", "YMax"))


def _read_rows(table: Path, keys: set[str]) -> Iterator[dict[str, str]]:
    with open(table, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if "OriginalLandingURL" in (rows.fieldnames or ()):  # no checksum says so
            yield from (row for row in rows if row["ImageID"] in keys)
            return
    table.unlink()
    raise FetchError(f"{table.name} came as something else and was deleted: call again to fetch it anew")


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _keep_larger(best: dict[object, Box], key: object, box: Box) -> None:
    if key not in best or _area(box) > _area(best[key]):
        best[key] = box


def _largest_first(best: dict[object, Box]) -> list:
    return sorted(best, key=lambda key: (-_area(best[key]), key))


def _single(source: Source, file: str, access: Access, **known: object) -> Candidate:
    """Describe a photograph that is fetched by itself, when its turn comes."""
    kept = f"{source.name}/{PurePosixPath(file).name}"
    remote = Remote(source.photo_bytes, None, "", tuple(start + file for start in source.photos))
    read = functools.partial(_read_single, kept, remote, access)
    return Candidate(PurePosixPath(file).stem, remote.addresses[-1], read, kept=access.downloads / kept, **known)


def _read_single(kept: str, remote: Remote, access: Access) -> bytes:
    return fetch(kept, remote, access).read_bytes()


FIND = {"archive": in_archives, "coco": in_coco, "open images": in_open_images}
