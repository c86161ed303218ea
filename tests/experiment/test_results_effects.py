from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hcegan_lib import paper
from hcegan_lib.experiment import records, results
from hcegan_lib.experiment.results import effects as module

SETS = ["lion", "dog", "fish"]
LOSS = {model: ("Hinge+BCE" in model) for model in paper.MODELS}


@pytest.fixture(scope="module")
def scores():
    """Eight models on three sets with four seeds: the loss gains 1 dB and 1 point, the rest is noise."""
    random = np.random.default_rng(0)
    rows = [
        (data, model, seed, f"{n}.jpg", 20 + n + LOSS[model] + random.normal(0, 0.1))
        for data, model, seed, n in product(SETS, paper.MODELS, range(4), range(5))
    ]
    table = pd.DataFrame(rows, columns=["data", "model", "seed", "file", "psnr"])
    return table.assign(ssim=table["psnr"] / 100)


def effects_by_hand(scores, plus, minus, metric="psnr"):
    """Effect of each set and seed, by loops."""
    means = scores.groupby(["data", "model", "seed"])[metric].mean()
    return np.array(
        [
            [np.mean([means[d, m, s] for m in plus]) - np.mean([means[d, m, s] for m in minus]) for s in range(4)]
            for d in sorted(SETS)
        ]
    )


def test_an_effect_has_an_interval_over_sets_and_one_over_seeds(scores):
    cells = effects_by_hand(scores, ["SA'+Hinge+BCE"], ["pix2pix"])
    found = results.estimate(scores, module.PRIMARY["method"].weights, "psnr")
    by_set, by_seed = cells.mean(axis=1), cells.mean(axis=0)
    over_sets = stats.ttest_1samp(by_set, 0)
    low, high = over_sets.confidence_interval()
    assert (found["mean"], found["low"], found["high"]) == pytest.approx((by_set.mean(), low, high))
    assert found["p"] == pytest.approx(over_sets.pvalue)
    seeds = stats.ttest_1samp(by_seed, 0).confidence_interval()
    assert (found["seeds low"], found["seeds high"]) == pytest.approx(tuple(seeds))
    assert (found["sets"], found["seeds"]) == (3, 4)


def test_with_one_set_the_interval_is_over_seeds(scores):
    one = scores[scores["data"] == "dog"]
    found = results.estimate(one, module.PRIMARY["method"].weights, "ssim")
    assert (found["low"], found["high"]) == (found["seeds low"], found["seeds high"])


def test_a_seed_counts_only_if_all_models_of_the_contrast_finished(scores):
    lost = (scores["model"] == "pix2pix") & (scores["data"] == "dog") & (scores["seed"] == 3)
    found = module.effects(scores[~lost], module.PRIMARY["method"].weights, "psnr")
    assert found.isna().to_numpy().tolist() == [[False, False, False, name == "dog"] for name in sorted(SETS)]


@pytest.mark.parametrize("name", module.CONTRASTS)
def test_the_weights_of_a_contrast_add_up_to_0_and_name_models_of_the_paper(name):
    weights = module.CONTRASTS[name].weights
    assert sum(weights.values()) == pytest.approx(0)
    assert set(weights) <= set(paper.MODELS)


def test_printed_effects_come_from_the_tables():
    cells = paper.table(3).query("metric == 'ssim'").pivot(index="dataset", columns="model", values="value")
    found = module.printed_effects(module.PRIMARY["method"].weights, "ssim")
    np.testing.assert_allclose(found[cells.index], cells["SA'+Hinge+BCE"] - cells["pix2pix"])


@pytest.mark.parametrize(
    ("mean", "low", "high", "p", "wanted"),
    [
        (-0.5, -0.9, -0.1, 0.01, "contradicted"),
        (0.3, 0.1, 0.4, 0.01, "smaller than printed"),
        (0.3, 0.1, 0.6, 0.01, "reproduced"),
        (0.9, 0.8, 1.0, 0.01, "reproduced"),
        (0.1, -0.2, 0.4, 0.30, "excluded"),
        (0.3, -0.2, 0.8, 0.30, "undecided"),
        (0.3, 0.1, 0.8, 0.06, "undecided"),  # Holm's p may be above 5% where the interval leaves out 0
        (0.3, np.nan, np.nan, np.nan, "undecided"),
    ],
)
def test_verdicts_follow_the_plan(mean, low, high, p, wanted):
    assert module.judge({"mean": mean, "low": low, "high": high, "p": p, "target": 0.5}) == wanted


def test_the_scorecard_corrects_each_family_and_judges_each_claim(scores):
    card = results.scorecard(scores)
    assert card["contrast"].tolist() == [name for name in module.CONTRASTS for _ in range(2)]
    for _, family in card.groupby("family"):
        np.testing.assert_allclose(family["p Holm"], results.holm(family["p"]))
    verdicts = card.set_index(["contrast", "metric"])["verdict"]
    assert verdicts["loss", "psnr"] == "reproduced"
    assert verdicts["loss", "ssim"] == "smaller than printed"  # 1 point, where the paper prints 2.2
    assert verdicts["loss x start", "psnr"] == ""
    assert card["target"].min() >= 0.1  # the tables print no gain for the start; the text claims one


def test_the_scorecard_is_printed_in_three_forms(scores, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    scores.to_csv(tmp_path / "made.csv", index=False)
    card = results.scorecard(results.measured("made"))
    text = results.render_scorecard("made")
    assert "over 3 data sets, each averaged over its 4 seeds" in text
    for row in card.to_dict("records"):
        assert f"{row['mean']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]" in text
    assert results.render_scorecard("made", "csv") == card.to_csv(index=False, lineterminator="\n")
    assert results.render_scorecard("made", "html").count("<tr") == len(card) + 1
    with pytest.raises(ValueError, match="form must be one of md, html, csv, got 'latex'"):
        results.render_scorecard("made", "latex")


def test_a_grid_without_all_models_has_no_scorecard(scores, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    scores[scores["model"] != "pix2pix+SA"].to_csv(tmp_path / "made.csv", index=False)
    with pytest.raises(ValueError, match=r"grid 'made' has no runs of pix2pix\+SA"):
        results.render_scorecard("made")
