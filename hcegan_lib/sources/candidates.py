"""Finds the photographs that a set could use, one function per kind of source, best candidates first.

Archives yield all their photographs. COCO and Open Images have boxes around objects and yield the photographs in which
one object of a class covers the largest share. Archives are read, never extracted, so they cannot write anywhere.
"""

import contextlib
import csv
import errno
import functools
import io
import itertools
import json
import lzma
import math
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from PIL import Image

from hcegan_lib.backend.files import require_plain_file
from hcegan_lib.data import SUFFIXES, DataError
from hcegan_lib.sources.catalogue import Remote, Source
from hcegan_lib.sources.fetch import Access, FetchError, fetch, human_bytes, remaining_bytes, require_space

MAX_PHOTO = 200_000_000  # bytes of a photograph in an archive; those of DIV2K have about 5 million
MAX_TEXT = 2_000_000  # bytes of LICENSE.txt, or of a name in a tar; the list of the flowers' photographers has 418,049
ENOUGH = 2  # candidates per wanted photograph, so that the better half is used
# What the standard library raises for damage, a password, an unknown compression, or one that asks for all memory.
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, RuntimeError, IndexError)
DAMAGE += (ValueError, OverflowError, MemoryError, OSError)
LONG_NAMES = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)  # headers that tarfile reads whole
LONG_NAMES += (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
CREDIT = re.compile(r"(\S.*?\.jpg)\s+CC-BY\s+(?:by (.+?) - (https?://\S+)|(https?://\S+) - by (.+))")

Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of the sides
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
Square = tuple[float, float, float]  # left, top, side in pixels


class DamageError(DataError):
    """An archive cannot be read."""


class TarEntry(tarfile.TarInfo):
    """A header of a tar, as tarfile reads it; one that would fill the memory or lead backward is refused."""

    def _block(self, count: int) -> int:
        """Round a size up. Recent versions of Python refuse a negative one too (CVE-2025-8194)."""
        if count < 0 or (self.type in LONG_NAMES and count > MAX_TEXT):
            raise tarfile.ReadError(f"a header of {count} bytes")
        return super()._block(count)


class Candidate(NamedTuple):
    """A photograph that may become part of a set."""

    name: str  # of the crop, without suffix
    origin: str  # address, or archive and entry
    read: Callable[[], bytes]
    split: str | None = None  # if the source has an official split
    box: Box = WHOLE
    size: tuple[int, int] | None = None  # W, H according to the annotation
    square: Square | None = None  # what to cut, if it is known; otherwise it is placed around `box`
    save: Callable[[Image.Image, Square, Path], None] | None = None  # writes the square in its own way
    kept: Path | None = None  # its own download, if it has one
    held: int = 0  # bytes in memory until it is cropped
    title: str = ""
    author: str = ""
    license: str = ""
    page: str = ""  # where the photographer shows it


def from_archives(source: Source, access: Access) -> Iterator[Candidate]:
    """Find the photographs in the archives of a set."""
    paths = [fetch(name, remote, access) for name, remote in source.files.items()]
    for remote, path, split in zip(source.files.values(), paths, source.splits or [None] * len(paths)):
        try:
            for candidate in photographs(path, remote.addresses[0], split):
                yield candidate._replace(license=source.license)
        except DamageError as error:
            path.unlink()
            raise FetchError(f"{error}; it was deleted, run the command again to download it again") from error


@contextlib.contextmanager
def _explain_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: a wrong offset in a zip
            raise  # the disk failed
        raise DamageError(f"{path} is damaged or is not a folder, zip or tar archive ({str(error)[:200]})") from error


def photographs(path: Path, origin: str, split: str | None = None) -> Iterator[Candidate]:
    """Find the photographs in a folder, zip or tar; folders `train` and `test` in it become the split."""
    with _explain_damage(path), _open_archive(path) as entries:
        names = [name for name in entries if _is_photo(name) and not _is_hidden(name)]
        if not names:
            raise DataError(f"{path}: no photographs found; looked for {', '.join(SUFFIXES)}")
        briefs = _without_common_folders(names)
        splits = {brief.split("/")[0] for brief in briefs if "/" in brief} & {"train", "test"}
        if len(splits) == 1:
            raise DataError(f"{path} has only a folder '{splits.pop()}'; it needs both 'train' and 'test', or neither")
        credits = _read_credits(entries)
        for name, brief in zip(names, briefs):
            first, _, rest = brief.partition("/")
            if splits and first not in splits:
                continue
            # Archives are read here, not in a thread, because a tar cannot be read in parallel.
            content = None if path.is_dir() else entries[name]()
            author, page = credits.get(brief, ("", ""))
            yield Candidate(
                name="-".join(PurePosixPath(rest if splits else brief).with_suffix("").parts),
                origin=f"{origin}/{name}",
                read=entries[name] if content is None else lambda content=content: content,
                split=first if splits else split,
                author=author,
                page=page,
                held=len(content or b""),
            )
            del content  # before the next one is read


def _read_file(path: Path) -> bytes:
    try:
        return require_plain_file(path, MAX_PHOTO).read_bytes()
    except PermissionError as error:  # other errors mean that the disk failed, and end the build
        raise DataError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise DataError(str(error)) from None


@contextlib.contextmanager
def _open_archive(path: Path) -> Iterator[dict[str, Callable[[], bytes]]]:
    """Open a folder, zip or tar as a dict from file names to functions that read the files."""
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if file.is_file()]
        yield {file.relative_to(path).as_posix(): functools.partial(_read_file, file) for file in files}
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            files = [entry for entry in archive.infolist() if not entry.is_dir()]
            if any(entry.flag_bits & 1 for entry in files):
                raise DataError(f"{path} is encrypted: unpack it and use the folder")
            for entry in files:
                _refuse_unsafe(path, entry.filename, entry.file_size, link=stat.S_ISLNK(entry.external_attr >> 16))
            yield {entry.filename: functools.partial(archive.read, entry) for entry in files}
    elif path.is_file():
        with _open_tar(path) as archive:
            files = [entry for entry in archive.getmembers() if not entry.isdir()]
            for entry in files:
                _refuse_unsafe(path, entry.name, entry.size, link=not entry.isfile())
            yield {entry.name: lambda entry=entry: archive.extractfile(entry).read() for entry in files}
    else:
        raise zipfile.BadZipFile("neither zip nor tar")


