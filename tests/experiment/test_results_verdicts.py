"""The scorecard, and the claims about stability and speed, on made-up runs and against plain pandas and SciPy."""

import json
import re
from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hcegan_lib import paper
from hcegan_lib.experiment import records, results
from hcegan_lib.experiment.results import effects, training, verdicts
from tests.experiment.made_up import SETTINGS

SETS = ["lion", "dog", "fish"]
HCEGAN = "SA'+Hinge+BCE"
EPOCHS = 8


@pytest.fixture(scope="module")
def scores():
    """Eight models on three sets with four seeds: the loss gains 1 dB and 1 point, the rest is noise."""
    random = np.random.default_rng(0)
    rows = [
        (data, model, seed, f"{n}.jpg", 20 + n + ("Hinge+BCE" in model) + random.normal(0, 0.1))
        for data, model, seed, n in product(SETS, paper.MODELS, range(4), range(5))
    ]
    table = pd.DataFrame(rows, columns=["data", "model", "seed", "file", "psnr"])
    return table.assign(ssim=table["psnr"] / 100)


@pytest.fixture(scope="module")
def curves():
    """The curves of two models on the same sets: HCEGAN's PSNR zigzags by 0.4 dB, that of pix2pix by 0.1 dB."""
    random = np.random.default_rng(1)
    rows = []
    for data, model, seed, epoch in product(SETS, ("pix2pix", HCEGAN), range(4), range(1, EPOCHS + 1)):
        zigzag = (0.4 if model == HCEGAN else 0.1) * (-1) ** epoch + random.normal(0, 0.01)
        row = {"psnr": 20 + zigzag, "l1": 0.1 + 0.2 / epoch + 0.001 * seed, "d_loss": 2.0}
        rows.append({"data": data, "model": model, "seed": seed, "epoch": epoch} | row | {"d_loss_std": 0.3 + zigzag})
    return pd.DataFrame(rows)


@pytest.fixture
def committed(scores, curves, tmp_path, monkeypatch):
    """The same as committed results of a grid."""
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    scores.to_csv(tmp_path / "made.csv", index=False)
    curves.to_csv(tmp_path / "made-curves.csv", index=False)
    runs = [
        {"data": {"name": data}, "model": model, "settings": {"seed": 0} | SETTINGS}
        for data, model in product(SETS, paper.MODELS)
    ]
    (tmp_path / "made.json").write_text(json.dumps({"grid": "made", "runs": runs, "failed": []}), encoding="utf-8")
    return tmp_path


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
        (0.1, -0.2, 0.4, np.nan, "undecided"),  # two runs have an interval, and no p
    ],
)
def test_verdicts_follow_the_plan(mean, low, high, p, wanted):
    assert verdicts.judge({"mean": mean, "low": low, "high": high, "p": p, "target": 0.5}) == wanted


def test_the_scorecard_corrects_each_family_and_judges_each_claim(scores):
    card = results.scorecard(scores)
    assert card["contrast"].tolist() == [name for name in effects.PRIMARY | effects.SECONDARY for _ in range(2)]
    for _, family in card.groupby("family"):
        np.testing.assert_allclose(family["p Holm"], results.holm(family["p"]))
    judged = card.set_index(["contrast", "metric"])["verdict"]
    assert judged["loss", "psnr"] == "reproduced"
    assert judged["loss", "ssim"] == "smaller than printed"  # 1 point, where the paper prints 2.2
    assert judged["loss x start", "psnr"] == ""
    assert card["target"].min() >= 0.1  # the tables print no gain for the start; the text claims one


