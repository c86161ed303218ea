import io
import struct

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageCms

from hcegan_lib import data, models
from hcegan_lib.color import chroma
from hcegan_lib.experiment import photographs
from hcegan_lib.models import UNetGenerator

SIZE = 32
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(scope="module")
def generator():
    source = torch.Generator().manual_seed(0)
    generator = UNetGenerator(base_channels=2, depth=3, image_size=SIZE, head="luma", generator=source).eval()
    generator.decoder[-1][1].bias.data = torch.tensor([0.4, -0.3])  # an untrained network is gray
    return generator


def photo(width, height, mode="RGB"):
    """A smooth picture with a little noise."""
    rows, columns = np.mgrid[:height, :width] / max(width, height)
    smooth = 60 + 120 * np.stack([rows, columns, (rows + columns) / 2], axis=-1)
    noise = np.random.default_rng(0).normal(0, 3, smooth.shape)
    return Image.fromarray((smooth + noise).astype(np.uint8)).convert(mode)


def luma_of(image):
    return np.asarray(image.convert("RGB"), dtype=float) @ (0.299, 0.587, 0.114)


# --- the picture ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(100, 75), (75, 301), (SIZE, SIZE), (1, 1), (1, 700), (700, 1), (3, 200)])
def test_a_photograph_of_any_shape_keeps_its_size_and_its_luma_and_gets_color(size, generator):
    given = photo(*size)
    colored = photographs.color_at_full_size(generator, given, SIZE)
    assert (colored.mode, colored.size) == ("RGB", size)
    assert abs(luma_of(colored) - luma_of(given)).max() <= 0.51  # levels of 255: half of one for rounding
    assert data.color_spread(colored) > 20


def test_only_the_luma_of_a_photograph_is_used(generator):
    given = photo(90, 60)
    gray = Image.merge("RGB", [given.convert("L")] * 3)
    colored, again = (photographs.color_at_full_size(generator, version, SIZE) for version in (given, gray))
    assert abs(np.asarray(colored, dtype=int) - np.asarray(again, dtype=int)).max() <= 2  # "L" is rounded


def test_chroma_is_that_of_the_small_rendering_enlarged_without_steps(generator, monkeypatch):
    small = Image.new("RGB", (2, 1), "rosybrown")
    small.putpixel((1, 0), (143, 143, 188))
    monkeypatch.setattr(models, "color_photo", lambda *given: small)
    colored = photographs.color_at_full_size(generator, Image.new("RGB", (80, 40), "gray"), SIZE)
    row = chroma(photographs.to_tensor(colored))[0, 20]  # C_R from left to right
    ends = chroma(photographs.to_tensor(small))[0, 0]
    torch.testing.assert_close(row[[5, -6]], ends, atol=0.03, rtol=0)
    assert len(set(row[20:60].tolist())) > 20
    assert row[20:60].diff().max() <= 0  # from red to blue, with no way back


def test_the_network_sees_nothing_longer_than_its_memory_allows(generator, monkeypatch):
    seen, color_photo = [], models.color_photo
    monkeypatch.setattr(models, "color_photo", lambda *given: seen.append(given[1].size) or color_photo(*given))
    for size in ((3, 500), (500, 3), (30, 40)):
        photographs.color_at_full_size(generator, photo(*size), SIZE)
    assert seen == [(3, 48), (48, 3), (30, 40)]


def test_strips_leave_no_trace(generator, monkeypatch):
    given = photo(50, 170)
    whole = photographs.color_at_full_size(generator, given, SIZE)
    monkeypatch.setattr(photographs, "STRIP", 7)
    assert photographs.color_at_full_size(generator, given, SIZE).tobytes() == whole.tobytes()


# --- the file ---------------------------------------------------------------------------------------------------------


def colored_file(path, generator):
    photograph = photographs.read(path)
    colored = photographs.color_at_full_size(generator, photograph.rgb, SIZE)
    name = photographs.result_name(path)
    result = path.with_name(name)
    result.write_bytes(photographs.encode(photograph, colored, result.suffix))
    image = Image.open(result)
    image.load()
    return image


