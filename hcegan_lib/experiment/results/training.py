"""Stability and speed of training, measured on the curves of a grid: HCEGAN minus pix2pix, where less is better."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from hcegan_lib.experiment.records import RUN
from hcegan_lib.experiment.results.effects import summarize
from hcegan_lib.experiment.results.scores import run_means

MODEL, BASELINE = "SA'+Hinge+BCE", "pix2pix"
NEAR = 1.1  # a run has learned when its L1 is at most this many times the final L1 of pix2pix on the same set


class Measure(NamedTuple):
    """A property of a run's training that a claim of the paper says is smaller in HCEGAN."""

    claim: str
    text: str  # what the paper's text says, in short, and where
    measure: str  # what we measure, and its unit
    comparable: bool = True  # between models with different losses


MEASURES = {
    "swing": Measure(
        "HCEGAN's training is more stable",
        "greatly improves the stability (Abstract)",
        "PSNR change per epoch, early, dB",
    ),
    "late_swing": Measure("", "", "PSNR change per epoch, late, dB"),
    "d_swing": Measure(
        "",
        "stabilize the training process (Abstract)",
        "D's loss: std / mean within an epoch",
        comparable=False,  # the hinge with cross-entropy cannot fall below 2 ln 2, which makes its mean large
    ),
    "spread": Measure("", "", "PSNR: std over seeds, dB"),
    "reached": Measure("HCEGAN learns faster", "more quickly (1)", "epochs to 1.1 x pix2pix's last L1"),
    "l1": Measure("", "", "final L1 distance"),
}


def measures_of_runs(curves: pd.DataFrame, decay_from: float) -> pd.DataFrame:
    """Measure the training of each run.

    Parameters
    ----------
    curves
        From `records.curves_of`.
    decay_from
        Share of the epochs after which the learning rate falls.

    Returns
    -------
    DataFrame
        One row per run: data, model, seed; `d_swing`, the standard deviation of D's loss over the steps of an epoch,
        divided by its mean, averaged over epochs; `swing` and `late_swing`, the root mean square change of PSNR (dB)
        from epoch to epoch while the rate is constant, and over the last quarter of the epochs; `l1`, of the last
        epoch; `reached`, the first epoch with an L1 of at most `NEAR` times the final one of pix2pix on the same set
        (one more than there are if there is none).
    """
    ends = curves[curves["epoch"] == curves["epoch"].max()]
    goals = NEAR * ends[ends["model"] == BASELINE].groupby("data")["l1"].mean()
    rows = []
    for run, epochs in curves.groupby(RUN, sort=False):
        count = len(epochs)
        near = epochs["l1"] <= goals.get(run[0], np.nan)
        row = {
            "d_swing": (epochs["d_loss_std"] / epochs["d_loss"]).mean(),
            "swing": _swing(epochs["psnr"][: round(decay_from * count)]),
            "late_swing": _swing(epochs["psnr"][-max(2, count // 4) :]),
            "l1": epochs["l1"].iloc[-1],
            "reached": epochs["epoch"][near].min() if near.any() else count + 1,
        }
        rows.append(dict(zip(RUN, run)) | row)
    return pd.DataFrame(rows)


def _swing(values: pd.Series) -> float:
    return values.diff().pow(2).mean() ** 0.5  # NaN for less than two epochs


def training_claims(curves: pd.DataFrame, scores: pd.DataFrame, decay_from: float) -> pd.DataFrame:
    """Judge the paper's claims of stability and speed: one row per measure.

    Columns: claim, text, measure; `baseline`, the mean of pix2pix; the keys of `effects.estimate`, of the difference
    HCEGAN minus pix2pix; verdict: "supported" if the whole interval is below 0, "contradicted" if it is above,
    "undecided" otherwise, and "not comparable" if the two losses forbid it; `estimate`, the difference as text: mean
    and interval. If some runs of HCEGAN never reach the L1 that counts as learned, it is the mean as a bound, and the
    verdict is not "supported".
    """
    measured = measures_of_runs(curves, decay_from)
    spread = run_means(scores).groupby(["data", "model"], as_index=False)["psnr"].std()  # no seed: one number per set
    rows = []
    for name, said in MEASURES.items():
        runs = measured if name in measured else spread.assign(seed=0, spread=spread["psnr"])
        wide = runs.pivot(index=["data", "seed"], columns="model", values=name)
        row = said._asdict() | {"baseline": wide[BASELINE].mean()}
        row |= summarize((wide[MODEL] - wide[BASELINE]).unstack("seed"))
        pairs = wide[[MODEL, BASELINE]].dropna()
        never = (pairs[MODEL] > curves["epoch"].max()).sum() if name == "reached" else 0
        rows.append(row | {"never": never, "estimate": _text(row, never, len(pairs), digits=3 if name == "l1" else 2)})
    table = pd.DataFrame(rows)
    supported = (table["high"] < 0) & (table.pop("never") == 0)  # a bound from below supports nothing
    judged = [~table.pop("comparable"), supported, table["low"] > 0]
    table["verdict"] = np.select(judged, ["not comparable", "supported", "contradicted"], "undecided")
    return table


def _text(row: dict, never: int, runs: int, digits: int) -> str:
    """Format mean and interval; a single value has no interval, and a spread over one seed is neither."""
    mean, low, high = (f"{row[name]:+.{digits}f}" for name in ("mean", "low", "high"))
    if never:
        return f"at least {mean} (never in {never} of {runs} runs)"
    if row["mean"] != row["mean"]:
        return "one seed only"
    return f"{mean} [{low}, {high}]" if row["low"] == row["low"] else mean
