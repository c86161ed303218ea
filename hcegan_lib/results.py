"""From finished runs to tables: a record a run, a row a photograph, means with intervals beside the paper's numbers.

A record holds every test photograph's scores. Means are taken here, at the end, so that an interval can always be
computed and nobody has to trust a single number.
"""

import json
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
from scipy.stats import t

from hcegan_lib import __version__, metrics, paper
from hcegan_lib.color import gray_to_rgb
from hcegan_lib.data import KIT_ROOT, PhotoSet
from hcegan_lib.train import Fit, config, read_json, render, write_whole

RUNS = KIT_ROOT / "data" / "runs"  # whole runs with their weights; not under version control
RESULTS = KIT_ROOT / "data" / "results"  # their scores; committed
GRAY_COPY = "gray copy"  # the baseline of every table: the gray photograph in all three channels
COLUMNS = ["data", "model", "seed", "file", "psnr", "ssim", "colorfulness", "true_colorfulness"]
IN_TABLES = {"psnr": 1, "ssim": 100}  # the paper prints SSIM in percent


def run_folder(profile: str, data: str, model: str, seed: int) -> Path:
    """Say where a run lives, for example data/runs/tour/mini-SAp+Hinge+BCE-seed0."""
    model = model.replace("'", "p")  # a shell would take the quote of SA' for its own
    return RUNS / profile / f"{data}-{model}-seed{seed}"


