from itertools import product

import numpy as np
import pandas as pd
import pytest
from made_up import LIFT, made_up_run, made_up_scores, write_manifest

from hcegan_lib import paper
from hcegan_lib.experiment import records, results


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_table_holds_every_printed_number_and_its_difference_from_pix2pix(number, scores):
    table = results.table(number, scores).set_index(["metric", "model"])
    printed = paper.table(number)
    value = printed.set_index(["metric", "model", "dataset"])["value"]
    for cell in printed.itertuples():
        row = table.loc[(cell.metric, cell.model)]
        assert row[f"paper {cell.dataset}"] == cell.value
        gain = cell.value - value[cell.metric, "pix2pix", cell.dataset]
        assert cell.model == "pix2pix" or row[f"paper {cell.dataset} difference"] == pytest.approx(gain, abs=1e-9)
    assert table.filter(like="paper").notna().sum().sum() == 2 * len(printed) - 14  # pix2pix minus itself is not shown
    models = printed["model"].unique()
    assert table.index.tolist() == [(m, name) for m in ("psnr", "ssim") for name in ("gray copy", *models)]


def test_a_table_holds_the_measured_means_and_differences(scores):
    table = results.table(3, scores).set_index(["metric", "model"])
    means = results.summary(scores).set_index(["metric", "model"])
    for metric, model in product(("psnr", "ssim"), ("gray copy", "pix2pix+SA", "SA'+Hinge+BCE")):
        row, pair = table.loc[(metric, model)], results.paired_difference(scores, model, "pix2pix", metric)
        mean = means.loc[(metric, model)]
        names = ["mean", "low", "high", "seeds", "difference", "difference low", "difference high", "difference seeds"]
        names += ["difference photographs low", "difference photographs high", "p"]
        wanted = [mean["mean"], mean["low"], mean["high"], mean["seeds"], pair["mean"], pair["low"], pair["high"]]
        wanted += [pair["n"], pair["photographs low"], pair["photographs high"], pair["p"]]
        assert [row[f"mini {name}"] for name in names] == pytest.approx(wanted, nan_ok=True)


def test_one_correction_covers_all_metrics_models_and_data_sets_of_a_table(scores):
    both = pd.concat([scores, made_up_scores(seeds=4, data="lion")])
    table = results.table(3, both)
    columns = [f"{data} {name}" for name in ("p", "p Holm") for data in ("mini", "lion")]
    p = table[columns[:2]].to_numpy().ravel()
    adjusted = table[columns[2:]].to_numpy().ravel()
    tested = ~np.isnan(p)
    assert tested.sum() == 2 * 2 * 3  # gray copy and two models, two metrics, two data sets
    np.testing.assert_allclose(adjusted[tested], results.holm(p[tested]))
    verdicts = table.set_index(["metric", "model"])["mini verdict"]
    assert verdicts["psnr", "SA'+Hinge+BCE"] == "higher"
    assert verdicts["psnr", "pix2pix+SA"] == "no difference seen"
    assert verdicts["psnr", "pix2pix"] == "baseline"
    assert verdicts["psnr", "pix2pix+SA'"] == "too few runs"  # not measured at all


def test_two_seeds_are_too_few_for_a_verdict_and_do_not_affect_other_models(scores):
    few = results.table(3, scores[(scores["model"] != "pix2pix+SA") | (scores["seed"] < 2)]).set_index("model")
    assert set(few.loc["pix2pix+SA", "mini verdict"]) == {"too few runs"}
    assert few.loc["pix2pix+SA", "mini difference"].notna().all()
    assert few["mini p Holm"].notna().sum() == 2 * 2
    assert set(few.loc["SA'+Hinge+BCE", "mini verdict"]) == {"higher"}


def test_without_pix2pix_there_are_means_but_no_comparisons(scores):
    table = results.table(1, scores[scores["model"] != "pix2pix"]).set_index("model")
    assert table.loc["pix2pix+SA", "mini mean"].notna().all()
    assert table["mini difference"].isna().all()
    assert set(table.drop(index="pix2pix")["mini verdict"]) == {"too few runs"}


def test_the_caption_takes_its_numbers_from_the_manifest_and_the_scores(grid, scores):
    caption = results.render_table(1, "made").splitlines()[-1]
    for words in (
        "The paper's Table 1 as printed",
        "mini: 8 test photographs; 5 runs per model, each with its own seed, trained on 156 photographs. Training: "
        "64 px, 24 channels, attention on maps up to 32 x 32, 7 epochs of batch 8, rate 0.004 falling to 0 after 50% "
        "of the epochs, bfloat16.",
        "Holm's correction for its 4 comparisons",
        "RGB with data range 1; SSIM with a Gaussian window of 11 pixels, sigma 1.5.",
        "Grid made, commit 0123456-dirty.",
    ):
        assert words in caption
    runs = [made_up_run(model, seed, epochs=7 + seed) for model in LIFT for seed in range(3)]
    write_manifest(grid, runs, failed=[{"run": "mini-pix2pix-seed3", "error": "x"}])
    records.write_table(grid / "made.csv", scores[scores["seed"] < 3].drop(index=20))
    caption = results.render_table(1, "made").splitlines()[-1]
    assert "7 test photographs (1 left out because not every run scored them)" in caption
    assert "7 or 8 or 9 epochs of batch 8" in caption
    assert "3 runs per model" in caption
    assert caption.endswith("Failed runs, not included: 1.")


def test_the_protocol_names_attention_on_all_maps_and_a_constant_rate():
    run = made_up_run("pix2pix", 0, attend_max_positions=None, decay_from=1.0)
    assert "attention on all maps" in results.protocol([run])
    assert "rate 0.004, bfloat16" in results.protocol([run])


def test_scores_missing_from_the_manifest_are_refused(grid):
    others = [made_up_run(*run) for run in product(LIFT, range(5)) if run != ("pix2pix", 2)]
    write_manifest(grid, others)
    with pytest.raises(ValueError, match="the manifest lacks the run of 'pix2pix', seed 2, on 'mini'"):
        results.render_table(1, "made")
    (grid / "made.json").unlink()
    with pytest.raises(ValueError, match=r"no manifest of grid 'made': .*made\.json does not exist"):
        results.render_table(1, "made")
