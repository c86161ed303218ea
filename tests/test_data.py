"""`data.py` on the embedded sets and on odd files that Pillow writes here, against NumPy."""

import ast
import csv
import errno
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, PngImagePlugin

from hcegan_lib import data
from hcegan_lib.data import DataError, load, open_photo

MINI, FLOWERS = (data.KIT_ROOT / "data" / name for name in data.EMBEDDED)
LOUD = np.array([[250, 20, 30], [20, 240, 60], [10, 30, 220], [250, 230, 20]], np.uint8)


def colorful(height: int = 40, width: int = 40, seed: int = 0) -> np.ndarray:
    """Blocks of strong colors: no two seeds alike, never near gray."""
    blocks = np.random.default_rng(seed).integers(0, len(LOUD), (height // 8, width // 8))
    return LOUD[blocks].repeat(8, 0).repeat(8, 1)


def save(path: Path, pixels: np.ndarray | None = None, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colorful(seed=zlib.crc32(path.name.encode())) if pixels is None else pixels).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    """Ten colorful PNG files, not split."""
    for i in range(10):
        save(tmp_path / "photos" / f"{i}.png")
    return tmp_path / "photos"


@pytest.fixture
def cache(tmp_path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """Names of the photographs that were decoded since."""
    names = []
    real = open_photo
    monkeypatch.setattr(data, "open_photo", lambda path: (names.append(Path(path).name), real(path))[1])
    return names


def attribution(folder: Path = MINI) -> list[dict]:
    with (folder / "attribution.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# The embedded sets


def test_mini_has_156_training_and_25_test_photographs_and_loses_none(cache):
    mini = load(cache=cache)
    assert (mini.name, len(mini.train), len(mini.test)) == ("mini", 156, 25)
    assert (mini.skipped, mini.near_gray) == ((), ())
    assert mini.train.pixels.shape == (156, 64, 64, 3)


def test_flowers_has_342_training_and_75_test_photographs_of_128_px_and_loses_none(cache):
    flowers = load("flowers", 128, cache=cache)
    assert (flowers.name, len(flowers.train), len(flowers.test)) == ("flowers", 342, 75)
    assert (flowers.skipped, flowers.near_gray) == ((), ())
    assert {Image.open(path).size for path in FLOWERS.rglob("*.jpg")} == {(128, 128)}
    assert len({path.read_bytes() for path in FLOWERS.rglob("*.jpg")}) == 417


def test_the_embedded_sets_still_decode_to_the_same_pixels(cache):
    """A different checksum needs a new `CACHE_FORMAT`, and makes every recorded run one of different photographs."""
    photos = {name: load(name, cache=cache) for name in data.EMBEDDED}
    assert [photos[name].fingerprint for name in data.EMBEDDED] == ["02a312967de25461", "2af6383c9cec0841"]
    sums = {name: zlib.crc32(both.train.pixels, zlib.crc32(both.test.pixels)) for name, both in photos.items()}
    assert sums == {"mini": 1288121298, "flowers": 1007627946}


@pytest.mark.parametrize("folder", [MINI, FLOWERS], ids=data.EMBEDDED)
def test_attribution_lists_exactly_the_files_on_disk_each_with_a_license_and_a_source(folder):
    rows = attribution(folder)
    on_disk = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))
    assert sorted(row["file"] for row in rows) == on_disk
    assert all(row["license"] and row["author"] and row["source"] for row in rows)


def test_no_photograph_of_mini_is_in_both_splits_and_no_file_twice(cache):
    mini = load(cache=cache)
    photo = {row["file"]: row["photo"] for row in attribution()}
    train, test = ({photo[name] for name in split.files} for split in (mini.train, mini.test))
    assert not train & test
    assert (len(train), len(test)) == (106, 25)
    contents = [(MINI / name).read_bytes() for name in mini.train.files + mini.test.files]
    assert len(set(contents)) == 181


def test_no_photographer_of_flowers_is_in_both_splits():
    authors = {split: set() for split in ("train", "test")}
    for row in attribution(FLOWERS):
        authors[row["file"].split("/")[0]].add(row["author"])
    assert not authors["train"] & authors["test"]


@pytest.mark.parametrize("folder", [MINI, FLOWERS], ids=data.EMBEDDED)
def test_the_data_card_states_the_checksum_and_the_sizes_that_are_there(folder):
    card = (folder.parent / "README.md").read_text(encoding="utf-8")
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    assert hashlib.sha256("".join(lines).encode()).hexdigest() in card
    sizes = {split: sum(path.stat().st_size for path in (folder / split).iterdir()) for split in ("train", "test")}
    assert f"| bytes | {sizes['train']:,} | {sizes['test']:,} | {sum(sizes.values()):,} |" in card


def test_the_data_card_states_the_licenses_and_kinds_that_are_there():
    card = (MINI.parent / "README.md").read_text(encoding="utf-8")
    assert {row["license"] for row in attribution(FLOWERS)} == {"CC-BY-2.0"}
    kinds = Counter((row["kind"].removesuffix("s"), row["file"].split("/")[0]) for row in attribution(FLOWERS))
    for kind, plural in {"daisy": "daisies", "dandelion": "dandelions", "sunflower": "sunflowers"}.items():
        train, test = kinds[kind, "train"], kinds[kind, "test"]
        assert f"| {plural} | {train} | {test} | {train + test} |" in card
    rows = attribution()
    for license_name in {row["license"] for row in rows}:
        of_it = [row for row in rows if row["license"] == license_name]
        assert f"| {license_name} | {len({row['photo'] for row in of_it})} | {len(of_it)} |" in card


def test_near_gray_lies_between_noisy_gray_photographs_and_the_weakest_color_of_mini():
    noise = np.random.default_rng(0).normal(0, 10, (256, 256, 3))
    paths = sorted(MINI.rglob("*.jpg"))
    own = [data.color_spread(open_photo(path)) for path in paths]
    grays = [np.asarray(open_photo(path).convert("L"), float)[..., None] for path in paths[::4]]
    noisy = [data.color_spread(Image.fromarray(np.clip(gray + noise, 0, 255).astype(np.uint8))) for gray in grays]
    yellow = [data.color_spread(Image.fromarray((gray * [1, 0.98, 0.96]).astype(np.uint8))) for gray in grays]
    assert max(noisy + yellow) <= data.NEAR_GRAY < min(own) / 2


def test_a_kit_without_its_clone_says_so_and_still_loads_a_folder(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "KIT_ROOT", tmp_path / "site-packages")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    with pytest.raises(DataError, match=r"site-packages.data.mini is missing.*clone"):
        load("mini")
    load(folder)
    assert not (tmp_path / "site-packages").exists()
    assert len(list((tmp_path / "home" / ".cache" / "hcegan" / "cache").iterdir())) == 2


# Photographs held out for validation


def test_validation_photographs_come_from_the_training_photographs_alone_and_the_seed_chooses_them(cache):
    mini = load(cache=cache)
    held = data.validation_split(mini)
    assert sorted(held.train.files + held.test.files) == sorted(mini.train.files)
    assert 0.1 < len(held.test) / len(mini.train) < 0.3
    pixels = dict(zip(mini.train.files, mini.train.pixels))
    for split in (held.train, held.test):
        for name, square in zip(split.files, split.pixels):
            np.testing.assert_array_equal(square, pixels[name])
    assert data.validation_split(mini).test.files == held.test.files
    other = data.validation_split(mini, seed=1)
    assert other.test.files != held.test.files
    assert len({mini.fingerprint, held.fingerprint, other.fingerprint}) == 3
    assert len(data.validation_split(mini, 0.5).test) > len(held.test)


def test_all_crops_of_one_photograph_are_held_out_together(cache):
    photo = {row["file"]: row["photo"] for row in attribution()}
    for seed in range(5):
        held = data.validation_split(load(cache=cache), seed=seed)
        train, test = ({photo[name] for name in split.files} for split in (held.train, held.test))
        assert not train & test
        assert len(test) == round(0.2 * 106)


def test_a_share_that_leaves_nothing_to_train_on_is_refused(folder, cache):
    photos = load(folder, 16, cache=cache)
    with pytest.raises(DataError, match="photos has too few photographs to hold out 7 of 8"):
        data.validation_split(photos, 0.9)
    for share in (0, 1, -1, float("nan")):
        with pytest.raises(DataError, match="share must lie between 0 and 1, got"):
            data.validation_split(photos, share)


# Batches


def test_a_batch_is_the_pixels_over_255_and_their_luma(folder, cache):
    photos = load(folder, 40, cache=cache).train
    gray, color = photos.batch([2, 0])
    expected = photos.pixels[[2, 0]].transpose(0, 3, 1, 2) / 255
    np.testing.assert_allclose(color.numpy(), expected, atol=1e-7)
    np.testing.assert_allclose(gray[:, 0].numpy(), np.tensordot([0.299, 0.587, 0.114], expected, (0, 1)), atol=1e-6)
    assert gray.dtype == color.dtype == torch.float32
    assert (gray.shape, color.shape) == ((2, 1, 40, 40), (2, 3, 40, 40))
    assert color.is_contiguous()


def test_photographs_on_a_device_give_the_same_batches(folder, cache):
    photos = data.load(folder, 16, cache=cache).train
    there = photos.to("cpu")
    assert isinstance(there.pixels, torch.Tensor)
    assert (len(there), there.files) == (len(photos), photos.files)
    for indices in (None, [1, 0, 1]):
        for ours, theirs in zip(there.batch(indices), photos.batch(indices)):
            assert torch.equal(ours, theirs)
    color = there.batch([0])[1]
    color.zero_()
    assert torch.equal(there.batch([0])[1], photos.batch([0])[1])


@pytest.mark.parametrize("indices", [[3, 1], (3, 1), np.array([3, 1]), torch.tensor([3, 1]), range(3, 0, -2)])
def test_a_batch_takes_any_sequence_of_indices(folder, cache, indices):
    photos = load(folder, 16, cache=cache).train
    everything = photos.batch()[1]
    assert torch.equal(photos.batch(indices)[1], everything[[3, 1]])


def test_a_single_index_gives_a_batch_of_one_and_none_gives_all(folder, cache):
    photos = load(folder, 16, cache=cache).train
    assert photos.batch(5)[1].shape == (1, 3, 16, 16)
    assert len(photos.batch()[0]) == len(photos) == 8


def test_writing_into_a_batch_leaves_the_photographs_alone(folder, cache):
    photos = load(folder, 16, cache=cache).train
    before = photos.batch()[1].clone()
    photos.batch()[1].zero_()
    assert torch.equal(photos.batch()[1], before)
    with pytest.raises(ValueError, match="read-only"):
        photos.pixels[0] = 0


# Square and scale


def test_the_square_is_cropped_from_the_center(tmp_path, cache):
    pixels = colorful(64, 96)
    for name, image in {"wide": pixels, "tall": pixels.transpose(1, 0, 2), "third": colorful()}.items():
        save(tmp_path / "photos" / f"{name}.png", np.ascontiguousarray(image))
    photos = load(tmp_path / "photos", 64, cache=cache)
    squares = dict(zip(photos.train.files + photos.test.files, [*photos.train.pixels, *photos.test.pixels]))
    np.testing.assert_array_equal(squares["wide.png"], pixels[:, 16:80])
    np.testing.assert_array_equal(squares["tall.png"], pixels[:, 16:80].transpose(1, 0, 2))


def lanczos_by_hand(signal: np.ndarray, size: int) -> np.ndarray:
    """Scale the first axis down with Lanczos-3, widened by the ratio: each output is a weighted mean of its inputs."""
    ratio = len(signal) / size
    out = np.zeros((size, *signal.shape[1:]))
    for i in range(size):
        x = (np.arange(len(signal)) + 0.5) / ratio - (i + 0.5)
        weights = np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)
        out[i] = np.tensordot(weights / weights.sum(), signal, 1)
    return out


def test_scaling_down_is_lanczos_as_computed_by_hand(tmp_path, cache):
    sources = {f"{i}.png": colorful(96, 96, seed=i) // 2 + 60 for i in range(3)}  # softer: nothing overshoots 0 or 255
    for name, pixels in sources.items():
        save(tmp_path / "photos" / name, pixels)
    photos = load(tmp_path / "photos", 40, cache=cache)
    for name, square in zip(photos.train.files + photos.test.files, [*photos.train.pixels, *photos.test.pixels]):
        rows = lanczos_by_hand(sources[name].astype(float), 40)
        expected = lanczos_by_hand(rows.transpose(1, 0, 2), 40).transpose(1, 0, 2)
        assert np.abs(square - expected).max() < 1.5  # Pillow rounds after each axis


def test_a_photograph_smaller_than_image_size_is_scaled_up(folder, cache):
    assert load(folder, 100, cache=cache).train.pixels.shape == (8, 100, 100, 3)


# One file: formats, modes, orientation


@pytest.mark.parametrize(
    ("suffix", "options", "tolerance"),
    [
        ("png", {}, 0),
        ("bmp", {}, 0),
        ("tiff", {}, 0),
        ("tif", {"compression": "tiff_lzw"}, 0),
        ("webp", {"lossless": True}, 0),
        ("jpg", {"quality": 100, "subsampling": 0}, 4),
        ("JPEG", {"quality": 100, "subsampling": 0}, 4),
    ],
)
def test_every_format_returns_the_pixels_that_were_saved(tmp_path, suffix, options, tolerance):
    path = save(tmp_path / f"photo.{suffix}", colorful(), **options)
    photo = open_photo(str(path))
    assert (photo.mode, photo.size) == ("RGB", (40, 40))
    assert np.abs(np.asarray(photo, int) - colorful()).max() <= tolerance


ORIENTATIONS = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored),
}


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_exif_orientation_is_applied(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"turned.{suffix}", colorful(40, 64), exif=exif, **options)
    np.testing.assert_array_equal(np.asarray(open_photo(path)), ORIENTATIONS[orientation](colorful(40, 64)))


