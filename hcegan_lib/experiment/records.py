"""One record per run: settings, the scores of each photograph, curves, machine; and the records of a grid in one table.

Means are taken later, in `results`, so that intervals can be computed too.
"""

import json
import platform
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
from hcegan_lib.backend.checkpoints import read_run_json, read_samples, sampled
from hcegan_lib.backend.files import name_file, require_plain_file, write_atomically
from hcegan_lib.color import chroma, gray_to_rgb, with_luma
from hcegan_lib.data import Photos, PhotoSet
from hcegan_lib.models import render
from hcegan_lib.train import Fit

RUNS = KIT_ROOT / "data" / "runs"  # whole runs with their weights; not under version control
RESULTS = KIT_ROOT / "data" / "results"  # their scores, curves and pictures; committed
GRAY_COPY = "gray copy"  # the baseline of every table: the gray photograph in all three channels
ONE_TINT = "one tint"  # a baseline of color: the mean chroma of the training photographs in every pixel
BASELINES = GRAY_COPY, ONE_TINT  # they need no training
RUN = ["data", "model", "seed"]  # identifies a run in a table
# Columns of a table of scores: those of `metrics.evaluate` after the run. Tables made before some existed lack them.
COLUMNS = [*RUN, "file", "psnr", "ssim", "ciede2000", "chroma_error", "colorfulness", "true_colorfulness"]
COLUMNS += ["psnr_luma", "ssim_luma", "ciede2000_luma"]
PICTURES = 12  # test photographs whose rendering is kept as a picture


def run_folder(grid: str, data: str, model: str, seed: int) -> Path:
    """Return the folder of a run of a grid or profile, such as data/runs/tour/mini-SAp+Hinge+BCE-seed0."""
    return RUNS / grid / f"{picture_name(data, model)}-seed{seed}"


def picture_name(data: str, model: str) -> str:
    """Return the file name for a model on a data set: SA' is SAp, and "pix2pix, luma kept" is pix2pix-luma-kept."""
    model = model.replace(",", "").replace(" ", "-")
    return f"{data}-{model}".replace("'", "p")  # quotes and spaces would need escaping in a shell


# --- one run ----------------------------------------------------------------------------------------------------------


def save_record(folder: str | Path, fit: Fit, photos: PhotoSet) -> Path:
    """Score a finished run on all test photographs of its set; write record.json and rendered.png into its folder.

    `PICTURES` of the photographs, evenly spaced, are in rendered.png, side by side. Returns the path of record.json;
    raises ValueError if the run is not finished.
    """
    if not fit.finished:
        raise ValueError(f"{folder} is at step {fit.step} of {fit.steps}: finish the run first, then record its scores")
    folder = Path(folder)
    settings = asdict(fit.settings)
    gray, _ = photos.test.batch()
    rendered = render(fit.generator, gray)
    shown = sampled(len(gray), PICTURES)
    record = {
        "model": paper.model_name(settings["gamma_init"], settings["loss"], settings["head"]),
        "settings": settings,
        "data": {"name": photos.name, "fingerprint": photos.fingerprint, "train": len(photos.train)},
        "scores": metrics.evaluate(rendered, photos.test).to_dict("records"),
        GRAY_COPY: metrics.evaluate(gray_to_rgb(gray), photos.test).to_dict("records"),
        ONE_TINT: metrics.evaluate(one_tint(photos), photos.test).to_dict("records"),
        "curves": curves(fit, photos.test),
        "pictures": [photos.test.files[n] for n in shown],
        "steps": fit.steps,
        "seconds": round(float(fit.log["seconds"].sum()), 1),
        "peak_memory_mb": round(peak_memory(fit)),
        "environment": environment(fit),
    }
    write_atomically(folder / "rendered.png", lambda part: strip(rendered[shown]).save(part, format="PNG"))
    path = folder / "record.json"
    write_atomically(path, json.dumps(record, indent=1) + "\n")  # last: a folder with a record counts as finished
    return path


