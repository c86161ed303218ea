"""The scorecard: each claim beside the paper's own tables and our measured effect, with an interval and a verdict.

`data/results/PLAN.md`, written before the runs, fixes the contrasts, the statistics and the rules of the verdicts.
"""

import re
from itertools import product
from typing import NamedTuple

import pandas as pd

from hcegan_lib import paper
from hcegan_lib.backend.files import name_file
from hcegan_lib.experiment import records
from hcegan_lib.experiment.results.effects import LEAST, PRIMARY, SECONDARY, estimate, printed_effects
from hcegan_lib.experiment.results.scores import IN_TABLES, measured
from hcegan_lib.experiment.results.statistics import LEVEL, holm
from hcegan_lib.experiment.results.tables import protocol
from hcegan_lib.experiment.results.text import markdown
from hcegan_lib.experiment.results.training import training_claims

POINTS = {"psnr": "dB", "ssim": "points"}  # units of differences


class Planned(NamedTuple):
    """What `data/results/PLAN.md` asks of a grid."""

    sets: int
    seeds: int
    most_seeds: int
    half_width: float  # in dB: seeds are added while a primary contrast in PSNR has a larger one over the seeds


PLANNED = {"columns": Planned(sets=7, seeds=5, most_seeds=10, half_width=0.15)}


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
    return "excluded" if row["p"] >= LEVEL and row["high"] < row["target"] else "undecided"  # or too few runs for a p


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
    return pd.Series(holm(p.fillna(1)), p.index).where(p.notna())  # the family stays as large as planned


def measured_curves(grid: str) -> pd.DataFrame:
    """Read the committed curves of a grid, in the form of `records.curves_of`."""
    path = records.RESULTS / f"{grid}-curves.csv"
    with name_file(path):
        curves = pd.read_csv(path, dtype={"seed": int})
        curves[[*records.RUN, "epoch", "psnr"]]  # KeyError if it is something else
        return curves


def training_card(grid: str, scores: pd.DataFrame) -> pd.DataFrame:
    """Judge the claims about training on the committed curves of a grid; see `training_claims`."""
    (decay_from,) = {run["settings"].get("decay_from", 1.0) for run in records.manifest(grid)["runs"]}
    return training_claims(measured_curves(grid), scores, decay_from)


def render_scorecard(grid: str = "columns", form: str = "md") -> str:
    """Render the `scorecard` and the `training_card` of a grid's committed results, as `hcegan verdict` prints them.

    `form` is "md" or "html", for reading; "short", one line for each main claim, as in the README; or "csv", the
    scorecard with all columns and every digit. A grid without the runs of its plan gets no verdicts. Raises
    ValueError for any other form, and if the grid lacks one of the paper's eight models.
    """
    if form not in ("md", "html", "short", "csv"):
        raise ValueError(f"form must be one of md, html, short, csv, got {form!r}")
    scores = measured(grid)
    missing = set(paper.MODELS) - set(scores["model"])
    if missing:
        raise ValueError(f"grid {grid!r} has no runs of {', '.join(sorted(missing))}: the scorecard needs them")
    card, training = scorecard(scores), training_card(grid, scores)
    if not complete(scores, grid):
        card, training = (
            one.assign(verdict=one["verdict"].replace(".+", "not yet", regex=True)) for one in (card, training)
        )
    if form == "csv":
        return card.to_csv(index=False, lineterminator="\n")
    text = pd.concat([readable(card), readable_training(training)]) if form != "short" else short(card, training)
    body = markdown(text) if form != "html" else _to_html(text)
    late = ", late the last quarter of the epochs, D the discriminator" if form != "short" else ""
    return f"{body}\n{caption(card, scores, grid, late)}\n"


def _to_html(text: pd.DataFrame) -> str:
    page = text.to_html(index=False, border=0)  # JupyterLab aligns cells to the right
    return re.sub("<t([dh])>", r'<t\1 style="text-align: left">', page) + "\n"


def readable(card: pd.DataFrame) -> pd.DataFrame:
    """Format a `scorecard` as text: claim, the text in short, measure, the tables, ours, verdict."""
    rows = []
    for row in card.to_dict("records"):
        first = row["metric"] == next(iter(IN_TABLES))  # the claim stands in the first of its rows only
        rows.append(
            {
                "claim": row["claim"] if first else "",
                "the paper's text, in short": (row["text"] or "claims nothing") if first else "",
                "measure": f"{row['metric'].upper()}, {POINTS[row['metric']]}",
                "its tables": f"{row['printed']:+.2f}",
                "measured, 95% interval": f"{row['mean']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]",
                "verdict": row["verdict"],
            }
        )
    return pd.DataFrame(rows)


