"""The command that writes a generator for programs other than PyTorch: export."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hcegan_lib.backend.messages import printable
from hcegan_lib.cli.parser import add_command

if TYPE_CHECKING:
    from hcegan_lib.models import UNetGenerator


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Declare the options."""
    export = add_command(commands, "export", run_export, "write a generator as an ONNX file")
    export.description += " It runs without PyTorch, for example with ONNX Runtime."
    export.add_argument("source", metavar="WEIGHTS|RUN", help="name of ready weights, or folder of a training run")
    export.add_argument("--format", default="onnx", choices=["onnx"], help="default: onnx")
    export.add_argument("--out", type=Path, metavar="FILE", help="default: name of the weights or the folder, .onnx")
    export.add_argument("--overwrite", action="store_true", help="replace an existing file")


def run_export(args: argparse.Namespace) -> int:
    """Write one generator, and say what goes in and what comes out."""
    from hcegan_lib.experiment import export

    path = args.out or Path(f"{Path(args.source).resolve().name}.{args.format}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a file with --out")
    if path.exists() and not args.overwrite:
        raise ValueError(f"{path} exists: replace it with --overwrite, or choose a different --out")
    generator = load(args.source)
    path.parent.mkdir(parents=True, exist_ok=True)
    export.to_onnx(generator, path)
    multiple = 2 ** len(generator.encoder)
    print(printable(str(path)), f"({path.stat().st_size / 1e6:.1f} MB)")
    print(f"input: gray (batch, 1, height, width), float32 in [0, 1]; height and width multiples of {multiple}")
    print("output: color (batch, 3, height, width), float32 in [0, 1]")
    return 0


def load(source: str) -> "UNetGenerator":
    """Load ready weights by their name, or else the newest generator of a run."""
    from hcegan_lib import train
    from hcegan_lib.experiment import weights

    names = weights.names()
    if source in names:
        return weights.load(source)[0]
    if not Path(source).is_dir():
        raise ValueError(f"{source} is neither the folder of a run nor one of the ready weights {', '.join(names)}")
    return train.load_generator(source)[0]
