"""Which photographs of a source are used, and which archives are refused."""

import bz2
import errno
import io
import os
import re
import sys
import tarfile
import tracemalloc
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from hcegan_lib import data, sources
from hcegan_lib.sources import candidates, crop
from tests.sources.server import (
    encoded,
    files_of,
    names_of,
    nothing_unfinished,
    photo,
    photos_in,
    remote,
    rows_of,
    tarred,
    zipped,
)

GOOD = photos_in("photos", 3)


# --- COCO and Open Images ---------------------------------------------------------------------------------------------


def test_coco_yields_the_photographs_with_the_largest_birds(coco, raw, server, build):
    assert build("coco-bird") == []
    assert names_of(raw / "coco-bird") == coco[:6]
    assert Counter(row["split"] for row in rows_of(raw / "coco-bird" / "manifest.csv")) == {"train": 4, "test": 2}
    downloaded = [path for path in server.paths() if path.startswith("train2017/")]
    assert sorted(downloaded) == [f"train2017/{stem}.jpg" for stem in coco[:6]]


def test_coco_keeps_the_license_of_each_photograph_and_the_page_of_its_photographer(coco, raw, build):
    build("coco-bird")
    credits = {row["file"]: row for row in rows_of(raw / "coco-bird" / "attribution.csv")}
    assert set(credits) == {row["file"] for row in rows_of(raw / "coco-bird" / "manifest.csv")}
    assert {row["license"] for row in credits.values()} == {"http://creativecommons.org/licenses/by/2.0/"}
    (first,) = (row for file, row in credits.items() if file.endswith("/000000000001.jpg"))
    assert first["source"] == "https://www.flickr.com/photo.gne?id=811931"


def test_open_images_skips_groups_drawings_inside_views_rotated_photographs_and_other_licenses(
    open_images, raw, server, build
):
    good = [open_images(n, "validation" if n % 2 else "test", 0.9 - 0.05 * n) for n in range(1, 7)]
    for n, column in zip((11, 12, 13), ("IsGroupOf", "IsDepiction", "IsInside")):
        open_images(n, "test", 0.99, **{column: "1"})
    open_images(14, "test", 0.99, label="/m/0bt9lr")
    open_images(15, "validation", 0.98, Rotation="90.0")
    open_images(16, "validation", 0.98, License="https://creativecommons.org/licenses/by-nc/2.0/")
    open_images(20, "train", 0.97)
    open_images.publish()
    assert build("openimages-lion") == []
    assert names_of(raw / "openimages-lion") == good[:3]
    assert not [path for path in server.paths() if path.startswith("train")]
    assert len([path for path in server.paths() if path.endswith(".jpg")]) == 3
    credits = {Path(row["file"]).stem: row for row in rows_of(raw / "openimages-lion" / "attribution.csv")}
    assert credits[good[0]]["author"] == "Ada 1"
    assert credits[good[0]]["license"] == "https://creativecommons.org/licenses/by/2.0/"
    assert credits[good[0]]["source"] == "https://www.flickr.com/photos/ada/1"
    assert credits[good[0]]["title"] == "A lion, one"
    assert {row["author"] for row in rows_of(raw / "openimages-lion" / "manifest.csv")} == {"Ada 1", "Ada 2", "Ada 3"}


def test_open_images_downloads_the_large_tables_only_if_the_small_ones_list_too_few(open_images, raw, server, build):
    for n in (1, 2, 3):
        open_images(n, "validation", 0.5 - 0.05 * n)
    many = [open_images(n, "train", 0.9 - 0.01 * n) for n in (4, 5, 6)]
    open_images.publish()
    plan = sources.plan("openimages-lion")
    assert plan.at_most - plan.sure == len(server.files["train-boxes.csv"]) + len(server.files["train-photos.csv"])
    build("openimages-lion")
    assert names_of(raw / "openimages-lion") == many


# --- archives from a server -------------------------------------------------------------------------------------------


def test_flowers_are_split_by_the_seed_and_keep_their_photographers(flowers, raw, build):
    build("tf-flowers")
    rows = rows_of(raw / "tf-flowers" / "manifest.csv")
    assert Counter(row["split"] for row in rows) == {"train": 8, "test": 2}
    assert names_of(raw / "tf-flowers")[:2] == ["daisy-0_m", "daisy-1_m"]
    credits = {Path(row["file"]).stem: row for row in rows_of(raw / "tf-flowers" / "attribution.csv")}
    assert (credits["daisy-0_m"]["author"], credits["daisy-3_m"]["author"]) == ("Ann - Lee", "Ann Lee")
    assert credits["daisy-3_m"]["source"] == "https://example.org/3"
    assert {row["license"] for row in rows} == {"CC-BY-2.0"}