def readable_training(card: pd.DataFrame) -> pd.DataFrame:
    """Format a `training_card` in the columns of `readable`; the paper prints no number for these claims."""
    text = {
        "claim": card["claim"],
        "the paper's text, in short": card["text"],
        "measure": card["measure"],
        "its tables": "",
        "measured, 95% interval": card["estimate"],
    }
    return pd.DataFrame(text | {"verdict": card["verdict"]})


def short(card: pd.DataFrame, training: pd.DataFrame) -> pd.DataFrame:
    """Format the primary claims and the first measure of stability and of speed as text, one row each."""
    rows = []
    for _, pair in card[card["family"] == "primary"].groupby("contrast", sort=False):
        both = [row | {"unit": POINTS[row["metric"]]} for row in pair.to_dict("records")]
        ours = "{mean:+.2f} [{low:+.2f}, {high:+.2f}] {unit}"
        cells = [", ".join(form.format(**row) for row in both) for form in ("{printed:+.2f} {unit}", ours, "{verdict}")]
        rows.append([pair["claim"].iloc[0], *cells])
    for row in training[training["claim"] != ""].to_dict("records"):
        rows.append([row["claim"], "no number", f"{row['measure']}: {row['estimate']}", row["verdict"]])
    return pd.DataFrame(rows, columns=["claim", "the paper's tables", "our runs, 95% interval", "verdict"])


def finished_seeds(scores: pd.DataFrame, grid: str) -> int:
    """Count the seeds of which each of the eight models has been trained on each set; a failed run is not repeated."""
    failed = {failure["run"] for failure in records.manifest(grid)["failed"]}
    done = set(scores[["data", "model", "seed"]].itertuples(index=False, name=None))
    return sum(
        all(
            (data, model, seed) in done or records.run_folder(grid, data, model, seed).name in failed
            for data, model in product(scores["data"].unique(), paper.MODELS)
        )
        for seed in range(PLANNED[grid].most_seeds)
    )


def complete(scores: pd.DataFrame, grid: str) -> bool:
    """Tell whether a grid has the sets and the seeds that its plan asks for, before any seeds are added."""
    plan = PLANNED.get(grid)
    return not plan or (scores["data"].nunique() >= plan.sets and finished_seeds(scores, grid) >= plan.seeds)


def still_planned(card: pd.DataFrame, scores: pd.DataFrame, grid: str) -> str:
    """Say which runs of its plan a grid still lacks; "" if none, or if it has no plan."""
    if grid not in PLANNED:
        return ""
    plan, seeds = PLANNED[grid], finished_seeds(scores, grid)
    if not complete(scores, grid):
        sets = f"{scores['data'].nunique()} of {plan.sets} data sets"
        return f"Interim, {sets} and {seeds} of {plan.seeds} seeds are complete: no verdicts before the last run. "
    psnr = card[(card["family"] == "primary") & (card["metric"] == "psnr")]
    widest = (psnr["seeds high"] - psnr["seeds low"]).max() / 2
    if seeds >= plan.most_seeds or widest <= plan.half_width:
        return ""
    return (
        f"By the plan, more seeds follow, up to {plan.most_seeds}, until no main effect on PSNR has a half-width over "
        f"seeds above {plan.half_width} dB (the largest is {widest:.2f}). "
    )


def caption(card: pd.DataFrame, scores: pd.DataFrame, grid: str, late: str) -> str:
    """Say what the numbers of a `scorecard` are; `late` explains the measures that only the long forms have."""
    sets, seeds = card["sets"].iloc[0], card["seeds"].min()
    per = f"{seeds} seed{'' if seeds == 1 else 's'}"
    over = f"over {sets} data sets, each averaged over its {per}" if sets > 1 else f"over {per}"
    made_by = records.manifest(grid)
    failed = ", ".join(failure["run"] for failure in made_by["failed"]) or "none"
    return still_planned(card, scores, grid) + (
        f"Grid {grid}: mean difference and 95% interval (Student's t) {over}. The paper's tables: mean over their "
        "seven columns. PSNR and SSIM: positive supports the claim; verdicts by data/results/PLAN.md, with Holm's "
        "correction. Stability and speed: HCEGAN minus pix2pix, negative supports the claim, no correction; early is "
        f"while the rate is constant{late}. Failed runs: {failed}. Training: {protocol(made_by['runs'])}."
    )
