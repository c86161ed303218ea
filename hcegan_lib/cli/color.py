"""The command that colors photographs with a trained model: color."""

import argparse
from pathlib import Path

from hcegan_lib.cli.messages import complain, on_the_way
from hcegan_lib.cli.parser import add_command

MAX_ASPECT = 16  # long side of a photograph to its short side: memory grows with it


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Declare the options."""
    color = add_command(commands, "color", run_color, "color photographs with a trained model")
    color.add_argument(
        "photos", nargs="+", type=Path, metavar="PHOTO", help="photograph; only its gray values are used"
    )
    color.add_argument("--run", required=True, type=Path, metavar="DIR", help="folder of a training run")
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
    """Check all photographs, then color one after the other."""
    from hcegan_lib import data, models, train
    from hcegan_lib.backend.files import write_atomically

    generator, settings = train.load_generator(args.run)
    photos = {args.output / f"{path.stem}_color.png": path for path in args.photos}
    if len(photos) < len(args.photos):
        raise ValueError("two photographs have the same name, so one result would replace the other")
    for photo in args.photos:  # opened one at a time, because together they could fill the memory
        W, H = data.open_photo(photo).size
        if max(W, H) > MAX_ASPECT * min(W, H):
            limit = f"its long side may be at most {MAX_ASPECT} times its short side"
            raise ValueError(f"{photo} has {W} x {H} pixels, but {limit}")
        check_result(args.output / f"{photo.stem}_color.png", args)
    args.output.mkdir(parents=True, exist_ok=True)
    with on_the_way():
        for path, photo in photos.items():
            colored = models.color_photo(generator, data.open_photo(photo), settings.image_size)
            write_atomically(path, lambda part, colored=colored: colored.save(part, format="PNG"))
            print(path)
    return 0


def check_result(path: Path, args: argparse.Namespace) -> None:
    """Refuse to replace a photograph that is to be colored, and to replace any other file without --overwrite."""
    if path.exists() and any(path.samefile(photo) for photo in args.photos):
        raise ValueError(f"{path} is one of the photographs to color, and its result would replace one: use --output")
    if path.exists() and not args.overwrite:
        raise ValueError(f"{path} exists: replace it with --overwrite, or choose a different --output")
