import json
import shutil
import subprocess
from dataclasses import replace

import pandas as pd
import pytest
import torch

from hcegan_lib import data, metrics, models, paper, train
from hcegan_lib.backend.checkpoints import sampled
from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.experiment import listing, records

TINY = train.config("smoke", batch_size=78)
MODELS = ("pix2pix", "SA'+Hinge+BCE", "L1 alone, luma kept")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return data.load("mini", TINY.image_size, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def runs(photos, tmp_path_factory):
    """Train three models for two steps each, and stop a fourth after one."""
    root = tmp_path_factory.mktemp("runs")
    for model in MODELS:
        settings = replace(TINY, **paper.model(model)._asdict())
        folder = root / "smoke" / model
        fit = train.fit(settings, photos, folder, progress=False)
        records.save_record(folder, fit, photos)
    train.fit(replace(TINY, seed=1), photos, root / "smoke" / "stopped", progress=False, stop_at=1)
    return root


def test_a_record_holds_the_scores_of_every_test_photograph(runs, photos):
    record = json.loads((runs / "smoke" / "pix2pix" / "record.json").read_text())
    generator, _ = train.load_generator(runs / "smoke" / "pix2pix")
    gray, color = photos.test.batch()
    assert [row["psnr"] for row in record["scores"]] == metrics.psnr(models.render(generator, gray), color).tolist()
    assert [row["ssim"] for row in record["gray copy"]] == metrics.ssim(gray_to_rgb(gray), color).tolist()
    assert record["model"] == "pix2pix"
    assert record["settings"]["seed"] == 0
    assert record["environment"]["torch"]


def test_an_unfinished_run_gets_no_record(runs, photos):
    folder = runs / "smoke" / "stopped"
    fit = train.fit(replace(TINY, seed=1), photos, folder, progress=False, stop_at=1)
    with pytest.raises(ValueError, match="at step 1 of 2: finish the run"):
        records.save_record(folder, fit, photos)
    assert not (folder / "record.json").exists()


def test_a_record_keeps_the_settings_of_its_run_when_training_continues_in_the_folder(photos, tmp_path):
    constant = replace(TINY, decay_from=1.0)
    fit = train.fit(replace(constant, epochs=2), photos, tmp_path, progress=False)
    train.fit(replace(constant, epochs=3), photos, tmp_path, progress=False, stop_at=5)
    record = json.loads(records.save_record(tmp_path, fit, photos).read_text())
    assert (record["settings"]["epochs"], record["steps"]) == (2, 4)
    assert [row["epoch"] for row in record["curves"]] == [1, 2]


def test_the_scores_hold_each_baseline_once_and_no_unfinished_run(runs):
    scores = records.scores_of(runs / "smoke")
    assert list(scores.columns) == records.COLUMNS
    assert scores.groupby("model").size().to_dict() == dict.fromkeys([*MODELS, *records.BASELINES], 25)
    assert set(scores.loc[scores["model"].isin(records.BASELINES), "seed"]) == {-1}


def test_the_chroma_skill_of_a_run_follows_from_two_means_of_its_scores(runs, photos):
    errors = records.scores_of(runs / "smoke").groupby("model")["chroma_error"].mean()
    generator, _ = train.load_generator(runs / "smoke" / "pix2pix")
    gray, color = photos.test.batch()
    renderings = models.render(generator, gray), gray_to_rgb(gray)
    ours, copied = (metrics.chroma_error(images, color).mean() for images in renderings)
    assert 1 - errors["pix2pix"] / errors["gray copy"] == pytest.approx((1 - ours / copied).item(), abs=1e-5)


def test_a_record_made_before_some_scores_existed_is_read_without_them(runs, tmp_path):
    old = shutil.copytree(runs / "smoke" / "pix2pix", tmp_path / "old")
    record = json.loads((old / "record.json").read_text())
    kept = ["file", "psnr", "ssim", "colorfulness", "true_colorfulness"]
    for name in ("scores", "gray copy"):
        record[name] = [{column: row[column] for column in kept} for row in record[name]]
    del record["one tint"]
    (old / "record.json").write_text(json.dumps(record))
    assert list(records.scores_of(tmp_path).columns) == [*records.RUN, *kept]


def test_collected_results_can_be_read_back_with_their_manifest(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RUNS", runs)
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    assert records.collect("smoke", failed=[{"run": "x", "error": "y"}]) == tmp_path / "smoke.csv"
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "smoke.csv"), records.scores_of(runs / "smoke"), atol=1e-6)
    curves = records.curves_of(runs / "smoke")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "smoke-curves.csv"), curves, atol=1e-6, check_dtype=False)
    manifest = records.manifest("smoke")
    assert [run["model"] for run in manifest["runs"]] == sorted(MODELS)
    assert manifest["failed"] == [{"run": "x", "error": "y"}]
    assert not {"scores", "curves", "gray copy"} & set(manifest["runs"][0])