def test_a_portrait_from_a_phone_is_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "phone.jpg", colorful(40, 64), exif=exif, quality=100, subsampling=0)
    assert open_photo(path).size == (40, 64)


def test_transparent_parts_become_white(tmp_path):
    rgba = np.dstack([colorful(), np.full((40, 40), 255, np.uint8)])
    rgba[:20, :, 3] = 0
    rgba[20:30, :, 3] = 102  # 0.4
    photo = np.asarray(open_photo(save(tmp_path / "glass.png", rgba)), float)
    assert (photo[:20] == 255).all()
    np.testing.assert_allclose(photo[20:30], colorful()[20:30] * 0.4 + 255 * 0.6, atol=1)
    np.testing.assert_array_equal(photo[30:], colorful()[30:])


def test_a_transparent_palette_entry_becomes_white(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([200, 0, 0, 10, 20, 230])
    image.putpixel((0, 0), 0)
    image.save(tmp_path / "opaque.png")
    image.save(tmp_path / "palette.png", transparency=0)
    assert open_photo(tmp_path / "opaque.png").getpixel((0, 0)) == (200, 0, 0)
    photo = open_photo(tmp_path / "palette.png")
    assert photo.getpixel((0, 0)) == (255, 255, 255)
    assert photo.getpixel((1, 0)) == (10, 20, 230)


def test_cmyk_ink_darkens_white_paper(tmp_path):
    inks = np.random.default_rng(0).integers(0, 256, (16, 16, 4), dtype=np.uint8)
    Image.frombytes("CMYK", (16, 16), inks.tobytes()).save(tmp_path / "print.tiff")
    expected = (255.0 - inks[..., :3]) * (255.0 - inks[..., 3:]) / 255
    np.testing.assert_allclose(np.asarray(open_photo(tmp_path / "print.tiff"), float), expected, atol=1)


def test_a_cmyk_jpeg_keeps_its_color(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "red.jpg", quality=100)
    np.testing.assert_allclose(np.asarray(open_photo(tmp_path / "red.jpg"), float)[8, 8], [255, 0, 0], atol=3)


def png(width: int, height: int, bits: int, kind: int, rows: bytes) -> bytes:
    """Write a PNG by hand: Pillow writes no 16-bit color, and no picture larger than memory."""

    def chunk(tag: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_16_bit_grays_are_scaled_and_not_clipped(tmp_path):
    levels = np.arange(256 * 8).reshape(8, 256).astype(np.uint16) * 32
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    (tmp_path / "deep.png").write_bytes(png(256, 8, 16, 0, rows))
    Image.fromarray(levels).save(tmp_path / "deep.tiff")
    for name in ("deep.png", "deep.tiff"):
        photo = np.asarray(open_photo(tmp_path / name), float)
        np.testing.assert_allclose(photo, (levels / 65535 * 255)[..., None].repeat(3, 2), atol=0.5)


def test_16_bit_color_is_scaled_and_not_clipped(tmp_path):
    levels = np.random.default_rng(0).integers(0, 65536, (16, 16, 3), dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    (tmp_path / "deep.png").write_bytes(png(16, 16, 16, 2, rows))
    np.testing.assert_allclose(np.asarray(open_photo(tmp_path / "deep.png"), float), levels / 65535 * 255, atol=1)


def test_floating_point_pixels_without_a_defined_white_are_refused(tmp_path):
    Image.fromarray(np.full((8, 8), 70_000, np.int32)).save(tmp_path / "counts.tiff")
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(tmp_path / "floats.tiff")
    with pytest.raises(DataError, match=r"counts.tiff: gray levels from 70000 to 70000, wanted 16 bits"):
        open_photo(tmp_path / "counts.tiff")
    with pytest.raises(DataError, match=r"floats.tiff: floating-point pixels"):
        open_photo(tmp_path / "floats.tiff")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P"])
def test_black_white_and_gray_files_open_as_gray_rgb(tmp_path, mode):
    bars = np.zeros((16, 16), np.uint8)
    bars[:, 8:] = 255
    Image.fromarray(bars).convert(mode).save(tmp_path / "bars.png")
    np.testing.assert_array_equal(np.asarray(open_photo(tmp_path / "bars.png")), bars[..., None].repeat(3, 2))


def test_only_the_first_of_several_pages_is_read(tmp_path):
    pages = [Image.fromarray(colorful(seed=seed)) for seed in range(2)]
    pages[0].save(tmp_path / "pages.tiff", save_all=True, append_images=pages[1:])
    np.testing.assert_array_equal(np.asarray(open_photo(tmp_path / "pages.tiff")), colorful(seed=0))


def test_a_photograph_with_a_color_profile_and_comments_opens(tmp_path):
    comments = PngImagePlugin.PngInfo()
    comments.add_text("Comment", "a" * 5000)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = save(tmp_path / "photo.png", colorful(), pnginfo=comments, icc_profile=profile)
    np.testing.assert_array_equal(np.asarray(open_photo(path)), colorful())


# One file: what cannot be opened


def test_a_missing_photograph_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere.jpg: No such file"):
        open_photo(tmp_path / "nowhere.jpg")


def test_a_text_file_named_jpg_is_not_a_picture(tmp_path):
    (tmp_path / "letter.jpg").write_text("Dear reader")
    with pytest.raises(DataError, match=r"letter.jpg: not a picture in one of the formats JPEG, PNG, WEBP"):
        open_photo(tmp_path / "letter.jpg")


def test_other_formats_are_refused_whatever_their_name(tmp_path):
    Image.fromarray(colorful()).save(tmp_path / "moving.gif")
    (tmp_path / "moving.gif").rename(tmp_path / "still.jpg")
    with pytest.raises(DataError, match="not a picture"):
        open_photo(tmp_path / "still.jpg")


def test_an_empty_file_is_called_empty(tmp_path):
    (tmp_path / "nothing.jpg").touch()
    with pytest.raises(DataError, match=r"nothing.jpg: the file is empty"):
        open_photo(tmp_path / "nothing.jpg")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "bmp"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_truncated_file_is_an_error_and_never_a_gray_stripe(tmp_path, suffix, share):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / f"half.{suffix}", noise)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match=f"half.{suffix}: "):
        open_photo(path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's own, about broken tags
def test_any_damage_to_a_file_gives_a_picture_or_a_data_error(tmp_path):
    rng = np.random.default_rng(0)
    for suffix in ("jpg", "png", "webp", "tiff", "bmp"):
        whole = bytearray(save(tmp_path / f"photo.{suffix}", colorful()).read_bytes())
        for _ in range(40):
            damaged = whole.copy()
            for place in rng.integers(0, min(len(whole), 200), 4):
                damaged[place] = rng.integers(0, 256)
            (tmp_path / f"damaged.{suffix}").write_bytes(damaged)
            try:
                assert open_photo(tmp_path / f"damaged.{suffix}").mode == "RGB"
            except DataError as error:
                assert str(error).startswith(str(tmp_path))  # noqa: PT017 - either outcome is right


def test_a_decompression_bomb_is_an_error_before_it_fills_the_memory(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png(60_000, 60_000, 8, 2, b"\0"))
    with pytest.raises(DataError, match=r"bomb.png: .*3600000000 pixels"):
        open_photo(tmp_path / "bomb.png")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_a_pipe_or_a_device_among_the_photographs_is_named_and_never_read(folder, cache):
    os.mkfifo(folder / "pipe.jpg")
    (folder / "endless.png").symlink_to("/dev/zero")
    code = f"from hcegan_lib.data import load; print(load({str(folder)!r}, 16, cache={str(cache)!r}).skipped)"
    ended = subprocess.run(  # in a process of its own, because reading them would never end
        [sys.executable, "-c", code], cwd=data.KIT_ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert sorted(ast.literal_eval(ended.stdout)) == ["endless.png: not a plain file", "pipe.jpg: not a plain file"]


def test_warnings_of_pillow_that_do_not_name_the_photograph_are_not_shown(folder, cache):
    exif = Image.Exif()
    exif[0x0112] = 6
    broken = save(folder / "broken.tiff", colorful(), exif=exif).read_bytes()
    path = folder / "broken.tiff"
    entry = broken.index(struct.pack("<HHI", 0x0112, 3, 1))
    path.write_bytes(broken[: entry + 4] + struct.pack("<I", 2) + broken[entry + 8 :])  # two orientations
    code = f"from hcegan_lib.data import load; print(len(load({str(folder)!r}, 16, cache={str(cache)!r}).train))"
    ended = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], cwd=data.KIT_ROOT, capture_output=True, text=True, check=True
    )
    assert (ended.stdout, ended.stderr) == ("9\n", "")


# A folder


def test_a_folder_with_train_and_test_keeps_its_split(tmp_path, cache):
    for name in ("train/b.png", "train/roses/a.png", "test/c.png", "elsewhere/d.png", "e.png"):
        save(tmp_path / "flowers" / name)
    photos = load(tmp_path / "flowers", 16, seed=5, cache=cache)
    assert photos.name == "flowers"
    assert photos.train.files == ("train/b.png", "train/roses/a.png")
    assert photos.test.files == ("test/c.png",)
    assert photos.fingerprint == load(tmp_path / "flowers", 16, seed=6, test_fraction=0.5, cache=cache).fingerprint


def test_train_without_test_is_an_error_that_says_what_is_needed(tmp_path, cache):
    save(tmp_path / "half" / "train" / "a.png")
    with pytest.raises(DataError, match="has a folder 'train' only; it needs both 'train' and 'test', or neither"):
        load(tmp_path / "half", cache=cache)


def test_a_flat_folder_is_split_by_its_seed(folder, cache):
    splits = {seed: load(folder, 16, seed=seed, cache=cache) for seed in range(4)}
    for photos in splits.values():
        assert (len(photos.train), len(photos.test)) == (8, 2)
        assert sorted(photos.train.files + photos.test.files) == [f"{i}.png" for i in range(10)]
    assert len({photos.test.files for photos in splits.values()}) > 1
    assert len({photos.fingerprint for photos in splits.values()}) == 4
    assert len(load(folder, 16, test_fraction=0.5, cache=cache).test) == 5


@pytest.mark.parametrize("layout", ["flat", "split"])
def test_the_order_depends_on_names_and_not_on_the_directory(folder, tmp_path, cache, monkeypatch, layout):
    if layout == "split":
        for name in [f"train/{i}.png" for i in range(5)] + [f"test/{i}.png" for i in range(5, 10)]:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / Path(name).name).rename(folder / name)
    first = load(folder, 16, cache=cache)
    real = Path.rglob
    monkeypatch.setattr(Path, "rglob", lambda self, pattern: list(real(self, pattern))[::-1])
    shutil.copytree(folder, tmp_path / "copy")
    again = load(tmp_path / "copy", 16, cache=tmp_path / "other")
    assert again.test.files == first.test.files
    assert again.fingerprint == first.fingerprint
    np.testing.assert_array_equal(again.train.pixels, first.train.pixels)


