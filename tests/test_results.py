import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hcegan_lib import paper, records, results


@pytest.fixture
def made_up():
    """Scores of two models on 25 photographs: b is better than a by 1 dB, give or take little."""
    random = np.random.default_rng(0)
    base = random.normal(20, 4, 25)
    rows = []
    for seed in (0, 1):
        for model, shift in (("a", 0.0), ("b", 1.0)):
            psnr = base + shift + random.normal(0, 0.1, 25)
            rows += [
                {"data": "mini", "model": model, "seed": seed, "file": f"{n}.jpg", "psnr": value, "ssim": value / 100}
                for n, value in enumerate(psnr)
            ]
    return pd.DataFrame(rows)


def test_the_interval_is_scipys_t_interval():
    values = pd.Series([1.0, 2.0, 4.0, 9.0, 3.0])
    low, high = stats.t.interval(0.95, 4, loc=values.mean(), scale=stats.sem(values))
    row = results.interval(values)
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((values.mean(), low, high))


def test_one_value_has_no_interval():
    row = results.interval(pd.Series([3.0]))
    assert row["mean"] == 3
    assert np.isnan(row["low"])


def test_a_summary_averages_seeds_before_photographs(made_up):
    rows = results.summary(made_up).set_index(["model", "metric"])
    expected = made_up[made_up["model"] == "b"].groupby("file")["psnr"].mean()
    assert rows.loc[("b", "psnr"), "mean"] == pytest.approx(expected.mean())
    assert rows.loc[("b", "psnr"), "n"] == 25
    assert rows.loc[("b", "psnr"), "seeds"] == 2
    half = stats.t.ppf(0.975, 24) * stats.sem(expected)
    assert rows.loc[("b", "psnr"), "high"] == pytest.approx(expected.mean() + half)


def test_ssim_is_summarised_in_percent_as_the_paper_prints_it(made_up):
    rows = results.summary(made_up).set_index(["model", "metric"])
    assert rows.loc[("a", "ssim"), "mean"] == pytest.approx(made_up[made_up["model"] == "a"]["ssim"].mean() * 100)


def test_pairing_sees_a_difference_that_the_two_intervals_hide(made_up):
    rows = results.summary(made_up).set_index(["model", "metric"])
    assert rows.loc[("a", "psnr"), "high"] > rows.loc[("b", "psnr"), "low"]
    row = results.paired_difference(made_up, "b", "a", "psnr")
    a, b = (made_up[made_up["model"] == name].groupby("file")["psnr"].mean() for name in "ab")
    assert (row["low"], row["high"]) == pytest.approx(stats.ttest_rel(b, a).confidence_interval(0.95))
    assert row["verdict"] == "higher"
    assert results.paired_difference(made_up, "a", "b", "psnr")["verdict"] == "lower"


def test_no_difference_is_called_no_difference(made_up):
    same = made_up.assign(psnr=np.random.default_rng(1).normal(20, 1, len(made_up)))
    assert results.paired_difference(same, "b", "a", "psnr")["verdict"] == "no difference seen"


def test_a_comparison_of_what_was_not_measured_is_refused(made_up):
    with pytest.raises(ValueError, match="no scores of 'c'; there are: a, b"):
        results.paired_difference(made_up, "c", "a", "psnr")
    with pytest.raises(ValueError, match="metric must be one of psnr, ssim, got 'fid'"):
        results.paired_difference(made_up, "b", "a", "fid")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_comparison_sets_the_printed_table_beside_the_measured_means(number, runs):
    scores = results.scores_of(runs / "smoke")
    table = results.comparison(number, scores).set_index(["metric", "model"])
    for cell in paper.table(number).itertuples():
        assert table.loc[(cell.metric, cell.model), cell.dataset] == cell.value
    assert np.isnan(table.loc[("psnr", "gray copy"), "DIV2K"])
    expected = scores[scores["model"] == "pix2pix"]["psnr"].mean()
    assert table.loc[("psnr", "pix2pix"), "mini"] == pytest.approx(expected)
    assert table.loc[("psnr", "pix2pix"), "mini low"] < expected < table.loc[("psnr", "pix2pix"), "mini high"]