def exif():
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = 6  # turn right
    tags[ExifTags.Base.Make] = "Maker"
    tags[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: "2026:01:02 03:04:05"}
    tags[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    return tags.tobytes()


@pytest.mark.parametrize(
    ("suffix", "kind"), [(".jpg", "JPEG"), (".JPEG", "JPEG"), (".png", "PNG"), (".tif", "TIFF"), (".webp", "WEBP")]
)
def test_a_file_keeps_its_format_exif_and_profile_and_is_upright(suffix, kind, generator, tmp_path):
    photo(60, 40).save(tmp_path / f"a{suffix}", kind, exif=exif(), icc_profile=PROFILE)
    image = colored_file(tmp_path / f"a{suffix}", generator)
    assert (image.filename.rpartition("a_color")[2], image.format, image.mode, image.size) == (
        *(suffix, kind, "RGB"),
        (40, 60),
    )
    tags = image.getexif()
    assert tags[ExifTags.Base.Make] == "Maker"
    assert ExifTags.Base.Orientation not in tags
    assert tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == "2026:01:02 03:04:05"
    assert tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
    assert image.info["icc_profile"] == PROFILE


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_kept(mode, generator, tmp_path):
    given = photo(60, 40, "L").convert("RGBA")
    given.putalpha(Image.linear_gradient("L").resize((60, 40)))
    given.convert("LA" if mode == "LA" else "RGBA").save(tmp_path / "a.png")
    if mode == "PA":
        given.quantize(64).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as opened:
        alpha = opened.convert("RGBA").getchannel("A")
        under = luma_of(opened.convert("RGBA").convert("RGB"))
    image = colored_file(tmp_path / "a.png", generator)
    assert image.mode == "RGBA"
    assert image.getchannel("A").tobytes() == alpha.tobytes()
    assert abs(luma_of(image) - under).max() <= 0.51  # the pixels themselves, not laid on white


def test_a_16_bit_gray_tiff_and_a_cmyk_jpeg_become_color(generator, tmp_path):
    levels = np.linspace(0, 65535, 60 * 40).astype(np.uint16).reshape(40, 60)
    Image.fromarray(levels).save(tmp_path / "deep.tif")
    image = colored_file(tmp_path / "deep.tif", generator)
    assert (image.format, image.mode) == ("TIFF", "RGB")
    assert abs(luma_of(image) - levels / 257).max() <= 1.01
    photo(60, 40, "CMYK").save(tmp_path / "print.jpg")
    image = colored_file(tmp_path / "print.jpg", generator)
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (60, 40))


def test_a_profile_of_gray_or_cmyk_is_not_passed_on(generator, tmp_path):
    gray = PROFILE[:16] + b"GRAY" + PROFILE[20:]
    photo(60, 40, "L").save(tmp_path / "a.jpg", icc_profile=gray)
    image = colored_file(tmp_path / "a.jpg", generator)
    assert image.mode == "RGB"
    assert "icc_profile" not in image.info


def test_exif_that_cannot_be_written_again_does_not_stop_a_photograph(generator, tmp_path, monkeypatch):
    tags = Image.Exif()
    tags[ExifTags.Base.Make] = "Maker"
    photo(60, 40).save(tmp_path / "a.jpg", exif=tags.tobytes())

    def damaged(tags):
        raise struct.error("'H' format requires 0 <= number <= 65535")

    monkeypatch.setattr(Image.Exif, "tobytes", damaged)
    image = colored_file(tmp_path / "a.jpg", generator)
    assert (image.size, dict(image.getexif())) == ((60, 40), {})


def test_other_formats_become_png_and_a_transparent_file_with_the_name_of_a_jpeg_a_jpeg(generator, tmp_path):
    photo(60, 40).save(tmp_path / "a.bmp")
    assert colored_file(tmp_path / "a.bmp", generator).format == "PNG"
    photo(60, 40, "RGBA").save(tmp_path / "b.jpg", "PNG")
    image = colored_file(tmp_path / "b.jpg", generator)
    assert (image.format, image.mode) == ("JPEG", "RGB")


def test_uploaded_bytes_are_read_like_a_file_and_a_damaged_upload_is_named_alone():
    stream = io.BytesIO()
    photo(60, 40).save(stream, "PNG")
    assert photographs.read_bytes("../a.png", stream.getvalue()).rgb.size == (60, 40)
    with pytest.raises(data.DataError, match=r"^a\.png: not a picture"):
        photographs.read_bytes("folder/a.png", b"text")


def test_a_folder_stands_for_the_photographs_in_it(tmp_path):
    (tmp_path / "folder" / "deeper").mkdir(parents=True)
    for name in ("b.JPG", "a.png", ".hidden.png", "notes.txt", "deeper/c.png"):
        (tmp_path / "folder" / name).touch()
    listed = photographs.list_photos([tmp_path / "folder", tmp_path / "gone.png"])
    assert [path.name for path in listed] == ["a.png", "b.JPG", "gone.png"]
    (tmp_path / "folder/deeper/c.png").unlink()
    with pytest.raises(data.DataError, match="folder/deeper has no photographs"):
        photographs.list_photos([tmp_path / "folder/deeper"])
