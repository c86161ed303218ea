"""The paper's tables beside our measurements, and their captions. PSNR is in dB, SSIM in percent, as in the paper."""

from collections.abc import Callable, Iterable

import pandas as pd

from hcegan_lib import metrics, paper
from hcegan_lib.experiment.records import BASELINES, RUN
from hcegan_lib.experiment.results.scores import IN_TABLES, comparable
from hcegan_lib.experiment.results.statistics import holm, paired_difference, summary, verdict

BASELINE = "pix2pix"  # every other row of a table is compared with it, as in the paper's text
NAN = float("nan")


def table(number: int, scores: pd.DataFrame) -> pd.DataFrame:
    """Put the paper's table `number` beside our measurements, cell by cell.

    Returns
    -------
    DataFrame
        One row per metric ("psnr" in dB, "ssim" in percent) and model, those that need no training first. Columns for
        each of the paper's data sets D: `paper D`, as printed, and `paper D difference`, from pix2pix. Columns for each
        measured data set D: `D mean`, `D low`, `D high` and `D seeds`, from `summary`; `D difference` from pix2pix with
        `low`, `high`, the interval over `photographs` and the number of `seeds`, from `paired_difference`; `D p`; `D p
        Holm`, corrected for all p values of the table; `D verdict`. NaN where there is no number.
    """
    cells = paper.table(number)
    models = [*(name for name in BASELINES if name in set(scores["model"])), *cells["model"].unique()]
    rows = pd.MultiIndex.from_product([IN_TABLES, models], names=["metric", "model"])
    printed = cells.pivot(index=["metric", "model"], columns="dataset", values="value").reindex(rows)
    gains = printed.sub(printed.xs(BASELINE, level="model"), level="metric").round(3)  # as many decimals as printed
    gains.loc[(slice(None), BASELINE), :] = NAN
    columns = {}
    for data in paper.DATASETS:
        columns |= {f"paper {data}": printed[data], f"paper {data} difference": gains[data]}
    for data, compared in comparisons(models, scores).groupby("data", sort=False):
        compared = compared.set_index(["metric", "model"]).drop(columns="data")
        columns |= {f"{data} {name}": compared[name] for name in compared}
    return pd.DataFrame(columns, index=rows).reset_index()


def comparisons(models: Iterable[str], scores: pd.DataFrame) -> pd.DataFrame:
    """Compare models with pix2pix on each measured data set, with one Holm correction for all comparisons."""
    rows = [
        {"data": data, "metric": metric, "model": model} | _to_baseline(some, model, metric)
        for data, some in scores.groupby("data", sort=False)
        for metric in IN_TABLES
        for model in models
    ]
    compared = summary(scores).merge(pd.DataFrame(rows), on=["data", "metric", "model"], how="right")
    compared["seeds"] = compared["seeds"].fillna(0).astype(int)
    tested = compared["p"].notna()
    compared.loc[tested, "p Holm"] = holm(compared.loc[tested, "p"])
    cells = zip(compared["difference"], compared["p Holm"], compared["difference seeds"])
    compared["verdict"] = [verdict(*cell) for cell in cells]
    compared.loc[compared["model"] == BASELINE, "verdict"] = "baseline"
    return compared


def _to_baseline(scores: pd.DataFrame, model: str, metric: str) -> dict[str, float]:
    row = dict.fromkeys(("mean", "low", "high", "photographs low", "photographs high", "p"), NAN) | {"n": 0}
    if model != BASELINE and {model, BASELINE} <= set(scores["model"]):
        row = paired_difference(scores, model, BASELINE, metric)
    ends = {f"difference {end}": row[end] for end in ("low", "high", "photographs low", "photographs high")}
    return {"difference": row["mean"], **ends, "difference seeds": row["n"], "p": row["p"], "p Holm": NAN}


def caption(number: int, frame: pd.DataFrame, scores: pd.DataFrame, made_by: dict) -> str:
    """Write the caption of a `table` from its scores and their `manifest`, which must name every run with scores."""
    named = {(run["data"]["name"], run["model"], run["settings"]["seed"]) for run in made_by["runs"]}
    trained = scores.loc[~scores["model"].isin(BASELINES), RUN].drop_duplicates().itertuples(index=False, name=None)
    for data, model, seed in set(trained) - named:
        raise ValueError(f"the manifest lacks the run of {model!r}, seed {seed}, on {data!r}")
    tested = int(frame.filter(regex=" p Holm$").notna().sum().sum())
    sentences = [
        f"The paper's Table {number} as printed, with differences from {BASELINE} in parentheses, and as measured.",
        *(_data_sentence(data, rows, made_by["runs"]) for data, rows in scores.groupby("data", sort=False)),
        f"Training: {protocol(made_by['runs'])}.",
        "Measured values are means over photographs, then over seeds, with 95% intervals over seeds (Student's t);",
        "the gray copy and the tint have no interval because nothing in them is random.",
        f"Differences from {BASELINE} are taken seed by seed on the same photographs.",
        f"Verdicts: error rate 5% for the whole table; p after Holm's correction for its {tested} comparisons.",
        "PSNR in dB and SSIM in percent, on RGB with data range 1;",
        f"SSIM with a Gaussian window of {metrics.WINDOW} pixels, sigma {metrics.SIGMA}.",
        f"Grid {made_by['grid']}, {_values(made_by['runs'], _commit)}.",
    ]
    if made_by["failed"]:
        sentences.append(f"Failed runs, not included: {len(made_by['failed'])}.")
    return " ".join(sentences)


def _data_sentence(data: str, scores: pd.DataFrame, runs: list[dict]) -> str:
    """Describe a data set and count its runs."""
    seeds = scores[~scores["model"].isin(BASELINES)].groupby("model")["seed"].nunique()
    used, available = comparable(scores)["file"].nunique(), scores["file"].nunique()
    left_out = f" ({available - used} left out because not every run scored them)" if used < available else ""
    trained = _values([run for run in runs if run["data"]["name"] == data], lambda run: run["data"]["train"])
    return (
        f"{data}: {used} test photographs{left_out}; {_count_runs(seeds)} per model, each with its own seed, trained "
        f"on {trained} photographs."
    )


def protocol(runs: list[dict]) -> str:
    """Describe how the runs of a manifest were trained: "64 px, 24 channels, attention on maps up to 32 x 32, ..."."""

    def setting(name: str) -> str:
        return _values(runs, lambda run: run["settings"].get(name))

    side = _values(runs, lambda run: round((run["settings"].get("attend_max_positions") or 0) ** 0.5))
    attention = f"maps up to {side} x {side}" if side != "0" else "all maps"
    decay = _values(runs, lambda run: run["settings"].get("decay_from", 1.0))
    falling = f" falling to 0 after {float(decay):.0%} of the epochs" if decay not in ("1", "1.0") else ""
    return (
        f"{setting('image_size')} px, {setting('base_channels')} channels, attention on {attention}, "
        f"{setting('epochs')} epochs of batch {setting('batch_size')}, "
        f"rate {setting('learning_rate')}{falling}, {setting('precision')}"
    )


def _values(runs: list[dict], value: Callable[[dict], object]) -> str:
    """List the values that occur in the runs: one, if they agree."""
    return " or ".join(sorted({str(value(run)) for run in runs}))


def _commit(run: dict) -> str:
    commit, dirty, _ = (run["environment"]["commit"] or "unknown").partition("-dirty")
    return f"commit {commit[:7]}{dirty}"


def _count_runs(seeds: pd.Series) -> str:
    low, high = seeds.min(), seeds.max()
    return f"{low} to {high} runs" if low < high else f"{low} run{'' if low == 1 else 's'}"
