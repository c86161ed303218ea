"""Where the square lies, which candidates are replaced, and what a crop is called."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hcegan_lib.sources import crop
from hcegan_lib.sources.crop import place_square
from tests.sources.server import (
    GRAY,
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


def difference(original: Image.Image, path: Path, row: dict) -> float:
    """Compare a crop with one made in two steps, cut and then scaled, as a mean of levels of 255."""
    left, top, side = (int(row[column]) for column in ("left", "top", "side"))
    by_hand = original.crop((left, top, left + side, top + side)).resize((256, 256), Image.Resampling.LANCZOS)
    with Image.open(path) as image:
        assert image.size == (256, 256)
        assert image.layer[0][1:3] == image.layer[1][1:3]  # no chroma subsampling
        return float(np.abs(np.asarray(image, float) - np.asarray(by_hand, float)).mean())


JPEG_ERROR = 2.5  # levels of 255; what JPEG of quality 95 loses


def test_an_archive_is_cropped_to_central_squares(div2k, raw, build):
    build("div2k")
    for row in rows_of(raw / "div2k" / "manifest.csv"):
        original = Image.open(io.BytesIO(div2k[row["origin"].split(".zip/")[1]]))
        W, H = original.size
        assert (int(row["left"]), int(row["top"]), int(row["side"])) == (round((W - H) / 2), 0, H)
        assert difference(original, raw / "div2k" / row["file"], row) < JPEG_ERROR


def test_coco_is_cropped_to_squares_around_the_boxes(coco, raw, server, build):
    build("coco-bird")
    for row in rows_of(raw / "coco-bird" / "manifest.csv"):
        number = int(Path(row["file"]).stem)
        W, H, share = 320 + 10 * number, 280, 0.9 - 0.07 * number
        side = min(max(round(max(W, H) * share**0.5), 256), H)  # the longer side of the box, at the bottom right
        assert int(row["side"]) == side
        assert 0 < int(row["left"]) <= W - side
        assert int(row["top"]) + side == H
        original = Image.open(io.BytesIO(server.files[f"train2017/{Path(row['file']).name}"]))
        assert difference(original, raw / "coco-bird" / row["file"], row) < JPEG_ERROR


@pytest.mark.parametrize(
    ("sides", "box", "square"),
    [
        ((400, 300), (0.0, 0.0, 1.0, 1.0), (50, 0, 300)),  # a whole photograph: its center
        ((300, 401), (0.0, 0.0, 1.0, 1.0), (0, 50, 300)),
        ((200, 100), (0.0, 0.0, 1.0, 1.0), (50, 0, 100)),  # smaller than a crop
        ((1000, 800), (0.4, 0.5, 0.8, 0.7), (400, 280, 400)),  # the longer side of the box, around its center
        ((1000, 800), (0.5, 0.5, 0.51, 0.51), (377, 276, 256)),  # at least 256 pixels
        ((1000, 800), (0.9, 0.9, 1.0, 1.0), (744, 544, 256)),  # inside the photograph
        ((1000, 800), (0.0, 0.0, 0.05, 0.05), (0, 0, 256)),
        ((1000, 800), (0.0, 0.1, 1.0, 0.3), (100, 0, 800)),  # at most the shorter side of the photograph
        ((1000, 800), (-0.1, -0.1, 1.1, 1.1), (100, 0, 800)),  # annotators make mistakes
    ],
)
def test_the_square_lies_around_the_box_inside_the_photograph_with_at_least_256_pixels(sides, box, square):
    assert place_square(sides, box) == square


def test_missing_damaged_gray_and_wrongly_sized_photographs_are_named_and_replaced(coco, raw, server, build):
    paths = [f"train2017/{stem}.jpg" for stem in coco]
    del server.files[paths[0]]
    server.files[paths[1]] = server.files[paths[1]][:2000]
    server.files[paths[2]] = encoded(GRAY.resize((350, 280)))
    server.files[paths[3]] = encoded(photo(4, 300, 200))
    skipped = build("coco-bird")
    assert names_of(raw / "coco-bird") == coco[4:]
    reasons = ("404 Not Found", "truncated", "near gray", "is 300 x 200 pixels, but its annotation says 360 x 280")
    assert len(skipped) == 4
    for stem, reason in zip(coco, reasons):
        (line,) = (line for line in skipped if stem in line)
        assert reason in line
    kept = {path.stem for path in (raw / ".downloads" / "coco-bird").glob("*.jpg")}
    assert kept == set(coco) - {coco[0], coco[1], coco[3]}  # the next download of a damaged one may be intact


def test_a_photograph_that_is_stored_rotated_is_left_out_because_its_box_may_not_fit(coco, server, build):
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down, so the size is the same
    server.files[f"train2017/{coco[0]}.jpg"] = encoded(photo(1, 330, 280), exif=exif.tobytes())
    (line,) = build("coco-bird")
    assert f"{coco[0]}.jpg: is stored rotated" in line


def test_a_duplicate_is_left_out_so_that_no_test_photograph_is_also_in_training(server, raw, offer, build):
    entries = photos_in("flower_photos/roses", 4)
    entries["flower_photos/tulips/2.jpg"] = entries["flower_photos/roses/2.jpg"]
    offer("tf-flowers", files={"flower_photos.tgz": remote(server, "flower_photos.tgz", tarred(entries))})
    (line,) = build("tf-flowers")
    assert "flower_photos/tulips/2.jpg: the same file as http" in line
    assert line.endswith("flower_photos/roses/2.jpg")
    assert len(names_of(raw / "tf-flowers")) == 4


@pytest.mark.parametrize("answer", [None, b"<html>Please sign in</html>"])
def test_many_unusable_photographs_in_a_row_end_the_build(answer, coco, raw, server, build, refused, monkeypatch):
    monkeypatch.setattr(crop, "MAX_FAILURES", 4)
    photographs = dict(server.files)
    for stem in coco:
        if answer is None:
            del server.files[f"train2017/{stem}.jpg"]
        else:
            server.files[f"train2017/{stem}.jpg"] = answer
    line = refused("coco-bird")
    assert "4 photographs in a row are missing or unusable, most recently" in line
    assert ("404 Not Found" if answer is None else "not a picture") in line
    assert nothing_unfinished(raw)
    server.files |= photographs
    build("coco-bird")
    assert names_of(raw / "coco-bird") == coco[:6]


def test_a_folder_of_the_user_may_hold_many_unusable_files(tmp_path, build, monkeypatch):
    monkeypatch.setattr(crop, "MAX_FAILURES", 3)
    (tmp_path / "mine").mkdir()
    for number in range(8):
        (tmp_path / "mine" / f"{number}.jpg").write_bytes(encoded(photo(number)) if number > 4 else b"damaged")
    assert len(build("mine", origin=tmp_path / "mine")) == 5


def test_a_server_that_stays_busy_ends_the_build_instead_of_replacing_the_photograph(coco, raw, server, build, refused):
    server.busy[f"train2017/{coco[2]}.jpg"] = 99
    assert "429 Too Many Requests" in refused("coco-bird")
    assert nothing_unfinished(raw)
    server.busy.clear()
    server.requests.clear()
    build("coco-bird")
    assert f"train2017/{coco[2]}.jpg" in server.paths()
    assert f"train2017/{coco[0]}.jpg" not in server.paths()  # kept from before
    assert names_of(raw / "coco-bird") == coco[:6]


def test_single_photographs_can_come_from_a_mirror_folder(coco, server, tmp_path, build):
    copy = tmp_path / "usb stick"
    (copy / "coco-bird").mkdir(parents=True)
    (copy / "annotations_trainval2017.zip").write_bytes(server.files["annotations_trainval2017.zip"])
    for stem in coco[:5]:
        (copy / "coco-bird" / f"{stem}.jpg").write_bytes(server.files[f"train2017/{stem}.jpg"])
    build("coco-bird", mirror=str(copy))
    assert server.paths() == [f"train2017/{coco[5]}.jpg"]


def test_names_that_are_equal_on_some_system_become_different_files(raw, tmp_path, build):
    entries = {name: encoded(photo(n)) for n, name in enumerate(["a/b.jpg", "a-b.png", "A-B.JPG", "c?:d.jpg"])}
    (tmp_path / "odd.zip").write_bytes(zipped(entries))
    build("odd", origin=tmp_path / "odd.zip")
    names = sorted(Path(file).name for file in files_of(raw / "odd") if file.endswith(".jpg"))
    assert names == ["A-B-3.jpg", "a-b-2.jpg", "a-b.jpg", "c_d.jpg"]
