"""The plan of the experiment: its numbers come from the committed trials and from the paper's tables."""

import re

import pandas as pd
import pytest
from scipy import stats

from benchmarks import tuning
from hcegan_lib import paper, train
from hcegan_lib.experiment import records, results

PLAN = (records.RESULTS / "PLAN.md").read_text(encoding="utf-8")
TRIALS = pd.read_csv(records.RESULTS / "tuning.csv")


def table_below(heading):
    """Cells of the first table whose header starts with a word."""
    lines = re.search(rf"(?m)^\| {heading} .*\n\|[-|]+\n((?:\|.*\n)+)", PLAN)[1].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_plan_prints_the_power_that_the_trials_give():
    assert table_below(r"contrast \| measure") == tuning.power(TRIALS).to_numpy().tolist()


def test_the_plan_prints_the_mean_scores_of_all_trials():
    last = TRIALS[TRIALS["averaged epochs"] == 1]
    means = last.groupby(["option", "data"])[["psnr", "skill"]].mean().unstack()
    wanted = [[*row["psnr"], row["psnr"].mean(), *row["skill"]] for _, row in means.iterrows()]
    printed = [[float(cell) for cell in row[1:]] for row in table_below("option")]
    assert sorted(printed) == [pytest.approx(row, abs=0.0051) for row in sorted(wanted)]


def test_the_plan_names_the_protocol_of_the_profile():
    settings = train.config("laptop")
    protocol = dict(table_below("setting"))
    assert protocol["image size, channels, depth"] == f"{settings.image_size} px, {settings.base_channels}, 6"
    assert protocol["learning rate"].startswith("4e-3, constant for half")
    assert (settings.learning_rate, settings.decay_from) == (4e-3, 0.5)
    assert "at most 32 x 32 positions" in protocol["attention"]
    assert settings.attend_max_positions == 32 * 32


def test_the_plan_says_what_bfloat16_costs():
    fine, coarse = (
        results.run_means(results.measured(grid)).set_index(["model", "seed"])[["psnr", "ssim"]]
        for grid in ("laptop", "sensitivity-bfloat16")
    )
    change = (coarse - fine).loc[list(paper.MODELS)]
    wanted = change.loc["pix2pix"].mean().tolist()
    for _, by_seed in change.drop("pix2pix", level="model").groupby("seed").mean().items():
        wanted += [by_seed.mean(), *stats.ttest_1samp(by_seed, 0).confidence_interval()]
    sentence = re.search(r"On the five seeds of `laptop`, bfloat16(.+?)\. So in", PLAN, re.DOTALL)[1]
    assert [float(number) for number in re.findall(r"[-+]\d+\.\d+", sentence)] == [round(x, 2) for x in wanted]


def test_the_discriminators_losses_swing_alike_in_both_models():
    curves = pd.read_csv(records.RESULTS / "laptop-curves.csv").set_index("model")
    swing = curves["d_loss_std"].groupby("model").mean()
    printed = re.search(r"standard deviations themselves are (\S+) in both", PLAN)[1]
    assert {f"{swing[model]:.2f}" for model in ("pix2pix", "SA'+Hinge+BCE")} == {printed}


def test_the_plan_says_why_seed_5_follows():
    five = results.measured("columns").query("seed < 5")
    ends = [results.estimate(five, contrast.weights, "psnr") for contrast in results.PRIMARY.values()]
    widest = max(row["seeds high"] - row["seeds low"] for row in ends) / 2
    assert f"in PSNR is {widest:.2f} dB" in re.sub(r"\s+", " ", PLAN)
