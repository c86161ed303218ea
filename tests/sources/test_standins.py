"""The list of stand-ins, and sets that are built from it."""

import csv
import io
import re
from collections import Counter
from urllib.parse import quote

import pytest
from PIL import Image

from hcegan_lib import data, sources
from hcegan_lib.sources.catalogue import SOURCES
from tests.sources.server import encoded, files_of, nothing_unfinished, photo, remote, rows_of

LIST = data.KIT_ROOT / "data" / "standins" / "crops.csv"
COLUMNS = ["set", "split", "file", "repo", "commit", "path", "sha256", "bytes"]
COLUMNS += ["left", "top", "side", "width", "height"]


def test_every_row_of_the_list_names_a_file_by_its_commit_and_checksum_and_a_square_inside_it():
    rows = rows_of(LIST)
    assert list(rows[0]) == COLUMNS
    for row in rows:
        assert re.fullmatch(r"\d{4}\.jpg", row["file"]), row
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", row["repo"]), row
        assert re.fullmatch(r"[0-9a-f]{40}", row["commit"]), row
        assert re.fullmatch(r"[0-9a-f]{64}", row["sha256"]), row
        assert ".." not in row["path"].split("/"), row
        assert not row["path"].startswith("/"), row
        left, top, side, W, H = (float(row[column]) for column in COLUMNS[-5:])
        assert min(left, top) >= 0, row
        assert max(left + side - W, top + side - H) <= 0, row
        assert min(int(row["bytes"]), side) > 0, row


def test_no_original_is_in_both_splits_of_a_set_or_twice_in_one():
    rows = rows_of(LIST)
    for key in (("set", "sha256"), ("set", "repo", "commit", "path"), ("set", "split", "file")):
        assert max(Counter(tuple(row[column] for column in key) for row in rows).values()) == 1


def test_the_catalogue_offers_each_set_of_the_list_with_its_photographs_and_mean_size():
    rows = rows_of(LIST)
    offered = {name.removeprefix("standin-"): source for name, source in SOURCES.items() if source.kind == "list"}
    assert list(offered) == list(dict.fromkeys(row["set"] for row in rows))
    for name, source in offered.items():
        sizes = [int(row["bytes"]) for row in rows if row["set"] == name]
        splits = Counter(row["split"] for row in rows if row["set"] == name)
        assert (source.train, source.test) == (splits["train"], splits["test"])
        assert source.photo_bytes == pytest.approx(sum(sizes) / len(sizes), abs=50)


@pytest.fixture
def listed(server, raw, offer):
    """Give a function that writes a list with made-up originals: four for training, three for testing."""

    def publish(name, originals=None, **changes):
        originals = originals or [encoded(photo(n, 330 + n, 280)) for n in range(7)]
        rows = []
        for number, content in enumerate(originals):
            path = f"Ada/photos/{number:040}/a folder/{number}.jpg"
            size = Image.open(io.BytesIO(content)).size
            described = remote(server, quote(path), content)
            row = {"set": name, "split": "train" if number < 4 else "test", "file": f"{number % 4:04}.jpg"}
            row |= {"repo": "Ada/photos", "commit": f"{number:040}", "path": f"a folder/{number}.jpg"}
            row |= {"sha256": described.checksum.removeprefix("sha256:"), "bytes": len(content)}
            rows.append(row | dict(zip(COLUMNS[-5:], (30 + number, 20, 250, *size))) | changes)
        folder = raw.parent / "standins"
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "crops.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows([*rows, rows[0] | {"set": "other"}])
        offer(f"standin-{name}", photos=(f"{server.address}/",))
        return originals

    return publish


def rebuilt(photograph: Image.Image, square: tuple, *settings: dict) -> bytes:
    """Cut and save as the squares of the list were."""
    left, top, side = square
    crop = photograph.convert("RGB").crop((left, top, left + side, top + side)).resize((256, 256), Image.LANCZOS)
    for options in settings:
        file = io.BytesIO()
        crop.save(file, "JPEG", **options)
        crop = Image.open(file)
    return file.getvalue()


FINE, SMALL = {"quality": 92, "subsampling": 0}, {"quality": 82, "optimize": True}


