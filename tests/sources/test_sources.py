"""`sources`, `candidates` and `fetch` against a server on this machine, with small files in the official layouts."""

import bz2
import contextlib
import csv
import errno
import functools
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pooch
import psutil
import pytest
import yaml
from PIL import Image

from hcegan_lib import cli, data
from hcegan_lib.backend import parallel
from hcegan_lib.sources import build as sources
from hcegan_lib.sources import candidates, fetch
from hcegan_lib.sources.fetch import FetchError, Remote

KIT = data.KIT_ROOT
MINI = sorted((KIT / "data" / "mini" / "train").glob("*-c.jpg"))


# --- a server that can be told to fail --------------------------------------------------------------------------------


class Shop(ThreadingHTTPServer):
    """Serves `files`. Each switch names paths; what it does to them ends when the path is taken out again."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Shelf)
        self.files = {}  # path -> content
        self.asked = []  # (path, Range header)
        self.cut = {}  # path -> bytes sent before the connection breaks
        self.cut_once = {}
        self.stalled = {}  # path -> bytes sent before nothing more comes
        self.busy = {}  # path -> answers that are 429 first
        self.retry_after = "0"
        self.plain = set()  # paths without Range
        self.tags = {}  # path -> ETag, if not that of the content; None: none is sent
        self.odd = {}  # path -> status, headers and content that it is answered with
        self.whole = {}  # path -> status of the answer to whoever asks for a part of it
        self.heedless = set()  # paths whose If-Range is not heeded
        self.released = threading.Event()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A client that went away is part of the tests."""


class Shelf(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        shop, path = self.server, self.path.lstrip("/")
        shop.asked.append((path, self.headers.get("Range")))
        if shop.busy.get(path, 0) > 0:
            shop.busy[path] -= 1
            return self.answer(429, b"", {"Retry-After": shop.retry_after})
        if path in shop.odd:
            status, headers, content = shop.odd[path]
            return self.answer(status, content, headers)
        if self.headers.get("Range") and path in shop.whole:
            return self.answer(shop.whole[path], b"")
        if path not in shop.files:
            return self.answer(404, b"no such file")
        content = shop.files[path]
        tag = shop.tags.get(path, f'"{hashlib.md5(content).hexdigest()}"')
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        changed = self.headers.get("If-Range", tag) != tag and path not in shop.heedless
        if not asked or path in shop.plain or changed:
            return self.answer(200, content, {"ETag": tag}, path)
        start = int(asked[1])
        if start >= len(content):
            return self.answer(416, b"")
        where = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self.answer(206, content[start:], {"ETag": tag, "Content-Range": where}, path)

    def answer(self, status, content, headers=None, path=None):
        self.send_response(status)
        for key, value in {"Content-Length": len(content), **(headers or {})}.items():
            if value is not None:
                self.send_header(key, str(value))
        self.end_headers()
        shop = self.server
        limit = shop.cut_once.pop(path, shop.cut.get(path, shop.stalled.get(path)))
        self.wfile.write(content[:limit])
        if limit is not None:
            self.wfile.flush()
            if path in shop.stalled:
                shop.released.wait(60)
            self.close_connection = True
            self.connection.close()


@pytest.fixture
def shop():
    server = Shop()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """A kit of the test's own; no wait takes long."""
    (tmp_path / "kit" / "data").mkdir(parents=True)
    monkeypatch.setattr(data, "KIT_ROOT", tmp_path / "kit")
    monkeypatch.setattr(fetch, "BACKOFF", 0.001)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    return tmp_path / "kit" / "data" / "raw"


# --- small files in the official layouts ------------------------------------------------------------------------------


@functools.cache
def photo(number: int, width: int = 320, height: int = 280) -> Image.Image:
    return Image.open(MINI[number]).convert("RGB").resize((width, height))


def encoded(image: Image.Image, form: str = "JPEG", **options) -> bytes:
    with io.BytesIO() as file:
        image.save(file, form, **({"quality": 90} if form == "JPEG" else {}), **options)
        return file.getvalue()


def zipped(entries: dict[str, bytes]) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in entries.items():
                archive.writestr(name, content)
        return file.getvalue()


def tarred(entries: dict[str, bytes], mode: str = "w:gz") -> bytes:
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode=mode) as archive:
            for name, content in entries.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return file.getvalue()


