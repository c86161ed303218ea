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
    cells = {row.split()[0]: [(int(hue), int(c)) for hue, c in re.findall(r"(\d+) \((\d+)\)", row)] for row in table}
    assert all(70 < hue < 110 and chroma > 30 for hue, chroma in cells["muscle"][:2])  # a strong yellow, by seed 0
    for tissue in ("aorta", "vertebra"):
        (_, soft), (hue, bone), _, (green, dull) = cells[tissue]
        assert soft < 6  # almost white
        assert 70 < hue < 110
        assert bone > 30
        assert 100 < green < 180
        assert dull < 25
    assert 220 < cells["aorta"][2][0] < 280  # pale blue, by seed 1
    assert 5 < cells["aorta"][2][1] < 15
    assert cells["vertebra"][2][1] < 5  # white


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
    assert flipped["seed 1, 104 steps"] < flipped["seed 1, 52 steps"] - 10
    for seed in "01":
        half, all_steps = tissue.loc[[f"seed {seed}, 52 steps", f"seed {seed}, 104 steps"], "chroma skill"]
        assert half == pytest.approx(all_steps, abs=0.05)
    assert scores.loc["one tint", "chroma skill"] == pytest.approx(0.25, abs=0.05)


def test_15_half_the_channels_score_nearly_the_same():
    assert abs(stored_table("15_small_devices", "flowers = data.load")["PSNR, dB"].diff().iloc[1]) < 0.3