def test_a_new_photograph_moves_at_most_one_other_across_the_split(folder, cache):
    before = set(load(folder, 16, cache=cache).test.files)
    save(folder / "new.png")
    assert len(before & set(load(folder, 16, cache=cache).test.files)) >= len(before) - 1


def test_each_name_belongs_to_its_pixels(folder, cache):
    photos = load(folder, 40, cache=cache)
    for split in (photos.train, photos.test):
        for name, pixels in zip(split.files, split.pixels):
            np.testing.assert_array_equal(pixels, np.asarray(Image.open(folder / name)))


def test_suffixes_may_be_in_capitals(folder, cache):
    (folder / "0.png").rename(folder / "0.PNG")
    photos = load(folder, 16, cache=cache)
    assert "0.PNG" in photos.train.files + photos.test.files


def test_hidden_files_macos_files_and_other_suffixes_are_ignored(folder, cache):
    for name in (".hidden.png", "._0.png", ".trash/a.png", "notes.txt", "clip.gif"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"no picture")
    (folder / "album.png").mkdir()
    photos = load(folder, 16, cache=cache)
    assert (len(photos.train), len(photos.test), photos.skipped) == (8, 2, ())


def test_a_corrupt_a_truncated_an_empty_a_text_and_a_vanished_file_are_named_skipped_and_counted(folder, cache):
    whole = save(folder / "truncated.jpg", colorful(64, 64)).read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "corrupt.png").write_bytes((folder / "0.png").read_bytes()[:20] + os.urandom(50))
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("Dear reader")
    (folder / "vanished.jpg").symlink_to(folder / "nowhere.jpg")
    photos = load(folder, 16, cache=cache)
    reasons = dict(line.split(": ", 1) for line in photos.skipped)
    assert sorted(reasons) == ["corrupt.png", "empty.jpg", "text.jpg", "truncated.jpg", "vanished.jpg"]
    assert reasons["empty.jpg"] == "the file is empty"
    assert "truncated" in reasons["truncated.jpg"].lower()
    assert "not a picture" in reasons["text.jpg"]
    assert "No such file" in reasons["vanished.jpg"]
    assert (len(photos.train), len(photos.test)) == (8, 2)
    assert load(folder, 16, cache=cache).skipped == photos.skipped  # from the cache too