def save_record(folder: str | Path, fit: Fit, photos: PhotoSet) -> Path:
    """Score a finished run on the test photographs and write record.json into its folder.

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
    settings = {name: value for name, value in read_json(folder / "config.json").items() if name != "fingerprint"}
    gray, _ = photos.test.batch()
    record = {
        "model": paper.model_name(settings["gamma_init"], settings["loss"]),
        "settings": settings,
        "data": {"name": photos.name, "fingerprint": photos.fingerprint, "train": len(photos.train)},
        "scores": metrics.evaluate(render(fit.generator, gray), photos.test).to_dict("records"),
        GRAY_COPY: metrics.evaluate(gray_to_rgb(gray), photos.test).to_dict("records"),
        "steps": fit.steps,
        "seconds": round(float(fit.log["seconds"].sum()), 1),
        "environment": environment(fit),
    }
    path = folder / "record.json"
    write_whole(path, lambda part: part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8"))
    return path


def environment(fit: Fit) -> dict:
    """Name what computed a run: a number that cannot be traced to its machine and code is worth little."""
    device = next(fit.generator.parameters()).device
    return {
        "device": torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"{device.type}, {platform.machine()}",
        "threads": torch.get_num_threads(),
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


def records(folder: Path) -> Iterator[dict]:
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
    for record in records(folder):
        run = {"data": record["data"]["name"], "model": record["model"], "seed": record["settings"]["seed"]}
        rows += [run | row for row in record["scores"]]
        rows += [run | {"model": GRAY_COPY, "seed": -1} | row for row in record[GRAY_COPY]]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.drop_duplicates(["data", "model", "seed", "file"], ignore_index=True)


def collect(profile: str, results: Path = RESULTS) -> Path:
    """Merge the finished runs of a profile into results/PROFILE.csv, with a manifest of what made them.

    Parameters
    ----------
    profile
        A name of `train.PROFILES`.
    results
        Folder to write to.

    Returns
    -------
    Path
        The CSV file.

    Raises
    ------
    ValueError
        If the profile is unknown or none of its runs is finished.
    """
    config(profile)
    folder = RUNS / profile
    scores = scores_of(folder)
    if scores.empty:
        raise ValueError(f"no finished run in {folder}: train one first")
    manifest = [{key: record[key] for key in record if key not in ("scores", GRAY_COPY)} for record in records(folder)]
    results.mkdir(parents=True, exist_ok=True)
    path = results / f"{profile}.csv"
    write_whole(path.with_suffix(".json"), lambda part: part.write_text(json.dumps(manifest, indent=1) + "\n", "utf-8"))
    write_whole(path, lambda part: scores.to_csv(part, index=False, float_format="%.6f", lineterminator="\n"))
    return path


def measured(profile: str = "tour") -> pd.DataFrame:
    """Read the committed scores of a profile, in the form of `scores_of`.

    Raises
    ------
    ValueError
        If there are none.
    """
    path = RESULTS / f"{profile}.csv"
    if not path.exists():
        there = ", ".join(sorted(path.stem for path in RESULTS.glob("*.csv"))) or "none"
        raise ValueError(f"no committed results of profile {profile!r}; there are: {there}")
    return pd.read_csv(path)


def interval(values: pd.Series) -> dict[str, float]:
    """Mean of independent values with its 95 % confidence interval (Student's t).

    Parameters
    ----------
    values
        At least two numbers; here one a photograph.

    Returns
    -------
    dict
        mean, low, high, n. `low` and `high` are NaN with fewer than two values.
    """
    n, mean = len(values), float(values.mean())
    half = t.ppf(0.975, n - 1) * float(values.std()) / n**0.5 if n > 1 else float("nan")
    return {"mean": mean, "low": mean - half, "high": mean + half, "n": n}


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Average scores over photographs, a row for each model and metric.

    Parameters
    ----------
    scores
        From `scores_of` or `measured`.

    Returns
    -------
    DataFrame
        data, model, metric ("psnr" in dB, "ssim" in percent as the paper prints it), mean, low, high, n (photographs),
        seeds. The interval is over photographs, each averaged over its seeds. It says how much the mean would move
        with other photographs of this kind. With one seed it says nothing about other seeds.
    """
    rows = []
    for (data, model), group in scores.groupby(["data", "model"], sort=False):
        photographs = group.groupby("file")[list(IN_TABLES)].mean()
        for metric, scale in IN_TABLES.items():
            seeds = group["seed"].nunique()
            rows.append({"data": data, "model": model, "metric": metric} | interval(photographs[metric] * scale))
            rows[-1]["seeds"] = seeds
    return pd.DataFrame(rows)


def paired_difference(scores: pd.DataFrame, model: str, baseline: str, metric: str) -> dict[str, float]:
    """Mean difference of two models on the same photographs, with its interval over photographs.

    Parameters
    ----------
    scores
        From `scores_of` or `measured`, of one data set.
    model, baseline
        Names in its column `model`; the difference is model minus baseline.
    metric
        "psnr" (dB) or "ssim" (percent).

    Returns
    -------
    dict
        mean, low, high, n, and verdict: "higher", "lower" or "no difference seen" (the interval holds 0).

    Raises
    ------
    ValueError
        If a model or metric is not there.
    """
    for name in (model, baseline):
        if name not in set(scores["model"]):
            raise ValueError(f"no scores of {name!r}; there are: {', '.join(scores['model'].unique())}")
    if metric not in IN_TABLES:
        raise ValueError(f"metric must be one of {', '.join(IN_TABLES)}, got {metric!r}")
    photographs = scores.pivot_table(index="file", columns="model", values=metric) * IN_TABLES[metric]
    row = interval((photographs[model] - photographs[baseline]).dropna())
    verdict = "higher" if row["low"] > 0 else "lower" if row["high"] < 0 else "no difference seen"
    return row | {"verdict": verdict}


def comparison(number: int, scores: pd.DataFrame | None = None) -> pd.DataFrame:
    """Set one of the paper's tables beside what was measured.

    Parameters
    ----------
    number
        1, 2 or 3.
    scores
        From `scores_of` or `measured`; the committed ones of profile tour when None.

    Returns
    -------
    DataFrame
        metric, model, the paper's seven data sets as printed (PSNR in dB, SSIM in percent), then for each measured
        data set its mean, low and high (95 % over photographs). NaN where the paper or we have no number. The paper's
        photographs are not ours, so rows may be compared and columns may not.
    """
    printed = paper.table(number)
    table = printed.pivot(index=["metric", "model"], columns="dataset", values="value")[list(paper.DATASETS)]
    models = [GRAY_COPY, *printed["model"].unique()]
    table = table.reindex(pd.MultiIndex.from_product([IN_TABLES, models], names=["metric", "model"]))
    means = summary(measured() if scores is None else scores)
    for data, group in means.groupby("data", sort=False):
        group = group.set_index(["metric", "model"])
        for column, name in (("mean", data), ("low", f"{data} low"), ("high", f"{data} high")):
            table[name] = group[column]
    return table.reset_index().rename_axis(columns=None)
