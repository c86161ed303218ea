"""Intervals, paired differences, p values and verdicts.

Runs that differ only in their seed are independent; the photographs that one run has colored are not. So n is the
number of seeds, and Student's t is taken over seeds. Two models are compared seed by seed, on the same photographs.

`scores` is always a table from `records.scores_of` or `measured`.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from hcegan_lib.experiment.records import BASELINES
from hcegan_lib.experiment.results.scores import IN_TABLES, comparable, run_means

LEVEL = 0.05  # probability that a table holds any wrong "higher" or "lower"
FEWEST_SEEDS = 3  # with two, t is 12.7 and the interval is too wide to be useful
RESAMPLES = 9999  # of the bootstrap


# --- one model --------------------------------------------------------------------------------------------------------


def interval(values: pd.Series) -> dict[str, float]:
    """Return the mean of n independent values with its 95% interval (Student's t), NaN with fewer than two values."""
    n, mean = len(values), float(values.mean())
    half = stats.t.ppf(0.975, n - 1) * float(values.std()) / n**0.5 if n > 1 else float("nan")
    return {"mean": mean, "low": mean - half, "high": mean + half, "n": n}


def seed_spread(scores: pd.DataFrame, metric: str) -> dict[str, float]:
    """Estimate how much runs of one model differ because of their seeds, in "psnr" (dB) or "ssim" (percent).

    Returns
    -------
    dict
        `std`, the standard deviation of a run's mean over seeds, pooled over models and data sets; `df`, its degrees of
        freedom, runs minus models; `least_difference`, the smallest difference between two single runs that a two-sided
        t test with this spread calls significant at 5%: t(0.975, df) * std * sqrt(2).

    Raises
    ------
    ValueError
        If the metric is unknown or no model has two seeds.
    """
    _check_metric(metric)
    runs = run_means(scores)
    runs = runs[~runs["model"].isin(BASELINES)]
    models = runs.groupby(["data", "model"])[metric]
    df = len(runs) - models.ngroups
    if df < 1:
        raise ValueError("scores must hold two seeds of at least one model, to estimate the spread over seeds")
    std = float(((runs[metric] - models.transform("mean")) ** 2).sum() / df) ** 0.5
    return {"std": std, "df": df, "least_difference": float(stats.t.ppf(0.975, df)) * std * 2**0.5}


def _check_metric(metric: str) -> None:
    if metric not in IN_TABLES:
        raise ValueError(f"metric must be one of {', '.join(IN_TABLES)}, got {metric!r}")


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Average scores over photographs, then over seeds: one row per data set, model and metric.

    Columns: data, model, metric, mean, low, high (95%, over seeds) and seeds, in dB and percent. The gray copy and
    the tint have no interval and 0 seeds because nothing in them is random.
    """
    rows = []
    for (data, model), runs in run_means(scores).groupby(["data", "model"], sort=False):
        for metric in IN_TABLES:
            row = interval(runs[metric])
            seeds = row.pop("n") if model not in BASELINES else 0
            rows.append({"data": data, "model": model, "metric": metric, **row, "seeds": seeds})
    return pd.DataFrame(rows)


# --- two models -------------------------------------------------------------------------------------------------------


def differences(scores: pd.DataFrame, model: str, baseline: str, metric: str) -> pd.DataFrame:
    """Subtract a baseline's scores on one data set from a model's, seed by seed and photograph by photograph.

    A model that needs no training has no seed and is compared with every seed of the other one.

    Returns
    -------
    DataFrame
        One row per common seed, one column per common photograph, in dB or percent. Empty without a common seed.

    Raises
    ------
    ValueError
        If a model or the metric is unknown, or the scores are of several data sets.
    """
    _check_metric(metric)
    if scores["data"].nunique() != 1:
        raise ValueError(f"scores must be of one data set, got {', '.join(map(repr, scores['data'].unique()))}")
    for name in (model, baseline):
        if name not in set(scores["model"]):
            raise ValueError(f"no scores of {name!r}; there are: {', '.join(scores['model'].unique())}")
    kept = comparable(scores)
    ours, theirs = (
        kept[kept["model"] == name].pivot(index="seed", columns="file", values=metric) * IN_TABLES[metric]
        for name in (model, baseline)
    )
    if model in BASELINES:
        return ours.iloc[0] - theirs
    if baseline in BASELINES:
        return ours - theirs.iloc[0]
    seeds = ours.index.intersection(theirs.index)
    return ours.loc[seeds] - theirs.loc[seeds]


def paired_difference(scores: pd.DataFrame, model: str, baseline: str, metric: str) -> dict[str, float]:
    """Return the mean of `differences` with two intervals, one over seeds and one over photographs.

    Returns
    -------
    dict
        `mean`; `low` and `high`, 95% over seeds (Student's t): what to expect from other seeds on these photographs;
        `n`, the number of seeds; `p`, of the matching two-sided t test, NaN with fewer than `FEWEST_SEEDS` seeds;
        `photographs low` and `photographs high`, 95% over photographs (bootstrap, BCa): what to expect from these
        networks on other photographs of the same kind.
    """
    cells = differences(scores, model, baseline, metric)
    seeds = cells.mean(axis=1)  # one number per seed
    low, high = bootstrap_interval(cells.mean(axis=0)) if len(cells) else (float("nan"),) * 2
    return interval(seeds) | {"p": p_value(seeds), "photographs low": low, "photographs high": high}


def p_value(values: pd.Series) -> float:
    """Return the p value of a two-sided t test of mean 0; NaN with fewer than `FEWEST_SEEDS` values."""
    if len(values) < FEWEST_SEEDS:
        return float("nan")
    if np.ptp(values) == 0:  # a model compared with itself: t would be 0 / 0
        return float(values.iloc[0] == 0)
    return float(stats.ttest_1samp(values, 0).pvalue)


def bootstrap_interval(values: pd.Series) -> tuple[float, float]:
    """Return the 95% bootstrap interval of a mean (BCa, Efron 1987), which assumes no normal distribution."""
    if np.ptp(values) == 0:
        return (float(values.iloc[0]),) * 2
    random = np.random.default_rng(0)  # fixed, so that a table is the same each time
    drawn = stats.bootstrap((values.to_numpy(),), np.mean, n_resamples=RESAMPLES, random_state=random, method="BCa")
    return tuple(map(float, drawn.confidence_interval))


# --- many comparisons -------------------------------------------------------------------------------------------------


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Adjust the p values of m comparisons so that the error rate of all of them together is controlled (Holm 1979).

    Returns
    -------
    ndarray
        Shape (m,): the k-th smallest times m - k + 1, at least as large as its predecessor, at most 1. Calling those
        below 5% significant makes any error with probability at most 5%, even if the comparisons are dependent.

    Raises
    ------
    ValueError
        If a value is not in [0, 1].
    """
    p = np.asarray(p_values, float)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p_values must be numbers in [0, 1], got {', '.join(map(str, p_values))}")
    order = p.argsort(kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return adjusted


def verdict(difference: float, adjusted_p: float, seeds: int) -> str:
    """Interpret the mean difference of a model from the baseline, with its p value after Holm's correction.

    Returns "too few runs" below `FEWEST_SEEDS` common seeds; "no difference seen", which does not mean "equal", if p is
    `LEVEL` or more; else "higher" or "lower".
    """
    if seeds < FEWEST_SEEDS:
        return "too few runs"
    if not adjusted_p < LEVEL:
        return "no difference seen"
    return "higher" if difference > 0 else "lower"