def test_gray_files_are_left_out_and_counted_and_a_red_coat_in_a_gray_street_stays(folder, cache):
    street = np.random.default_rng(0).integers(60, 200, (128, 128, 1), dtype=np.uint8).repeat(3, 2)
    save(folder / "street.png", street)
    save(folder / "scan.jpg", street)
    save(folder / "mode_l.png", street[..., 0])
    street[60:76, 60:76] = [200, 30, 40]
    save(folder / "coat.png", street)
    photos = load(folder, 16, cache=cache)
    assert sorted(photos.near_gray) == ["mode_l.png", "scan.jpg", "street.png"]
    assert "coat.png" in photos.train.files + photos.test.files
    assert (photos.skipped, len(photos.train) + len(photos.test)) == ((), 11)


def test_too_few_photographs_is_an_error_with_counts_and_first_reasons_and_writes_nothing(tmp_path, cache):
    save(tmp_path / "few" / "good.png")
    save(tmp_path / "few" / "gray.png", np.full((16, 16), 90, np.uint8))
    for i in range(5):
        (tmp_path / "few" / f"{i}.jpg").write_text("text")
    with pytest.raises(DataError) as error:
        load(tmp_path / "few", cache=cache)
    message = str(error.value)
    assert message.startswith(f"{tmp_path / 'few'}: 7 files found, 5 unreadable, 1 near gray, which leaves 0 for")
    assert "0 for training and 1 for testing; needs 2 and 1" in message
    assert message.count("not a picture") == 3
    assert "\n" not in message
    assert not cache.exists()