def test_the_measures_of_a_run_are_those_of_a_loop_over_its_epochs(curves):
    found = training.measures_of_runs(curves, decay_from=0.5).set_index(records.RUN)
    run = curves.query("data == 'dog' and model == @HCEGAN and seed == 2")
    psnr, l1 = run["psnr"].tolist(), run["l1"].tolist()
    changes = [after - before for before, after in pairwise(psnr)]
    goal = 1.1 * np.mean([0.1 + 0.2 / EPOCHS + 0.001 * seed for seed in range(4)])
    wanted = {
        "d_swing": np.mean([std / 2.0 for std in run["d_loss_std"]]),
        "swing": np.sqrt(np.mean([change**2 for change in changes[:3]])),  # epochs 1 to 4
        "late_swing": abs(changes[-1]),  # epochs 7 and 8
        "l1": l1[-1],
        "reached": next(n for n, value in enumerate(l1, start=1) if value <= goal),
    }
    assert found.loc["dog", HCEGAN, 2].to_dict() == pytest.approx(wanted)


@pytest.mark.filterwarnings("error")
def test_a_run_of_one_epoch_has_no_swing(curves):
    found = training.measures_of_runs(curves[curves["epoch"] == 1], decay_from=0.5)
    assert found[["swing", "late_swing"]].isna().all(axis=None)


def test_a_run_that_never_comes_near_counts_one_epoch_more_than_it_has(scores, curves):
    far = curves.assign(l1=curves["l1"] + 9 * ((curves["model"] == HCEGAN) & (curves["seed"] < 2)))
    found = training.measures_of_runs(far, 0.5).query("model == @HCEGAN and seed < 2")["reached"]
    assert (found == EPOCHS + 1).all()
    far = far[(far["model"] != "pix2pix") | (far["data"] != "dog")]  # nothing to compare with
    said = training.training_claims(far, scores, decay_from=0.5)["estimate"][4]  # a bound has no interval
    assert re.fullmatch(r"at least \+\d\.\d\d \(never in 4 of 8 runs\)", said)


def test_a_claim_about_training_is_judged_by_its_interval_over_sets(scores, curves):
    card = training.training_claims(curves, scores, decay_from=0.5)
    assert card["verdict"][0] == "contradicted"  # HCEGAN's score swings more
    assert card["verdict"][2] == "not comparable"  # the losses of two discriminators
    assert card["verdict"][5] == "undecided"  # both end with the same L1
    assert card["estimate"][0] == "{mean:+.2f} [{low:+.2f}, {high:+.2f}]".format(**card.iloc[0])
    swapped = curves.replace({"model": {"pix2pix": HCEGAN, HCEGAN: "pix2pix"}})
    assert training.training_claims(swapped, scores, decay_from=0.5)["verdict"][0] == "supported"
    spread = scores.groupby(["data", "model", "seed"])["psnr"].mean().groupby(["data", "model"]).std().unstack("model")
    test = stats.ttest_1samp(spread[HCEGAN] - spread["pix2pix"], 0)
    low, high = test.confidence_interval()
    assert (card["low"][3], card["high"][3]) == pytest.approx((low, high))


def test_the_scorecard_is_printed_in_four_forms(committed):
    card = results.scorecard(results.measured("made"))
    text, short = results.render_scorecard("made"), results.render_scorecard("made", "short")
    assert "over 3 data sets, each averaged over its 4 seeds" in text
    for row in card.to_dict("records"):
        assert f"{row['mean']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]" in text
    assert results.render_scorecard("made", "csv") == card.to_csv(index=False, lineterminator="\n")
    for row in card[card["contrast"] == "method"].to_dict("records"):
        assert f"{row['mean']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}] " in short
    assert len(short.splitlines()) <= 10
    lines = len(card) + len(training.MEASURES)
    assert results.render_scorecard("made", "html").count("<tr") == lines + 1
    assert max(map(len, text.splitlines()[: lines + 2])) <= 190
    with pytest.raises(ValueError, match="form must be one of md, html, short, csv, got 'latex'"):
        results.render_scorecard("made", "latex")


