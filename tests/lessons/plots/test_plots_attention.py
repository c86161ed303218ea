import numpy as np
import pandas as pd
import torch
from drawn import pixels

from hcegan_lib.lessons import plots

SHAPES = {"x": (64, 4, 4), "f": (8, 16), "g": (8, 16), "h": (64, 16), "beta": (16, 16), "o": (64, 16)}


def test_the_attention_module_is_drawn_with_the_given_shapes():
    figure = plots.self_attention_module({**SHAPES, "gamma": (64,), "y": (64, 4, 4)})
    written = [text.get_text() for text in figure.axes[0].texts]
    assert written.count("8 × 16") == 2  # f and g
    assert written.count("64 × 16") == 2  # h and o
    assert {"β: 16 × 16", "$x$\n64 × 4 × 4", "× γ\n64", "$y$\n64 × 4 × 4"} <= set(written)
    assert "f gives 8 × 16" in figure.alt
    assert "beta, 16 × 16" in figure.alt


def test_each_pixel_is_a_dot_over_its_gray(photos):
    gray = photos[0][:1]
    outputs = {"k = 1": gray.flatten() / 2, "k = 2": gray.flatten() ** 2}
    figure = plots.tone_curves(gray, outputs)
    left, right = figure.axes
    np.testing.assert_array_equal(pixels(left)[:, :, 0], gray[0])
    for line, o in zip(right.lines, outputs.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), gray.flatten())
        np.testing.assert_array_equal(line.get_ydata(), o)
    assert f"k = 2: {outputs['k = 2'].min():.2f} to {outputs['k = 2'].max():.2f}" in figure.alt


def test_feature_maps_share_one_scale_around_zero():
    maps = {name: torch.randn(4, 4) * k for k, name in enumerate(("x", "o", "y"), 1)}
    figure = plots.feature_maps({"above": maps, "below": {name: -part for name, part in maps.items()}})
    panels, largest = np.array(figure.axes[:6]).reshape(2, 3), max(part.abs().max() for part in maps.values())
    for ax, other, part in zip(*panels, maps.values()):
        np.testing.assert_array_equal(pixels(ax), part)
        np.testing.assert_array_equal(pixels(other), -part)
        assert ax.images[0].get_clim() == other.images[0].get_clim() == (-largest, largest)
    assert [ax.get_title() for ax in panels[0]] == ["x", "o", "y"]
    assert [ax.get_ylabel() for ax in panels[:, 0]] == ["above", "below"]


def test_time_and_memory_of_attention_are_drawn_over_the_positions_with_one_line_per_form():
    rows = [("naive", 4, 0.001, 2e6), ("ours", 4, 0.002, 1e6), ("naive", 16, 0.016, 32e6), ("ours", 16, 0.03, 4e6)]
    figure = plots.attention_cost(pd.DataFrame(rows, columns=["form", "N", "seconds", "bytes"]))
    for ax, naive, ours in zip(figure.axes, ([1, 16], [2, 32]), ([2, 30], [1, 4])):
        assert [list(line.get_xdata()) for line in ax.lines] == [[4, 16]] * 2
        np.testing.assert_allclose([line.get_ydata() for line in ax.lines], [naive, ours])
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert "naive 32 MB, ours 4 MB" in figure.alt