@pytest.mark.parametrize(("train", "test", "enough"), [(2, 1, True), (1, 1, False), (2, 0, False), (0, 3, False)])
def test_two_photographs_for_training_and_one_for_testing_are_enough(tmp_path, cache, train, test, enough):
    for split, count in {"train": train, "test": test}.items():
        (tmp_path / "set" / split).mkdir(parents=True)
        for i in range(count):
            save(tmp_path / "set" / split / f"{i}.png")
    if enough:
        assert len(load(tmp_path / "set", 16, cache=cache).train) == 2
    else:
        with pytest.raises(DataError, match=f"{train} for training and {test} for testing"):
            load(tmp_path / "set", 16, cache=cache)


def test_a_folder_in_which_nothing_can_be_read_counts_zero_in_both_splits(tmp_path, cache):
    (tmp_path / "letters").mkdir()
    for i in range(4):
        (tmp_path / "letters" / f"{i}.png").write_text("Dear reader")
    with pytest.raises(DataError, match=r"4 files found, 4 unreadable.* 0 for training and 0 for testing"):
        load(tmp_path / "letters", cache=cache)


def test_a_folder_without_photographs_says_which_suffixes_were_looked_for(tmp_path):
    (tmp_path / "notes.txt").write_text("no pictures here")
    with pytest.raises(DataError, match=r"no photographs found; looked for .jpg, .jpeg, .png, .webp"):
        load(tmp_path)


