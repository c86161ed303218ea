import numpy as np
import pytest
import torch
from drawn import labels, pixels

from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.lessons import plots
from hcegan_lib.metrics import colorfulness


def test_photo_grid_shows_each_photograph_unchanged_in_its_row_and_column(photos):
    figure = plots.photo_grid({"color": photos, "gray": luma(photos)}, titles=["a", "b"], alt="what is seen")
    panels = np.array(figure.axes).reshape(2, 4)
    for k in range(4):
        np.testing.assert_array_equal(pixels(panels[0, k]), photos[k].permute(1, 2, 0))
        np.testing.assert_array_equal(pixels(panels[1, k]), gray_to_rgb(luma(photos))[k].permute(1, 2, 0))
    assert [ax.get_ylabel() for ax in panels[:, 0]] == ["color", "gray"]
    assert [ax.get_title() for ax in panels[0]] == ["a", "b", "", ""]
    assert figure.alt == "what is seen"


def test_values_outside_0_and_1_are_clipped_without_a_warning_from_matplotlib(photos, caplog):
    drawn = pixels(plots.photo_grid({"": 3 * photos - 1}, alt="x").axes[0])
    assert (drawn.min(), drawn.max()) == (0, 1)
    assert caplog.messages == []


def test_photographs_that_require_gradients_can_be_drawn(photos):
    assert len(plots.photo_grid({"": photos.clone().requires_grad_()}, alt="x").axes) == 4


def test_a_notebook_stores_the_alternative_text_with_the_picture(photos, monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.core.pylabtools import select_figure_formats

    monkeypatch.undo()  # IPython saves the figure to draw it
    shell = InteractiveShell.instance()
    select_figure_formats(shell, {"png"})
    data, metadata = shell.display_formatter.format(plots.photo_grid({"": photos}, alt="four photographs"))
    assert set(data) == {"image/png", "text/plain"}
    assert metadata == {"image/png": {"alt": "four photographs"}}


@pytest.mark.parametrize("level", [0.2, 0.5, 0.9])
def test_the_colors_of_a_gray_are_all_colors_that_have_this_gray_value(level):
    figure = plots.colors_of_gray((level,), steps=21)
    colors, grays = (torch.from_numpy(pixels(ax)) for ax in figure.axes)
    there = colors[..., 3] == 1
    gray = luma(colors[..., :3].permute(2, 0, 1))[0]
    torch.testing.assert_close(gray[there], torch.full_like(gray[there], level), atol=1e-6, rtol=0)
    np.testing.assert_allclose(grays[there], [[level, level, level, 1]] * int(there.sum()))

    red, blue = torch.meshgrid(torch.linspace(0, 1, 21), torch.linspace(0, 1, 21), indexing="xy")
    lowest, highest = 0.299 * red + 0.114 * blue, 0.299 * red + 0.114 * blue + 0.587
    torch.testing.assert_close(there, (lowest <= level + 1e-9) & (level <= highest + 1e-9))
    assert {"red", "blue"} == labels(figure)
    assert f"grays {level:g}:" in figure.alt


def test_each_pixel_is_drawn_at_its_opponent_colors_in_its_own_color(photos):
    figure = plots.opponent_colors({"true": photos[0], "gray": gray_to_rgb(luma(photos))[0]})
    cloud = figure.axes[0].collections[0]
    red, green, blue = (255 * photos[0].double()).flatten(1).numpy()
    np.testing.assert_allclose(cloud.get_offsets(), np.stack([red - green, (red + green) / 2 - blue], 1), atol=1e-3)
    np.testing.assert_allclose(cloud.get_facecolor()[:, :3], photos[0].flatten(1).T, atol=1e-6)
    assert np.abs(figure.axes[1].collections[0].get_offsets()).max() < 1e-3
    assert f"true {colorfulness(photos[:1]).item():.0f}, gray 0" in figure.alt
    assert labels(figure) == {"red - green (levels)", "yellow - blue (levels)"}
