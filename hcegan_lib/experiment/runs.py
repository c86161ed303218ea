"""The runs of a grid and their folders.

run.json in a run's folder says what the run was made from. A finished run has a record, its executed notebook, and no
error.txt. So an interrupted batch needs nothing but these folders to be resumed.
"""

import contextlib
import itertools
import json
import operator
import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hcegan_lib import data, paper, train
from hcegan_lib.backend.files import lock_folder, read_json, require_plain_file
from hcegan_lib.experiment import records
from hcegan_lib.experiment.grid import Grid, resolve_data
from hcegan_lib.experiment.provenance import code_hash, made_from


@dataclass(frozen=True)
class Run:
    """One run of a grid."""

    folder: Path
    parameters: dict  # of the notebook
    made_from: dict  # content of run.json
    steps: int  # of the whole training

    @property
    def name(self) -> str:
        """Name of the folder, such as mini-SAp+Hinge+BCE-seed0."""
        return self.folder.name


def expand(grid: Grid) -> list[Run]:
    """List the runs of a grid: all models and data sets with the first seed, then with the next one, and so on.

    So a batch that is stopped early has compared all models. Every data set is loaded once: that checks it and leaves
    its decoded photographs in the cache for all runs. ValueError if two runs would share a folder, a setting is
    impossible, or a data set cannot be used.
    """
    size, progress = train.config(grid.profile, **grid.settings).image_size, sys.stderr.isatty()
    sets = {name: data.load(resolve_data(name), size, progress=progress) for name in grid.data}
    code = code_hash()
    runs = [
        _run(grid, name, photos, model, seed, code)
        for seed in grid.seeds
        for name, photos in sets.items()
        for model in grid.models
    ]
    folder, times = Counter(run.folder for run in runs).most_common(1)[0]
    if times > 1:
        raise ValueError(f"two runs would have the name {folder.name}: rename one of the folders of photographs")
    return runs


def _run(grid: Grid, name: str, photos: data.PhotoSet, model: str, seed: int, code: str) -> Run:
    settings = train.config(grid.profile, **grid.settings, data=name, seed=seed, **paper.model(model)._asdict())
    steps = settings.epochs * (len(photos.train) // min(settings.batch_size, len(photos.train)))
    # For the notebook, None means the profile's value.
    changed = {setting: "all" if value is None else value for setting, value in grid.settings.items()}
    parameters = {"profile": grid.profile, "grid": grid.name, "model": model, "data": name, "seed": seed}
    parameters |= {"device": grid.device} | changed
    folder = records.run_folder(grid.name, photos.name, model, seed)
    return Run(folder, parameters, made_from(settings, photos.fingerprint, code), steps)


def check_destination(grid: Grid, *, resume: bool, fresh: bool) -> None:
    """Raise ValueError rather than mix a new batch with the runs or results of an earlier one.

    With earlier runs, the user must have decided to `resume` them or to start `fresh`; results whose runs are not here
    are replaced only by starting fresh, and files of something else never.
    """
    earlier = _folders(grid)
    if earlier and not (resume or fresh):
        raise ValueError(
            f"{records.RUNS / grid.name} has {len(earlier)} runs: continue with --resume, or start over with --fresh"
        )
    manifest = records.RESULTS / f"{grid.name}.json"
    if manifest.exists() and read_json(manifest).get("grid") != grid.name:
        raise ValueError(f"{manifest} is not the manifest of a grid {grid.name!r}: rename the grid file")
    table = records.RESULTS / f"{grid.name}.csv"
    if table.exists() and not fresh and not any((folder / "run.json").exists() for folder in earlier):
        where = f"its runs are not in {records.RUNS / grid.name}"
        raise ValueError(f"{table} exists, but {where}: replace it with --fresh, or rename the grid file")


def _folders(grid: Grid) -> list[Path]:
    return sorted(path for path in (records.RUNS / grid.name).glob("[!.]*") if path.is_dir())


def split_finished(grid: Grid, runs: list[Run], *, fresh: bool = False) -> tuple[list[Run], list[Path]]:
    """Return the runs from `expand` that are still to do, and the folders of earlier runs to `archive`.

    Those are all if the batch starts `fresh`; else those of runs that the grid no longer has, or that were made with
    different settings, photographs, code or version of torch.
    """
    usable = [] if fresh else runs
    kept = {r.folder for r in usable if read_json(r.folder / "run.json").get("hash") == r.made_from["hash"]}
    outdated = [folder for folder in _folders(grid) if folder not in kept]
    return [run for run in runs if not (run.folder in kept and is_finished(run))], outdated


def is_finished(run: Run) -> bool:
    """Check whether a run has left a complete record, and its notebook has come to its end without an error."""
    notebook_ended = (run.folder / "notebook.ipynb").exists() and not (run.folder / "error.txt").exists()
    return notebook_ended and "scores" in read_json(run.folder / "record.json")


def archive(folders: list[Path]) -> Path | None:
    """Move folders of runs to one next to their grid's, such as data/runs/laptop.replaced; overwrite nothing there.

    Returns that folder, None if there is nothing to move. If a training is running in one of them, it raises ValueError
    and moves none.
    """
    for folder in folders:
        with lock_folder(folder, "training"):  # `hcegan train --run` may be using it
            pass
    archived = None
    for folder in folders:
        archived = folder.parent.with_name(f"{folder.parent.name}.replaced")
        archived.mkdir(exist_ok=True)
        numbered = (archived / f"{folder.name}-{n}" for n in itertools.count(1))
        folder.rename(next(path for path in numbered if not path.exists()))
    return archived


def steps_done(run: Run) -> int:
    """Read the last step from a run's log. Up to some forty steps may still be in a buffer."""
    path = run.folder / "log.jsonl"
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError), open(require_plain_file(path), "rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - 2000))  # a row has about 200 bytes
        return operator.index(json.loads(log.read().split(b"\n")[-2])["step"])  # TypeError if it was edited
    return 0
