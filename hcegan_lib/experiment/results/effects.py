"""The scorecard: each claim beside the paper's own tables and our measured effect, with an interval and a verdict.

`data/results/PLAN.md`, written before the runs, fixes the contrasts, the statistics and the rules of the verdicts.
"""

from typing import NamedTuple

import pandas as pd

from hcegan_lib import paper
from hcegan_lib.experiment.results.scores import IN_TABLES, measured, run_means
from hcegan_lib.experiment.results.statistics import LEVEL, holm, interval, p_value
from hcegan_lib.experiment.results.text import markdown

STARTS = ("SA", "SA'", "SA''")
LEAST = {"psnr": 0.1, "ssim": 0.5}  # smallest effect worth claiming, in dB and percent


class Contrast(NamedTuple):
    """One claim of the paper as a weighted sum of the scores of its models."""

    claim: str
    text: str  # what the paper's text says, and where; empty if it claims nothing
    weights: dict[str, float]  # model -> weight; they add up to 0


def _contrast(claim: str, text: str, plus: list[str], minus: list[str]) -> Contrast:
    """Compare the mean of some models with the mean of others."""
    return Contrast(claim, text, {m: 1 / len(plus) for m in plus} | {m: -1 / len(minus) for m in minus})


PRIMARY = {
    "loss": _contrast(
        "The hinge-cross-entropy loss renders better than cross-entropy",
        "PSNR and SSIM improve on all seven sets (Sec. 4.2)",
        [f"{start}+Hinge+BCE" for start in STARTS],
        [f"pix2pix+{start}" for start in STARTS],
    ),
    "start": _contrast(
        "Attention that starts at N(0, 1) renders better than at 0",
        "the improved self-attention is effective (Sec. 4.2, 5)",
        ["pix2pix+SA'", "SA'+Hinge+BCE"],
        ["pix2pix+SA", "SA+Hinge+BCE"],
    ),
    "method": _contrast(
        "HCEGAN (SA'+Hinge+BCE) renders better than pix2pix",
        "significantly improves the quality (Abstract)",
        ["SA'+Hinge+BCE"],
        ["pix2pix"],
    ),
}
SECONDARY = {
    "uniform start": _contrast(
        "Attention that starts at U(0, 1) renders better than at 0",
        "SA'' is compared with SA and SA' (Table 3)",
        ["pix2pix+SA''", "SA''+Hinge+BCE"],
        ["pix2pix+SA", "SA+Hinge+BCE"],
    ),
    "attention alone": _contrast(
        "Attention alone improves pix2pix",
        "restores the real color (Sec. 4.1)",
        ["pix2pix+SA"],
        ["pix2pix"],
    ),
    "target": _contrast(
        "Cross-entropy is the better partner of the hinge than squared error",
        "Hinge+BCE improves on Hinge+MSE (Sec. 4.2)",
        ["SA+Hinge+BCE"],
        ["SA+Hinge+MSE"],
    ),
    "loss x start": Contrast(
        "The loss gains more with a start at N(0, 1) than at 0",
        "",
        {"SA'+Hinge+BCE": 1, "SA+Hinge+BCE": -1, "pix2pix+SA'": -1, "pix2pix+SA": 1},
    ),
}
CONTRASTS = PRIMARY | SECONDARY


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
    cells = effects(scores, weights, metric)
    by_set, by_seed = cells.mean(axis=1), cells.dropna(axis=1).mean(axis=0)
    unit = by_set if len(by_set) > 1 else by_seed
    result = interval(unit) | {"p": p_value(unit), "sets": len(by_set), "seeds": int(cells.notna().sum(axis=1).min())}
    del result["n"]
    over_seeds = interval(by_seed)
    return result | {"seeds low": over_seeds["low"], "seeds high": over_seeds["high"]}


def judge(row: dict[str, float]) -> str:
    """Judge the claim that an effect is positive, from its `mean`, `low`, `high`, Holm's `p` and the paper's `target`.

    Returns
    -------
    str
        "contradicted": significant and negative; "smaller than printed": significant, positive, and all of the interval
        below the target; "reproduced": significant and positive otherwise; "excluded": not significant, and all of the
        interval below the target; "undecided": not significant, and the interval reaches the target.
    """
    if row["p"] < LEVEL and row["mean"] < 0:
        return "contradicted"
    if row["p"] < LEVEL:
        return "smaller than printed" if row["high"] < row["target"] else "reproduced"
    return "excluded" if row["high"] < row["target"] else "undecided"  # undecided if there is no interval


