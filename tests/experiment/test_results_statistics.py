from itertools import product

import numpy as np
import pandas as pd
import pytest
from made_up import LIFT, made_up_scores, mean_of
from scipy import stats
from statsmodels.stats.multitest import multipletests

from hcegan_lib.experiment import records, results

# --- one model --------------------------------------------------------------------------------------------------------


def test_the_interval_equals_scipys_t_interval():
    values = pd.Series([1.0, 2.0, 4.0, 9.0, 3.0])
    low, high = stats.t.interval(0.95, 4, loc=values.mean(), scale=stats.sem(values))
    row = results.interval(values)
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((values.mean(), low, high))


def test_one_value_has_no_interval():
    row = results.interval(pd.Series([3.0]))
    assert row["mean"] == 3
    assert np.isnan(row["low"])


def test_a_summary_has_intervals_over_seeds_but_none_for_the_gray_copy(scores):
    rows = results.summary(scores).set_index(["model", "metric"])
    means = [mean_of(scores, "pix2pix", seed) for seed in range(5)]
    low, high = stats.t.interval(0.95, 4, loc=np.mean(means), scale=stats.sem(means))
    assert tuple(rows.loc[("pix2pix", "psnr"), ["mean", "low", "high", "seeds"]]) == pytest.approx(
        (np.mean(means), low, high, 5)
    )
    gray = rows.loc[("gray copy", "ssim")]
    assert gray["mean"] == pytest.approx(100 * mean_of(scores, "gray copy", -1, "ssim"))
    assert (np.isnan(gray["low"]), np.isnan(gray["high"]), gray["seeds"]) == (True, True, 0)


def test_the_spread_over_seeds_is_pooled_over_models(scores):
    spread = results.seed_spread(scores, "psnr")
    variances = [np.var([mean_of(scores, model, seed) for seed in range(5)], ddof=1) for model in LIFT]
    assert spread["std"] == pytest.approx(np.mean(variances) ** 0.5)  # a plain mean, because counts are equal
    assert spread["df"] == 3 * 4
    assert results.seed_spread(scores, "ssim")["std"] == pytest.approx(spread["std"])  # a hundredth, in percent


def test_pooling_weights_models_by_their_degrees_of_freedom(scores):
    some = scores[(scores["model"] != "pix2pix") | (scores["seed"] < 1)]
    some = some[(some["model"] != "pix2pix+SA") | (some["seed"] < 2)]
    spread = results.seed_spread(some, "psnr")
    counts = {"pix2pix+SA": 2, "SA'+Hinge+BCE": 5}  # and one run of pix2pix, which adds no degree of freedom
    squares = sum(
        (n - 1) * np.var([mean_of(scores, model, seed) for seed in range(n)], ddof=1) for model, n in counts.items()
    )
    assert spread["df"] == 1 + 4
    assert spread["std"] == pytest.approx((squares / 5) ** 0.5)


def test_the_gray_copy_does_not_enter_the_spread(scores):
    again = scores[scores["model"] == records.GRAY_COPY].assign(seed=7)
    assert results.seed_spread(pd.concat([scores, again]), "psnr") == results.seed_spread(scores, "psnr")


def test_single_runs_that_differ_by_the_least_difference_have_a_p_of_five_percent(scores):
    spread = results.seed_spread(scores, "psnr")
    t = spread["least_difference"] / (spread["std"] * 2**0.5)
    assert 2 * stats.t.sf(t, spread["df"]) == pytest.approx(0.05)


def test_the_spread_needs_two_seeds_of_one_model(scores):
    with pytest.raises(ValueError, match="two seeds of at least one model"):
        results.seed_spread(scores[scores["seed"] < 1], "psnr")
    with pytest.raises(ValueError, match="metric must be one of psnr, ssim, got 'fid'"):
        results.seed_spread(scores, "fid")


# --- two models -------------------------------------------------------------------------------------------------------


def test_differences_are_taken_per_seed_and_photograph(scores):
    shuffled = scores.sample(frac=1, random_state=0)
    cells = results.differences(shuffled, "SA'+Hinge+BCE", "pix2pix", "ssim")
    assert cells.shape == (5, 8)
    score = scores.set_index(["model", "seed", "file"])["ssim"].sort_index()
    for seed, file in product(range(5), score.loc["pix2pix", 0].index):
        expected = 100 * (score["SA'+Hinge+BCE", seed, file] - score["pix2pix", seed, file])
        assert cells.loc[seed, file] == pytest.approx(expected)


def test_only_common_seeds_are_compared(scores):
    some = scores[(scores["model"] != "pix2pix") | scores["seed"].isin([1, 2, 4])]
    cells = results.differences(some, "SA'+Hinge+BCE", "pix2pix", "psnr")
    assert cells.index.tolist() == [1, 2, 4]
    pd.testing.assert_frame_equal(cells, results.differences(scores, "SA'+Hinge+BCE", "pix2pix", "psnr").loc[[1, 2, 4]])


def test_the_gray_copy_is_compared_with_each_seed(scores):
    cells = results.differences(scores, "gray copy", "pix2pix", "psnr")
    gray = mean_of(scores, "gray copy", -1)
    assert cells.mean(axis=1).tolist() == pytest.approx([gray - mean_of(scores, "pix2pix", s) for s in range(5)])
    pd.testing.assert_frame_equal(results.differences(scores, "pix2pix", "gray copy", "psnr"), -cells)


