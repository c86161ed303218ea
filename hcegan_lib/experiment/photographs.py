"""Color a photograph of any size: its own luma in every pixel, under chroma that the network predicts at a small size.

Also reads and writes the files, so that the colored photograph keeps the EXIF, the color profile and the transparency.
"""

import contextlib
import io
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps
from torch import Tensor

from hcegan_lib import data, models
from hcegan_lib.color import chroma, luma, with_luma

MAX_ASPECT = 16  # long side to short side of what the network sees: its memory grows with it
STRIP = 64  # rows at a time at full size: 24 megapixels at once would take over 1 GB, and more time
FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP"}
QUALITY = {"JPEG": 95, "WEBP": 95}
TAGS = ("ImageDescription", "Make", "Model", "Software", "DateTime", "Artist", "Copyright")  # others describe the file
IFDS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)  # lists of further tags: exposure, lens, place


@torch.no_grad()
def color_at_full_size(generator: models.UNetGenerator, photo: Image.Image, image_size: int) -> Image.Image:
    """Color one RGB photograph and keep its size and its luma.

    Parameters
    ----------
    generator
        A trained generator. Only the chroma that it predicts is used.
    photo
        Mode "RGB", any size. Only its luma is used.
    image_size
        Short side in pixels of the photograph that the generator sees, as it was trained.

    Returns
    -------
    Image
        Mode "RGB", of the size of `photo`.

    Notes
    -----
    The eye resolves color more coarsely than brightness, so the chroma may be enlarged: under a sharp luma the result
    still looks sharp. JPEG stores chroma at half the size for the same reason. A photograph longer than 16 : 1 is
    squeezed to that shape for the generator.
    """
    W, H = photo.size
    longest = MAX_ASPECT * min(W, H)
    shape = min(W, longest), min(H, longest)
    small = models.color_photo(generator, photo if shape == (W, H) else photo.resize(shape), image_size)
    maps = [Image.fromarray(plane.numpy()) for plane in chroma(to_tensor(small))]
    maps = [plane.resize((W, H), Image.Resampling.BICUBIC) for plane in maps]  # C_R and C_B at full size
    colored = Image.new("RGB", (W, H))
    for top in range(0, H, STRIP):
        box = 0, top, W, min(top + STRIP, H)
        gray = luma(to_tensor(photo.crop(box)))  # (1, rows, W)
        strip = with_luma(torch.stack([torch.from_numpy(np.array(plane.crop(box))) for plane in maps]), gray)
        colored.paste(Image.fromarray((strip * 255).round().byte().permute(1, 2, 0).numpy()), box)
    return colored


def to_tensor(photo: Image.Image) -> Tensor:
    """Convert an RGB photograph to float32, (3, H, W), in [0, 1]."""
    return torch.from_numpy(np.array(photo)).permute(2, 0, 1).float() / 255


# --- files ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Photograph:
    """A photograph as it was read, with all that its colored version keeps."""

    rgb: Image.Image  # upright, 8 bits
    alpha: Image.Image | None  # opacity, mode "L", or None if every pixel is opaque
    exif: bytes  # without the orientation, since `rgb` is upright; may be empty
    icc_profile: bytes | None  # of RGB; that of a gray or CMYK file does not describe the result


def list_photos(paths: Iterable[Path]) -> list[Path]:
    """Replace each folder by the photographs in it, sorted by name, without hidden files and subfolders.

    Raises `data.DataError` for a folder without photographs.
    """
    photos = []
    for path in paths:
        inside = sorted(item for item in path.iterdir() if is_photo(item)) if path.is_dir() else [path]
        if not inside:
            raise data.DataError(f"{path} has no photographs; looked for {', '.join(data.SUFFIXES)}")
        photos += inside
    return photos


def is_photo(path: Path) -> bool:
    """Whether a file has the name of a photograph and is not hidden."""
    return path.suffix.lower() in data.SUFFIXES and not path.name.startswith(".") and path.is_file()


def read(path: Path) -> Photograph:
    """Read a photograph in one of `data.FORMATS`; raises `data.DataError` if that fails."""
    rgb, alpha = data.open_photo(path), None
    with Image.open(path, formats=data.FORMATS) as image:
        if image.has_transparency_data and not image.mode.startswith("I"):
            whole = ImageOps.exif_transpose(image).convert("RGBA")  # open_photo lays it on white
            rgb, alpha = whole.convert("RGB"), whole.getchannel("A")
        profile = image.info.get("icc_profile")
        keep = profile is not None and profile[16:20] == b"RGB "  # the color space, in every profile's header
        return Photograph(rgb, alpha, read_exif(image), profile if keep else None)


def read_exif(image: Image.Image) -> bytes:
    """Return what EXIF says about the camera, the exposure, the place and the author; nothing if it is damaged."""
    with contextlib.suppress(Exception):  # cameras and editors write all kinds of damage, which harms no pixel
        old, new = image.getexif(), Image.Exif()
        new.update({tag: old[tag] for tag in (ExifTags.Base[name] for name in TAGS) if tag in old})
        new.update({ifd: tags for ifd in IFDS if (tags := old.get_ifd(ifd))})
        return new.tobytes() if len(new) else b""
    return b""


def read_bytes(name: str, content: bytes) -> Photograph:
    """Read an uploaded photograph; raises `data.DataError`, which names it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (Path(name).name or "photograph")
        path.write_bytes(content)
        try:
            return read(path)
        except data.DataError as error:
            raise data.DataError(str(error).replace(str(path), path.name)) from None


def result_name(path: Path) -> str:
    """Name the colored version: the same format where it is one of `FORMATS`, otherwise PNG."""
    return f"{path.stem}_color{path.suffix if path.suffix.lower() in FORMATS else '.png'}"


def encode(photograph: Photograph, colored: Image.Image, suffix: str) -> bytes:
    """Encode the colored version of a photograph in the format of `suffix`, a key of `FORMATS`."""
    kind = FORMATS[suffix.lower()]
    if photograph.alpha is not None and kind != "JPEG":  # only a file with a wrong name is both
        colored = colored.copy()
        colored.putalpha(photograph.alpha)
    about = {"exif": photograph.exif, "icc_profile": photograph.icc_profile}
    return to_bytes(colored, kind, **about, **({"quality": QUALITY[kind]} if kind in QUALITY else {}))


def to_bytes(photo: Image.Image, kind: str, **options: object) -> bytes:
    """Encode a photograph in a format of Pillow."""
    stream = io.BytesIO()
    photo.save(stream, kind, **options)
    return stream.getvalue()