def one_tint(photos: PhotoSet) -> Tensor:
    """Give every pixel of the test photographs the mean chroma of the training photographs: (N, 3, H, W), in [0, 1]."""
    gray, _ = photos.test.batch()
    mean = chroma(photos.train.batch()[1]).mean(dim=(0, 2, 3), keepdim=True)  # (1, 2, 1, 1)
    return with_luma(mean.expand(len(gray), -1, *gray.shape[-2:]), gray)


def strip(images: Tensor) -> Image.Image:
    """Lay images (N, 3, H, W), in [0, 1], side by side."""
    row = torch.cat(list(images), dim=2)  # (3, H, N * W)
    return Image.fromarray((row * 255).round().byte().permute(1, 2, 0).numpy())  # save_image rounds some values up


def curves(fit: Fit, photos: Photos) -> list[dict]:
    """Average the log over each epoch: one row per epoch, with the standard deviation of both losses over its steps.

    `psnr` (dB) and `chroma_error` are means over the test photographs that were rendered at its end.
    """
    epoch_steps = fit.steps // fit.settings.epochs
    epoch = (fit.log["step"] - 1) // epoch_steps + 1
    grouped = fit.log.astype({"gain": float}).groupby(epoch.rename("epoch"))
    table = grouped[["d_loss", "g_loss", "l1", "real", "fake", "gain"]].mean()
    table["d_loss_std"] = grouped["d_loss"].std()
    table["g_loss_std"] = grouped["g_loss"].std()
    samples = read_samples(fit.folder)
    _, color = photos.batch(sampled(len(photos)))
    for name, measure in {"psnr": metrics.psnr, "chroma_error": metrics.chroma_error}.items():
        table[name] = [measure(samples[number * epoch_steps], color).mean().item() for number in table.index]
    table = table.round(6).astype(object)  # so that NaN, the gain without attention, can become null in JSON
    return table.where(table.notna(), None).reset_index().to_dict("records")


def peak_memory(fit: Fit) -> float:
    """Return the most memory that the process, or the GPU, has held, in MB."""
    device = next(fit.generator.parameters()).device
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 1e6
    import resource  # does not exist on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def environment(fit: Fit) -> dict:
    """Describe the machine and the code of a run, so that its numbers can be traced to them."""
    device = next(fit.generator.parameters()).device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type}, {platform.machine()}"
    return {
        "device": name,
        "threads": torch.get_num_threads(),
        "processes": parallel.world_size(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "hcegan": __version__,
        "commit": git_commit(),
    }


def git_commit() -> str | None:
    """Return the commit of the clone, with "-dirty" if the library differs from it; None outside a clone."""

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(KIT_ROOT), *words], capture_output=True, text=True, check=True).stdout

    if not (KIT_ROOT / ".git").exists():
        return None  # the commit of a repository around it would say nothing about the kit
    try:
        commit = git("rev-parse", "HEAD").strip()
        return commit + "-dirty" * bool(git("status", "--porcelain", "--", "hcegan_lib"))
    except (OSError, subprocess.CalledProcessError):
        return None


# --- all runs below a folder ------------------------------------------------------------------------------------------


def read_records(folder: Path) -> Iterator[dict]:
    """Read every record below a folder, in the order of their paths, but not those of runs that failed afterward."""
    for path in sorted(folder.rglob("record.json")):
        if path.with_name("error.txt").exists():
            continue
        with name_file(path):
            record = read_run_json(path)
            _run(record), record["scores"], record[GRAY_COPY], record["curves"]  # KeyError if it is something else
        yield record


def _run(record: dict) -> dict:
    return {"data": record["data"]["name"], "model": record["model"], "seed": record["settings"]["seed"]}


def scores_of(folder: Path) -> pd.DataFrame:
    """Collect the scores of all finished runs below a folder, such as `RUNS / "tour"`.

    Returns one row per photograph and run, with the columns `COLUMNS`; `metrics.evaluate` says what they hold.
    Each of the `BASELINES` appears once per data set, with seed -1 because nothing in it is random. Empty if no run is
    finished.
    """
    rows = []
    for record in read_records(folder):
        run = _run(record)
        rows += [run | row for row in record["scores"]]
        for name in BASELINES:  # records made before there was a tint lack it
            rows += [run | {"model": name, "seed": -1} | row for row in record.get(name, [])]
    table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=COLUMNS)
    return table.drop_duplicates([*RUN, "file"], ignore_index=True)


