import csv
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from hcegan_lib import data, metrics, models, train
from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.experiment import weights
from tests.tiny import TINY

READY = weights.FOLDER
LIMIT = 10e6  # bytes of a file


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    settings = replace(TINY, head="luma", loss="none", gamma_init=None, epochs=1)
    return train.fit(settings, photos, tmp_path_factory.mktemp("run"), progress=False)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    return tmp_path / "weights"


def few(photos):
    return photos.test.choose(range(6))


def test_exported_weights_are_loaded_again_and_render_the_same_up_to_half_precision(run, photos, folder):
    entry = weights.export(run.folder, "mine", "a few photographs", {"mini": few(photos)})
    assert weights.names() == ("mine",)
    assert weights.manifest()["mine"] == entry
    generator, image_size = weights.load("mine")
    assert (image_size, generator.head, generator.training) == (TINY.image_size, "luma", False)
    assert {value.dtype for value in generator.parameters()} == {torch.float32}
    gray, _ = few(photos).batch()
    torch.testing.assert_close(models.render(generator, gray), models.render(run.generator, gray), atol=2e-3, rtol=0)
    again = weights.export(run.folder, "mine", "the same", {})
    assert (weights.names(), again["sha256"]) == (("mine",), entry["sha256"])


def test_scores_are_means_beside_the_gray_copy_with_an_interval_around_them(run, photos):
    chosen = few(photos)
    scores = weights.score(run.generator, chosen, resamples=200)
    gray, color = chosen.batch()
    rendered, copy = models.render(run.generator, gray), gray_to_rgb(gray)
    assert scores["photographs"] == 6
    difference = (metrics.psnr(rendered, color) - metrics.psnr(copy, color)).mean().item()
    assert scores["psnr_over_gray"][0] == pytest.approx(difference, abs=1e-4)
    assert scores["ssim"][0] == pytest.approx(100 * metrics.ssim(rendered, color).mean().item(), abs=1e-3)
    share = metrics.colorfulness(rendered).mean() / metrics.colorfulness(color).mean()
    assert scores["colorfulness"][0] == pytest.approx(share.item(), abs=1e-4)
    for name in ("psnr", "psnr_over_gray", "ssim", "ssim_over_gray", "ciede2000", "colorfulness"):
        mean, low, high = scores[name]
        assert low < mean < high


def test_a_gain_makes_colors_stronger_and_leaves_the_luma(run, photos):
    gray, _ = few(photos).batch()
    generator, _ = train.load_generator(run.folder)
    before = models.render(generator, gray)
    after = models.render(weights.with_gain(generator, 3), gray)
    assert metrics.colorfulness(after).mean() > 1.5 * metrics.colorfulness(before).mean()
    torch.testing.assert_close(luma(after), gray, atol=1e-5, rtol=0)


def test_a_changed_or_missing_file_an_unknown_name_and_a_missing_manifest_are_refused_with_advice(run, folder):
    with pytest.raises(ValueError, match=r"weights\.json is missing or damaged: restore it with `git checkout"):
        weights.names()
    weights.export(run.folder, "mine", "a few photographs", {})
    with pytest.raises(ValueError, match="unknown weights 'mime', did you mean 'mine'"):
        weights.load("mime")
    path = folder / "mine.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not the file of the manifest: restore it"):
        weights.load("mine")
    path.unlink()
    with pytest.raises(ValueError, match=r"mine\.safetensors is missing: restore it"):
        weights.load("mine")


# --- the kit's own ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", weights.names())
def test_ready_weights_are_small_have_a_card_and_score_what_their_manifest_says(name, tmp_path):
    entry = weights.manifest()[name]
    assert (READY / entry["file"]).stat().st_size < LIMIT
    generator, image_size = weights.load(name)
    card = (READY / f"{name.upper()}.md").read_text(encoding="utf-8")
    for test, scores in entry["scores"].items():
        photos = data.load(test, image_size, cache=tmp_path).test
        gray, color = photos.batch()
        rendered, copy = models.render(generator, gray), gray_to_rgb(gray)
        over_gray = (metrics.psnr(rendered, color) - metrics.psnr(copy, color)).mean().item()
        assert (len(photos), over_gray) == (scores["photographs"], pytest.approx(scores["psnr_over_gray"][0], abs=0.01))
        assert rows(scores) <= set(card.splitlines())


@pytest.mark.parametrize(("name", "test"), [("flowers", "flowers"), ("general", "mini")])
def test_the_card_shows_where_the_weights_succeed_and_fail(name, test, tmp_path):
    photos = data.load(test, weights.manifest()[name]["image_size"], cache=tmp_path).test
    drawn = weights.contact_sheet(name, photos, tmp_path / "sheet.jpg")
    with Image.open(drawn) as today, Image.open(READY / f"{name}.jpg") as stored:
        assert today.size == stored.size
        assert np.abs(np.array(today, dtype=int) - np.array(stored)).mean() < 1
    assert f"({name}.jpg)" in (READY / f"{name.upper()}.md").read_text(encoding="utf-8")


def rows(scores):
    """Rows of a card's table."""
    units = {"psnr": "PSNR, dB", "ssim": "SSIM, %", "ciede2000": "CIEDE2000"}
    table = {
        f"| {unit} | {number(*scores[key])} | {number(*scores[f'{key}_over_gray'], sign='+')} |"
        for key, unit in units.items()
    }
    return table | {f"| colorfulness, share of the originals' | {number(*scores['colorfulness'])} | |"}


def number(mean, low, high, sign=""):
    return f"{mean:{sign}.2f} [{low:{sign}.2f}, {high:{sign}.2f}]"


def test_no_open_photograph_of_the_training_is_one_of_the_test_photographs_or_by_one_of_their_photographers():
    used = read_csv(READY / "photographs.csv")
    flowers = [
        row for row in read_csv(data.KIT_ROOT / "data/flowers/attribution.csv") if row["file"].startswith("test")
    ]
    assert not {row["source"] for row in used} & {row["source"] for row in flowers}
    owner = re.compile(r"flickr\.com/photos/([^/]+)")
    owners = {owner.search(row["source"])[1] for row in flowers}
    assert not {found[1] for row in used if (found := owner.search(row["source"]))} & owners
    assert {row["license"] for row in used} <= {"CC-BY-2.0", "CC-BY-SA-2.0"}
    assert all(row["author"] for row in used)


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
