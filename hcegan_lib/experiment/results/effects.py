"""The contrasts of `data/results/PLAN.md`: the paper's claims as weighted sums of scores, with two intervals each."""

from typing import NamedTuple

import pandas as pd

from hcegan_lib import paper
from hcegan_lib.experiment.results.scores import run_means
from hcegan_lib.experiment.results.statistics import interval, p_value

STARTS = ("SA", "SA'", "SA''")
LEAST = {"psnr": 0.1, "ssim": 0.5}  # smallest effect worth claiming, in dB and percent


class Contrast(NamedTuple):
    """One claim of the paper as a weighted sum of the scores of its models."""

    claim: str
    text: str  # what the paper's text says, in short, and where; empty if it claims nothing
    weights: dict[str, float]  # model -> weight; they add up to 0


def _contrast(claim: str, text: str, plus: list[str], minus: list[str]) -> Contrast:
    """Compare the mean of some models with the mean of others."""
    return Contrast(claim, text, {m: 1 / len(plus) for m in plus} | {m: -1 / len(minus) for m in minus})


PRIMARY = {
    "loss": _contrast(
        "Hinge+BCE renders better than BCE",
        "PSNR and SSIM improve on all sets (4.1)",
        [f"{start}+Hinge+BCE" for start in STARTS],
        [f"pix2pix+{start}" for start in STARTS],
    ),
    "start": _contrast(
        "Attention from N(0, 1) beats that from 0",
        "the improved attention is effective (4.2)",
        ["pix2pix+SA'", "SA'+Hinge+BCE"],
        ["pix2pix+SA", "SA+Hinge+BCE"],
    ),
    "method": _contrast(
        "HCEGAN renders better than pix2pix",
        "significantly improves quality (Abstract)",
        ["SA'+Hinge+BCE"],
        ["pix2pix"],
    ),
}
SECONDARY = {
    "uniform start": _contrast(
        "Attention from U(0, 1) beats that from 0",
        "compared in Table 3",
        ["pix2pix+SA''", "SA''+Hinge+BCE"],
        ["pix2pix+SA", "SA+Hinge+BCE"],
    ),
    "attention alone": _contrast(
        "Attention alone improves pix2pix",
        "restores the real color (4.1)",
        ["pix2pix+SA"],
        ["pix2pix"],
    ),
    "target": _contrast(
        "Hinge+BCE renders better than Hinge+MSE",
        "a significant improvement (4.1)",
        ["SA+Hinge+BCE"],
        ["SA+Hinge+MSE"],
    ),
    "loss x start": Contrast(
        "Hinge+BCE gains more in SA' than in SA",
        "",
        {"SA'+Hinge+BCE": 1, "SA+Hinge+BCE": -1, "pix2pix+SA'": -1, "pix2pix+SA": 1},
    ),
}


def effects(scores: pd.DataFrame, weights: dict[str, float], metric: str) -> pd.DataFrame:
    """Compute a contrast seed by seed: one row per data set, one column per seed, in dB or percent.

    A seed without a run of every model in the contrast is NaN.
    """
    runs = run_means(scores[scores["model"].isin(weights)])
    wide = runs.pivot(index=["data", "seed"], columns="model", values=metric).reindex(columns=list(weights))
    return wide.mul(pd.Series(weights)).sum(axis=1, skipna=False).unstack("seed")


def printed_effects(weights: dict[str, float], metric: str) -> pd.Series:
    """Compute a contrast from the paper's tables: one value per data set, in dB or percent."""
    cells = pd.concat([paper.table(number) for number in (1, 2, 3)]).query("metric == @metric")
    wide = cells.pivot_table(index="dataset", columns="model", values="value")
    return wide[list(weights)].mul(pd.Series(weights)).sum(axis=1, skipna=False)


def estimate(scores: pd.DataFrame, weights: dict[str, float], metric: str) -> dict[str, float]:
    """Estimate a contrast with two intervals.

    Returns
    -------
    dict
        `mean`; `low`, `high` and `p`, from Student's t over the data sets, each averaged over its seeds: what to expect
        on other subjects of this kind (with a single data set: over its seeds); `sets`; `seeds`, the fewest of a data
        set; `seeds low` and `seeds high`, over the seeds, each averaged over the data sets: what to expect from other
        seeds on these sets.
    """
    return summarize(effects(scores, weights, metric))


def summarize(cells: pd.DataFrame) -> dict[str, float]:
    """Do the same for differences that are already computed: one row per data set, one column per seed."""
    cells = cells.dropna(how="all")  # a set in which no seed has a run of every model counts as failed
    by_set, by_seed = cells.mean(axis=1), cells.dropna(axis=1).mean(axis=0)
    unit = by_set if len(by_set) > 1 else by_seed
    seeds = min(cells.notna().sum(axis=1), default=0)
    result = interval(unit) | {"p": p_value(unit), "sets": len(by_set), "seeds": int(seeds)}
    del result["n"]
    over_seeds = interval(by_seed)
    return result | {"seeds low": over_seeds["low"], "seeds high": over_seeds["high"]}
