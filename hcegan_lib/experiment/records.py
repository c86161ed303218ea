"""A record a run: its settings, each photograph's scores, its curves, its machine; and records merged into one table.

A record holds every test photograph's scores. Means are taken later, in `results`, so that an interval can always be
computed and nobody has to trust a single number.
"""

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import torch
from PIL import Image
from torch import Tensor

from hcegan_lib import KIT_ROOT, __version__, metrics, paper
from hcegan_lib.backend import parallel
from hcegan_lib.color import gray_to_rgb
from hcegan_lib.data import PhotoSet
from hcegan_lib.train import Fit, read_json, render, write_whole

RUNS = KIT_ROOT / "data" / "runs"  # whole runs with their weights; not under version control
RESULTS = KIT_ROOT / "data" / "results"  # their scores, curves and pictures; committed
GRAY_COPY = "gray copy"  # the baseline of every table: the gray photograph in all three channels
COLUMNS = ["data", "model", "seed", "file", "psnr", "ssim", "colorfulness", "true_colorfulness"]
PICTURES = 12  # test photographs whose rendering is kept as a picture


def run_folder(grid: str, data: str, model: str, seed: int) -> Path:
    """Say where a run of a grid or profile lives, for example data/runs/tour/mini-SAp+Hinge+BCE-seed0."""
    return RUNS / grid / f"{picture_name(data, model)}-seed{seed}"


def picture_name(data: str, model: str) -> str:
    """Name a model on a data set in the name of a file: SA' and SA'' become SAp and SApp."""
    return f"{data}-{model}".replace("'", "p")  # a shell would take the quote for its own


def save_record(folder: str | Path, fit: Fit, photos: PhotoSet) -> Path:
    """Score a finished run on the test photographs; write record.json and rendered.png into its folder.

    rendered.png holds `PICTURES` test photographs as the run colors them, side by side, picked evenly over the set.

    Parameters
    ----------
    folder
        Folder of the run.
    fit
        What `train.fit` returned.
    photos
        The set it was trained on; its test photographs are scored.

    Returns
    -------
    Path
        The record.

    Raises
    ------
    ValueError
        If the run is not finished: half a run's scores would pass for a whole one's.
    """
    if not fit.finished:
        raise ValueError(
            f"{folder} is at step {fit.step} of {fit.steps}: finish the run before its scores are recorded"
        )
    folder = Path(folder)
    settings = asdict(fit.settings)
    gray, _ = photos.test.batch()
    rendered = render(fit.generator, gray)
    shown = spread(len(gray))
    record = {
        "model": paper.model_name(settings["gamma_init"], settings["loss"]),
        "settings": settings,
        "data": {"name": photos.name, "fingerprint": photos.fingerprint, "train": len(photos.train)},
        "scores": metrics.evaluate(rendered, photos.test).to_dict("records"),
        GRAY_COPY: metrics.evaluate(gray_to_rgb(gray), photos.test).to_dict("records"),
        "curves": curves(fit),
        "pictures": [photos.test.files[n] for n in shown],
        "steps": fit.steps,
        "seconds": round(float(fit.log["seconds"].sum()), 1),
        "peak_memory_mb": round(peak_memory(fit)),
        "environment": environment(fit),
    }
    write_whole(folder / "rendered.png", lambda part: strip(rendered[shown]).save(part, format="PNG"))
    path = folder / "record.json"  # last, because a folder that has it counts as finished
    write_whole(path, lambda part: part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8"))
    return path


def spread(count: int) -> list[int]:
    """Pick `PICTURES` of `count` photographs, evenly from the first to the last; all of them if there are fewer."""
    return torch.linspace(0, count - 1, min(PICTURES, count)).round().int().tolist()


def strip(images: Tensor) -> Image.Image:
    """Lay photographs (N, 3, H, W), in [0, 1], side by side."""
    row = torch.cat(list(images), dim=2)  # (3, H, N * W)
    return Image.fromarray((row * 255).round().byte().permute(1, 2, 0).numpy())


def curves(fit: Fit) -> list[dict]:
    """Average the log over each epoch: a row an epoch, with the spread of both losses over its steps."""
    epoch_steps = fit.steps // fit.settings.epochs
    epoch = (fit.log["step"] - 1) // epoch_steps + 1
    grouped = fit.log.astype({"gain": float}).groupby(epoch.rename("epoch"))
    table = grouped[["d_loss", "g_loss", "l1", "real", "fake", "gain"]].mean()
    table["d_loss_std"] = grouped["d_loss"].std()
    table["g_loss_std"] = grouped["g_loss"].std()
    table = table.round(6).astype(object)  # NaN, a gain without attention, is null in JSON
    return table.where(table.notna(), None).reset_index().to_dict("records")


def peak_memory(fit: Fit) -> float:
    """Say how much memory the process, or the GPU, has held at most, in MB."""
    device = next(fit.generator.parameters()).device
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 1e6
    import resource  # not there on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def environment(fit: Fit) -> dict:
    """Name what computed a run: a number that cannot be traced to its machine and code is worth little."""
    device = next(fit.generator.parameters()).device
    return {
        "device": torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"{device.type}, {platform.machine()}",
        "threads": torch.get_num_threads(),
        "processes": parallel.size(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "hcegan": __version__,
        "commit": git_commit(),
    }


def git_commit() -> str | None:
    """Read the commit of the clone, with "-dirty" where the library differs from it; None outside a clone."""

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(KIT_ROOT), *words], capture_output=True, text=True, check=True).stdout

    try:
        commit = git("rev-parse", "HEAD").strip()
        return commit + "-dirty" * bool(git("status", "--porcelain", "--", "hcegan_lib"))
    except (OSError, subprocess.CalledProcessError):
        return None