def test_a_missing_folder_names_itself_and_what_is_allowed(tmp_path):
    with pytest.raises(DataError, match=r"photographs or a set; '.*nowhere' does not exist; valid: mini, flowers"):
        load(tmp_path / "nowhere")
    with pytest.raises(DataError, match="is not a folder"):
        load(save(tmp_path / "one.png"))


@pytest.fixture
def kit_with_a_set(tmp_path, monkeypatch) -> Path:
    """A kit in whose data/raw lies the set coco-bird, and a folder to stand in."""
    for name in ("train/a.png", "train/b.png", "test/c.png"):
        save(tmp_path / "kit" / "data" / "raw" / "coco-bird" / name)
    (tmp_path / "here").mkdir()
    monkeypatch.setattr(data, "KIT_ROOT", tmp_path / "kit")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def test_a_set_in_data_raw_is_loaded_by_its_name_from_any_working_directory(kit_with_a_set, cache):
    photos = load("coco-bird", 16, cache=cache)
    assert (photos.name, photos.train.files) == ("coco-bird", ("train/a.png", "train/b.png"))
    for number in range(5):
        save(kit_with_a_set / "here" / "coco-bird" / f"{number}.png")
    assert len(load("coco-bird", 16, cache=cache).train) == 2
    assert len(load("./coco-bird", 16, cache=cache).train) == 4  # a folder is meant