def test_the_pictures_are_those_of_the_run_with_the_middle_psnr(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RUNS", tmp_path)
    monkeypatch.setattr(records, "RESULTS", tmp_path / "results")
    for seed, change in enumerate((0, 5, 1, -1)):  # the runs with seeds 0 and 2 are in the middle, and 0 is the lower
        copy = shutil.copytree(runs / "smoke" / "pix2pix", tmp_path / "grid" / f"run{seed}")
        record = json.loads((copy / "record.json").read_text())
        record["settings"]["seed"] = seed
        record["scores"] = [row | {"psnr": row["psnr"] + change} for row in record["scores"]]
        (copy / "record.json").write_text(json.dumps(record))
        (copy / "rendered.png").write_bytes(bytes([seed]))
    records.collect("grid")
    assert records.middle_seeds(records.scores_of(tmp_path / "grid")) == {("mini", "pix2pix"): 0}
    assert (tmp_path / "results" / "grid-pictures" / "mini-pix2pix.png").read_bytes() == bytes([0])


def test_collecting_without_a_finished_run_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RUNS", tmp_path)
    monkeypatch.setattr(records, "RESULTS", tmp_path / "results")
    with pytest.raises(ValueError, match=r"no finished run in .*tour: train one first"):
        records.collect("tour")
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("content", ['{"a": 1}', '{"data": "mini", "model": "x", "settings": {}}', "[1]", "\x00"])
def test_a_foreign_record_below_the_runs_is_named(content, runs, tmp_path):
    shutil.copytree(runs / "smoke" / "pix2pix", tmp_path / "a")
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "b" / "c" / "record.json").write_text(content)
    with pytest.raises(ValueError, match=r"b/c/record\.json cannot be read"):
        records.scores_of(tmp_path)


def test_a_pipe_among_the_records_is_refused_instead_of_waited_for(make_pipe, tmp_path):
    make_pipe(tmp_path / "record.json")
    with pytest.raises(ValueError, match=r"record\.json is not a plain file"):
        records.scores_of(tmp_path)


def test_curves_are_means_over_the_steps_of_an_epoch(photos, tmp_path):
    settings = replace(TINY, epochs=3, gamma_init="normal")
    fit = train.fit(settings, photos, tmp_path, progress=False)
    rows = records.curves(fit, photos.test)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    second = fit.log.iloc[2:4]  # 156 photographs, 78 per step: two steps per epoch
    assert rows[1]["d_loss"] == pytest.approx(second["d_loss"].mean(), abs=1e-6)
    assert rows[1]["g_loss_std"] == pytest.approx(second["g_loss"].std(), abs=1e-6)
    assert rows[1]["gain"] == pytest.approx(second["gain"].mean(), abs=1e-6)
    gray, color = photos.test.batch(sampled(len(photos.test)))
    rendered = models.render(fit.generator, gray)
    assert rows[2]["psnr"] == pytest.approx(metrics.psnr(rendered, color).mean().item(), abs=0.01)  # of 8-bit pictures
    assert rows[2]["chroma_error"] == pytest.approx(metrics.chroma_error(rendered, color).mean().item(), rel=0.01)