def read_records(folder: Path) -> Iterator[dict]:
    """Read every record below a folder, in the order of their names."""
    for path in sorted(folder.rglob("record.json")):
        yield read_json(path)


def scores_of(folder: Path) -> pd.DataFrame:
    """Collect the scores of all finished runs below a folder.

    Parameters
    ----------
    folder
        For example `RUNS / "tour"`.

    Returns
    -------
    DataFrame
        One row a photograph and run: data, model, seed, file, psnr (dB), ssim, colorfulness, true_colorfulness. The
        gray copy stands once a data set, with seed -1, since no chance is in it. Empty when nothing is finished.
    """
    rows = []
    for record in read_records(folder):
        run = {"data": record["data"]["name"], "model": record["model"], "seed": record["settings"]["seed"]}
        rows += [run | row for row in record["scores"]]
        rows += [run | {"model": GRAY_COPY, "seed": -1} | row for row in record[GRAY_COPY]]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.drop_duplicates(["data", "model", "seed", "file"], ignore_index=True)


def curves_of(folder: Path) -> pd.DataFrame:
    """Collect the curves of all finished runs below a folder.

    Parameters
    ----------
    folder
        For example `RUNS / "laptop"`.

    Returns
    -------
    DataFrame
        One row an epoch and run: data, model, seed, epoch, then means over the epoch's steps (d_loss, g_loss, l1, real
        and fake logits, gain) and the losses' standard deviations over these steps. `gain` is NaN without attention.
    """
    rows = []
    for record in read_records(folder):
        run = {"data": record["data"]["name"], "model": record["model"], "seed": record["settings"]["seed"]}
        rows += [run | row for row in record["curves"]]
    return pd.DataFrame(rows)


def collect(grid: str, failed: list[dict] | None = None) -> Path:
    """Merge the finished runs of a grid or profile into `RESULTS`.

    Writes GRID.csv (a row a photograph and run), GRID-curves.csv (a row an epoch and run), GRID-pictures (rendered.png
    of the first seed of each model) and GRID.json, the manifest: what made each run, and which runs failed.

    Parameters
    ----------
    grid
        Name of a folder in `RUNS`.
    failed
        Runs that failed, each with "run" and "error"; they have no scores.

    Returns
    -------
    Path
        The CSV file with the scores.

    Raises
    ------
    ValueError
        If no run is finished.
    """
    folder = RUNS / grid
    scores = scores_of(folder)
    if scores.empty:
        raise ValueError(f"no finished run in {folder}: train one first")
    left_out = ("scores", GRAY_COPY, "curves")
    runs = [{key: record[key] for key in record if key not in left_out} for record in read_records(folder)]
    manifest = {"grid": grid, "runs": runs, "failed": failed or []}
    pictures = RESULTS / f"{grid}-pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    for run, source in first_seeds(folder):
        target = pictures / f"{picture_name(run['data']['name'], run['model'])}.png"
        write_whole(target, lambda part, source=source: shutil.copyfile(source, part))
    path = RESULTS / f"{grid}.csv"
    write_table(RESULTS / f"{grid}-curves.csv", curves_of(folder))
    write_whole(path.with_suffix(".json"), lambda part: part.write_text(json.dumps(manifest, indent=1) + "\n", "utf-8"))
    write_table(path, scores)
    return path


def first_seeds(folder: Path) -> Iterator[tuple[dict, Path]]:
    """Go through the runs of the lowest seed of each model and data set: its record and its picture."""
    first = {}
    for path in sorted(folder.rglob("record.json")):
        record = read_json(path)
        key = record["data"]["name"], record["model"]
        if key not in first or record["settings"]["seed"] < first[key][0]["settings"]["seed"]:
            first[key] = record, path.with_name("rendered.png")
    yield from first.values()


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, the same bytes on every system."""
    write_whole(path, lambda part: table.to_csv(part, index=False, float_format="%.6f", lineterminator="\n"))


def read_pictures(grid: str, data: str, model: str) -> tuple[list[str], Tensor]:
    """Read the recorded pictures of one model.

    Parameters
    ----------
    grid, data, model
        Names as in the recorded results.

    Returns
    -------
    files, images
        Names of the test photographs, and these as the model colors them, shape (N, 3, H, W), in [0, 1].

    Raises
    ------
    ValueError
        If there are none.
    """
    path = RESULTS / f"{grid}-pictures" / f"{picture_name(data, model)}.png"
    if not path.exists():
        raise ValueError(f"no recorded pictures of {model!r} on {data!r} in grid {grid!r}: {path} does not exist")
    runs = read_json(RESULTS / f"{grid}.json")["runs"]
    files = next(run["pictures"] for run in runs if (run["data"]["name"], run["model"]) == (data, model))
    with Image.open(path) as picture:
        row = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255  # (3, H, N * W)
    return files, torch.stack(row.chunk(len(files), dim=2))