def _open_tar(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, tarinfo=TarEntry)
    except tarfile.ReadError:
        raise zipfile.BadZipFile("neither zip nor tar") from None


def _refuse_unsafe(path: Path, name: str, unpacked: int, *, link: bool) -> None:
    """Refuse an archive with a malicious entry before any of its files is read."""
    parts, harm = PurePosixPath(name.replace("\\", "/")).parts, None
    if name.startswith(("/", "\\")) or ".." in parts or re.match("[A-Za-z]:", name):
        harm = "points outside the archive"
    elif link:
        harm = "is a link or a device"
    elif unpacked > (MAX_PHOTO if _is_photo(name) else MAX_TEXT if name.endswith("/LICENSE.txt") else math.inf):
        harm = f"would unpack to {human_bytes(unpacked)}"
    if harm:
        raise DataError(f"{path}: entry {name!r} {harm}; the archive was not used")


def _is_photo(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _without_common_folders(names: list[str]) -> list[str]:
    """Drop the leading folders that all names share, except train and test."""
    while all("/" in name for name in names) and len(first := {name.split("/")[0] for name in names}) == 1:
        if first <= {"train", "test"}:
            break
        names = [name.partition("/")[2] for name in names]
    return names


def _read_credits(entries: dict[str, Callable[[], bytes]]) -> dict[str, tuple[str, str]]:
    """Read the photographers of the flowers from LICENSE.txt: photograph to (author, page)."""
    texts = (read().decode("utf-8", "replace") for name, read in entries.items() if name.endswith("/LICENSE.txt"))
    found = (CREDIT.match(line[:1000]) for text in texts for line in text.splitlines())
    return {match[1]: (match[2] or match[5], match[3] or match[4]) for match in found if match}


def from_coco(source: Source, access: Access) -> Iterator[Candidate]:
    """Find COCO photographs of one category, largest object first, ignoring boxes around crowds.

    Only train2017 is used, so COCO's validation photographs stay unseen by models trained here.
    """
    ((name, remote),) = source.files.items()
    with (
        zipfile.ZipFile(fetch(name, remote, access)) as entries,
        entries.open("annotations/instances_train2017.json") as stream,
    ):
        content = json.load(io.TextIOWrapper(stream, "utf-8"), object_hook=_without_outlines)
    (category,) = [each["id"] for each in content["categories"] if each["name"] == source.label]
    photos, licenses = ({each["id"]: each for each in content[key]} for key in ("images", "licenses"))
    objects = [each for each in content["annotations"] if each["category_id"] == category and not each["iscrowd"]]
    best = _largest_first((each["image_id"], _share(each["bbox"], photos[each["image_id"]])) for each in objects)
    found = [(photos[key], box) for key, box in best.items()]
    del content, photos, objects  # one gigabyte, no longer needed while the photographs are downloaded
    for photo, box in found:
        known = {
            "box": box,
            "size": (photo["width"], photo["height"]),
            "license": licenses.get(photo["license"], {}).get("url", ""),
            # COCO does not name photographers, but this address leads to a page that does.
            "page": re.sub(r".*/(\d+)_.*", r"https://www.flickr.com/photo.gne?id=\1", photo.get("flickr_url", "")),
        }
        yield _single(source, photo["file_name"], access, **known)


def _without_outlines(entry: dict) -> dict:
    entry.pop("segmentation", None)  # most of the file and of the memory
    return entry


def _share(bbox: list[float], photo: dict) -> Box:
    (x, y, width, height), W, H = bbox, photo["width"], photo["height"]
    return x / W, y / H, (x + width) / W, (y + height) / H


def from_open_images(source: Source, access: Access) -> Iterator[Candidate]:
    """Find the photographs of one Open Images class, largest object first.

    The tables of the training photographs are large. They are used only if those of the validation and test photographs
    list fewer than `ENOUGH` candidates per wanted photograph.
    """
    tables, wanted = [*source.files.items(), *source.more.items()], ENOUGH * (source.train + source.test)
    best, lists = {}, []
    for boxes, photos in zip(tables[::2], tables[1::2]):
        if len(best) >= wanted:
            break
        require_space(
            access.downloads.parent, sum(remaining_bytes(*table, access.downloads) for table in (boxes, photos))
        )
        best = _largest_first([*best.items(), *_read_boxes(fetch(*boxes, access), source.label)])
        lists.append(fetch(*photos, access))
    best = dict(itertools.islice(best.items(), wanted))
    rows = {row["ImageID"]: row for path in lists for row in _read_rows(path) if row["ImageID"] in best}
    for key, box in best.items():
        row = rows.get(key)
        # Rotated photographs and those with a different license are skipped.
        if row and not float(row["Rotation"] or 0) > 0 and "/licenses/by/" in row["License"]:
            known = {"title": row["Title"], "author": row["Author"], "license": row["License"]}
            known |= {"page": row["OriginalLandingURL"], "box": box}
            yield _single(source, f"{row['Subset']}/{key}.jpg", access, **known)


def _read_boxes(table: Path, label: str) -> Iterator[tuple[str, Box]]:
    """Read the boxes of one class line by line, because the largest table has two gigabytes."""
    with open(table, encoding="utf-8", newline="") as lines:
        header = next(lines).strip().split(",")
        for row in csv.DictReader((line for line in lines if f",{label}," in line), header):
            if "1" not in (row["IsGroupOf"], row["IsDepiction"], row["IsInside"]):
                yield row["ImageID"], tuple(float(row[side]) for side in ("XMin", "YMin", "XMax", "YMax"))


def _read_rows(table: Path) -> Iterator[dict[str, str]]:
    with open(table, encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _largest_first(boxes: Iterable[tuple[object, Box]]) -> dict[object, Box]:
    """Keep the largest box of each photograph, and sort the photographs by it."""
    best = {}
    for key, box in boxes:
        if key not in best or _area(box) > _area(best[key]):
            best[key] = box
    return dict(sorted(best.items(), key=lambda item: (-_area(item[1]), item[0])))


def _single(source: Source, file: str, access: Access, **known: object) -> Candidate:
    """Describe a photograph that is downloaded when its turn comes."""
    kept = f"{source.name}/{PurePosixPath(file).name}"
    remote = Remote(source.photo_bytes, None, tuple(start + file for start in source.photos))

    def read() -> bytes:
        return fetch(kept, remote, access).read_bytes()

    return Candidate(PurePosixPath(file).stem, remote.addresses[-1], read, kept=access.downloads / kept, **known)