def test_imagenet_samples_come_from_an_archive_without_a_checksum(server, raw, offer, build):
    top = "imagenet-sample-images-bc69043"
    entries = {f"{top}/n0{n}_tench.JPEG": encoded(photo(n)) for n in range(5)}
    content = zipped({f"{top}/README.md": b"1000 images", **entries, f"{top}/gallery.md": b"# Gallery"})
    offer("imagenet-sample", files={"images.zip": remote(server, "images.zip", content, checksum=False)})
    build("imagenet-sample")
    rows = rows_of(raw / "imagenet-sample" / "manifest.csv")
    assert Counter(row["split"] for row in rows) == {"train": 4, "test": 1}
    assert not (raw / "imagenet-sample" / "attribution.csv").exists()


def with_a_wrong_offset(archive: bytes) -> bytes:
    """Make a zip whose directory claims to begin before the file does."""
    end = archive.rindex(b"PK\5\6")
    return archive[: end + 16] + (2**31).to_bytes(4, "little") + archive[end + 20 :]


def with_a_flipped_byte(archive: bytes) -> bytes:
    middle = len(archive) // 2
    return archive[:middle] + bytes([archive[middle] ^ 255]) + archive[middle + 1 :]


@pytest.mark.parametrize("damage", [lambda right: right[: len(right) // 2], with_a_flipped_byte, with_a_wrong_offset])
def test_a_damaged_archive_is_deleted_and_the_next_call_completes(damage, server, raw, offer, build, refused):
    right = zipped(photos_in("images", 5))
    offer("imagenet-sample", files={"images.zip": remote(server, "images.zip", right, checksum=False)})
    server.files["images.zip"] = damage(right)
    line = refused("imagenet-sample")
    assert "images.zip is damaged" in line
    assert "it was deleted, run the command again" in line
    assert nothing_unfinished(raw)
    assert files_of(raw / ".downloads") == []
    server.files["images.zip"] = right
    build("imagenet-sample")


def test_a_disk_that_fails_is_not_mistaken_for_a_damaged_archive(server, raw, offer, build, refused, monkeypatch):
    content = zipped(photos_in("images", 5))
    offer("imagenet-sample", files={"images.zip": remote(server, "images.zip", content, checksum=False)})

    def fail(*args):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(zipfile.ZipFile, "read", fail)
        assert refused("imagenet-sample") == f"[Errno {errno.EIO}] Input/output error"
    assert files_of(raw / ".downloads") == ["images.zip"]
    build("imagenet-sample")


# --- the user's own photographs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["folder", "zip", "tar.gz", "tar.xz"])
@pytest.mark.parametrize("split", [True, False])
def test_a_folder_or_archive_of_the_user_becomes_a_set(form, split, raw, tmp_path, build):
    names = ["train/a.png", "train/b.jpg", "test/c.jpg"] if split else ["x/a.png", "x/b.jpg", "c.jpg"]
    entries = {f"mine/{name}": encoded(photo(n), "PNG" if "png" in name else "JPEG") for n, name in enumerate(names)}
    entries |= {"mine/notes.txt": b"notes", "__MACOSX/mine/c.jpg": b"metadata", "mine/.hidden.jpg": b"hidden"}
    path = tmp_path / f"photos.{form}"
    if form == "folder":
        for name, content in entries.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    else:
        path.write_bytes(zipped(entries) if form == "zip" else tarred(entries, f"w:{form[4:]}"))
    assert build("my-photos", origin=path) == []
    made = [file for file in files_of(raw / "my-photos") if file.endswith(".jpg")]
    if split:
        assert made == ["test/c.jpg", "train/a.jpg", "train/b.jpg"]
    else:
        assert sorted(Path(file).name for file in made) == ["c.jpg", "x-a.jpg", "x-b.jpg"]
    assert len(data.load("my-photos", 16, cache=tmp_path / "cache").train) == 2
    assert sources.own_sets() == ["my-photos"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_file_names_that_are_long_or_invalid_or_contain_line_breaks_are_recorded(raw, tmp_path, build):
    folder = os.fsencode(tmp_path / "odd")
    os.mkdir(folder)
    names = [b"caf\xe9.jpg", "\u5c71".encode() * 60 + b".jpg", b"two\rlines.jpg", b"a\nb.jpg", b'c,"d".jpg']
    for number, name in enumerate(names):
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(encoded(photo(number)))
    build("odd", origin=tmp_path / "odd")
    assert names_of(raw / "odd") == sorted(["caf_", "\u5c71" * 33, "two_lines", "a_b", "c_d_"])
    origins = {row["origin"].removeprefix("odd/") for row in rows_of(raw / "odd" / "manifest.csv")}
    assert origins >= {"caf\\udce9.jpg", "two lines.jpg", "a\nb.jpg"}
    assert sources.finished("odd", origin=tmp_path / "odd") is not None


@pytest.fixture
def mine(tmp_path):
    """Make a folder with four photographs."""
    for name, content in photos_in("mine", 4).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path / "mine"


def test_a_file_without_read_permission_is_named_and_left_out(mine, raw, build, monkeypatch):
    read = Path.read_bytes

    def refuse(path):
        if path.name == "1.jpg":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert build("mine", origin=mine) == [f"{mine / '1.jpg'}: Permission denied"]
    assert len(names_of(raw / "mine")) == 3


def with_a_name(archive: bytes, first: bytes, flags: int) -> bytes:
    """Replace the first byte of the first name in a zip's directory; flag 8 in the second byte marks UTF-8."""
    entry = archive.index(b"PK\1\2")
    named = archive[: entry + 46] + first + archive[entry + 47 :]
    return named[: entry + 9] + bytes([flags]) + named[entry + 10 :]


def tar_of_size(size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """Make a tar whose only entry claims to be very large: a photograph, or a header that describes one."""
    entry = tarfile.TarInfo("a.jpg")
    entry.type, entry.size = kind, size
    return entry.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def tar_that_leads_back(size: int, kind: bytes) -> bytes:
    """Make a tar whose second entry has a negative size, so that the next one would be the first again."""
    first, second = tarfile.TarInfo("a.jpg"), tarfile.TarInfo("b.jpg")
    second.type, second.size = kind, size
    return first.tobuf() + second.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def broken_bz2() -> bytes:
    compressed = bz2.compress(tarred({f"{n}.jpg": 20 * GOOD["photos/1.jpg"] for n in range(3)}, "w"), 1)
    middle = len(compressed) // 2
    return compressed[:middle] + bytes(100) + compressed[middle + 100 :]


def encrypted() -> bytes:
    """Mark the entries of a zip as encrypted."""
    archive = bytearray(zipped(GOOD))
    for start, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        for header in re.finditer(re.escape(start), bytes(archive)):
            archive[header.start() + flags] |= 1
    return bytes(archive)


def test_the_entries_of_an_archive_are_in_memory_one_at_a_time_if_they_are_large(raw, tmp_path, build, monkeypatch):
    monkeypatch.setattr(crop, "HELD", 1)
    size = 20_000_000
    large = {f"{n}.png": bytes(size) for n in range(8)}
    (tmp_path / "mine.zip").write_bytes(zipped(large | photos_in("photos", 3), zipfile.ZIP_DEFLATED))
    del large
    tracemalloc.start()
    try:
        assert len(build("mine", origin=tmp_path / "mine.zip")) == 8
        assert tracemalloc.get_traced_memory()[1] < 3 * size  # zipfile itself needs two copies
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (encrypted(), "mine.zip is encrypted: unpack it and use the folder"),
        (b"no archive", "not a folder, zip or tar archive"),
        (with_a_wrong_offset(zipped(GOOD)), "mine.zip is damaged"),
        (with_a_name(zipped(GOOD), b"\0", 0), "mine.zip is damaged"),
        (with_a_name(zipped(GOOD), b"\xff", 8), "mine.zip is damaged"),
        (broken_bz2(), "mine.zip is damaged"),
        (tar_of_size(2**70), "mine.zip is damaged"),
        (tar_of_size(2**70, tarfile.XHDTYPE), "mine.zip is damaged"),
        (tar_of_size(2**45, tarfile.XHDTYPE), "mine.zip is damaged"),
        (tar_of_size(2**45, tarfile.GNUTYPE_LONGNAME), "mine.zip is damaged"),
        (tar_that_leads_back(-1024, tarfile.REGTYPE), "mine.zip is damaged"),
        (tar_that_leads_back(-512, tarfile.XHDTYPE), "mine.zip is damaged"),
        (zipped({"a.txt": b"text"}), "no photographs found; looked for .jpg"),
        (zipped({"train/a.jpg": GOOD["photos/1.jpg"], "b.jpg": GOOD["photos/2.jpg"]}), "has only a folder 'train'"),
        (zipped(photos_in("mine/train", 4)), "has only a folder 'train'; it needs both 'train' and 'test', or neither"),
        (zipped({"a.jpg": GOOD["photos/1.jpg"]}), "needs at least 2 and 1"),
    ],
    # A zip holds the time, and two processes that collect the tests must give them the same names.
    ids=lambda value: "archive" if isinstance(value, bytes) else None,
)
def test_an_archive_that_cannot_become_a_set_is_refused_with_the_reason(content, line, raw, tmp_path, refused):
    (tmp_path / "mine.zip").write_bytes(content)
    assert line in refused("mine", origin=tmp_path / "mine.zip")
    assert nothing_unfinished(raw)


@pytest.mark.timeout(60)  # before, it took hours
def test_a_list_of_photographers_that_is_made_to_take_hours_takes_none(raw, tmp_path, build):
    made = b"a.jpg CC-BY by " * 130_000
    (tmp_path / "mine.zip").write_bytes(zipped({**GOOD, "photos/LICENSE.txt": made}, zipfile.ZIP_DEFLATED))
    assert build("mine", origin=tmp_path / "mine.zip") == []


@pytest.mark.skipif(os.name == "nt", reason="on Windows such a file takes its size on the disk")
def test_a_photograph_as_large_as_a_disk_is_left_out_unread(mine, raw, build):
    with open(mine / "1.jpg", "wb") as file:
        file.truncate(2**40)
    (line,) = build("mine", origin=mine)
    assert line == f"{mine / '1.jpg'} is too large: 1,099,511,627,776 bytes"


def link_in_a_zip() -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            entry = zipfile.ZipInfo("photos/link.jpg")
            entry.external_attr = 0o120777 << 16
            archive.writestr(entry, "/etc/passwd")
        return file.getvalue()


def link_in_a_tar(kind: bytes) -> bytes:
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            entry = tarfile.TarInfo("photos/link.jpg")
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
        return file.getvalue()


def bomb(name: str) -> bytes:
    return zipped({name: bytes(3_000_000)}, zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (zipped({**GOOD, "../evil.jpg": b"evil"}), "entry '../evil.jpg' points outside the archive"),
        (zipped({**GOOD, "photos/../../evil.txt": b"evil"}), "'photos/../../evil.txt' points outside the archive"),
        (zipped({**GOOD, "/etc/evil.jpg": b"evil"}), "'/etc/evil.jpg' points outside the archive"),
        (zipped({**GOOD, "..\\evil.jpg": b"evil"}), "points outside the archive"),
        (zipped({**GOOD, "C:/evil.jpg": b"evil"}), "'C:/evil.jpg' points outside the archive"),
        (tarred({**GOOD, "../evil.jpg": b"evil"}), "entry '../evil.jpg' points outside the archive"),
        (tarred({**GOOD, "/etc/evil.jpg": b"evil"}), "'/etc/evil.jpg' points outside the archive"),
        (link_in_a_zip(), "'photos/link.jpg' is a link or a device"),
        (link_in_a_tar(tarfile.SYMTYPE), "'photos/link.jpg' is a link or a device"),
        (link_in_a_tar(tarfile.LNKTYPE), "'photos/link.jpg' is a link or a device"),
        (link_in_a_tar(tarfile.CHRTYPE), "'photos/link.jpg' is a link or a device"),
        (bomb("photos/bomb.png"), "'photos/bomb.png' would unpack to 3.0 MB"),
        (bomb("photos/bomb.png/."), "'photos/bomb.png/.' would unpack to 3.0 MB"),
        (bomb("photos/LICENSE.txt"), "'photos/LICENSE.txt' would unpack to 3.0 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "archive",  # its bytes contain the time
)
def test_an_unsafe_archive_is_refused_as_a_whole_and_the_entry_is_named(
    content, line, raw, tmp_path, refused, monkeypatch
):
    monkeypatch.setattr(candidates, "MAX_PHOTO", 2_000_000)
    (tmp_path / "mine.zip").write_bytes(content)
    before = files_of(tmp_path)
    message = refused("mine", origin=tmp_path / "mine.zip")
    assert line in message
    assert "the archive was not used" in message
    assert nothing_unfinished(raw)
    assert [file for file in files_of(tmp_path) if not file.endswith("/.lock")] == before
