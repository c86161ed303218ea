"""Each figure draws the numbers it was given, says so in words, and neither shows nor saves anything."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from hcegan_lib import plots
from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.metrics import colorfulness


@pytest.fixture(autouse=True)
def nothing_shown_and_nothing_left(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("a plot function must not show"))
    monkeypatch.setattr(plt.Figure, "savefig", lambda *_, **__: pytest.fail("a plot function must not save"))
    yield
    plt.close("all")


@pytest.fixture
def photos():
    return torch.from_numpy(np.random.default_rng(0).random((4, 3, 16, 16), dtype=np.float32))


SCORES = pd.DataFrame({"psnr": [20.0, 30.0, 25.0], "true_colorfulness": [60.0, 10.0, 35.0]})
CONVENTIONS = pd.DataFrame(
    {"gray": [20.0, np.inf, 14.0], "noisy": [22.0, 25.0, 16.0]}, index=["ours", "luma", "signed"]
)
LOG = pd.DataFrame({"step": [1, 2, 3], "d_loss": [1.4, 1.3, 1.2], "g_loss": [0.7, 0.8, 0.9], "l1": [0.5, 0.4, 0.3]})


def pixels(ax):
    return np.asarray(ax.images[0].get_array())


def labels(figure):
    return {text for ax in figure.axes for text in (ax.get_xlabel(), ax.get_ylabel()) if text}


def test_photographs_stand_in_their_rows_and_columns_unchanged(photos):
    figure = plots.photo_grid({"color": photos, "gray": luma(photos)}, titles=["a", "b"], alt="what is seen")
    panels = np.array(figure.axes).reshape(2, 4)
    for k in range(4):
        np.testing.assert_array_equal(pixels(panels[0, k]), photos[k].permute(1, 2, 0))
        np.testing.assert_array_equal(pixels(panels[1, k]), gray_to_rgb(luma(photos))[k].permute(1, 2, 0))
    assert [ax.get_ylabel() for ax in panels[:, 0]] == ["color", "gray"]
    assert [ax.get_title() for ax in panels[0]] == ["a", "b", "", ""]
    assert figure.alt == "what is seen"


def test_a_photograph_outside_0_and_1_is_cut_off_without_a_complaint_of_matplotlib(photos, caplog):
    drawn = pixels(plots.photo_grid({"": 3 * photos - 1}, alt="x").axes[0])
    assert (drawn.min(), drawn.max()) == (0, 1)
    assert caplog.messages == []


def test_a_shorter_row_of_photographs_leaves_its_last_panels_empty(photos):
    panels = np.array(plots.photo_grid({"long": photos, "short": photos[:1]}, alt="x").axes).reshape(2, 4)
    assert [len(ax.images) for ax in panels[1]] == [1, 0, 0, 0]
    assert not any(ax.axison for ax in panels[1, 1:])


def test_photographs_that_still_carry_gradients_can_be_drawn(photos):
    assert len(plots.photo_grid({"": photos.clone().requires_grad_()}, alt="x").axes) == 4


@pytest.mark.parametrize("level", [0.2, 0.5, 0.9])
def test_every_color_of_a_gray_has_that_gray_and_all_that_exist_are_there(level):
    figure = plots.colors_of_gray((level,), steps=21)
    colors, grays = (torch.from_numpy(pixels(ax)) for ax in figure.axes)
    there = colors[..., 3] == 1
    gray = luma(colors[..., :3].permute(2, 0, 1))[0]
    torch.testing.assert_close(gray[there], torch.full_like(gray[there], level), atol=1e-6, rtol=0)
    np.testing.assert_allclose(grays[there], [[level, level, level, 1]] * int(there.sum()))

    red, blue = torch.meshgrid(torch.linspace(0, 1, 21), torch.linspace(0, 1, 21), indexing="xy")
    lowest, highest = 0.299 * red + 0.114 * blue, 0.299 * red + 0.114 * blue + 0.587
    torch.testing.assert_close(there, (lowest <= level + 1e-9) & (level <= highest + 1e-9))
    assert {"red", "in color\nblue", "in gray\nblue"} == labels(figure)
    assert f"grays {level:g}:" in figure.alt


def test_scores_are_drawn_over_colorfulness_with_their_mean():
    figure = plots.score_by_colorfulness(SCORES)
    ax = figure.axes[0]
    np.testing.assert_array_equal(
        ax.collections[0].get_offsets(), SCORES[["true_colorfulness", "psnr"]], err_msg="points"
    )
    assert ax.lines[0].get_ydata() == [25, 25]
    assert labels(figure) == {"colorfulness of the true photograph (0-255 scale)", "PSNR (dB)"}
    assert "least colorful has 30 dB, the most colorful 20 dB; the mean is 25.0 dB" in figure.alt
    assert "is -1.0." in figure.alt


def test_the_ssim_map_lies_where_the_windows_have_their_centers(photos):
    similarity = np.linspace(-0.2, 1, 36).reshape(6, 6)
    figure = plots.ssim_map(luma(photos)[0], photos[0], similarity)
    drawn = figure.axes[2].images[0]
    np.testing.assert_array_equal(drawn.get_array(), similarity)
    assert drawn.get_extent() == [5, 11, 11, 5]
    assert drawn.get_clim() == (-0.2, 1)
    np.testing.assert_array_equal(pixels(figure.axes[1]), photos[0].permute(1, 2, 0))
    assert "from -0.20 to 1.00 with the mean 0.40" in figure.alt
    assert labels(figure) == {"scored picture", "true photograph", "where they agree", "SSIM of the window"}


def test_conventions_are_drawn_as_given_and_an_infinite_value_gets_an_arrow_at_the_edge():
    figure = plots.conventions(CONVENTIONS)
    ax = figure.axes[0]
    gray, noisy, _ = ax.lines
    np.testing.assert_array_equal(noisy.get_xdata(), [22, 25, 16])
    np.testing.assert_array_equal(np.asarray(gray.get_xdata())[[0, 2]], [20, 14])
    assert np.asarray(gray.get_xdata())[1] > 25
    assert [text.get_text() for text in ax.texts] == ["→ infinite"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["ours", "luma", "signed"]
    assert ax.get_xlabel() == "PSNR (dB)"
    assert figure.alt.endswith("3 conventions: gray from 14.0 to 20.0; noisy from 16.0 to 25.0; 1 infinite.")


def test_pixels_stand_at_their_opponent_colors_in_their_own_color(photos):
    figure = plots.opponent_colors({"true": photos[0], "gray": gray_to_rgb(luma(photos))[0]})
    cloud = figure.axes[0].collections[0]
    red, green, blue = (255 * photos[0].double()).flatten(1).numpy()
    np.testing.assert_allclose(cloud.get_offsets(), np.stack([red - green, (red + green) / 2 - blue], 1), atol=1e-3)
    np.testing.assert_allclose(cloud.get_facecolor()[:, :3], photos[0].flatten(1).T, atol=1e-6)
    assert np.abs(figure.axes[1].collections[0].get_offsets()).max() < 1e-3
    assert f"true {colorfulness(photos[:1]).item():.0f}, gray 0" in figure.alt
    assert labels(figure) == {"red - green (levels)", "yellow - blue (levels)"}


def test_losses_are_drawn_a_line_a_run_and_smoothed():
    figure = plots.losses_over_training({"a": LOG, "b": 2 * LOG}, window=2)
    for ax, column in zip(figure.axes, ("d_loss", "g_loss", "l1")):
        first, second = ax.lines
        values = LOG[column].to_numpy()
        smoothed = [values[0], (values[0] + values[1]) / 2, (values[1] + values[2]) / 2]
        np.testing.assert_allclose(first.get_ydata(), smoothed)
        np.testing.assert_allclose(second.get_ydata(), 2 * np.array(smoothed))
        assert list(first.get_xdata()) == [1, 2, 3]
        assert ax.get_xlabel() == "step"
        assert ax.get_ylabel()
    assert "a from 0.40 to 0.40" in figure.alt


def test_means_and_both_ends_of_their_intervals_are_drawn_for_each_metric():
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


def test_a_figure_hands_its_text_alternative_to_the_notebook_together_with_the_picture(photos, monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.core.pylabtools import select_figure_formats

    monkeypatch.undo()  # IPython saves the figure to draw it
    shell = InteractiveShell.instance()
    select_figure_formats(shell, {"png"})
    data, metadata = shell.display_formatter.format(plots.photo_grid({"": photos}, alt="four photographs"))
    assert set(data) == {"image/png", "text/plain"}
    assert metadata == {"image/png": {"alt": "four photographs"}}
