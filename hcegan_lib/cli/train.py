"""The command that trains a single model: train."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hcegan_lib.backend.messages import printable
from hcegan_lib.cli.messages import complain, on_the_way, shell_command
from hcegan_lib.cli.parser import add_command

if TYPE_CHECKING:
    from hcegan_lib.data import PhotoSet
    from hcegan_lib.train import Fit, TrainConfig


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Declare the options."""
    train = add_command(commands, "train", run_train, "train one model and score it on the test photographs")
    train.description += " Repeat the command to resume a run that was stopped."
    train.add_argument("--model", required=True, metavar="NAME", help='name in the paper, such as "SA\'+Hinge+BCE"')
    train.add_argument("--data", default="mini", metavar="NAME", help="a built set, or a folder (default: mini)")
    train.add_argument("--profile", default="tour", metavar="P", help="smoke, tour, laptop or paper (default: tour)")
    train.add_argument("--seed", type=int, default=0, metavar="N", help="seed of all random choices (default: 0)")
    setting = {"type": key_and_value, "metavar": "KEY=VALUE", "action": "append", "default": []}
    train.add_argument("--set", **setting, help="change a setting, such as epochs=3; may be repeated")
    train.add_argument("--run", type=Path, metavar="DIR", help="folder of the run (default: one in data/runs)")
    train.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"], help="default: auto")
    train.add_argument("--compile", action="store_true", help="use torch.compile: about a minute to start, GPUs only")


def key_and_value(word: str) -> tuple[str, str]:
    """Split KEY=VALUE."""
    key, equals, value = word.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"must be KEY=VALUE, got {word!r}")
    return key, value


def run_train(args: argparse.Namespace) -> int:
    """Train one model, or resume its training, and score it. With torchrun, this is one of several processes."""
    from hcegan_lib import experiment, paper, train
    from hcegan_lib.backend import parallel

    chosen = {**paper.model(args.model)._asdict(), "data": args.data, "seed": args.seed}
    settings = train.config(args.profile, **chosen, **experiment.parse_settings(dict(args.set)))
    device = parallel.find_device(args.device)
    try:
        with parallel.process_group(device):
            return fit_and_score(args, settings, device)
    except KeyboardInterrupt as stop:
        message = f"{str(stop) or 'stopped; run the command again to resume'}: {resume_command(args)}"
        raise KeyboardInterrupt(message) from None


def fit_and_score(args: argparse.Namespace, settings: "TrainConfig", device: str) -> int:
    """Train; the first process also reports what was left out, writes the record and prints the scores."""
    from hcegan_lib import data, train
    from hcegan_lib.backend import memory, parallel
    from hcegan_lib.experiment import records

    photos = data.load(settings.data, settings.image_size, progress=parallel.is_first())
    if parallel.is_first():
        report_left_out(photos)
        if args.compile and device == "cpu":
            complain("--compile is ignored on a CPU, where it would slow training down")
    compiled, progress = args.compile and device != "cpu", sys.stderr.isatty()
    folder = args.run or records.run_folder(args.profile, photos.name, args.model, args.seed)
    folder.mkdir(parents=True, exist_ok=True)  # an impossible folder is invalid input; one that vanishes later is not
    try:
        with on_the_way():
            fit = train.fit(settings, photos, folder, device=device, compiled=compiled, progress=progress)
            if parallel.is_first():
                save_and_print(fit, photos)
    except (train.NonFiniteLossError, memory.OutOfMemoryError) as error:
        return complain(str(error), 1)
    except RuntimeError as error:
        if not (compiled and type(error).__module__.startswith("torch._")):
            raise
        return complain(f"--compile failed ({str(error).splitlines()[0]}): train without it", 1)
    return 0


def report_left_out(photos: "PhotoSet") -> None:
    """Name unreadable photographs and count nearly gray ones."""
    for skipped in photos.skipped:
        complain(f"left out {skipped}")
    if photos.near_gray:
        complain(f"left out {len(photos.near_gray)} photographs that are nearly gray")


def save_and_print(fit: "Fit", photos: "PhotoSet") -> None:
    """Save the record of a run, and print the mean scores of the model and of the gray copy."""
    from hcegan_lib.experiment import records

    records.save_record(fit.folder, fit, photos)
    columns = ["psnr", "ssim", "colorfulness"]
    means = records.scores_of(fit.folder).groupby("model", sort=False)[columns].mean()
    for model, psnr, ssim, colorfulness in means.itertuples():
        print(f"{model:16}  PSNR {psnr:6.2f} dB  SSIM {ssim:6.3f}  colorfulness {colorfulness:5.1f}")
    print(printable(f"means over {len(photos.test)} test photographs; the run is in {fit.folder}"))


def resume_command(args: argparse.Namespace) -> str:
    """Write the command that resumes a training."""
    changes = [word for key, value in args.set for word in ("--set", f"{key}={value}")]
    names = ("model", "data", "profile", "seed", "run", "device", "compile")
    return shell_command("train", *changes, **{name: getattr(args, name) for name in names})
