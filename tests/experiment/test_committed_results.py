"""The scorecard of committed results, recomputed from their csv with pandas and SciPy alone."""

import pandas as pd
import pytest
from scipy import stats

from hcegan_lib import paper
from hcegan_lib.experiment import records, results

GRIDS = ["laptop", "columns"]
STARTS = ("SA", "SA'", "SA''")
# contrast of data/results/PLAN.md -> models that count positively, and negatively
CONTRASTS = {
    "loss": ([f"{s}+Hinge+BCE" for s in STARTS], [f"pix2pix+{s}" for s in STARTS]),
    "start": (["pix2pix+SA'", "SA'+Hinge+BCE"], ["pix2pix+SA", "SA+Hinge+BCE"]),
    "method": (["SA'+Hinge+BCE"], ["pix2pix"]),
    "uniform start": (["pix2pix+SA''", "SA''+Hinge+BCE"], ["pix2pix+SA", "SA+Hinge+BCE"]),
    "attention alone": (["pix2pix+SA"], ["pix2pix"]),
    "target": (["SA+Hinge+BCE"], ["SA+Hinge+MSE"]),
}


def table_of(grid):
    path = records.RESULTS / f"{grid}.csv"
    if not path.exists():
        pytest.skip(f"{grid} has not been run")
    return pd.read_csv(path)


def effects(table, metric, plus, minus):
    """Effect of each set and seed that has a run of all models."""
    means = table.groupby(["data", "seed", "model"])[metric].mean().unstack() * {"psnr": 1, "ssim": 100}[metric]
    means = means[[*plus, *minus]].dropna()
    return means[plus].mean(axis=1) - means[minus].mean(axis=1)


def t_interval(values):
    low, high = stats.t.interval(0.95, len(values) - 1, loc=values.mean(), scale=stats.sem(values))
    p = stats.ttest_1samp(values, 0).pvalue if len(values) > 2 else float("nan")
    return [values.mean(), low, high, p]


@pytest.mark.parametrize("metric", ["psnr", "ssim"])
@pytest.mark.parametrize("contrast", [*CONTRASTS, "loss x start"])
@pytest.mark.parametrize("grid", GRIDS)
def test_every_effect_of_the_scorecard_follows_from_the_committed_scores(grid, contrast, metric):
    table = table_of(grid)
    if contrast == "loss x start":
        better = effects(table, metric, ["SA'+Hinge+BCE"], ["SA+Hinge+BCE"])
        cells = (better - effects(table, metric, ["pix2pix+SA'"], ["pix2pix+SA"])).dropna()
    else:
        cells = effects(table, metric, *CONTRASTS[contrast])
    by_set = cells.groupby("data").mean()
    card = results.scorecard(results.measured(grid)).set_index(["contrast", "metric"]).loc[(contrast, metric)]
    unit = by_set if len(by_set) > 1 else cells
    assert card[["mean", "low", "high", "p"]].tolist() == pytest.approx(t_interval(unit), nan_ok=True)
    assert (card["sets"], card["seeds"]) == (len(by_set), cells.groupby("data").size().min())
    by_seed = cells.unstack("seed").dropna(axis=1).mean()
    if len(by_seed) > 1:
        assert card[["seeds low", "seeds high"]].tolist() == pytest.approx(t_interval(by_seed)[1:3])


@pytest.mark.parametrize("grid", GRIDS)
def test_holms_correction_and_the_verdicts_follow_the_plan(grid):
    table_of(grid)
    card = results.scorecard(results.measured(grid))
    for _, family in card.groupby("family"):
        running = 0
        for rank, (_, row) in enumerate(family.sort_values("p").iterrows()):
            running = max(running, min(1, (len(family) - rank) * row["p"]))
            assert row["p Holm"] == pytest.approx(running)
            if row["text"]:
                significant = running < 0.05
                positive = "smaller than printed" if row["high"] < row["target"] else "reproduced"
                open_ = "excluded" if row["high"] < row["target"] else "undecided"
                wanted = ("contradicted" if row["mean"] < 0 else positive) if significant else open_
                assert row["verdict"] == wanted


# --- numbers in the text of lessons -----------------------------------------------------------------------------------


def test_07_the_gain_ends_at_a_tenth_in_the_longer_runs():
    for grid in ("laptop", "columns"):
        curves = results.verdicts.measured_curves(grid)
        ends = curves[(curves["model"] == "pix2pix+SA") & (curves["epoch"] == curves["epoch"].max())]["gain"]
        assert ends.mean() == pytest.approx(0.1, abs=0.02)


def test_10_bfloat16_puts_hcegan_two_points_farther_behind():
    behind = [
        results.paired_difference(results.measured(grid).query("seed < 4"), "SA'+Hinge+BCE", "pix2pix", "ssim")["mean"]
        for grid in ("laptop", "sensitivity-bfloat16")
    ]
    assert behind[0] - behind[1] == pytest.approx(2, abs=0.5)


def test_10_other_photographs_might_reverse_the_order_of_pix2pix_and_the_baselines():
    scores = results.measured("laptop")
    for baseline in ("gray copy", "one tint"):
        row = results.paired_difference(scores, "pix2pix", baseline, "psnr")
        assert row["low"] * row["high"] > 0
        assert row["photographs low"] * row["photographs high"] < 0


def test_13_only_the_luma_head_of_hcegan_gains_psnr_on_flowers():
    scores = results.measured("laptop")
    ours, theirs = (
        results.paired_difference(scores, f"{twin}, luma kept", twin, "psnr") for twin in ("SA'+Hinge+BCE", "pix2pix")
    )
    assert ours["low"] > 0
    assert theirs["mean"] < 0 < theirs["high"]


def test_the_stand_ins_come_in_the_order_of_the_papers_columns():
    assert results.measured("columns")["data"].unique().tolist() == list(paper.STANDINS.values())


def test_10_only_other_seeds_might_reverse_four_rows_of_the_varied_set():
    table = results.table(3, results.measured("columns")).set_index(["metric", "model"])
    gap = table.filter(regex="^standin-varied difference ").drop(columns="standin-varied difference seeds")
    gap = gap.rename(columns=lambda name: name.removeprefix("standin-varied difference ")).dropna()
    seeds, photographs = gap["low"] * gap["high"] > 0, gap["photographs low"] * gap["photographs high"] > 0
    assert not (seeds & ~photographs).any()
    assert gap.index[~seeds & photographs].get_level_values("metric").tolist() == ["ssim"] * 4