def table(columns: str, rows: list[dict]) -> bytes:
    with io.StringIO(newline="") as file:
        writer = csv.DictWriter(file, columns.split(","), restval="0", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return file.getvalue().encode()


def remote(shop, name: str, content: bytes, *, checksum: bool = True, addresses: tuple[str, ...] = ()) -> Remote:
    """Put a file into the shop, and describe it as the table does."""
    shop.files[name] = content
    known = f"sha256:{hashlib.sha256(content).hexdigest()}" if checksum else None
    return Remote(len(content), known, "here", (*addresses, f"{shop.address}/{name}"))


def offer(monkeypatch, name: str, **changes) -> None:
    monkeypatch.setitem(sources.SOURCES, name, sources.SOURCES[name]._replace(**changes))


@functools.cache
def div2k_photos() -> tuple[dict[str, bytes], dict[str, bytes]]:
    train = {f"DIV2K_train_HR/{n:04}.png": encoded(photo(n, 340 + n), "PNG") for n in range(1, 6)}
    return train, {f"DIV2K_valid_HR/{n:04}.png": encoded(photo(n - 790), "PNG") for n in (801, 802)}


@pytest.fixture
def div2k(shop, raw, monkeypatch):
    """DIV2K with 5 training and 2 validation photographs."""
    train, valid = div2k_photos()
    names = ("DIV2K_train_HR.zip", "DIV2K_valid_HR.zip")
    files = {name: remote(shop, name, zipped(content)) for name, content in zip(names, (train, valid))}
    offer(monkeypatch, "div2k", files=files, train=5, test=2)
    return train | valid


GRAY = Image.fromarray(np.random.default_rng(0).integers(60, 200, (280, 320, 1), dtype=np.uint8).repeat(3, 2))


@pytest.fixture
def coco(shop, raw, monkeypatch):
    """COCO with ten photographs of birds, wanted: 4 and 2. Number 1 has the largest bird, number 10 the smallest."""
    shares = {number: 0.9 - 0.07 * number for number in range(1, 11)}
    images, annotations = [], []
    for number, share in shares.items():
        name, (W, H) = f"{number:012}.jpg", (320 + 10 * number, 280)
        shop.files[f"train2017/{name}"] = encoded(photo(number, W, H))
        known = {"id": 100 + number, "file_name": name, "width": W, "height": H, "license": 4}
        images.append(known | {"flickr_url": f"http://farm9.staticflickr.com/8186/81193{number}_4e622c8349_z.jpg"})
        bird = {"image_id": 100 + number, "category_id": 16, "iscrowd": 0, "segmentation": [[1.0, 2.0, 3.0, 4.0]]}
        width, height = W * share**0.5, H * share**0.5
        annotations.append(bird | {"id": 2 * number, "bbox": [W - width, H - height, width, height]})
        annotations.append(bird | {"id": 2 * number + 1, "bbox": [0, 0, 9, 9]})
    annotations.append({"id": 90, "image_id": 110, "category_id": 16, "iscrowd": 1, "bbox": [0, 0, 420, 280]})
    annotations.append({"id": 91, "image_id": 110, "category_id": 18, "iscrowd": 0, "bbox": [0, 0, 420, 280]})
    told = {
        "info": {"year": 2017},
        "licenses": [{"url": "http://creativecommons.org/licenses/by/2.0/", "id": 4, "name": "Attribution License"}],
        "images": images,
        "annotations": annotations,
        "categories": [{"supercategory": "animal", "id": 16, "name": "bird"}, {"id": 18, "name": "dog"}],
    }
    name = "annotations_trainval2017.zip"
    content = zipped({"annotations/instances_train2017.json": json.dumps(told).encode()})
    files, photos = {name: remote(shop, name, content)}, (f"{shop.address}/train2017/",)
    offer(monkeypatch, "coco-bird", files=files, photos=photos, train=4, test=2)
    return [f"{number:012}" for number in shares]


BOXES = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
PHOTOS = "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5"
PHOTOS += ",Thumbnail300KURL,Rotation"
CC_BY = "https://creativecommons.org/licenses/by/2.0/"


@pytest.fixture
def open_images(shop, raw, monkeypatch):
    """Open Images with lions in validation, test and train; wanted: 2 and 1. Give a function that adds a photograph."""
    boxes, photos = ({subset: [] for subset in ("validation", "test", "train")} for _ in range(2))

    def add(number: int, subset: str, share: float, label: str = "/m/096mb", **changes: str) -> str:
        key, side = f"{number:016x}", share**0.5
        box = {"ImageID": key, "Source": "xclick", "LabelName": label, "XMin": 0, "XMax": side, "YMin": 0, "YMax": side}
        person = {"ImageID": key, "Subset": subset, "License": CC_BY, "Author": f"Ada {number}", "Title": "A lion, one"}
        person |= {"OriginalLandingURL": f"https://www.flickr.com/photos/ada/{number}", "Rotation": "0.0"}
        columns = BOXES.split(",")
        boxes[subset].append(box | {column: value for column, value in changes.items() if column in columns})
        photos[subset].append(person | {column: value for column, value in changes.items() if column not in columns})
        shop.files[f"{subset}/{key}.jpg"] = encoded(photo(number))
        return key

    def publish() -> None:
        described = {
            f"{subset}-{kind}.csv": remote(shop, f"{subset}-{kind}.csv", table(columns, rows[subset]), checksum=checked)
            for subset in boxes
            for kind, columns, rows, checked in (("boxes", BOXES, boxes, True), ("photos", PHOTOS, photos, False))
        }
        more = {name: described.pop(name) for name in list(described) if name.startswith("train")}
        changes = {"files": described, "more": more, "photos": (f"{shop.address}/",), "train": 2, "test": 1}
        offer(monkeypatch, "openimages-lion", **changes)

    add.publish = publish
    return add


@pytest.fixture
def flowers(shop, raw, monkeypatch):
    """The flowers: ten photographs in two folders, a file of credits between them."""
    names = [f"flower_photos/{kind}/{n}_m.jpg" for kind in ("daisy", "roses") for n in range(5)]
    entries = {name: encoded(photo(number)) for number, name in enumerate(names)}
    credits = [
        f"{name.removeprefix('flower_photos/')} CC-BY by Ann - Lee - https://example.org/{name}" for name in names
    ]
    credits[3] = "daisy/3_m.jpg CC-BY https://example.org/3 - by Ann Lee"
    text = "All images in this archive are licensed under the Creative Commons By-Attribution License\n\n"
    order = {**dict(list(entries.items())[:5]), "flower_photos/LICENSE.txt": (text + "\n".join(credits)).encode()}
    content = tarred(order | entries)
    offer(monkeypatch, "flowers", files={"flower_photos.tgz": remote(shop, "flower_photos.tgz", content)})
    return entries


# --- what a test looks at ---------------------------------------------------------------------------------------------


def rows_of(path: Path) -> list[dict]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def visible(raw: Path) -> list[str]:
    return sorted(path.name for path in raw.glob("[!.]*")) if raw.exists() else []


def nothing_half_done(raw: Path) -> bool:
    return visible(raw) == [] and not list(raw.glob(".*.building"))


def one_line(words: list[str], capsys, status: int = 2) -> str:
    """Run a command that fails, and give its last line on standard error, which must be its only one."""
    capsys.readouterr()
    assert cli.main(words) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("hcegan: ")
    return line


def build(name: str, capsys, *words: str) -> list[str]:
    """Build a set by the command; give the lines on standard error."""
    capsys.readouterr()
    assert cli.main(["data", "build", name, *words]) == 0
    assert sources.check(name) == []
    return capsys.readouterr().err.splitlines()


def square_by_hand(image: Image.Image, left: int, top: int, side: int) -> np.ndarray:
    """Cut, then scale: within the square, what Pillow does in one step may look one pixel further."""
    cut = image.crop((left, top, left + side, top + side))
    return np.asarray(cut.resize((256, 256), Image.Resampling.LANCZOS), float)


# --- the table --------------------------------------------------------------------------------------------------------


def remotes():
    for source in sources.SOURCES.values():
        for name, described in {**source.files, **source.more}.items():
            yield source, name, described


def test_every_file_has_addresses_a_size_and_a_checksum_or_a_word_that_none_is_published():
    for _, name, described in remotes():
        assert described.bytes > 10**7, name
        assert described.addresses, name
        assert all(re.match(r"https?://[\w.-]+/\S+$", address) for address in described.addresses), name
        if described.checksum is None:
            assert described.read_in.startswith("no checksum published"), name
        else:
            assert re.fullmatch(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", described.checksum), name
            assert re.match(
                r"github.com/tensorflow/datasets, |(ETag, as|pinned).* public project", described.read_in
            ), name


def test_what_is_known_by_a_checksum_only_may_come_by_http_alone():
    for _, name, described in remotes():
        assert described.checksum or all(address.startswith("https://") for address in described.addresses), name
    assert all(source.photos[0].startswith("https://") for source in sources.SOURCES.values() if source.photos)


def test_the_papers_sets_and_those_of_its_categories_that_coco_has_are_there():
    assert list(sources.SOURCES) == list(data.SETS)
    six = ["bird", "dog", "fish", "ladybug", "lion", "orange"]
    assert sorted(name.removeprefix("openimages-") for name in sources.SOURCES if name.startswith("openimages-")) == six
    assert (
        sorted(name.removeprefix("coco-") for name in sources.SOURCES if name.startswith("coco-")) == six[:2] + six[5:]
    )
    for name, source in sources.SOURCES.items():
        if name.startswith(("coco", "openimages")):
            assert (source.train, source.test) == (500, 100)
    assert (sources.SOURCES["div2k"].train, sources.SOURCES["div2k"].test) == (800, 100)


def test_the_grid_of_the_paper_names_sets_that_can_be_built():
    grid = yaml.safe_load((KIT / "notebooks" / "grids" / "paper.yaml").read_text(encoding="utf-8"))
    assert {Path(name).name for name in grid["data"]} <= set(sources.SOURCES)
    assert all(name.startswith("data/raw/") for name in grid["data"])


def test_the_data_card_lists_every_set_with_its_photographs_download_and_license():
    card = (KIT / "data" / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+)` \|(.*)\|$", card, flags=re.MULTILINE))
    assert set(rows) == set(sources.SOURCES)
    for name, source in sources.SOURCES.items():
        assert f"{source.train:,} + {source.test:,}" in rows[name], name
        total = sum(described.bytes for described in source.files.values())
        total += (source.train + source.test) * source.photo_bytes
        more = sum(described.bytes for described in source.more.values())
        told = f" {total / 1e9:.2f} GB" + f", at most {(total + more) / 1e9:.2f} GB" * bool(more)
        assert rows[name].endswith(f"{told} "), (name, told)


# --- one build of each kind -------------------------------------------------------------------------------------------


def test_div2k_is_its_official_split_in_central_squares(div2k, raw, capsys):
    assert build("div2k", capsys) == []
    assert files_of(raw / "div2k") == [
        "build.json",
        "manifest.csv",
        "test/0801.jpg",
        "test/0802.jpg",
        *[f"train/{n:04}.jpg" for n in range(1, 6)],
    ]
    for row in rows_of(raw / "div2k" / "manifest.csv"):
        entry = row["origin"].split(".zip/")[1]
        original = Image.open(io.BytesIO(div2k[entry]))
        W, H = original.size
        assert row["file"] == f"{row['split']}/{Path(entry).stem}.jpg"
        assert row["sha256"] == hashlib.sha256(div2k[entry]).hexdigest()
        assert (int(row["left"]), int(row["top"]), int(row["side"])) == (round((W - H) / 2), 0, H)
        with Image.open(raw / "div2k" / row["file"]) as crop:
            assert crop.size == (256, 256)
            assert crop.layer[0][1:3] == crop.layer[1][1:3]  # no chroma subsampling
            difference = np.abs(
                np.asarray(crop, float) - square_by_hand(original, *(int(row[c]) for c in ("left", "top", "side")))
            )
        assert difference.mean() < 2.5  # levels of 255: what JPEG at quality 95 takes
    photos = data.load("div2k", 64, cache=raw.parent / "cache")
    assert (photos.name, len(photos.train), len(photos.test)) == ("div2k", 5, 2)


def test_a_finished_set_is_left_as_it_is_and_nothing_is_asked_for(div2k, raw, shop, capsys):
    build("div2k", capsys)
    before = {path: (raw / path).stat().st_mtime_ns for path in files_of(raw / "div2k") for path in [f"div2k/{path}"]}
    shop.asked.clear()
    assert cli.main(["data", "build", "div2k"]) == 0
    assert "div2k is built already: 5 photographs for training and 2 for testing" in capsys.readouterr().out
    assert shop.asked == []
    assert {path: (raw / path).stat().st_mtime_ns for path in before} == before


def test_what_is_to_be_fetched_is_told_before_it_is(div2k, raw, shop, capsys, monkeypatch):
    monkeypatch.setattr(sources, "build", lambda *given, **named: pytest.fail("asked for anything"))
    with pytest.raises(pytest.fail.Exception):
        cli.main(["data", "build", "div2k"])
    told = capsys.readouterr().out
    total = sum(len(content) for content in shop.files.values())
    assert f"{total / 1e6:.1f} MB  to fetch" in told
    assert f"{shop.address}/DIV2K_train_HR.zip" in told
    assert "license: academic research only" in told


def test_coco_takes_the_photographs_with_the_largest_birds_and_no_others(coco, raw, shop, capsys):
    assert build("coco-bird", capsys) == []
    rows = rows_of(raw / "coco-bird" / "manifest.csv")
    assert sorted(Path(row["file"]).stem for row in rows) == coco[:6]
    assert Counter(row["split"] for row in rows) == {"train": 4, "test": 2}
    fetched = [path for path, _ in shop.asked if path.startswith("train2017/")]
    assert sorted(fetched) == [f"train2017/{stem}.jpg" for stem in coco[:6]]
    for row in rows:
        number = int(Path(row["file"]).stem)
        W, H, share = 320 + 10 * number, 280, 0.9 - 0.07 * number
        side = min(max(round(max(W, H) * share**0.5), 256), H)  # the longer side of the box, which lies below right
        assert int(row["side"]) == side
        assert int(row["left"]) + side <= W
        assert int(row["top"]) + side == H
        assert int(row["left"]) > 0
        original = Image.open(io.BytesIO(shop.files[f"train2017/{Path(row['file']).name}"]))
        with Image.open(raw / "coco-bird" / row["file"]) as crop:
            by_hand = square_by_hand(original, *(int(row[c]) for c in ("left", "top", "side")))
            assert np.abs(np.asarray(crop, float) - by_hand).mean() < 2.5


def test_coco_keeps_the_license_of_each_photograph_and_the_page_of_its_photographer(coco, raw, capsys):
    build("coco-bird", capsys)
    credits = {row["file"]: row for row in rows_of(raw / "coco-bird" / "attribution.csv")}
    assert set(credits) == {row["file"] for row in rows_of(raw / "coco-bird" / "manifest.csv")}
    assert {row["license"] for row in credits.values()} == {"http://creativecommons.org/licenses/by/2.0/"}
    (first,) = (row for file, row in credits.items() if file.endswith("/000000000001.jpg"))
    assert first["source"] == "https://www.flickr.com/photo.gne?id=811931"


def test_the_seed_says_which_photographs_are_for_testing_and_a_set_of_another_seed_is_not_touched(coco, raw, capsys):
    splits = {}
    for seed in ("0", "1", "2"):
        build("coco-bird", capsys, "--seed", seed)
        splits[seed] = [row["file"] for row in rows_of(raw / "coco-bird" / "manifest.csv")]
        (raw / "coco-bird").rename(raw / f"seed{seed}")
    assert len({tuple(files) for files in splits.values()}) > 1
    assert len({tuple(sorted(Path(file).name for file in files)) for files in splits.values()}) == 1
    build("coco-bird", capsys)
    assert [row["file"] for row in rows_of(raw / "coco-bird" / "manifest.csv")] == splits["0"]
    line = one_line(["data", "build", "coco-bird", "--seed", "5"], capsys)
    assert "was built with another seed: move it away, or delete it" in line


def test_photographs_that_are_missing_corrupt_gray_turned_or_of_another_size_are_named_and_replaced(
    coco, raw, shop, capsys
):
    paths = [f"train2017/{stem}.jpg" for stem in coco]
    del shop.files[paths[0]]
    shop.files[paths[1]] = shop.files[paths[1]][:2000]
    shop.files[paths[2]] = encoded(GRAY.resize((350, 280)))
    shop.files[paths[3]] = encoded(photo(4, 300, 200))
    lines = build("coco-bird", capsys)
    assert sorted(Path(row["file"]).stem for row in rows_of(raw / "coco-bird" / "manifest.csv")) == coco[4:]
    for stem, reason in zip(
        coco, ("404 Not Found", "truncated", "near gray", "has 300 x 200 pixels, its annotation says")
    ):
        (line,) = (line for line in lines if stem in line)
        assert line.startswith("hcegan: left out ")
        assert reason in line
    assert len(lines) == 4
    assert len(json.loads((raw / "coco-bird" / "build.json").read_text(encoding="utf-8"))["skipped"]) == 4
    kept = {path.stem for path in (raw / ".downloads" / "coco-bird").glob("*.jpg")}
    assert kept == set(coco) - {coco[0], coco[1], coco[3]}  # what is damaged may come better next time


def test_a_photograph_that_is_stored_turned_is_not_cropped_by_a_box_that_may_not_be(coco, raw, shop, capsys):
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down: the size is the same
    shop.files[f"train2017/{coco[0]}.jpg"] = encoded(photo(1, 330, 280), exif=exif.tobytes())
    (line,) = build("coco-bird", capsys)
    assert f"{coco[0]}.jpg: is stored turned" in line


def test_too_few_photographs_are_refused_with_the_first_reasons(coco, raw, shop, capsys):
    for stem in coco[3:8]:
        del shop.files[f"train2017/{stem}.jpg"]
    line = one_line(["data", "build", "coco-bird"], capsys)
    assert "photographs for training and" in line
    assert "wanted 6 in all; 5 left out" in line
    assert "404 Not Found" in line
    assert nothing_half_done(raw)


def test_a_server_that_has_no_photograph_at_all_is_asked_a_few_times_and_not_thousands(
    coco, raw, shop, capsys, monkeypatch
):
    monkeypatch.setattr(sources, "LOST", 4)
    for stem in coco:
        del shop.files[f"train2017/{stem}.jpg"]
    line = one_line(["data", "build", "coco-bird"], capsys)
    assert "4 photographs one after another are missing or of no use, the last" in line
    assert "404 Not Found" in line


def test_a_network_that_answers_everything_with_a_page_is_asked_a_few_times_and_nothing_of_it_is_kept(
    coco, raw, shop, capsys, monkeypatch
):
    monkeypatch.setattr(sources, "LOST", 4)
    photographs = dict(shop.files)
    for stem in coco:
        shop.files[f"train2017/{stem}.jpg"] = b"<html>Please sign in</html>"
    line = one_line(["data", "build", "coco-bird"], capsys)
    assert "4 photographs one after another are missing or of no use, the last" in line
    assert nothing_half_done(raw)
    shop.files |= photographs
    build("coco-bird", capsys)
    assert sorted(Path(row["file"]).stem for row in rows_of(raw / "coco-bird" / "manifest.csv")) == coco[:6]


def test_open_images_takes_the_largest_lions_that_are_neither_drawn_nor_groups_nor_seen_from_inside(
    open_images, raw, shop, capsys
):
    good = [open_images(n, "validation" if n % 2 else "test", 0.9 - 0.05 * n) for n in range(1, 7)]
    for n, column in zip((11, 12, 13), ("IsGroupOf", "IsDepiction", "IsInside")):
        open_images(n, "test", 0.99, **{column: "1"})
    open_images(14, "test", 0.99, label="/m/0bt9lr")
    open_images(15, "validation", 0.98, Rotation="90.0")
    open_images(16, "validation", 0.98, License="https://creativecommons.org/licenses/by-nc/2.0/")
    open_images(20, "train", 0.97)
    open_images.publish()
    assert build("openimages-lion", capsys) == []
    assert sorted(Path(row["file"]).stem for row in rows_of(raw / "openimages-lion" / "manifest.csv")) == good[:3]
    assert not [path for path, _ in shop.asked if path.startswith("train")]
    assert len([path for path, _ in shop.asked if path.endswith(".jpg")]) == 3
    credits = {Path(row["file"]).stem: row for row in rows_of(raw / "openimages-lion" / "attribution.csv")}
    assert credits[good[0]]["author"] == "Ada 1"
    assert credits[good[0]]["license"] == CC_BY
    assert credits[good[0]]["source"] == "https://www.flickr.com/photos/ada/1"
    assert credits[good[0]]["title"] == "A lion, one"
    assert {row["author"] for row in rows_of(raw / "openimages-lion" / "manifest.csv")} == {"Ada 1", "Ada 2", "Ada 3"}


def test_open_images_fetches_the_large_tables_only_where_the_small_ones_name_too_few(open_images, raw, shop, capsys):
    few = [open_images(n, "validation", 0.5 - 0.05 * n) for n in (1, 2, 3)]
    many = [open_images(n, "train", 0.9 - 0.01 * n) for n in (4, 5, 6)]
    open_images.publish()
    plan = sources.plan("openimages-lion")
    assert plan.at_most - plan.sure == len(shop.files["train-boxes.csv"]) + len(shop.files["train-photos.csv"])
    build("openimages-lion", capsys)
    kept = sorted(Path(row["file"]).stem for row in rows_of(raw / "openimages-lion" / "manifest.csv"))
    assert kept == many
    assert few[0] not in kept


def test_a_table_that_is_none_is_deleted_and_the_next_call_completes(open_images, raw, shop, capsys):
    for n in range(1, 7):
        open_images(n, "test", 0.9 - 0.05 * n)
    open_images.publish()
    right = shop.files["validation-photos.csv"]
    shop.files["validation-photos.csv"] = b"<html>Please sign in</html>"
    assert "validation-photos.csv came as something else" in one_line(["data", "build", "openimages-lion"], capsys)
    shop.files["validation-photos.csv"] = right
    build("openimages-lion", capsys)


def test_flowers_are_split_by_the_seed_and_keep_who_took_them(flowers, raw, capsys):
    build("flowers", capsys)
    rows = rows_of(raw / "flowers" / "manifest.csv")
    assert Counter(row["split"] for row in rows) == {"train": 8, "test": 2}
    assert sorted(Path(row["file"]).stem for row in rows)[:2] == ["daisy-0_m", "daisy-1_m"]
    credits = {Path(row["file"]).stem: row for row in rows_of(raw / "flowers" / "attribution.csv")}
    assert (credits["daisy-0_m"]["author"], credits["daisy-3_m"]["author"]) == ("Ann - Lee", "Ann Lee")
    assert credits["daisy-3_m"]["source"] == "https://example.org/3"
    assert {row["license"] for row in rows} == {"CC-BY-2.0"}


def test_a_file_that_is_in_a_set_twice_is_taken_once_so_that_no_test_photograph_was_trained_on(
    shop, raw, capsys, monkeypatch
):
    entries = {f"flower_photos/roses/{n}.jpg": encoded(photo(n)) for n in range(4)}
    entries["flower_photos/tulips/2.jpg"] = entries["flower_photos/roses/2.jpg"]
    content = tarred(entries)
    offer(monkeypatch, "flowers", files={"flower_photos.tgz": remote(shop, "flower_photos.tgz", content)})
    (line,) = build("flowers", capsys)
    assert re.search(r"flower_photos/tulips/2.jpg: the same file as \S+flower_photos/roses/2.jpg", line)
    assert len(rows_of(raw / "flowers" / "manifest.csv")) == 4


def test_imagenet_samples_come_in_an_archive_without_a_checksum(shop, raw, capsys, monkeypatch):
    top = "imagenet-sample-images-bc69043"
    entries = {f"{top}/n0{n}_tench.JPEG": encoded(photo(n)) for n in range(5)}
    content = zipped({f"{top}/README.md": b"1000 images", **entries, f"{top}/gallery.md": b"# Gallery"})
    files = {"imagenet-sample-images.zip": remote(shop, "imagenet.zip", content, checksum=False)}
    offer(monkeypatch, "imagenet-sample", files=files)
    build("imagenet-sample", capsys)
    rows = rows_of(raw / "imagenet-sample" / "manifest.csv")
    assert Counter(row["split"] for row in rows) == {"train": 4, "test": 1}
    assert not (raw / "imagenet-sample" / "attribution.csv").exists()


@pytest.mark.parametrize(
    ("sides", "box", "square"),
    [
        ((400, 300), (0.0, 0.0, 1.0, 1.0), (50, 0, 300)),  # a whole photograph: its center
        ((300, 401), (0.0, 0.0, 1.0, 1.0), (0, 50, 300)),
        ((200, 100), (0.0, 0.0, 1.0, 1.0), (50, 0, 100)),  # smaller than a crop
        ((1000, 800), (0.4, 0.5, 0.8, 0.7), (400, 280, 400)),  # the longer side of the object, around its middle
        ((1000, 800), (0.5, 0.5, 0.51, 0.51), (377, 276, 256)),  # no pixels are invented
        ((1000, 800), (0.9, 0.9, 1.0, 1.0), (744, 544, 256)),  # inside the photograph
        ((1000, 800), (0.0, 0.0, 0.05, 0.05), (0, 0, 256)),
        ((1000, 800), (0.0, 0.1, 1.0, 0.3), (100, 0, 800)),  # as large as there is room for
        ((1000, 800), (-0.1, -0.1, 1.1, 1.1), (100, 0, 800)),  # annotators slip
    ],
)
def test_the_square_lies_around_the_object_inside_the_photograph_and_has_256_pixels_if_there_are(sides, box, square):
    assert sources._square(sides, box) == square


# --- photographs of one's own -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["folder", "zip", "tar.gz", "tar.xz"])
@pytest.mark.parametrize("split", [True, False])
def test_a_folder_or_archive_of_ones_own_becomes_a_set(form, split, raw, tmp_path, capsys):
    names = ["train/a.png", "train/b.jpg", "test/c.jpg"] if split else ["x/a.png", "x/b.jpg", "c.jpg"]
    entries = {f"mine/{name}": encoded(photo(n), "PNG" if "png" in name else "JPEG") for n, name in enumerate(names)}
    entries |= {"mine/notes.txt": b"no photograph", "__MACOSX/mine/c.jpg": b"of a Mac", "mine/.hidden.jpg": b"hidden"}
    path = tmp_path / f"photos.{form}"
    if form == "folder":
        for name, content in entries.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    else:
        path.write_bytes(zipped(entries) if form == "zip" else tarred(entries, f"w:{form[4:]}"))
    assert build("my-photos", capsys, "--from", str(path)) == []
    made = [file for file in files_of(raw / "my-photos") if file.endswith(".jpg")]
    if split:
        assert made == ["test/c.jpg", "train/a.jpg", "train/b.jpg"]
    else:
        assert sorted(Path(file).name for file in made) == ["c.jpg", "x-a.jpg", "x-b.jpg"]
    assert len(data.load("my-photos", 16, cache=tmp_path / "cache").train) == 2
    assert sources.own_sets() == ["my-photos"]


def test_devices_of_windows_are_no_names():
    taken = set()
    names = [sources._free(name, taken) for name in ("aux", "CON", "com1", "auxiliary", "con_")]
    assert names == ["aux_", "CON_", "com1_", "auxiliary", "con_-2"]


def test_names_that_are_equal_on_some_system_become_different_files(raw, tmp_path, capsys):
    entries = {name: encoded(photo(n)) for n, name in enumerate(["a/b.jpg", "a-b.png", "A-B.JPG", "c?:d.jpg"])}
    (tmp_path / "odd.zip").write_bytes(zipped(entries))
    build("odd", capsys, "--from", str(tmp_path / "odd.zip"))
    names = sorted(Path(file).name for file in files_of(raw / "odd") if file.endswith(".jpg"))
    assert names == ["A-B-3.jpg", "a-b-2.jpg", "a-b.jpg", "c_d.jpg"]


def test_a_folder_of_ones_own_may_hold_many_files_of_no_use(raw, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sources, "LOST", 3)
    (tmp_path / "mine").mkdir()
    for number in range(8):
        (tmp_path / "mine" / f"{number}.jpg").write_bytes(encoded(photo(number)) if number > 4 else b"none")
    assert len(build("mine", capsys, "--from", str(tmp_path / "mine"))) == 5


def test_a_disk_that_fails_is_not_taken_for_a_damaged_archive(shop, raw, capsys, monkeypatch):
    content = zipped({f"images/{n}.jpg": encoded(photo(n)) for n in range(5)})
    offer(monkeypatch, "imagenet-sample", files={"images.zip": remote(shop, "images.zip", content, checksum=False)})

    def fail(*given):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(zipfile.ZipFile, "read", fail)
        assert one_line(["data", "build", "imagenet-sample"], capsys) == "hcegan: Input/output error"
    assert files_of(raw / ".downloads") == ["images.zip"]
    build("imagenet-sample", capsys)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_no_text_or_long_or_broken_in_two_lines_are_written_and_checked(raw, tmp_path, capsys):
    folder = os.fsencode(tmp_path / "odd")
    os.mkdir(folder)
    names = [b"caf\xe9.jpg", "\u5c71".encode() * 60 + b".jpg", b"two\rlines.jpg", b"a\nb.jpg", b'c,"d".jpg']
    for number, name in enumerate(names):
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(encoded(photo(number)))
    build("odd", capsys, "--from", str(tmp_path / "odd"))
    rows = rows_of(raw / "odd" / "manifest.csv")
    assert sorted(Path(row["file"]).name for row in rows) == sorted(
        ["caf_.jpg", "\u5c71" * 33 + ".jpg", "two_lines.jpg", "a_b.jpg", "c_d_.jpg"]
    )
    assert {row["origin"].removeprefix("odd/") for row in rows} >= {"caf\\udce9.jpg", "two lines.jpg", "a\nb.jpg"}
    assert cli.main(["data", "build", "odd", "--from", str(tmp_path / "odd")]) == 0
    assert "odd is built already" in capsys.readouterr().out


def test_a_file_that_may_not_be_read_is_named_and_left_out(raw, tmp_path, capsys, monkeypatch):
    (tmp_path / "mine").mkdir()
    for number in range(4):
        (tmp_path / "mine" / f"{number}.jpg").write_bytes(encoded(photo(number)))
    read = Path.read_bytes

    def refuse(path):
        if path.name == "1.jpg":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    (line,) = build("mine", capsys, "--from", str(tmp_path / "mine"))
    assert line == f"hcegan: left out {tmp_path / 'mine' / '1.jpg'}: Permission denied"
    assert len(rows_of(raw / "mine" / "manifest.csv")) == 3


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_disk_that_fails_under_photographs_of_ones_own_builds_nothing(form, raw, tmp_path, capsys, monkeypatch):
    (tmp_path / "mine").mkdir()
    for name, content in THREE.items():
        (tmp_path / "mine" / name).write_bytes(content)
    (tmp_path / "mine.zip").write_bytes(zipped(THREE))
    origin = tmp_path / ("mine.zip" if form == "zip" else "mine")

    def fail(*given):
        raise OSError(errno.EIO, "Input/output error", "2.jpg")

    with monkeypatch.context() as broken:
        broken.setattr(zipfile.ZipFile, "read", fail)
        broken.setattr(Path, "read_bytes", fail)
        line = one_line(["data", "build", "mine", "--from", str(origin)], capsys)
    assert line == "hcegan: 2.jpg: Input/output error"
    assert nothing_half_done(raw)
    assert build("mine", capsys, "--from", str(origin)) == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["div2k", "--mirror", "nowhere"], "--mirror nowhere: no such folder, and no address with http:// or https://"),
        (["div2k", "--mirror", "ftp://example.org"], "--mirror ftp://example.org: no such folder"),
        (["div2"], "did you mean 'div2k'? valid: div2k, coco-bird"),
        (["holiday"], "no set 'holiday'; valid: div2k"),
        (["holiday", "--from", "nowhere"], "--from nowhere: no such file or folder"),
        (["../holiday", "--from", "."], "made of letters, digits"),
        (["mini", "--from", "."], "'mini' is another set"),
        (["div2k", "--from", "."], "--mirror a copy of official files"),
    ],
)
def test_a_set_that_cannot_be_meant_is_refused_and_nothing_written(words, line, raw, capsys):
    assert line in one_line(["data", "build", *words], capsys)
    assert not raw.exists()


THREE = {f"{n}.jpg": encoded(photo(n)) for n in range(3)}


def with_a_wrong_offset(archive: bytes) -> bytes:
    """Let the end of a zip say that its list of entries begins before the file does."""
    end = archive.rindex(b"PK\5\6")
    return archive[: end + 16] + (2**31).to_bytes(4, "little") + archive[end + 20 :]


def with_a_name(archive: bytes, first: bytes, flags: int) -> bytes:
    """Let the first name in the list of a zip begin with something else; flag 8 in the second byte: it is UTF-8."""
    entry = archive.index(b"PK\1\2")
    named = archive[: entry + 46] + first + archive[entry + 47 :]
    return named[: entry + 9] + bytes([flags]) + named[entry + 10 :]


def of_a_size(size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """Let a tar say of its only entry that it is very large: of a photograph, or of what describes one."""
    entry = tarfile.TarInfo("a.jpg")
    entry.type, entry.size = kind, size
    return entry.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def broken_in_the_middle(compressed: bytes) -> bytes:
    middle = len(compressed) // 2
    return compressed[:middle] + bytes(100) + compressed[middle + 100 :]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"no archive", "not a folder, zip or tar that can be read"),
        (with_a_wrong_offset(zipped(THREE)), "mine.zip is damaged"),
        (with_a_name(zipped(THREE), b"\0", 0), "mine.zip is damaged"),  # which ends a name
        (with_a_name(zipped(THREE), b"\xff", 8), "mine.zip is damaged"),
        (
            broken_in_the_middle(bz2.compress(tarred({f"{n}.jpg": 20 * THREE["1.jpg"] for n in range(3)}, "w"), 1)),
            "mine.zip is damaged",
        ),
        (zipped({"a.txt": b"text"}), "no photographs found; looked for .jpg"),
        (of_a_size(2**70), "mine.zip is damaged"),
        (of_a_size(2**70, tarfile.XHDTYPE), "mine.zip is damaged"),
        (
            zipped({"train/a.jpg": encoded(photo(1)), "b.jpg": encoded(photo(2))}),
            "'train' alone; wanted 'train' and 'test'",
        ),
        (
            zipped({f"mine/train/{n}.jpg": encoded(photo(n)) for n in range(4)}),
            "'train' alone; wanted 'train' and 'test'",
        ),
        (zipped({"a.jpg": encoded(photo(1))}), "wanted 2 and 1 or more"),
    ],
)
def test_an_archive_that_cannot_be_a_set_says_why(content, line, raw, tmp_path, capsys):
    (tmp_path / "mine.zip").write_bytes(content)
    assert line in one_line(["data", "build", "mine", "--from", str(tmp_path / "mine.zip")], capsys)
    assert nothing_half_done(raw)


def test_a_place_where_something_else_lies_is_left_alone(div2k, raw, capsys):
    (raw / "div2k").mkdir(parents=True)
    (raw / "div2k" / "mine.txt").write_text("mine", encoding="utf-8")
    assert "is not a set that was built here: move it away, or delete it" in one_line(
        ["data", "build", "div2k"], capsys
    )
    assert files_of(raw) == ["div2k/mine.txt"]


# --- what goes wrong on the way ---------------------------------------------------------------------------------------


def ranges(shop, name: str) -> list[str | None]:
    return [asked for path, asked in shop.asked if path == name]


@contextlib.contextmanager
def broken_off(shop, name: str, length: int):
    """Let the connection break after so many bytes, and at once whenever it is tried again."""
    shop.cut_once[name], shop.cut[name] = length, 0
    yield
    del shop.cut[name]


def leave_a_part(shop, name: str, described: Remote, access: fetch.Access, length: int) -> None:
    with broken_off(shop, name, length), pytest.raises(FetchError, match="the connection broke off"):
        fetch.fetch(name, described, access)


def test_a_connection_that_breaks_is_taken_up_where_it_broke(div2k, raw, shop, capsys):
    shop.cut_once["DIV2K_train_HR.zip"] = 6 * fetch.BLOCK
    assert build("div2k", capsys) == []
    assert ranges(shop, "DIV2K_train_HR.zip") == [None, f"bytes={6 * fetch.BLOCK}-"]


def test_a_line_that_breaks_ever_again_and_always_brings_something_ends_well(div2k, raw, shop, capsys):
    shop.cut["DIV2K_train_HR.zip"] = len(shop.files["DIV2K_train_HR.zip"]) // (2 * fetch.RETRIES + 3)
    build("div2k", capsys)
    assert len(ranges(shop, "DIV2K_train_HR.zip")) > 2 * fetch.RETRIES


def test_a_connection_that_stays_broken_keeps_its_part_and_the_next_call_completes(div2k, raw, shop, capsys):
    with broken_off(shop, "DIV2K_train_HR.zip", 6 * fetch.BLOCK):
        line = one_line(["data", "build", "div2k"], capsys)
    assert "DIV2K_train_HR.zip: the connection broke off" in line
    assert "Call again to go on" in line
    assert nothing_half_done(raw)
    assert files_of(raw / ".downloads") == ["DIV2K_train_HR.zip.part"]
    assert (raw / ".downloads" / "DIV2K_train_HR.zip.part").stat().st_size == 6 * fetch.BLOCK
    shop.asked.clear()
    build("div2k", capsys)
    assert ranges(shop, "DIV2K_train_HR.zip") == [f"bytes={6 * fetch.BLOCK}-"]
    assert files_of(raw / ".downloads") == ["DIV2K_train_HR.zip", "DIV2K_valid_HR.zip"]


def test_a_server_that_cannot_go_on_from_the_middle_starts_over(div2k, raw, shop, capsys):
    shop.plain.add("DIV2K_train_HR.zip")
    shop.cut_once["DIV2K_train_HR.zip"] = 6 * fetch.BLOCK
    build("div2k", capsys)
    assert ranges(shop, "DIV2K_train_HR.zip") == [None, f"bytes={6 * fetch.BLOCK}-"]
    assert files_of(raw / ".downloads") == ["DIV2K_train_HR.zip", "DIV2K_valid_HR.zip"]


def test_a_server_that_starts_over_without_telling_a_length_is_believed_by_how_the_file_begins(
    div2k, raw, shop, capsys
):
    name, content = "DIV2K_train_HR.zip", shop.files["DIV2K_train_HR.zip"]
    with broken_off(shop, name, 6 * fetch.BLOCK):
        one_line(["data", "build", "div2k"], capsys)
    shop.odd[name] = 200, {"Content-Length": None, "Connection": "close"}, content
    build("div2k", capsys)


@pytest.mark.parametrize("status", [400, 403, 405, 416, 501])
@pytest.mark.parametrize("checksum", [True, False])
def test_a_server_that_refuses_to_go_on_is_asked_for_the_whole(status, checksum, raw, shop):
    described = remote(shop, "table.csv", b"new" * 30000, checksum=checksum)
    leave_a_part(shop, "table.csv", described, fetch.Access(raw / ".downloads"), 60000)
    shop.asked.clear()
    shop.whole["table.csv"] = status
    assert fetch.fetch("table.csv", described, fetch.Access(raw / ".downloads")).read_bytes() == b"new" * 30000
    assert [asked is None for asked in ranges(shop, "table.csv")] == [False, True]
    assert files_of(raw / ".downloads") == ["table.csv"]


@pytest.mark.parametrize("change", ["longer", "whole", "wrong", "wrong and whole"])
def test_a_part_that_is_longer_than_the_file_or_whole_already_or_wrong_is_dealt_with(change, div2k, raw, shop, capsys):
    content = shop.files["DIV2K_train_HR.zip"]
    (raw / ".downloads").mkdir(parents=True)
    part = raw / ".downloads" / "DIV2K_train_HR.zip.part"
    there = {"longer": content + b"more", "whole": content, "wrong": b"<html>", "wrong and whole": bytes(len(content))}
    part.write_bytes(there[change])
    build("div2k", capsys)
    asked = {"longer": [None], "whole": [], "wrong": ["bytes=6-", None], "wrong and whole": [None]}
    assert ranges(shop, "DIV2K_train_HR.zip") == asked[change]
    assert files_of(raw / ".downloads") == ["DIV2K_train_HR.zip", "DIV2K_valid_HR.zip"]


def test_a_part_that_is_whole_and_wrong_is_not_kept(div2k, raw, shop, capsys):
    (raw / ".downloads").mkdir(parents=True)
    (raw / ".downloads" / "DIV2K_train_HR.zip.part").write_bytes(bytes(len(shop.files.pop("DIV2K_train_HR.zip"))))
    one_line(["data", "build", "div2k"], capsys)
    assert files_of(raw / ".downloads") == []


@pytest.mark.parametrize(
    "wrong", ["a page", "a page that does not tell its length", "shorter", "nothing", "nothing from 0"]
)
def test_a_wrong_answer_does_not_cost_a_part_that_is_right(wrong, div2k, raw, shop, capsys):
    """A school's copy is wrong, and the official server down: what came from there before is kept for its return."""
    name, right = "DIV2K_train_HR.zip", shop.files["DIV2K_train_HR.zip"]
    page, copy = b"<html>Please sign in</html>", f"copy/{name}"
    shop.files[copy] = right[:100] if wrong == "shorter" else page
    if wrong == "a page that does not tell its length":
        shop.odd[copy] = 200, {"Content-Length": None, "Connection": "close"}, page
    if wrong == "nothing":
        shop.odd[copy] = 200, {"Content-Length": None, "Connection": "close"}, b""
    if wrong == "nothing from 0":
        shop.odd[copy] = 206, {"Content-Range": f"bytes 0-{len(right) - 1}/{len(right)}"}, b""
    with broken_off(shop, name, 6 * fetch.BLOCK):
        one_line(["data", "build", "div2k"], capsys)
        one_line(["data", "build", "div2k", "--mirror", f"{shop.address}/copy"], capsys)
    assert files_of(raw / ".downloads") == [f"{name}.part"]
    assert (raw / ".downloads" / f"{name}.part").read_bytes() == right[: 6 * fetch.BLOCK]
    shop.asked.clear()
    build("div2k", capsys)
    assert ranges(shop, name) == [f"bytes={6 * fetch.BLOCK}-"]
    assert files_of(raw / ".downloads") == [name, "DIV2K_valid_HR.zip"]


def test_a_file_without_a_checksum_goes_on_only_if_it_is_still_the_same(raw, shop, monkeypatch):
    monkeypatch.setattr(fetch, "BLOCK", 500)
    described = remote(shop, "table.csv", b"old" * 1000, checksum=False)
    access = fetch.Access(raw / ".downloads")
    leave_a_part(shop, "table.csv", described, access, 1500)
    shop.files["table.csv"] = b"new" * 1000
    assert fetch.fetch("table.csv", described, access).read_bytes() == b"new" * 1000
    shop.files["other.csv"] = b"one" * 1000
    other = Remote(3000, None, "", (f"{shop.address}/other.csv",))
    shop.cut_once["other.csv"] = 1500
    shop.asked.clear()
    assert fetch.fetch("other.csv", other, access).read_bytes() == b"one" * 1000
    assert ranges(shop, "other.csv") == [None, "bytes=1500-"]
    shop.cut_once["weak.csv"], shop.tags["weak.csv"] = 1500, 'W/"weak"'
    weak = remote(shop, "weak.csv", b"two" * 1000, checksum=False)
    assert fetch.fetch("weak.csv", weak, access).read_bytes() == b"two" * 1000
    assert ranges(shop, "weak.csv") == [None, None]
    untold = remote(shop, "untold.csv", b"one" * 1000, checksum=False)
    leave_a_part(shop, "untold.csv", untold, access, 1500)
    shop.odd["untold.csv"] = 200, {"Content-Length": None, "Connection": "close"}, b"two" * 1000
    assert fetch.fetch("untold.csv", untold, access).read_bytes() == b"two" * 1000


def test_a_tag_that_is_damaged_is_none(raw, shop):
    described = remote(shop, "table.csv", b"new" * 1000, checksum=False)
    part = raw / ".downloads" / "table.csv.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"old" * 100)
    part.with_name("table.csv.part.etag").write_bytes(b'"\xff\n\0')
    assert fetch.fetch("table.csv", described, fetch.Access(part.parent)).read_bytes() == b"new" * 1000
    assert ranges(shop, "table.csv") == [None]
    assert files_of(part.parent) == ["table.csv"]


@pytest.mark.parametrize("tagged", [True, False])
def test_a_server_that_goes_on_in_another_file_is_not_believed(tagged, raw, shop, monkeypatch):
    """It answers with the rest of the new file, though it was asked for the rest of the old one alone."""
    monkeypatch.setattr(fetch, "BLOCK", 500)
    described = remote(shop, "table.csv", b"old" * 1000, checksum=False)
    access = fetch.Access(raw / ".downloads")
    leave_a_part(shop, "table.csv", described, access, 1500)
    shop.files["table.csv"] = b"new" * 1000
    shop.heedless.add("table.csv")
    if not tagged:
        shop.tags["table.csv"] = None
    shop.asked.clear()
    assert fetch.fetch("table.csv", described, access).read_bytes() == b"new" * 1000
    assert ranges(shop, "table.csv") == ["bytes=1500-", None]


@pytest.mark.parametrize("when", ["a tag is written", "a copy is made"])
def test_a_tag_never_stands_beside_the_part_of_another_file(when, raw, shop, tmp_path, monkeypatch):
    described = remote(shop, "table.csv", b"old" * 30000, checksum=False)
    leave_a_part(shop, "table.csv", described, fetch.Access(raw / ".downloads"), 60000)
    part = raw / ".downloads" / "table.csv.part"
    tag = part.with_name("table.csv.part.etag")
    assert (part.exists(), tag.exists()) == (True, True)
    with monkeypatch.context() as killed:
        if when == "a tag is written":
            shop.files["table.csv"] = b"new" * 30000
            killed.setattr(fetch, "open", lambda *given: stop(), raising=False)
        else:
            (tmp_path / "table.csv").write_bytes(b"own" * 30000)
            killed.setattr(fetch.shutil, "copyfile", lambda source, target: Path(target).write_bytes(b"own") and stop())
        with pytest.raises(KeyboardInterrupt):
            fetch.fetch("table.csv", described, fetch.Access(raw / ".downloads", str(tmp_path)))
    assert not (part.exists() and tag.exists())
    assert fetch.fetch("table.csv", described, fetch.Access(raw / ".downloads")).read_bytes() == shop.files["table.csv"]


def stop(*given, **named):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("status", "header", "value", "told"),
    [
        (200, "Content-Length", "many", "an answer that makes no sense"),
        (302, "Location", "http://[bad/", "an answer that makes no sense"),
        (503, "Retry-After", "\u00b2", "503 Service Unavailable"),
    ],
)
def test_an_answer_that_makes_no_sense_is_told_as_one(status, header, value, told, raw, shop):
    shop.odd["a.csv"] = status, {header: value}, b""
    known = Remote(5, f"sha256:{hashlib.sha256(b'right').hexdigest()}", "", (f"{shop.address}/a.csv",))
    with pytest.raises(FetchError, match=f"a.csv: {told}"):
        fetch.fetch("a.csv", known, fetch.Access(raw / ".downloads"))


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_checksum_of_either_kind_holds(kind, raw, shop):
    known = f"{kind}:{hashlib.new(kind, b'right').hexdigest()}"
    shop.files["right"], shop.files["wrong"] = b"right", b"wrong"
    access = fetch.Access(raw / ".downloads")
    addresses = (f"{shop.address}/wrong", f"{shop.address}/right")
    assert fetch.fetch("a.csv", Remote(5, known, "", addresses), access).read_bytes() == b"right"
    with pytest.raises(FetchError, match="not the published checksum"):
        fetch.fetch("b.csv", Remote(5, known, "", addresses[:1]), access)
    assert files_of(raw / ".downloads") == ["a.csv"]


@pytest.mark.parametrize("length", ["the same", "another"])
def test_a_file_that_is_not_the_published_one_is_not_kept_and_the_next_call_completes(length, div2k, raw, shop, capsys):
    right = shop.files["DIV2K_valid_HR.zip"]
    shop.files["DIV2K_valid_HR.zip"] = right[:-1] + b"?" if length == "the same" else b"<html>Sign in</html>"
    line = one_line(["data", "build", "div2k"], capsys)
    wanted = "not the published checksum" if length == "the same" else f"20 bytes, wanted {len(right):,}"
    assert f"DIV2K_valid_HR.zip: {wanted}" in line
    assert nothing_half_done(raw)
    assert files_of(raw / ".downloads") == ["DIV2K_train_HR.zip"]
    shop.files["DIV2K_valid_HR.zip"] = right
    shop.asked.clear()
    build("div2k", capsys)
    assert {path for path, _ in shop.asked} == {"DIV2K_valid_HR.zip"}


def test_a_download_that_was_damaged_later_is_fetched_anew(div2k, raw, shop, capsys):
    build("div2k", capsys)
    (raw / "div2k").rename(raw / "before")
    path = raw / ".downloads" / "DIV2K_valid_HR.zip"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    build("div2k", capsys)
    assert path.read_bytes() == shop.files["DIV2K_valid_HR.zip"]
    (raw / "div2k").rename(raw / "then")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    del shop.files["DIV2K_valid_HR.zip"]
    one_line(["data", "build", "div2k"], capsys)
    assert files_of(raw / ".downloads") == ["DIV2K_train_HR.zip"]


def test_a_missing_file_is_looked_for_at_the_next_address(div2k, raw, shop, capsys, monkeypatch):
    files = dict(sources.SOURCES["div2k"].files)
    described = files["DIV2K_valid_HR.zip"]
    files["DIV2K_valid_HR.zip"] = described._replace(addresses=(f"{shop.address}/moved.zip", *described.addresses))
    offer(monkeypatch, "div2k", files=files)
    build("div2k", capsys)
    assert [path for path, _ in shop.asked].count("moved.zip") == 1  # what is not there is not asked for again


@pytest.mark.parametrize("length", ["the same", "another"])
def test_a_wrong_copy_does_not_replace_a_part_that_is_right(length, div2k, raw, shop, tmp_path, capsys):
    right = shop.files["DIV2K_train_HR.zip"]
    (tmp_path / "DIV2K_train_HR.zip").write_bytes(right[:-1] + b"?" if length == "the same" else right[:100])
    with broken_off(shop, "DIV2K_train_HR.zip", 6 * fetch.BLOCK):
        one_line(["data", "build", "div2k"], capsys)
        line = one_line(["data", "build", "div2k", "--mirror", str(tmp_path)], capsys)
    assert f"{tmp_path}/DIV2K_train_HR.zip: not the published checksum; http" in line
    shop.asked.clear()
    build("div2k", capsys, "--mirror", str(tmp_path))
    assert ranges(shop, "DIV2K_train_HR.zip") == [f"bytes={6 * fetch.BLOCK}-"]


def test_a_file_that_is_nowhere_is_named_with_its_addresses_and_the_next_call_completes(div2k, raw, shop, capsys):
    right = shop.files.pop("DIV2K_valid_HR.zip")
    line = one_line(["data", "build", "div2k"], capsys)
    assert f"{shop.address}/DIV2K_valid_HR.zip: 404 Not Found" in line
    assert "--mirror" in line
    assert nothing_half_done(raw)
    shop.files["DIV2K_valid_HR.zip"] = right
    build("div2k", capsys)


def test_a_server_that_is_not_there_is_one_line(div2k, raw, shop, capsys, monkeypatch):
    files = {
        name: described._replace(addresses=("http://127.0.0.1:9/a.zip",))
        for name, described in sources.SOURCES["div2k"].files.items()
    }
    offer(monkeypatch, "div2k", files=files)
    assert "http://127.0.0.1:9/a.zip: no connection" in one_line(["data", "build", "div2k"], capsys)


@pytest.mark.parametrize("retry_after", ["7", "Wed, 01 Jan 2020 00:00:00 GMT", "soon", "99999"])
def test_a_busy_server_is_left_alone_as_long_as_it_asks(retry_after, coco, raw, shop):
    pauses = []

    class Clock(threading.Event):  # of this access alone: other threads wait for events of their own
        def wait(self, seconds=None):
            pauses.append(seconds)

    shop.busy[f"train2017/{coco[0]}.jpg"], shop.retry_after = 2, retry_after
    access = fetch.Access(raw / ".downloads", stopped=Clock())
    address = f"{shop.address}/train2017/{coco[0]}.jpg"
    fetch.fetch("one.jpg", Remote(1000, None, "", (address,)), access)
    seconds = {"7": 7.0, "soon": fetch.BACKOFF, "99999": fetch.PATIENCE}.get(retry_after, 0.0)
    assert pauses[:1] == [seconds]
    assert len(pauses) == 2


def test_a_server_that_stays_busy_ends_the_build_and_does_not_replace_a_photograph(coco, raw, shop, capsys):
    shop.busy[f"train2017/{coco[2]}.jpg"] = 99
    assert "429 Too Many Requests" in one_line(["data", "build", "coco-bird"], capsys)
    assert nothing_half_done(raw)
    shop.busy.clear()
    shop.asked.clear()
    build("coco-bird", capsys)
    assert (f"train2017/{coco[2]}.jpg", None) in shop.asked
    assert (f"train2017/{coco[0]}.jpg", None) not in shop.asked  # is kept from before
    assert sorted(Path(row["file"]).stem for row in rows_of(raw / "coco-bird" / "manifest.csv")) == coco[:6]


def test_a_school_s_own_copy_is_asked_first_and_its_checksums_hold(div2k, raw, shop, capsys):
    shop.files["school/DIV2K_train_HR.zip"] = shop.files["DIV2K_train_HR.zip"]
    shop.files["school/DIV2K_valid_HR.zip"] = shop.files["DIV2K_valid_HR.zip"][:-1] + b"?"
    build("div2k", capsys, "--mirror", f"{shop.address}/school/")
    asked = [path for path, _ in shop.asked]
    assert "DIV2K_train_HR.zip" not in asked
    assert asked[-1] == "DIV2K_valid_HR.zip"  # since the copy of it was wrong


def test_a_photograph_of_a_copy_that_may_not_be_read_is_fetched(coco, raw, shop, tmp_path, capsys, monkeypatch):
    (tmp_path / "coco-bird").mkdir()
    (tmp_path / "coco-bird" / f"{coco[0]}.jpg").write_bytes(b"not to be read")

    def refuse(path, *given, **named):
        if Path(path).parent == tmp_path / "coco-bird":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return open(path, *given, **named)

    monkeypatch.setattr(fetch, "open", refuse, raising=False)
    assert build("coco-bird", capsys, "--mirror", str(tmp_path)) == []
    assert (f"train2017/{coco[0]}.jpg", None) in shop.asked


def test_a_copy_that_cannot_be_read_is_passed_over(div2k, raw, shop, tmp_path, capsys, monkeypatch):
    (tmp_path / "DIV2K_train_HR.zip").write_bytes(shop.files["DIV2K_train_HR.zip"])
    file_hash = pooch.file_hash

    def fail(path, alg="sha256"):
        if Path(path).parent == tmp_path:
            raise OSError(errno.EIO, "Input/output error")
        return file_hash(path, alg)

    monkeypatch.setattr(pooch, "file_hash", fail)
    build("div2k", capsys, "--mirror", str(tmp_path))
    assert ranges(shop, "DIV2K_train_HR.zip") == [None]


def test_a_folder_can_be_the_copy(coco, raw, shop, tmp_path, capsys):
    copy = tmp_path / "usb stick"
    (copy / "coco-bird").mkdir(parents=True)
    (copy / "annotations_trainval2017.zip").write_bytes(shop.files["annotations_trainval2017.zip"])
    for stem in coco[:5]:
        (copy / "coco-bird" / f"{stem}.jpg").write_bytes(shop.files[f"train2017/{stem}.jpg"])
    build("coco-bird", capsys, "--mirror", str(copy))
    assert [path for path, _ in shop.asked] == [f"train2017/{coco[5]}.jpg"]


def test_a_corrupt_photograph_in_an_archive_is_named_and_left_out(shop, raw, capsys, monkeypatch):
    entries = {f"flower_photos/roses/{n}.jpg": encoded(photo(n)) for n in range(4)}
    entries["flower_photos/roses/1.jpg"] = entries["flower_photos/roses/1.jpg"][:3000]
    entries["flower_photos/roses/5.jpg"] = encoded(GRAY)
    content = tarred(entries)
    offer(monkeypatch, "flowers", files={"flower_photos.tgz": remote(shop, "flower_photos.tgz", content)})
    truncated, gray = build("flowers", capsys)
    assert re.search(r"left out http://\S+/flower_photos.tgz/flower_photos/roses/1.jpg: .*truncated", truncated)
    assert gray.endswith("flower_photos/roses/5.jpg: near gray")
    assert len(rows_of(raw / "flowers" / "manifest.csv")) == 3


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
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, bytes(3_000_000))
        return file.getvalue()


GOOD = {f"photos/{n}.jpg": encoded(photo(n)) for n in range(3)}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (zipped({**GOOD, "../evil.jpg": b"evil"}), "the entry '../evil.jpg' would leave its folder"),
        (zipped({**GOOD, "photos/../../evil.txt": b"evil"}), "'photos/../../evil.txt' would leave its folder"),
        (zipped({**GOOD, "/etc/evil.jpg": b"evil"}), "'/etc/evil.jpg' would leave its folder"),
        (zipped({**GOOD, "..\\evil.jpg": b"evil"}), "would leave its folder"),
        (zipped({**GOOD, "C:/evil.jpg": b"evil"}), "'C:/evil.jpg' would leave its folder"),
        (tarred({**GOOD, "../evil.jpg": b"evil"}), "the entry '../evil.jpg' would leave its folder"),
        (tarred({**GOOD, "/etc/evil.jpg": b"evil"}), "'/etc/evil.jpg' would leave its folder"),
        (link_in_a_zip(), "'photos/link.jpg' is a link or a device"),
        (link_in_a_tar(tarfile.SYMTYPE), "'photos/link.jpg' is a link or a device"),
        (link_in_a_tar(tarfile.LNKTYPE), "'photos/link.jpg' is a link or a device"),
        (link_in_a_tar(tarfile.CHRTYPE), "'photos/link.jpg' is a link or a device"),
        (bomb("photos/bomb.png"), "'photos/bomb.png' would unpack to 3.0 MB"),
        (bomb("photos/bomb.png/."), "'photos/bomb.png/.' would unpack to 3.0 MB"),
        (bomb("photos/LICENSE.txt"), "'photos/LICENSE.txt' would unpack to 3.0 MB"),
    ],
)
def test_an_archive_that_means_harm_is_refused_whole_and_the_entry_named(
    content, line, raw, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(candidates, "MAX_PHOTO", 2_000_000)
    (tmp_path / "mine.zip").write_bytes(content)
    before = files_of(tmp_path)
    told = one_line(["data", "build", "mine", "--from", str(tmp_path / "mine.zip")], capsys)
    assert line in told
    assert "nothing was taken from this archive" in told
    assert nothing_half_done(raw)
    assert [file for file in files_of(tmp_path) if not file.endswith("/.lock")] == before
    (tmp_path / "mine.zip").write_bytes(zipped(GOOD))
    build("mine", capsys, "--from", str(tmp_path / "mine.zip"))


def test_an_archive_that_came_from_a_server_and_means_harm_is_refused_too(shop, raw, capsys, monkeypatch):
    content = zipped(
        {f"DIV2K_valid_HR/{Path(name).name}": content for name, content in GOOD.items()} | {"../evil": b"evil"}
    )
    files = {"DIV2K_train_HR.zip": remote(shop, "DIV2K_train_HR.zip", content)}
    offer(monkeypatch, "div2k", files=files, splits=())
    assert "the entry '../evil' would leave its folder" in one_line(["data", "build", "div2k"], capsys)
    assert not list(raw.parent.rglob("evil*"))
    assert files_of(raw / ".downloads") == ["DIV2K_train_HR.zip"]  # it came as it is


@pytest.mark.parametrize("damage", ["truncated", "a byte of a photograph", "an offset"])
def test_an_archive_that_came_damaged_is_deleted_and_the_next_call_completes(damage, shop, raw, capsys, monkeypatch):
    right = zipped({f"images/{n}.jpg": encoded(photo(n)) for n in range(5)})
    wrong = bytearray(right)
    wrong[len(right) // 2] ^= 255
    described = remote(shop, "images.zip", right, checksum=False)
    sent = {"truncated": right[: len(right) // 2], "an offset": with_a_wrong_offset(right)}
    shop.files["images.zip"] = sent.get(damage, bytes(wrong))
    offer(monkeypatch, "imagenet-sample", files={"images.zip": described})
    line = one_line(["data", "build", "imagenet-sample"], capsys)
    assert "images.zip came damaged" in line
    assert "call again to fetch it anew" in line
    assert nothing_half_done(raw)
    assert files_of(raw / ".downloads") == []
    shop.files["images.zip"] = right
    build("imagenet-sample", capsys)


def test_a_disk_without_room_is_found_before_anything_is_fetched(div2k, raw, shop, capsys, monkeypatch):
    full = type("Usage", (), {"free": 100_000})
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda path: full)
    line = one_line(["data", "build", "div2k"], capsys)
    assert "has room for 0.1 MB" in line
    assert "make room and call again" in line
    assert shop.asked == []
    monkeypatch.undo()


@pytest.mark.parametrize("where", ["a download", "a crop"])
def test_a_disk_that_becomes_full_on_the_way_is_one_line_and_the_next_call_completes(
    where, div2k, raw, capsys, monkeypatch
):
    def no_space(*given, **named):
        raise OSError(errno.ENOSPC, "No space left on device")

    class FullDisk(io.FileIO):
        """Takes one block and no more."""

        def write(self, block):
            return super().write(block) if self.tell() == 0 else no_space()

    with monkeypatch.context() as full:
        if where == "a download":
            full.setattr(fetch, "open", FullDisk, raising=False)
        else:
            full.setattr(Image.Image, "save", no_space)
        line = one_line(["data", "build", "div2k"], capsys)
    assert f"the disk of {raw} is full; what is fetched is kept: make room and call again" in line
    assert nothing_half_done(raw)
    build("div2k", capsys)


def test_what_is_moved_to_its_name_is_on_the_disk(div2k, raw, capsys, monkeypatch):
    """What a power cut would leave: a file that was moved before it was on the disk is there, and empty."""
    on_disk, fsync = set(), os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: on_disk.add(os.fstat(file).st_ino) or fsync(file))
    build("div2k", capsys)
    files = [path for path in raw.rglob("*") if path.is_file() and path.name != ".lock"]
    assert len(files) == 11
    assert {path.stat().st_ino for path in files} <= on_disk


def test_a_second_build_waits_outside_and_nothing_is_cleaned_under_it(div2k, raw, capsys):
    with parallel.alone(raw, "build"):
        assert "another build is at work" in one_line(["data", "build", "div2k"], capsys)
    build("div2k", capsys)
    with parallel.alone(raw, "build"):
        assert "another build is at work" in one_line(["data", "build", "div2k", "--clean"], capsys)
    assert files_of(raw / ".downloads") == ["DIV2K_train_HR.zip", "DIV2K_valid_HR.zip"]


def test_a_build_that_begins_as_another_ends_takes_what_that_one_made(div2k, raw, shop, monkeypatch):
    alone, records = parallel.alone, []

    def late(folder, what):
        monkeypatch.setattr(parallel, "alone", alone)
        records.append(sources.build("div2k"))
        shop.asked.clear()
        return alone(folder, what)

    monkeypatch.setattr(parallel, "alone", late)
    assert sources.build("div2k") == records[0]
    assert shop.asked == []


# --- stopped by the user, or killed -----------------------------------------------------------------------------------


def test_a_build_that_is_stopped_while_a_checksum_is_computed_keeps_the_download(div2k, raw, shop, capsys, monkeypatch):
    at_that_moment = []

    def stopped(path, alg):
        at_that_moment.extend(files_of(raw / ".downloads"))
        raise KeyboardInterrupt

    with monkeypatch.context() as halt:
        halt.setattr(pooch, "file_hash", stopped)
        line = one_line(["data", "build", "div2k"], capsys, 130)
    assert line == "hcegan: stopped; what is fetched is kept. Go on with: hcegan data build div2k"
    assert at_that_moment == ["DIV2K_train_HR.zip.part"]  # what a kill would leave
    assert files_of(raw / ".downloads") == ["DIV2K_train_HR.zip.part"]
    assert nothing_half_done(raw)
    shop.asked.clear()
    build("div2k", capsys)
    assert [path for path, _ in shop.asked] == ["DIV2K_valid_HR.zip"]


def start(raw: Path, name: str, *words: str) -> psutil.Popen:
    """Start the command in a process of its own, with this test's table."""
    source = sources.SOURCES[name]
    files = {file: tuple(described) for file, described in source.files.items()}
    changes = f"train={source.train}, test={source.test}, photos={source.photos!r}"
    code = f"""
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests run in the background
from hcegan_lib import cli, data
from hcegan_lib.sources import fetch, build as sources
data.KIT_ROOT = Path({str(data.KIT_ROOT)!r})
files = {{name: fetch.Remote(*known) for name, known in {files!r}.items()}}
sources.SOURCES[{name!r}] = sources.SOURCES[{name!r}]._replace(files=files, {changes})
fetch.TIMEOUT = (5, 2)
sys.exit(cli.main(["data", "build", {name!r}, *{list(words)!r}]))
"""
    return psutil.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition, process: psutil.Popen) -> None:
    deadline = time.monotonic() + 240
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal as a terminal does")
@pytest.mark.parametrize("number", [signal.SIGINT, getattr(signal, "SIGKILL", None)])
def test_a_build_that_is_stopped_or_killed_in_a_download_goes_on_from_there(number, div2k, raw, shop, capsys):
    shop.stalled["DIV2K_train_HR.zip"] = 2**17
    process = start(raw, "div2k", "--seed", "3")
    part = raw / ".downloads" / "DIV2K_train_HR.zip.part"
    wait_for(lambda: part.exists() and part.stat().st_size >= 2**16, process)
    process.send_signal(number)
    err = process.communicate(timeout=240)[1]
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert err == "hcegan: stopped; what is fetched is kept. Go on with: hcegan data build div2k --seed 3\n"
        assert not list(raw.glob(".*.building"))
    assert visible(raw) == []
    kept = part.stat().st_size
    shop.stalled.clear()
    shop.asked.clear()
    build("div2k", capsys, "--seed", "3")
    assert ranges(shop, "DIV2K_train_HR.zip") == [f"bytes={kept}-"]
    assert not list(raw.glob(".*.building"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal as a terminal does")
def test_a_build_that_is_stopped_while_it_fetches_photographs_keeps_those_that_are_whole(coco, raw, shop, capsys):
    shop.stalled[f"train2017/{coco[1]}.jpg"] = 1000
    process = start(raw, "coco-bird")
    wait_for(lambda: len(list((raw / ".downloads" / "coco-bird").glob("*.jpg"))) == 5, process)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=240)[1]
    assert process.returncode == 130
    assert err == "hcegan: stopped; what is fetched is kept. Go on with: hcegan data build coco-bird\n"
    assert nothing_half_done(raw)
    shop.stalled.clear()
    shop.asked.clear()
    build("coco-bird", capsys)
    assert [path for path, _ in shop.asked] == [f"train2017/{coco[1]}.jpg"]


# --- check, list, clean -----------------------------------------------------------------------------------------------


def test_check_names_what_is_missing_changed_or_extra(div2k, raw, capsys):
    build("div2k", capsys)
    assert cli.main(["data", "check", "div2k"]) == 0
    assert capsys.readouterr().out == "div2k is sound\n"
    folder = raw / "div2k"
    (folder / "train" / "0001.jpg").unlink()
    (folder / "train" / "0002.jpg").write_bytes(b"changed")
    (folder / "test" / "0803.jpg").write_bytes(b"extra")
    (folder / "test" / ".DS_Store").write_bytes(b"of a Mac")
    assert cli.main(["data", "check", "div2k"]) == 1
    *lines, last = capsys.readouterr().err.splitlines()
    assert lines == [
        "hcegan: train/0001.jpg: missing",
        "hcegan: train/0002.jpg: changed",
        "hcegan: test/0803.jpg: not in the manifest",
    ]
    assert last == "hcegan: div2k is damaged: delete its folder and build it again; downloads are kept"


@pytest.mark.parametrize("table", ["manifest.csv", "attribution.csv"])
def test_check_knows_a_table_that_was_changed(table, coco, raw, capsys):
    build("coco-bird", capsys)
    path = raw / "coco-bird" / table
    path.write_text(path.read_text(encoding="utf-8").replace("0", "1"), encoding="utf-8")
    assert sources.check("coco-bird") == [f"{table}: changed"]
    path.unlink()
    assert sources.check("coco-bird") == [f"{table}: missing"]


@pytest.mark.parametrize(
    "content",
    ["[]", "3", "null", '{"tables": []}', "[" * 99999, '{"tables": {}, "train": 1, "test": 1, "skipped": []}'],
)
def test_a_record_of_another_shape_is_no_set_for_any_command(content, raw, tmp_path, capsys):
    (tmp_path / "mine.zip").write_bytes(zipped(GOOD))
    build("mine", capsys, "--from", str(tmp_path / "mine.zip"))
    (raw / "mine" / "build.json").write_text(content, encoding="utf-8")
    told = "is not a set that was built here"
    assert told in one_line(["data", "check", "mine"], capsys)
    assert told in one_line(["data", "build", "mine", "--from", str(tmp_path / "mine.zip")], capsys)
    assert cli.main(["data", "list"]) == 0
    assert "mine" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["div2k", "nothing", "../raw", ""])
def test_check_of_what_is_not_there_is_refused(name, raw, capsys):
    one_line(["data", "check", name], capsys)


def test_the_list_has_a_row_a_set_and_says_which_are_built(div2k, raw, tmp_path, capsys):
    (tmp_path / "mine.zip").write_bytes(zipped(GOOD))
    build("mine", capsys, "--from", str(tmp_path / "mine.zip"))
    assert cli.main(["data", "list"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert list(rows) == [*sources.SOURCES, "mine"]
    assert "0.0 GB" in rows["div2k"]
    assert "0.4 GB" in rows["coco-dog"]
    assert "built" in rows["mine"]
    build("div2k", capsys)
    assert cli.main(["data", "list"]) == 0
    assert re.search(r"div2k +5 \+ +2 +built", capsys.readouterr().out)


def test_clean_deletes_what_was_fetched_for_a_set_and_no_more(coco, raw, shop, capsys):
    (raw / ".downloads" / "other").mkdir(parents=True)
    (raw / ".downloads" / "other" / "a.jpg").write_bytes(b"of another set")
    build("coco-bird", capsys, "--clean")
    assert files_of(raw / ".downloads") == ["other/a.jpg"]
    assert sources.check("coco-bird") == []


@pytest.mark.parametrize(("answer", "status"), [("n", 2), ("", 2), (None, 2), ("y", 0)])
def test_more_than_a_gigabyte_is_asked_about_at_a_terminal(answer, status, div2k, raw, shop, capsys, monkeypatch):
    plan = sources.plan("div2k")._replace(at_most=2 * 10**9)
    monkeypatch.setattr(sources, "plan", lambda *given, **named: plan)
    answers = {None: "", "": "\n", "n": "n\n", "y": "y\n"}  # None: Ctrl-D
    monkeypatch.setattr(sys, "stdin", type("Terminal", (io.StringIO,), {"isatty": lambda self: True})(answers[answer]))
    assert cli.main(["data", "build", "div2k"]) == status
    assert bool(shop.asked) is (status == 0)


def test_without_a_terminal_or_with_yes_nobody_is_asked(div2k, raw, capsys, monkeypatch):
    plan = sources.plan("div2k")._replace(at_most=2 * 10**9)
    monkeypatch.setattr(sources, "plan", lambda *given, **named: plan)
    monkeypatch.setattr("builtins.input", lambda prompt: pytest.fail("was asked"))
    build("div2k", capsys)
    (raw / "div2k").rename(raw / "before")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    build("div2k", capsys, "--yes")
