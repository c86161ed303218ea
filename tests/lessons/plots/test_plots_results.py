from itertools import product

import numpy as np
import pandas as pd
import pytest

from hcegan_lib import paper
from hcegan_lib.lessons import plots


def table_of_differences():
    """A table as `results.table` makes it, with two of the paper's data sets."""
    rows = []
    for metric, scale in (("psnr", 1.0), ("ssim", 3.0)):
        rows.append([metric, "gray copy", np.nan, np.nan, 2.0, 1.5, 2.5, 1.0, 3.0, "higher"])
        rows.append([metric, "pix2pix", np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, "baseline"])
        rows.append([metric, "pix2pix+SA", 1.2, -0.3, 0.1, -0.4, 0.6, 0.05, 0.2, "no difference seen"])
        rows[-3:] = [[*row[:2], *(scale * value for value in row[2:-1]), row[-1]] for row in rows[-3:]]
    names = ["metric", "model", "paper DIV2K difference", "paper Lion difference", "mini difference"]
    names += ["mini difference low", "mini difference high"]
    names += ["mini difference photographs low", "mini difference photographs high", "mini verdict"]
    return pd.DataFrame(rows, columns=names)


def bar_ends(container):
    _, _, (bars,) = container
    return [sorted(end[0] for end in bar) for bar in bars.get_segments()]


def test_means_and_intervals_are_drawn_for_each_metric():
    rows = [("m", "psnr", 20.0, 19.0, 22.0), ("m", "ssim", 80.0, 79.5, 80.5), ("k", "psnr", 21.0, 20.0, 22.0)]
    rows.append(("k", "ssim", 81.0, 80.0, 82.0))
    figure = plots.means_with_intervals(pd.DataFrame(rows, columns=["model", "metric", "mean", "low", "high"]))
    psnr, ssim = figure.axes
    assert (psnr.get_xlabel(), ssim.get_xlabel()) == ("PSNR (dB)", "SSIM (%)")
    assert [text.get_text() for text in psnr.get_yticklabels()] == ["m", "k"]
    dots, _, (bars,) = psnr.containers[0]
    assert list(dots.get_xdata()) == [20, 21]
    assert [sorted(end[0] for end in bar) for bar in bars.get_segments()] == [[19, 22], [20, 22]]
    assert "m 20.0, k 21.0" in figure.alt


def test_the_first_mean_is_marked_by_a_dashed_line():
    rows = [("gray copy", m, 20.0 + 60 * (m == "ssim"), np.nan, np.nan) for m in ("psnr", "ssim")]
    rows += [("pix2pix", m, 18.0 + 60 * (m == "ssim"), 17.0, 90.0) for m in ("psnr", "ssim")]
    figure = plots.means_with_intervals(pd.DataFrame(rows, columns=["model", "metric", "mean", "low", "high"]))
    for ax, level in zip(figure.axes, (20, 80)):
        (line,) = [line for line in ax.lines if line.get_linestyle() == "--"]
        assert list(line.get_xdata()) == [level, level]


@pytest.mark.parametrize("sets", [["flowers"], ["standin-dog", "standin-lion", "flowers"]])
def test_effects_are_drawn_by_data_set_beside_those_of_the_papers_columns(sets):
    random = np.random.default_rng(0)
    keys = product(sets, paper.MODELS, range(3), "ab")
    rows = [(data, model, seed, file, random.normal(20, 1)) for data, model, seed, file in keys]
    scores = pd.DataFrame(rows, columns=["data", "model", "seed", "file", "psnr"]).assign(ssim=0.5)
    figure = plots.effects_by_data_set(scores)
    assert len(figure.axes) == 2 * 3
    method = figure.axes[2]  # PSNR
    assert method.get_title() == "HCEGAN renders better than pix2pix"
    means = scores.groupby(["data", "model"])["psnr"].mean().unstack()
    order = [name for name in ("standin-lion", "standin-dog", "flowers") if name in sets]
    effects = (means["SA'+Hinge+BCE"] - means["pix2pix"])[order]
    squares, *over_sets = method.containers
    np.testing.assert_allclose(squares[0].get_xdata().astype(float), effects)
    rings = next(line for line in method.lines if line.get_label() == "the paper's columns")
    row = {f"{x:.3f}": round(y + 0.2) for x, y in zip(rings.get_xdata(), rings.get_ydata())}
    # Lion in Table 3: 22.584 - 22.278. Without a stand-in it is in the last row.
    assert row["0.306"] == (0 if "standin-lion" in sets else 1)
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == [*(name.removeprefix("standin-") for name in order), "mean" if over_sets else "the paper"]
    assert len(over_sets) == (len(sets) > 1)
    assert f"method, PSNR (dB): measured {effects.mean():+.2f}, the paper's +0.63" in figure.alt