@pytest.mark.parametrize(
    ("name", "settings"), [("orange", [FINE]), ("bird", [FINE]), ("varied", [SMALL]), ("lion", [FINE, SMALL])]
)
def test_a_set_is_rebuilt_from_its_list_byte_by_byte(name, settings, listed, raw, build, server):
    originals = listed(name)
    assert build(f"standin-{name}") == []
    folder = raw / f"standin-{name}"
    photos = [f"train/{number:04}.jpg" for number in range(4)] + [f"test/{number:04}.jpg" for number in range(3)]
    assert [file for file in files_of(folder) if file.endswith(".jpg")] == sorted(photos)
    for number, (file, content) in enumerate(zip(photos, originals)):
        expected = rebuilt(Image.open(io.BytesIO(content)), (30 + number, 20, 250), *settings)
        assert (folder / file).read_bytes() == expected
    rows = rows_of(folder / "manifest.csv")
    assert [(row["file"], row["left"]) for row in rows] == [(file, str(30 + n)) for n, file in enumerate(photos)]
    assert rows[0]["origin"] == f"{server.address}/Ada/photos/{0:040}/a%20folder/0.jpg"
    loaded = data.load(f"standin-{name}", 64, cache=raw.parent / "cache")
    assert (loaded.name, len(loaded.train), len(loaded.test)) == (f"standin-{name}", 4, 3)


def test_an_original_that_has_disappeared_or_changed_is_named_counted_and_left_out(listed, raw, build, server):
    listed("orange")
    gone, other, longer = (f"Ada/photos/{n:040}/a%20folder/{n}.jpg" for n in (0, 1, 5))
    del server.files[gone]
    server.files[other] = server.files[other][:-1] + b"?"
    server.files[longer] += b"?"
    skipped = build("standin-orange")
    assert len(skipped) == 3
    for path, reason in ((gone, "404 Not Found"), (other, "does not match the published"), (longer, "different file")):
        (line,) = (line for line in skipped if path in line)
        assert reason in line
    record = sources.finished("standin-orange")
    assert (record["train"], record["test"]) == (2, 2)


def test_too_few_originals_end_the_build_and_a_wrong_one_is_not_kept(listed, raw, refused, server):
    listed("orange")
    wrong = f"Ada/photos/{1:040}/a%20folder/1.jpg"
    server.files[wrong] = server.files[wrong][:-1] + b"?"
    for n in (0, 2, 3):
        del server.files[f"Ada/photos/{n:040}/a%20folder/{n}.jpg"]
    assert "standin-orange: found 0 photographs for training and 3 for testing" in refused("standin-orange")
    assert nothing_unfinished(raw)
    assert files_of(raw / ".downloads") == [f"standin-orange/test-{n:04}.jpg" for n in range(3)]


def test_a_large_original_is_reduced_before_its_square_is_cut_but_not_in_varied(listed, raw, build):
    large = [encoded(photo(n, 2000, 1200 + n)) for n in range(5)]
    changes = {"left": "399.8", "top": 100, "side": "1000.4"}
    listed("orange", large, **changes)
    build("standin-orange")
    photograph = Image.open(io.BytesIO(large[0])).convert("RGB")
    photograph.thumbnail((1600, 1600), Image.LANCZOS)
    expected = rebuilt(photograph, (320, 80, 800), FINE)
    assert (raw / "standin-orange" / "train" / "0000.jpg").read_bytes() == expected
    listed("varied", large, **changes | {"left": 400, "side": 1000})
    build("standin-varied")
    expected = rebuilt(Image.open(io.BytesIO(large[0])), (400, 100, 1000), SMALL)
    assert (raw / "standin-varied" / "train" / "0000.jpg").read_bytes() == expected


def test_a_square_that_counts_pixels_as_they_are_stored_is_cut_from_the_photograph_as_it_is_stored(listed, raw, build):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = [encoded(photo(n, 340, 280), exif=exif.tobytes()) for n in range(5)]
    listed("varied", turned)
    assert build("standin-varied") == []
    expected = rebuilt(Image.open(io.BytesIO(turned[0])), (30, 20, 250), SMALL)
    assert (raw / "standin-varied" / "train" / "0000.jpg").read_bytes() == expected