def scorecard(scores: pd.DataFrame) -> pd.DataFrame:
    """Judge each contrast of the plan in PSNR and SSIM.

    Parameters
    ----------
    scores
        From `measured`: one or several data sets, eight models.

    Returns
    -------
    DataFrame
        One row per contrast and metric. Columns: contrast, claim, text, family ("primary" or "secondary"), metric,
        printed (mean of the paper's seven columns), printed low and printed high (their range), target
        (`printed`, but at least `LEAST`), the keys of `estimate`, `p Holm` (within the family), verdict (empty without
        a claim).
    """
    rows = []
    for family, contrasts in (("primary", PRIMARY), ("secondary", SECONDARY)):
        for name, (claim, text, weights) in contrasts.items():
            for metric in IN_TABLES:
                theirs = printed_effects(weights, metric)
                printed = {"printed": theirs.mean(), "printed low": theirs.min(), "printed high": theirs.max()}
                row = {"contrast": name, "claim": claim, "text": text, "family": family, "metric": metric}
                # Where its own tables print no gain, the paper still claims one in words.
                target = max(printed["printed"], LEAST[metric])
                rows.append(row | printed | {"target": target} | estimate(scores, weights, metric))
    card = pd.DataFrame(rows)
    card["p Holm"] = card.groupby("family", sort=False)["p"].transform(_holm)
    card["verdict"] = [judge(row | {"p": row["p Holm"]}) if row["text"] else "" for row in card.to_dict("records")]
    return card


def _holm(p: pd.Series) -> pd.Series:
    return pd.Series(holm(p), p.index) if p.notna().all() else p


def render_scorecard(grid: str = "columns", form: str = "md") -> str:
    """Render the `scorecard` of the committed results of a grid, as `hcegan verdict` prints it.

    `form` is "md" or "html", for reading, or "csv", with all columns and every digit. Raises ValueError for any other
    argument, and if the grid lacks one of the paper's eight models.
    """
    if form not in ("md", "html", "csv"):
        raise ValueError(f"form must be one of md, html, csv, got {form!r}")
    scores = measured(grid)
    missing = set(paper.MODELS) - set(scores["model"])
    if missing:
        raise ValueError(f"grid {grid!r} has no runs of {', '.join(sorted(missing))}: the scorecard needs them")
    card = scorecard(scores)
    if form == "csv":
        return card.to_csv(index=False, lineterminator="\n")
    text = readable(card)
    body = markdown(text) if form == "md" else text.to_html(index=False, border=0) + "\n"
    return f"{body}\n{caption(card, grid)}\n"


def readable(card: pd.DataFrame) -> pd.DataFrame:
    """Format a `scorecard` as text: claim, measure, the paper's mean and range over its columns, ours, verdict."""
    units = card["metric"].map(paper.UNITS)
    forms = {
        "the paper's tables": "{printed:+.2f} ({printed low:+.2f} to {printed high:+.2f})",
        "measured, 95% interval": "{mean:+.2f} [{low:+.2f}, {high:+.2f}]",
        "these sets, other seeds": "[{seeds low:+.2f}, {seeds high:+.2f}]",
        "p (Holm)": "{p Holm:.3f}",
    }
    cells = {name: [form.format(**row) for row in card.to_dict("records")] for name, form in forms.items()}
    text = {"claim": card["claim"], "measure": card["metric"].str.upper() + ", " + units} | cells
    return pd.DataFrame(text | {"verdict": card["verdict"].replace("", "no claim")})


def caption(card: pd.DataFrame, grid: str) -> str:
    """Say what the numbers of a `scorecard` are."""
    sets, seeds = card["sets"].iloc[0], card["seeds"].min()
    over = f"over {sets} data sets, each averaged over its {seeds} seeds" if sets > 1 else f"over {seeds} seeds"
    return (
        f"Grid {grid}. Effects are differences of mean PSNR (dB) and SSIM (points). The paper's: mean over its seven "
        f"columns, and their range. Measured: mean and 95% interval (Student's t) {over}. p after Holm's correction, "
        "for the six primary comparisons and for the secondary ones. data/results/PLAN.md defines the verdicts."
    )
