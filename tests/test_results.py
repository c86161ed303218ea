import json
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hcegan_lib import data, metrics, paper, results, train
from hcegan_lib.color import gray_to_rgb

TINY = train.config("smoke", batch_size=78)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return data.load("mini", TINY.image_size, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def runs(photos, tmp_path_factory):
    """Train two models of two steps each, and leave a third unfinished."""
    root = tmp_path_factory.mktemp("runs")
    for model in ("pix2pix", "SA'+Hinge+BCE"):
        settings = replace(TINY, **paper.model(model)._asdict())
        folder = root / "smoke" / model
        fit = train.fit(settings, photos, folder, progress=False)
        results.save_record(folder, fit, photos)
    train.fit(replace(TINY, seed=1), photos, root / "smoke" / "stopped", progress=False, stop_at=1)
    return root


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


def test_a_record_holds_the_scores_of_every_test_photograph(runs, photos):
    record = json.loads((runs / "smoke" / "pix2pix" / "record.json").read_text())
    generator, _ = train.load_generator(runs / "smoke" / "pix2pix")
    gray, color = photos.test.batch()
    assert [row["psnr"] for row in record["scores"]] == metrics.psnr(train.render(generator, gray), color).tolist()
    assert [row["ssim"] for row in record["gray copy"]] == metrics.ssim(gray_to_rgb(gray), color).tolist()
    assert record["model"] == "pix2pix"
    assert record["settings"]["seed"] == 0
    assert record["environment"]["torch"]


def test_a_half_trained_run_gets_no_record(runs, photos):
    folder = runs / "smoke" / "stopped"
    fit = train.fit(replace(TINY, seed=1), photos, folder, progress=False, stop_at=1)
    with pytest.raises(ValueError, match="at step 1 of 2: finish the run"):
        results.save_record(folder, fit, photos)
    assert not (folder / "record.json").exists()


def test_the_gray_copy_stands_once_and_unfinished_runs_do_not(runs):
    scores = results.scores_of(runs / "smoke")
    assert list(scores.columns) == results.COLUMNS
    assert scores.groupby("model").size().to_dict() == {"pix2pix": 25, "SA'+Hinge+BCE": 25, "gray copy": 25}
    assert set(scores.loc[scores["model"] == "gray copy", "seed"]) == {-1}


def test_collected_results_are_read_back_with_their_manifest(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RUNS", runs)
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    assert results.collect("smoke", tmp_path) == tmp_path / "smoke.csv"
    pd.testing.assert_frame_equal(results.measured("smoke"), results.scores_of(runs / "smoke"), atol=1e-6)
    manifest = json.loads((tmp_path / "smoke.json").read_text())
    assert [run["model"] for run in manifest] == ["SA'+Hinge+BCE", "pix2pix"]
    assert "scores" not in manifest[0]


def test_results_that_do_not_exist_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RUNS", tmp_path)
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    (tmp_path / "laptop.csv").write_text("")
    with pytest.raises(ValueError, match=r"no finished run in .*tour: train one first"):
        results.collect("tour", tmp_path)
    with pytest.raises(ValueError, match=r"profile must be one of .* got 'tuor'"):
        results.collect("tuor", tmp_path)
    with pytest.raises(ValueError, match="no committed results of profile 'tour'; there are: laptop"):
        results.measured("tour")


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


def test_the_commit_is_marked_where_the_library_differs_from_it(tmp_path, monkeypatch):
    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        return subprocess.run(["git", "-C", tmp_path, *identity, *words], check=True, capture_output=True, text=True)

    (tmp_path / "hcegan_lib").mkdir()
    (tmp_path / "hcegan_lib" / "losses.py").write_text("loss = 1\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    monkeypatch.setattr(results, "KIT_ROOT", tmp_path)
    head = git("rev-parse", "HEAD").stdout.strip()
    (tmp_path / "notes.txt").write_text("not code\n")
    assert results.git_commit() == head
    (tmp_path / "hcegan_lib" / "losses.py").write_text("loss = 2\n")
    assert results.git_commit() == f"{head}-dirty"


def test_outside_a_clone_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "KIT_ROOT", tmp_path)
    assert results.git_commit() is None


def test_run_folders_need_no_quoting():
    assert results.run_folder("tour", "mini", "SA''+Hinge+BCE", 3).name == "mini-SApp+Hinge+BCE-seed3"