def test_a_set_that_is_not_built_yet_says_how_to_build_it(kit_with_a_set, cache):
    with pytest.raises(DataError, match=r"'openimages-lion' does not exist.*; `hcegan data build` makes more sets$"):
        load("openimages-lion", cache=cache)
    with pytest.raises(DataError, match=r"or a set; 'coco-brid' does not exist, did you mean 'coco-bird'"):
        load("coco-brid", cache=cache)


def test_a_link_in_data_raw_gives_the_set_its_own_name(kit_with_a_set, cache):
    raw = kit_with_a_set / "kit" / "data" / "raw"
    (raw / "standin-bird").symlink_to(raw / "coco-bird", target_is_directory=True)
    for source in ("standin-bird", raw / "standin-bird", "../kit/data/raw/standin-bird"):
        assert load(source, 16, cache=cache).name == "standin-bird"
    assert load("standin-bird", 16, cache=cache).fingerprint == load("coco-bird", 16, cache=cache).fingerprint


def test_an_empty_name_does_not_mean_the_current_folder(kit_with_a_set, cache):
    for number in range(5):
        save(kit_with_a_set / "here" / f"{number}.png")
    with pytest.raises(DataError, match="must be a folder of photographs or a set; '' does not exist; valid: mini"):
        load("", 16, cache=cache)


@pytest.mark.parametrize("folder", [".", ".."])
def test_a_name_of_dots_is_not_searched_among_the_sets(folder, kit_with_a_set, cache):
    for number in range(5):
        save(kit_with_a_set / "here" / f"{number}.png")
    photos = load(folder, 16, cache=cache)
    assert all(name.endswith(".png") for name in photos.train.files)
    assert len(photos.train) + len(photos.test) == (8 if folder == ".." else 5)


@pytest.mark.parametrize("typo", ["minni", "Mini", "mimi", "data/mni"])
def test_a_near_miss_of_mini_is_suggested(typo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="did you mean 'mini'"):
        load(typo)


@pytest.mark.parametrize("image_size", [0, -64, 7, 4096, 64.0, "64", True, None])
def test_a_wrong_image_size_is_refused(image_size):
    with pytest.raises(DataError, match="image_size must be a whole number from 8 to 2048, got"):
        load("mini", image_size)


@pytest.mark.parametrize("test_fraction", [0, 1, -0.2, 1.5, float("nan")])
def test_a_wrong_test_fraction_is_refused(test_fraction):
    with pytest.raises(DataError, match="test_fraction must lie between 0 and 1, got"):
        load("mini", test_fraction=test_fraction)


# The cache