def test_one_tint_has_the_mean_chroma_of_the_training_photographs_and_the_true_luma(photos):
    images, (gray, _) = records.one_tint(photos), photos.test.batch()
    assert (luma(images) - gray).abs().max() < 1e-5
    _, train_color = photos.train.batch()
    mean = train_color - luma(train_color)
    difference = images - gray_to_rgb(gray)
    middle = (gray[:, 0] > 0.4) & (gray[:, 0] < 0.6)  # where every color of so little chroma exists
    assert difference.movedim(1, -1)[middle].std(dim=0).max() < 1e-6
    torch.testing.assert_close(difference.movedim(1, -1)[middle][0], mean.mean(dim=(0, 2, 3)), atol=1e-5, rtol=0)


def test_a_model_without_attention_has_no_gain(runs):
    curves = records.curves_of(runs / "smoke")
    assert curves.groupby("model")["gain"].count().to_dict() == dict.fromkeys(MODELS, 0) | {"SA'+Hinge+BCE": 1}


def test_recorded_pictures_are_those_of_the_run_in_the_middle(runs, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RUNS", runs)
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    fit = train.fit(replace(TINY, seed=7), photos, runs / "smoke" / "a-later-seed", progress=False)
    records.save_record(fit.folder, fit, photos)
    records.collect("smoke")
    files, images = records.read_pictures("smoke", "mini", "pix2pix")
    assert (files[0], files[-1], len(files)) == (photos.test.files[0], photos.test.files[-1], records.PICTURES)
    generator, _ = train.load_generator(runs / "smoke" / "pix2pix")
    gray, _ = photos.test.batch([photos.test.files.index(file) for file in files])
    assert (images - models.render(generator, gray)).abs().max() <= 0.5 / 255 + 1e-6
    with pytest.raises(ValueError, match="no recorded pictures of 'pix2pix' on 'lion' in grid 'smoke'"):
        records.read_pictures("smoke", "lion", "pix2pix")
    shutil.rmtree(fit.folder)


def test_the_commit_is_marked_dirty_if_the_library_differs_from_it(tmp_path, monkeypatch):
    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        return subprocess.run(["git", "-C", tmp_path, *identity, *words], check=True, capture_output=True, text=True)

    (tmp_path / "hcegan_lib").mkdir()
    (tmp_path / "hcegan_lib" / "losses.py").write_text("loss = 1\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    monkeypatch.setattr(records, "KIT_ROOT", tmp_path)
    head = git("rev-parse", "HEAD").stdout.strip()
    (tmp_path / "notes.txt").write_text("not code\n")
    assert records.git_commit() == head
    (tmp_path / "hcegan_lib" / "losses.py").write_text("loss = 2\n")
    assert records.git_commit() == f"{head}-dirty"


def test_outside_a_clone_there_is_no_commit(tmp_path, monkeypatch):
    inside = tmp_path / "of a student" / "course"
    inside.mkdir(parents=True)
    subprocess.run(["git", "-C", inside.parent, "init", "-q"], check=True)
    one = ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "--allow-empty", "-m", "one"]
    subprocess.run(["git", "-C", inside.parent, *one], check=True)
    monkeypatch.setattr(records, "KIT_ROOT", inside)
    assert records.git_commit() is None


def test_a_run_that_failed_after_its_record_counts_as_failed(runs, tmp_path):
    shutil.copytree(runs / "smoke", tmp_path / "smoke")
    (tmp_path / "smoke" / "pix2pix" / "error.txt").write_text("AssertionError", encoding="utf-8")
    assert "pix2pix" not in set(records.scores_of(tmp_path / "smoke")["model"])
    assert "pix2pix" not in set(records.curves_of(tmp_path / "smoke")["model"])
    state = listing.list_runs(tmp_path / "smoke").set_index("run")["state"]
    assert state["pix2pix"] == "failed: see its error.txt"


def test_names_of_run_folders_need_no_quoting():
    assert records.run_folder("tour", "mini", "SA''+Hinge+BCE", 3).name == "mini-SApp+Hinge+BCE-seed3"
    kept = records.run_folder("tour", "mini", "SA'+Hinge+BCE, luma kept", 0)
    assert kept.name == "mini-SAp+Hinge+BCE-luma-kept-seed0"


def test_no_two_models_share_a_run_folder():
    names = [*paper.MODELS, *paper.LUMA_MODELS]
    assert len({records.run_folder("tour", "mini", name, 0) for name in names}) == 11