def test_each_difference_has_an_interval_over_seeds_and_one_over_photographs():
    figure = plots.two_intervals(table_of_differences(), "mini")
    for ax, scale in zip(figure.axes, (1, 3)):
        seeds, photographs = ax.containers
        assert (seeds.get_label(), photographs.get_label()) == ("over seeds", "over photographs")
        np.testing.assert_allclose(bar_ends(seeds), scale * np.array([[1.5, 2.5], [-0.4, 0.6]]))
        np.testing.assert_allclose(bar_ends(photographs), scale * np.array([[1, 3], [0.05, 0.2]]))
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["gray copy", "pix2pix+SA"]
    assert "PSNR (dB) over seeds: 1 of 2; PSNR (dB) over photographs: 2 of 2" in figure.alt


def test_holms_steps_stop_at_the_first_p_value_that_is_not_below_its_limit():
    (ax,) = plots.holm_steps([0.04, 0.001, 0.02, 0.03]).axes  # limits 0.0125, 0.0167, 0.025, 0.05
    steps, _, counts, others = ax.lines
    np.testing.assert_allclose(steps.get_ydata(), [0.05 / 4, 0.05 / 3, 0.05 / 2, 0.05])
    assert (list(counts.get_xdata()), list(counts.get_ydata())) == ([1], [0.001])
    assert (list(others.get_xdata()), list(others.get_ydata())) == ([2, 3, 4], [0.02, 0.03, 0.04])
    assert "Significant by Holm's rule: 1; below 0.05: 4." in ax.figure.alt


def test_each_printed_difference_is_drawn_in_its_row_over_the_band_of_its_metric():
    rows = [
        *(("psnr", "a", "zero", "bce", "Lion", 0.5), ("psnr", "a", "zero", "bce", "Dog", -1.5)),
        *(("psnr", "b", "normal", "hinge_bce", "Lion", 1.0), ("psnr", "b", "normal", "hinge_bce", "Dog", 0.2)),
        *(("ssim", "a", "zero", "bce", "Lion", 3.0), ("ssim", "b", "normal", "hinge_bce", "Dog", 1.0)),
    ]
    differences = pd.DataFrame(rows, columns=["metric", "model", "gamma_init", "loss", "dataset", "difference"])
    figure = plots.differences_of_single_runs(differences, {"psnr": 1.0, "ssim": 4.0})
    psnr, ssim = figure.axes
    assert [label.get_text() for label in psnr.get_yticklabels()] == ["Lion", "Dog"]
    zero, a, b = psnr.lines
    assert (zero.get_xdata(), list(a.get_xdata()), list(b.get_xdata())) == ([0, 0], [0.5, -1.5], [1.0, 0.2])
    assert [list(np.round(line.get_ydata())) for line in (a, b)] == [[0, 1], [0, 1]]
    assert a.get_color() != b.get_color()
    assert a.get_marker() != b.get_marker()
    for ax, half in ((psnr, 1.0), (ssim, 4.0)):
        band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
        assert band.intervalx == pytest.approx([-half, half])
    assert [psnr.get_xlabel(), ssim.get_xlabel()] == ["difference in PSNR (dB)", "difference in SSIM (%)"]
    assert "2 of 4 differences in PSNR (dB) lie outside its band of ±1.00; 0 of 2 differences in SSIM (%)" in figure.alt
