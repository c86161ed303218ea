"""What lessons 09, 14 and 15 say about "the runs stored here" holds for the tables stored beside it.

Another processor rounds differently and so trains other networks, so a cell that a reader runs must not assert it.
"""

import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def stored_table(notebook, first_line):
    """Read the table printed by the cell whose source starts with `first_line`: row names x numbers."""
    cells = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells
    (cell,) = (cell for cell in cells if cell.source.startswith(first_line))
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    header, *rows = (re.split(r"\s{2,}", line.rstrip()) for line in "".join(texts).splitlines() if line.strip())
    return pd.DataFrame([row[1:] for row in rows], index=[row[0] for row in rows], columns=header[1:]).astype(float)


def test_09_trained_models_beside_their_rivals():
    measured = stored_table("09_train", "means = pd.DataFrame({name: score.drop")
    models, (gray, tint) = (
        measured.loc[["pix2pix", "SA'+Hinge+BCE"]],
        (measured.loc[k] for k in ("gray copy", "one tint")),
    )
    assert (models["PSNR, true luma"] > gray["PSNR, true luma"]).all()
    assert (models["SSIM"] < gray["SSIM"]).all()
    assert (models["PSNR, true luma"] < tint["PSNR, true luma"] + 0.5).all()
    assert (models["colorfulness"] > 1.5 * tint["colorfulness"]).all()


def test_14_two_generators_of_flowers_disagree_and_repaint():
    measured = stored_table("14_medical_images", "of_flowers = ")
    assert (measured["seeds apart (CIEDE2000)"] > 3).all()
    assert (measured["gray repainted by (levels)"] > 2).all()


def test_14_generators_of_tissue_score_alike_and_err_differently():
    scores = stored_table("14_medical_images", "scores = pd.DataFrame(rows).T")
    tissue, others = scores[scores.index.str.startswith("seed ")], scores[~scores.index.str.startswith("seed ")]
    assert len(tissue) == 4
    for measure in ("PSNR", "chroma skill"):
        assert tissue[measure].min() > others[measure].max()
    assert (scores["SSIM"].drop(["gray copy", "one tint"]) < scores.loc["gray copy", "SSIM"]).all()
    assert scores.loc["flowers", "PSNR"] < scores.loc["gray copy", "PSNR"] - 2
    assert tissue["chroma skill"].max() - tissue["chroma skill"].min() <= 0.1 + 1e-9
    half, all_steps = (tissue[tissue.index.str.endswith(f" {n} steps")]["blue painted brown (%)"] for n in (52, 104))
    assert (half > 50).all()
    assert all_steps.to_list() == pytest.approx([25, 25], abs=5)
    assert scores.loc["one tint", "chroma skill"] == pytest.approx(0.25, abs=0.05)


def test_15_half_the_channels_score_nearly_the_same():
    assert abs(stored_table("15_small_devices", "flowers = data.load")["PSNR, dB"].diff().iloc[1]) < 0.3