def curves_of(folder: Path) -> pd.DataFrame:
    """Collect the curves of all finished runs below a folder, such as `RUNS / "tour"`.

    Returns one row per epoch and run: data, model, seed, epoch, then means over the epoch's steps (d_loss, g_loss, l1,
    real and fake logits, gain), the losses' standard deviations over these steps, and scores; see `curves`. `gain` is
    NaN without attention.
    """
    return pd.DataFrame([_run(record) | row for record in read_records(folder) for row in record["curves"]])


def middle_seeds(scores: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Map (data, model) to the seed of its run with the middle mean PSNR, the lower one of two.

    A picture of that run flatters the model no more than it slights it. `scores` is as in `scores_of`.
    """
    means = scores.groupby(RUN)["psnr"].mean().sort_values(kind="stable")
    runs = means.drop(-1, level="seed", errors="ignore").reset_index().groupby(["data", "model"])["seed"]
    return {name: int(seeds.iloc[(len(seeds) - 1) // 2]) for name, seeds in runs}


# --- committed results ------------------------------------------------------------------------------------------------


def collect(grid: str, failed: list[dict] | None = None) -> Path:
    """Merge the finished runs of a grid or profile into `RESULTS`.

    Writes GRID.csv (one row per photograph and run), GRID-curves.csv (one row per epoch and run), GRID-pictures
    (rendered.png of each model's run in `middle_seeds`) and GRID.json, the manifest: how each run was made, and which
    failed.
    `failed` lists the latter, each with "run" and "error". Returns the path of GRID.csv; raises ValueError if no run is
    finished.
    """
    folder = RUNS / grid
    scores = scores_of(folder)
    if scores.empty:
        raise ValueError(f"no finished run in {folder}: train one first")
    left_out = ("scores", *BASELINES, "curves")
    runs = [{key: record[key] for key in record if key not in left_out} for record in read_records(folder)]
    pictures, middle = RESULTS / f"{grid}-pictures", middle_seeds(scores)
    pictures.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.rglob("record.json")):
        data, model, seed = _run(read_run_json(path)).values()
        if middle[data, model] == seed:
            picture = require_plain_file(path.with_name("rendered.png")).read_bytes()
            write_atomically(pictures / f"{picture_name(data, model)}.png", picture)
    made_by = json.dumps({"grid": grid, "runs": runs, "failed": failed or []}, indent=1)
    write_table(RESULTS / f"{grid}-curves.csv", curves_of(folder))
    write_atomically(RESULTS / f"{grid}.json", made_by + "\n")
    write_table(RESULTS / f"{grid}.csv", scores)
    return RESULTS / f"{grid}.csv"


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, the same bytes on every system."""
    write_atomically(path, table.to_csv(index=False, float_format="%.6f", lineterminator="\n"))


def manifest(grid: str) -> dict:
    """Read how the committed scores of a grid were made: "grid", "runs" with their settings, and "failed" runs.

    Raises ValueError if there is no manifest, or if it is damaged.
    """
    path = RESULTS / f"{grid}.json"
    if not path.exists():
        raise ValueError(f"no manifest of grid {grid!r}: {path} does not exist")
    with name_file(path):
        content = json.loads(path.read_text(encoding="utf-8"))
        content["grid"], content["failed"], [_run(run) for run in content["runs"]]  # KeyError if it is something else
        return content


def read_pictures(grid: str, data: str, model: str) -> tuple[list[str], Tensor]:
    """Read the recorded pictures of one model: the names of N test photographs, and a tensor (N, 3, H, W) in [0, 1].

    Raises ValueError if there are none.
    """
    path = RESULTS / f"{grid}-pictures" / f"{picture_name(data, model)}.png"
    if not path.exists():
        raise ValueError(f"no recorded pictures of {model!r} on {data!r} in grid {grid!r}: {path} does not exist")
    runs = manifest(grid)["runs"]
    files = next(run["pictures"] for run in runs if (run["data"]["name"], run["model"]) == (data, model))
    with Image.open(path) as picture:
        row = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255  # (3, H, N * W)
    return files, torch.stack(row.chunk(len(files), dim=2))