def test_with_one_seed_there_is_a_scorecard_and_no_spread_over_seeds(committed, scores):
    scores[scores["seed"] == 0].to_csv(committed / "made.csv", index=False)
    text = results.render_scorecard("made")
    assert "over 3 data sets, each averaged over its 1 seed." in text
    (spread,) = (line for line in text.splitlines() if "PSNR: std over seeds" in line)
    assert "one seed only" in spread


@pytest.mark.parametrize(("sets", "seeds", "unfinished"), [(3, 4, False), (4, 4, True), (3, 5, True)])
def test_a_grid_gets_its_verdicts_after_the_last_run_of_its_plan(committed, monkeypatch, sets, seeds, unfinished):
    monkeypatch.setitem(verdicts.PLANNED, "made", verdicts.Planned(sets, seeds, most_seeds=5, half_width=99))
    interim = (
        f"Interim, 3 of {sets} data sets and 4 of {seeds} seeds are complete: no verdicts before the last run. "
        "Grid made"
    )
    text = results.render_scorecard("made", "short")
    assert (interim in text) == unfinished
    assert ("not yet" in text) == unfinished
    assert ("reproduced" in text) != unfinished


def test_a_failed_run_is_named_and_does_not_withhold_the_verdicts(committed, scores, monkeypatch):
    monkeypatch.setitem(verdicts.PLANNED, "made", verdicts.Planned(3, 4, most_seeds=4, half_width=0))
    lost = (scores["data"] == "dog") & (scores["model"] == HCEGAN) & (scores["seed"] == 2)
    scores[~lost].to_csv(committed / "made.csv", index=False)
    assert "3 of 4 seeds are complete" in results.render_scorecard("made", "short")
    manifest = json.loads((committed / "made.json").read_text(encoding="utf-8"))
    run = records.run_folder("made", "dog", HCEGAN, 2).name
    manifest["failed"] = [{"run": run, "error": "NonFiniteLossError"}]
    (committed / "made.json").write_text(json.dumps(manifest), encoding="utf-8")
    text = results.render_scorecard("made", "short")
    assert f"Failed runs: {run}." in text
    assert "reproduced" in text
    assert "seeds follow" not in text


def test_holm_counts_a_comparison_without_a_p(scores):
    few = scores[(scores["data"] == "dog") & ((scores["model"] != "SA+Hinge+BCE") | (scores["seed"] < 2))]
    card = results.scorecard(few).query("family == 'primary'").set_index(["contrast", "metric"])
    assert card.loc["loss", "p Holm"].isna().all()  # two seeds
    assert (card.loc["loss", "verdict"] == "undecided").all()
    assert card["p Holm"].min() == pytest.approx(6 * card["p"].min())


@pytest.mark.parametrize(("most_seeds", "too_wide", "more"), [(5, True, True), (5, False, False), (4, True, False)])
def test_the_scorecard_says_that_more_seeds_follow(committed, scores, monkeypatch, most_seeds, too_wide, more):
    halves = []
    for name in ("loss", "start", "method"):
        by_seed = effects.effects(scores, effects.PRIMARY[name].weights, "psnr").mean(axis=0)
        halves.append(np.diff(stats.ttest_1samp(by_seed, 0).confidence_interval()).item() / 2)
    limit = max(halves) + (-0.001 if too_wide else 0.001)
    monkeypatch.setitem(verdicts.PLANNED, "made", verdicts.Planned(3, 4, most_seeds, limit))
    text = results.render_scorecard("made", "short")
    sentence = f"above {limit} dB (the largest is {max(halves):.2f}). Grid made"
    assert (sentence in text) == ("more seeds follow, up to" in text) == more
    assert "reproduced" in text


def test_a_grid_without_all_models_has_no_scorecard(committed, scores):
    scores[scores["model"] != "pix2pix+SA"].to_csv(committed / "made.csv", index=False)
    with pytest.raises(ValueError, match=r"grid 'made' has no runs of pix2pix\+SA"):
        results.render_scorecard("made")