def test_the_paired_difference_equals_scipys_paired_t_test_over_seeds(scores):
    row = results.paired_difference(scores, "pix2pix+SA", "pix2pix", "psnr")
    ours, theirs = ([mean_of(scores, model, seed) for seed in range(5)] for model in ("pix2pix+SA", "pix2pix"))
    test = stats.ttest_rel(ours, theirs)
    assert (row["low"], row["high"]) == pytest.approx(tuple(test.confidence_interval(0.95)))
    assert row["p"] == pytest.approx(test.pvalue)
    assert (row["mean"], row["n"]) == (pytest.approx(np.mean(ours) - np.mean(theirs)), 5)


def test_more_photographs_do_not_count_as_more_runs(scores):
    copies = pd.concat([scores.assign(file=scores["file"] + str(n)) for n in range(4)])
    row, copied = (results.paired_difference(s, "pix2pix+SA", "pix2pix", "psnr") for s in (scores, copies))
    assert [copied[key] for key in ("mean", "low", "high", "p", "n")] == pytest.approx(
        [row[key] for key in ("mean", "low", "high", "p", "n")]
    )
    widths = [r["photographs high"] - r["photographs low"] for r in (row, copied)]
    assert widths[1] == pytest.approx(widths[0] / 2, rel=0.3)  # n is four times as large here


def test_the_interval_over_photographs_agrees_with_a_plain_bootstrap_loop(scores):
    row = results.paired_difference(scores, "SA'+Hinge+BCE", "pix2pix", "psnr")
    photographs = results.differences(scores, "SA'+Hinge+BCE", "pix2pix", "psnr").mean(axis=0).to_numpy()
    random = np.random.default_rng(1)
    drawn = [random.choice(photographs, len(photographs)).mean() for _ in range(4000)]
    width = np.ptp(np.quantile(drawn, [0.025, 0.975]))
    expected = np.quantile(drawn, [0.025, 0.975])
    assert (row["photographs low"], row["photographs high"]) == pytest.approx(tuple(expected), abs=0.15 * width)


def test_equal_values_need_no_bootstrap_and_no_t_test():
    assert results.bootstrap_interval(pd.Series([2.0, 2.0, 2.0])) == (2, 2)
    assert results.p_value(pd.Series([0.0, 0.0, 0.0])) == 1
    assert results.p_value(pd.Series([0.5, 0.5, 0.5])) == 0


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_seeds_have_no_p_value(n):
    assert np.isnan(results.p_value(pd.Series([1.0, 2.0][:n], dtype=float)))


def test_a_comparison_without_scores_is_refused(scores):
    with pytest.raises(ValueError, match="no scores of 'c'; there are: gray copy, pix2pix"):
        results.differences(scores, "c", "pix2pix", "psnr")
    with pytest.raises(ValueError, match="metric must be one of psnr, ssim, got 'fid'"):
        results.differences(scores, "pix2pix", "gray copy", "fid")
    with pytest.raises(ValueError, match="scores must be of one data set, got 'mini', 'lion'"):
        results.differences(pd.concat([scores, made_up_scores(data="lion")]), "pix2pix", "gray copy", "psnr")


# --- many comparisons -------------------------------------------------------------------------------------------------


def test_holm_equals_statsmodels():
    random = np.random.default_rng(0)
    for m in (1, 7, 60):  # few, because statsmodels collects garbage in each call
        p = random.uniform(0, 0.3, m).round(2)  # rounded, so that some are equal
        np.testing.assert_allclose(results.holm(p), multipletests(p, method="holm")[1])


def test_without_any_difference_holm_raises_a_false_alarm_in_one_table_of_twenty():
    p = np.random.default_rng(0).uniform(0, 1, (2000, 14))
    with_holm = np.mean([results.holm(row).min() < 0.05 for row in p])
    assert with_holm == pytest.approx(0.05, abs=0.015)
    assert np.mean(p.min(axis=1) < 0.05) == pytest.approx(0.5, abs=0.05)


def test_holm_leaves_a_single_p_value_alone_and_refuses_values_outside_0_to_1():
    assert results.holm([0.03]) == [0.03]
    assert results.holm([]).shape == (0,)
    for wrong in (float("nan"), -0.1, 1.1):
        with pytest.raises(ValueError, match=f"p_values must be numbers in .0, 1., got 0.5, {wrong}"):
            results.holm([0.5, wrong])


@pytest.mark.parametrize(
    ("difference", "p", "seeds", "expected"),
    [
        (0.3, 0.049, 5, "higher"),
        (-0.3, 0.049, 3, "lower"),
        (0.3, 0.05, 5, "no difference seen"),
        (-3.0, 0.9, 5, "no difference seen"),
        (9.0, 0.001, 2, "too few runs"),
        (float("nan"), float("nan"), 0, "too few runs"),
    ],
)
def test_a_verdict_needs_three_seeds_and_a_p_below_five_percent(difference, p, seeds, expected):
    assert results.verdict(difference, p, seeds) == expected
