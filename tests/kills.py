"""Kill commands with signal 9 at random moments, run them again, and compare every result with an unbroken run.

By hand, because it takes minutes: python -m tests.kills --kills 30
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import torch
from PIL import Image
from torch.utils._pytree import tree_map_only

from hcegan_lib import cli, course, data, sources, train  # noqa: F401 (imported once, before the forks)
from hcegan_lib.experiment import records
from tests.experiment.kits import ROOT, alive, make_kit, tree_of, wait_for, write_grid

TRAINING = ["--profile", "smoke", "--set", "batch_size=13", "--set", "epochs=3", "--set", "checkpoint_every=4"]
COMMANDS = {  # the words of a command, and the option that a second call needs
    "train": (["train", "--model", "SA'+Hinge+BCE", *TRAINING, "--run", "run"], []),
    "build": (["data", "build", "own", "--from", "photos"], []),
    "batch": (["batch", "grid.yaml", "--workers", "2"], ["--resume"]),
    "course": (["course", "--profile", "smoke", "--only", "02", "03", "--output", "out"], []),
}
PLACES = ("run", "out", "data/runs", "data/results", "data/raw")  # where they leave files
MEASURED = {"seconds", "peak_memory_mb", "memory", "environment", "metadata", "batch", "attempt", "id"}


def make_place(folder: Path, photos: Path) -> Path:
    """Make a kit with an empty cache and a grid of two runs."""
    cache = folder.with_name(f"{folder.name}-cache")
    cache.mkdir()
    write_grid(make_kit(folder, cache), models=["pix2pix"], seeds=[0, 1])
    (folder / "figures").symlink_to(ROOT / "figures", target_is_directory=True)
    (folder / "photos").symlink_to(photos, target_is_directory=True)
    for notebook in (ROOT / "notebooks").glob("0[23]_*.ipynb"):
        shutil.copy(notebook, folder / "notebooks")
    return folder


def make_photos(folder: Path) -> Path:
    """Make the photographs of the set that is built."""
    source = np.random.default_rng(0)
    for number in range(40):
        coarse = Image.fromarray(source.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((800, 600), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg")
    return folder


def begin(name: str, kit: Path, words: list[str]) -> psutil.Process:
    """Start a command in a kit. All but a batch are forks of this process, which has imported what they need."""
    process = os.fork()
    if process:
        return psutil.Process(process)
    os.setsid()
    os.chdir(kit)
    output = os.open("output.txt", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if name == "batch":
        os.execve(sys.executable, [sys.executable, "-m", "hcegan_lib", *words], os.environ | {"PYTHONPATH": str(kit)})
    data.KIT_ROOT, records.RUNS, course.NOTEBOOKS = kit, kit / "data" / "runs", kit / "notebooks"
    status = cli.main(words)
    sys.stdout.flush()
    os._exit(status)


def call(name: str, kit: Path, words: list[str], moment: float | None = None) -> tuple[int, float]:
    """Run a command to its end, or kill it after `moment` seconds; return its status and the seconds that it ran."""
    begun, process = time.monotonic(), begin(name, kit, words)
    try:
        status = process.wait(timeout=moment)
    except psutil.TimeoutExpired:
        tree = tree_of(process)
        process.kill()
        status = process.wait()
        wait_for(lambda: not alive(tree))  # what the command has started must end by itself
    return status, time.monotonic() - begun


def left(kit: Path) -> list[Path]:
    """List the files that a command has left."""
    return [path for part in PLACES for path in (kit / part).rglob("*") if path.is_file() and path.name != ".lock"]


def results(kit: Path) -> dict[str, object]:
    """Map each file that a command has left to its content, without times and other measurements of the machine."""
    return {path.relative_to(kit).as_posix(): content(path) for path in left(kit)}


def content(path: Path) -> object:
    """Read a file; of a page, which shows times, only that it is there."""
    if path.suffix == ".html":
        return path.stat().st_size > 0
    if path.suffix in (".json", ".ipynb"):
        return lasting(json.loads(path.read_bytes()))
    if path.suffix == ".jsonl":
        return [lasting(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    if path.suffix == ".pt":  # not its bytes: torch shares equal storages differently after loading
        state = torch.load(path, weights_only=True)
        return tree_map_only(torch.Tensor, lambda value: (value.dtype, value.shape, value.numpy().tobytes()), state)
    return path.read_bytes()


def lasting(value: object) -> object:
    """Drop what is measured, and the outputs of cells that cannot repeat."""
    if isinstance(value, list):
        return [lasting(each) for each in value]
    if not isinstance(value, dict):
        return value
    metadata = value.get("metadata")
    changing = isinstance(metadata, dict) and "nbval-ignore-output" in metadata.get("tags", [])
    left_out = MEASURED | {"outputs"} if changing else MEASURED
    return {key: lasting(each) for key, each in value.items() if key not in left_out}


def kill_and_repeat(name: str, folder: Path, seconds: float, right: dict, source: random.Random) -> bool:
    """Kill a command once before its end, repeat it, print a row, and tell whether the results are right."""
    words, again = COMMANDS[name]
    status = 0
    while status == 0:  # it ended first
        kit = make_place(Path(tempfile.mkdtemp(dir=folder), "kit"), folder / "photos")
        status, moment = call(name, kit, words, source.uniform(0, 0.9 * seconds))
    files = len(left(kit))
    status, _ = call(name, kit, [*words, *again])
    found = results(kit)
    wrong = sorted(path for path in {**right, **found} if right.get(path) != found.get(path))
    verdict = f"different: {', '.join(wrong[:5])}" if wrong else "all equal"
    row = f"{name:6}  killed after {moment:5.1f} of {seconds:5.1f} s, with {files:3} of {len(right):3} files"
    print(f"{row}; again: status {status}, {verdict}", flush=True)
    if status:
        print((kit / "output.txt").read_text(), file=sys.stderr)
    shutil.rmtree(kit.parent)
    return status == 0 and not wrong


def main() -> int:
    """Kill, repeat and compare; exit with 1 if any result differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=COMMANDS, nargs="+", default=[*COMMANDS])
    args = parser.parse_args()
    source, seconds, right = random.Random(args.seed), {}, {}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "photos").mkdir()
        make_photos(Path(folder) / "photos")
        for name in args.only:
            kit = make_place(Path(folder) / name, Path(folder) / "photos")
            status, seconds[name] = call(name, kit, COMMANDS[name][0])
            right[name] = results(kit)
            assert status == 0, (kit / "output.txt").read_text()
        names = [args.only[number % len(args.only)] for number in range(args.kills)]
        equal = [kill_and_repeat(name, Path(folder), seconds[name], right[name], source) for name in names]
    print(f"kills: {len(equal)}, with equal results: {sum(equal)}")
    return 0 if all(equal) else 1


if __name__ == "__main__":
    sys.exit(main())
