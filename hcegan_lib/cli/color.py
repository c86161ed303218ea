"""The command that colors photographs with ready weights or a model of one's own: color."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hcegan_lib.backend.messages import printable
from hcegan_lib.cli.messages import complain, on_the_way
from hcegan_lib.cli.parser import add_command

if TYPE_CHECKING:
    from hcegan_lib.models import UNetGenerator


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Declare the options."""
    color = add_command(commands, "color", run_color, "color photographs with ready weights or a model of your own")
    color.description += " Only their gray values are used. Size, format, EXIF, profile and transparency are kept."
    color.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="photograph, or folder of photographs")
    model = color.add_mutually_exclusive_group()
    model.add_argument(
        "--weights", default="general", metavar="NAME", help="see hcegan weights list (default: general)"
    )
    model.add_argument("--run", type=Path, metavar="DIR", help="folder of a training run, instead of ready weights")
    color.add_argument("--output", default=Path("colored"), type=Path, metavar="DIR", help="default: colored")
    color.add_argument("--overwrite", action="store_true", help="replace results of earlier calls")


def run_color(args: argparse.Namespace) -> int:
    """Color photographs."""
    from hcegan_lib.backend.memory import is_out_of_memory

    try:
        return color_all(args)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return complain("out of memory: finished photographs are kept; crop this one or use a smaller model", 1)


def color_all(args: argparse.Namespace) -> int:
    """Color one photograph after the other; name those that cannot be read, and go on."""
    from tqdm import tqdm

    from hcegan_lib import data
    from hcegan_lib.backend.files import write_atomically
    from hcegan_lib.experiment import photographs

    photos = photographs.list_photos(args.photos)
    generator, image_size = load(args)
    keeps_luma = generator.head == "luma"
    color = color_and_keep if keeps_luma else repaint
    names = [photographs.result_name(photo) if keeps_luma else f"{photo.stem}_color.png" for photo in photos]
    results = [args.output / name for name in names]
    check_results(results, photos, args.overwrite)
    done = 0
    bar = tqdm(zip(results, photos), total=len(photos), unit="photo", disable=not sys.stderr.isatty(), leave=False)
    with bar:
        for result, photo in bar:
            try:
                content = color(generator, image_size, photo, result)
            except data.DataError as error:
                with bar.external_write_mode(sys.stderr):
                    complain(str(error))
                continue
            write(args.output, done, lambda result=result, content=content: write_atomically(result, content))
            bar.write(printable(str(result)), file=sys.stdout)
            done += 1
    return 0 if done == len(photos) else 1 if done else 2


def load(args: argparse.Namespace) -> "tuple[UNetGenerator, int]":
    """Load the generator, and the short side of the photographs that it was trained on."""
    from hcegan_lib import train
    from hcegan_lib.experiment import weights

    if args.run is None:
        return weights.load(args.weights)
    generator, settings = train.load_generator(args.run)
    return generator, settings.image_size


def write(folder: Path, done: int, save: Callable[[], None]) -> None:
    """Write a result; a folder that cannot be made at first is invalid input, one that vanishes is not."""
    if not done:
        folder.mkdir(parents=True, exist_ok=True)
    with on_the_way():
        save()


def color_and_keep(generator: "UNetGenerator", image_size: int, photo: Path, result: Path) -> bytes:
    """Color a photograph at its own size, with the luma that it has, in its own format."""
    from hcegan_lib.experiment import photographs

    photograph = photographs.read(photo)
    colored = photographs.color_at_full_size(generator, photograph.rgb, image_size)
    return photographs.encode(photograph, colored, result.suffix)


def repaint(generator: "UNetGenerator", image_size: int, photo: Path, result: Path) -> bytes:
    """Color a photograph with a model that also repaints its luma: a PNG of the size that the model was trained on."""
    from hcegan_lib import data, models
    from hcegan_lib.experiment import photographs

    opened = data.open_photo(photo)
    W, H = opened.size
    if max(W, H) > photographs.MAX_ASPECT * min(W, H):
        limit = f"its long side may be at most {photographs.MAX_ASPECT} times its short side"
        raise data.DataError(f"{photo} has {W} x {H} pixels, but {limit}")
    return photographs.to_bytes(models.color_photo(generator, opened, image_size), "PNG")


def check_results(results: list[Path], photos: list[Path], overwrite: bool) -> None:
    """Refuse two results of one name, to replace a photograph, and to replace any other file without --overwrite."""
    if len(set(results)) < len(results):
        raise ValueError("two photographs have the same name, so one result would replace the other")
    for path in results:
        if path.exists() and any(photo.exists() and path.samefile(photo) for photo in photos):
            raise ValueError(
                f"{path} is one of the photographs to color, and its result would replace one: use --output"
            )
        if path.exists() and not overwrite:
            raise ValueError(f"{path} exists: replace it with --overwrite, or choose a different --output")
