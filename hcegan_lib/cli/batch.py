"""The command that trains many models: batch."""

import argparse
import contextlib
import itertools
import re
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from hcegan_lib import experiment
from hcegan_lib.backend.files import lock_folder, read_json
from hcegan_lib.cli.messages import complain, print_row, reason, shell_command
from hcegan_lib.cli.parser import add_command

if TYPE_CHECKING:
    from distributed import Client

    from hcegan_lib.experiment import Run

BAR = "|{bar:24}| {desc}, {elapsed}, {remaining} left"
LOOKS_PER_SECOND = 5
PATIENCE = 5  # seconds until the user hears that no worker takes a run
PARTS = {"settings": "settings", "data": "photographs", "code": "code", "torch": "torch"}  # of run.json


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Declare the options."""
    batch = add_command(commands, "batch", run_batch, "train and score a grid of models, data sets and seeds")
    batch.description += " Runs go to data/runs/GRID, and their scores to data/results/GRID.csv."
    batch.add_argument("grid", type=Path, metavar="GRID.yaml", help="a grid file, such as notebooks/grids/smoke.yaml")
    where = batch.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, metavar="N", help="simultaneous runs (default: one per core; 1 on a GPU)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="use this Dask scheduler, such as tcp://10.0.0.1:8786")
    batch.add_argument("--resources", metavar="GPU=1", help="resources that each run takes of a worker of --scheduler")
    earlier = batch.add_mutually_exclusive_group()
    earlier.add_argument("--resume", action="store_true", help="keep finished runs and continue the others")
    earlier.add_argument("--fresh", action="store_true", help="move earlier runs to GRID.replaced and start over")


def run_batch(args: argparse.Namespace) -> int:
    """Run a grid, print a row as each run ends, merge all records into one table, and list the failures last."""
    resources = parse_resources(args)
    from hcegan_lib.experiment import records

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops the runs too, as Ctrl-C does
    grid = experiment.read_grid(args.grid)
    experiment.check_destination(grid, resume=args.resume, fresh=args.fresh)
    workers = None if args.scheduler else local_workers(args.workers, grid.device)
    runs = experiment.expand(grid)
    left, outdated = experiment.split_finished(grid, runs, fresh=args.fresh)
    at_once = workers and min(workers, len(runs))
    cluster = experiment.scheduler_at(args.scheduler) if args.scheduler else experiment.local_cluster(at_once)
    with cluster if left else contextlib.nullcontext() as client, lock_folder(records.RUNS / grid.name, "batch"):
        if outdated:
            why = "" if args.fresh else f": {explain_outdated(outdated, runs)}"
            moved = "1 earlier run" if len(outdated) == 1 else f"{len(outdated)} earlier runs"
            complain(f"moved {moved} to {experiment.archive(outdated)}{why}")
        failed = run_grid(args, runs, left, client, at_once=at_once, resources=resources)
        finished = sum(map(experiment.is_finished, runs))
        table = records.collect(grid.name, failed) if finished else "no table"
    print(f"runs: {len(runs)}, finished: {finished}; {table}")
    for failure in failed:
        complain(f"{failure['run']}, {failure['error']}")
    return 1 if failed else 0


def parse_resources(args: argparse.Namespace) -> dict[str, float] | None:
    """Check the options of a batch, and read what each run takes of a worker."""
    if args.workers is not None and args.workers < 1:
        raise ValueError(f"--workers must be at least 1, got {args.workers}")
    if args.scheduler and not re.fullmatch(r"(tcp://)?[^\s/]+:\d{1,5}", args.scheduler):
        # Dask would take a minute to say so.
        raise ValueError(f"--scheduler must be like tcp://10.0.0.1:8786, got {args.scheduler!r}")
    if args.resources and not args.scheduler:
        raise ValueError("--resources needs --scheduler, whose workers offer them")
    pairs = [re.fullmatch(r"(\w+)=(\d+\.?\d*)", word) for word in (args.resources or "").split(",") if word]
    if None in pairs:
        raise ValueError(f"--resources must be like GPU=1, got {args.resources!r}")
    return {pair[1]: float(pair[2]) for pair in pairs} or None


def local_workers(wanted: int | None, device: str) -> int:
    """Choose the number of simultaneous runs: as many as wanted, or one per core, or 1 if they would share one GPU."""
    from hcegan_lib.backend.parallel import find_device
    from hcegan_lib.experiment.supervise import count_cores

    found = find_device(device)  # raises ValueError before the first run if the device is not available
    return wanted or (count_cores() if found == "cpu" else 1)


def explain_outdated(folders: list[Path], runs: list["Run"]) -> str:
    """Count the earlier runs per reason why the grid cannot use them, such as "2 made with different code"."""
    made_from, reasons = {run.folder: run.made_from for run in runs}, Counter()
    for folder in folders:
        earlier = read_json(folder / "run.json")
        if folder not in made_from:
            reasons["not in this grid"] += 1
        elif not earlier:
            reasons["without a readable run.json"] += 1
        else:
            changed = [name for key, name in PARTS.items() if earlier.get(key) != made_from[folder][key]]
            reasons[f"made with different {' and '.join(changed)}"] += 1
    return ", ".join(f"{count} {why}" for why, count in reasons.items())


def run_grid(
    args: argparse.Namespace, runs: list["Run"], left: list["Run"], client: "Client", **options: object
) -> list[dict]:
    """Execute the runs in `left`, show the progress of all, and return the failures."""
    progress, looks, failed = Progress(runs, left), itertools.count(), []
    width = max(len(run.name) for run in runs)

    def watch() -> None:
        look = next(looks)
        if look % LOOKS_PER_SECOND == 0:
            progress.show()
        if look == PATIENCE * LOOKS_PER_SECOND and args.scheduler and experiment.has_taken_none(client):
            complain(f"no worker of {args.scheduler} has taken a run yet; waiting")

    try:
        with progress.bar:
            for run, outcome in experiment.run_all(client, left, watch=watch, **options):
                del progress.unfinished[run.name]
                print_row(progress.bar, outcome, width)
                failed += [{"run": run.name, "error": error} for error in outcome.errors]
                progress.show()
    except (KeyboardInterrupt, OSError) as stop:  # Dask raises half a dozen types of OSError for a lost connection
        finished = f"{sum(map(experiment.is_finished, runs))} of {len(runs)} runs are finished"
        message = f"{reason(stop) or 'stopped'}; {finished}. Continue with: {resume_command(args)}"
        raise (KeyboardInterrupt if isinstance(stop, KeyboardInterrupt) else ConnectionError)(message) from None
    return failed


class Progress:
    """Progress bar of a batch. It counts training steps, so it can estimate the time left before the first run ends."""

    def __init__(self, runs: list["Run"], left: list["Run"]) -> None:
        self.runs, self.unfinished = runs, {run.name: run for run in left}
        options = {"disable": not sys.stderr.isatty(), "leave": False, "smoothing": 0, "bar_format": BAR}
        self.bar = tqdm(total=sum(run.steps for run in runs), initial=self.steps_done(), **options)

    def steps_done(self) -> int:
        """Count the finished steps of all runs."""
        return sum(experiment.steps_done(run) if run.name in self.unfinished else run.steps for run in self.runs)

    def show(self) -> None:
        """Update the bar."""
        if not self.bar.disable:
            self.bar.n = self.steps_done()
            self.bar.set_description_str(f"{len(self.runs) - len(self.unfinished)}/{len(self.runs)} runs")


def resume_command(args: argparse.Namespace) -> str:
    """Write the command that finishes a batch."""
    options = {"workers": args.workers, "scheduler": args.scheduler, "resources": args.resources}
    return shell_command("batch", str(args.grid), **options, resume=True)
