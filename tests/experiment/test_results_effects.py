from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hcegan_lib import paper
from hcegan_lib.experiment import results
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


def test_a_set_counts_only_if_a_seed_has_all_models_of_the_contrast(scores):
    started = scores[(scores["data"] != "fish") | (scores["model"] == "pix2pix")]
    weights = results.PRIMARY["method"].weights
    two_sets = results.estimate(scores[scores["data"] != "fish"], weights, "psnr")
    assert results.estimate(started, weights, "psnr") == pytest.approx(two_sets, nan_ok=True)


@pytest.mark.parametrize("name", module.PRIMARY | module.SECONDARY)
def test_the_weights_of_a_contrast_add_up_to_0_and_name_models_of_the_paper(name):
    weights = (module.PRIMARY | module.SECONDARY)[name].weights
    assert sum(weights.values()) == pytest.approx(0)
    assert set(weights) <= set(paper.MODELS)


def test_printed_effects_come_from_the_tables():
    cells = paper.table(3).query("metric == 'ssim'").pivot(index="dataset", columns="model", values="value")
    found = module.printed_effects(module.PRIMARY["method"].weights, "ssim")
    np.testing.assert_allclose(found[cells.index], cells["SA'+Hinge+BCE"] - cells["pix2pix"])
