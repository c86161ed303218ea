"""What lessons 09, 14 and 15 say about "the runs stored here" holds for the tables stored beside it.

Another processor rounds differently and so trains other networks, so a cell that a reader runs must not assert it.
"""

import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def stored_lines(notebook, first_line):
    """Read the lines printed by the cell whose source starts with `first_line`."""
    cells = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells
    (cell,) = (cell for cell in cells if cell.source.startswith(first_line))
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return [line.rstrip() for line in "".join(texts).splitlines() if line.strip()]


def stored_table(notebook, first_line):
    """Read the table printed by such a cell: row names x numbers."""
    header, *rows = (re.split(r"\s{2,}", line) for line in stored_lines(notebook, first_line))
    return pd.DataFrame([row[1:] for row in rows], index=[row[0] for row in rows], columns=header[1:]).astype(float)


def test_09_trained_models_beside_their_rivals():
    measured = stored_table("09_train", "means = pd.DataFrame({name: score.drop")
    models = measured.loc[["pix2pix", "SA'+Hinge+BCE"]]
    gray, tint = measured.loc["gray copy"], measured.loc["one tint"]
    assert (models["PSNR, true luma"] > gray["PSNR, true luma"]).all()
    assert (models["SSIM"] < gray["SSIM"]).all()
    for score in ("PSNR", "SSIM", "chroma skill", "PSNR, true luma"):
        assert (models[score] < tint[score]).all()
    assert (models["colorfulness"] > 1.5 * tint["colorfulness"]).all()


def test_14_two_generators_of_flowers_disagree_and_repaint():
    measured = stored_table("14_medical_images", "of_flowers = ")
    assert (measured["seeds apart (CIEDE2000)"] > 3).all()
    assert (measured["gray repainted by (levels)"] > 2).all()


def test_14_the_window_turns_the_hue():
    table = stored_lines("14_medical_images", "def hue(image, place)")[2:]  # below the seeds and the windows
    hues = {row.split()[0]: [int(value) for value in row.split()[1:]] for row in table}
    by_seed_0 = [hue for tissue in hues.values() for hue in tissue[:2]]
    assert 70 < min(by_seed_0) < max(by_seed_0) < 110  # yellow, everywhere
    for tissue in ("vertebra", "aorta"):
        soft, bone = hues[tissue][2:]  # by seed 1
        assert 220 < soft < 280  # blue
        assert 100 < bone < 180  # green


def test_14_generators_of_tissue_score_alike_and_err_differently():
    scores = stored_table("14_medical_images", "scores = pd.DataFrame(rows).T")
    tissue, others = scores[scores.index.str.startswith("seed ")], scores[~scores.index.str.startswith("seed ")]
    assert len(tissue) == 4
    for measure in ("PSNR", "chroma skill"):
        assert tissue[measure].min() > others[measure].max() + 0.3
    assert 0 < scores.loc["flowers", "chroma skill"] < 0.1
    assert (scores["SSIM"].drop(["gray copy", "one tint"]) < scores.loc["gray copy", "SSIM"]).all()
    assert scores.loc["gray copy", "PSNR"] - scores.loc["flowers", "PSNR"] == pytest.approx(2, abs=0.5)
    assert tissue["chroma skill"].max() - tissue["chroma skill"].min() <= 0.1 + 1e-9
    flipped = tissue["blue painted brown (%)"]
    assert flipped.min() == pytest.approx(50, abs=5)
    assert flipped.max() > 95
    assert flipped["seed 0, 104 steps"] == pytest.approx(75, abs=5)
    half, all_steps = tissue.loc[["seed 0, 52 steps", "seed 0, 104 steps"], "chroma skill"]
    assert half == pytest.approx(all_steps, abs=0.05)
    assert scores.loc["one tint", "chroma skill"] == pytest.approx(0.25, abs=0.05)


def test_15_half_the_channels_score_nearly_the_same():
    assert abs(stored_table("15_small_devices", "flowers = data.load")["PSNR, dB"].diff().iloc[1]) < 0.3