def test_the_second_load_decodes_nothing_and_gives_the_same_memory_mapped_bytes(folder, cache, opened):
    first = load(folder, 16, cache=cache)
    assert len(opened) == 10
    second = load(folder, 16, cache=cache)
    assert len(opened) == 10
    for photos in (first, second):
        assert isinstance(photos.train.pixels, np.memmap)
    np.testing.assert_array_equal(first.train.pixels, second.train.pixels)
    assert (first.test.files, first.fingerprint) == (second.test.files, second.fingerprint)


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("change", ["content", "new file", "renamed", "image_size", "seed", "test_fraction"])
def test_whatever_changes_the_pixels_changes_the_fingerprint_and_decodes_again(folder, cache, opened, change):
    before = load(folder, 16, cache=cache)
    opened.clear()
    settings = {"image_size": {"image_size": 24}, "seed": {"seed": 1}, "test_fraction": {"test_fraction": 0.4}}
    stat = (folder / "3.png").stat()
    if change == "content":  # same name, size and date
        flip_a_byte(folder / "3.png")
        os.utime(folder / "3.png", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    elif change == "new file":
        save(folder / "new.png")
    elif change == "renamed":
        (folder / "3.png").rename(folder / "three.png")
    after = load(folder, **({"image_size": 16} | settings.get(change, {})), cache=cache)
    assert after.fingerprint != before.fingerprint
    assert opened


def test_a_new_name_is_not_answered_from_the_cache_of_the_old_one(tmp_path, cache):
    for name in ("train/a.png", "train/b.png", "test/c.png"):
        save(tmp_path / "set" / name)
    load(tmp_path / "set", 16, cache=cache)
    (tmp_path / "set" / "test" / "c.png").rename(tmp_path / "set" / "test" / "d.png")
    assert load(tmp_path / "set", 16, cache=cache).test.files == ("test/d.png",)


def test_a_touched_file_or_a_moved_folder_uses_the_same_cache(folder, cache, opened):
    before = load(folder, 16, cache=cache)
    opened.clear()
    os.utime(folder / "3.png")
    folder.rename(folder.with_name("moved"))
    after = load(folder.with_name("moved"), 16, cache=cache)
    assert (after.name, after.fingerprint, opened) == ("moved", before.fingerprint, [])


DAMAGE = {
    "a byte of the pixels flipped": (".bytes", flip_a_byte),
    "pixels truncated": (".bytes", lambda path: path.write_bytes(path.read_bytes()[:-100])),
    "pixels empty": (".bytes", lambda path: path.write_bytes(b"")),
    "pixels gone": (".bytes", Path.unlink),
    "record gone, as after a crash between the two": (".json", Path.unlink),
    "record truncated": (".json", lambda path: path.write_bytes(path.read_bytes()[:50])),
    "record of another kind": (".json", lambda path: path.write_text("[1, 2]")),
    "record null": (".json", lambda path: path.write_text("null")),
    "record not text": (".json", lambda path: path.write_bytes(b"\xff\xfe\x00")),
    "a name in the record changed": (
        ".json",
        lambda path: path.write_text(path.read_text().replace("3.png", "4.png", 1)),
    ),
    "a key of the record gone": (
        ".json",
        lambda path: path.write_text(
            json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "test"})
        ),
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_is_rebuilt(folder, cache, opened, damage):
    expected = load(folder, 16, cache=cache)
    pixels, files = np.array(expected.train.pixels), expected.train.files
    del expected
    suffix, harm = DAMAGE[damage]
    harm(next(cache.glob(f"*{suffix}")))
    opened.clear()
    rebuilt = load(folder, 16, cache=cache)
    assert len(opened) == 10
    np.testing.assert_array_equal(rebuilt.train.pixels, pixels)
    assert rebuilt.train.files == files
    opened.clear()
    load(folder, 16, cache=cache)
    assert not opened


def test_a_cache_that_cannot_be_written_is_a_warning_and_the_photographs_stay_in_memory(folder, tmp_path, cache):
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match=r"file: File exists; nothing is cached, the photographs stay in memory"):
        in_memory = load(folder, 16, cache=tmp_path / "file")
    on_disk = load(folder, 16, cache=cache)
    np.testing.assert_array_equal(in_memory.train.pixels, on_disk.train.pixels)
    assert not isinstance(in_memory.train.pixels, np.memmap)
    assert in_memory.fingerprint == on_disk.fingerprint
    with pytest.raises(ValueError, match="read-only"):
        in_memory.train.pixels[0] = 0


def test_a_disk_that_fills_up_leaves_no_half_file(folder, cache, monkeypatch):
    def half(path: Path, content) -> None:
        with path.open("wb") as file:
            file.write(bytes(100))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.warns(UserWarning, match="No space left on device"):
        photos = load(folder, 16, cache=cache)
    assert len(photos.train) == 8
    assert list(cache.iterdir()) == []


def test_two_processes_can_cache_the_same_set_at_once(folder, cache):
    code = (
        "import sys; from hcegan_lib.data import load; input();"
        f"s = load({str(folder)!r}, 256, cache={str(cache)!r});"
        "print(s.fingerprint, int(s.train.pixels.sum()), len(s.test.batch()[0]))"
    )
    both = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", code], stdin=-1, stdout=-1, cwd=data.KIT_ROOT, text=True)
        for _ in range(2)
    ]
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    printed = [process.communicate(timeout=240)[0] for process in both]
    alone = load(folder, 256, cache=cache.with_name("alone"))
    assert printed == [f"{alone.fingerprint} {alone.train.pixels.sum()} 2\n"] * 2
    assert sorted(path.suffix for path in cache.iterdir()) == [".bytes", ".json"]


def test_loading_prints_nothing_and_does_not_warn(folder, cache, capfd, recwarn):
    load(folder, 16, cache=cache, progress=True)
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


@pytest.mark.parametrize("progress", [True, False])
def test_a_bar_that_counts_photographs_is_shown_only_on_request(folder, cache, monkeypatch, capfd, progress):
    real = data.tqdm
    monkeypatch.setattr(data, "tqdm", lambda *args, **options: real(*args, **(options | {"delay": 0})))
    load(folder, 16, cache=cache, progress=progress)
    shown = capfd.readouterr().err
    assert ("10/10" in shown) == progress
    load(folder, 16, cache=cache, progress=progress)  # nothing to decode, nothing to show
    assert capfd.readouterr().err == ""
