import numpy as np
import pandas as pd
import torch

from hcegan_lib.lessons import plots


def test_the_generator_is_drawn_with_one_bar_per_layer_and_its_attention_and_skips():
    rows = [("encoder", 8, 4, True, True), ("encoder", 16, 2, True, True), ("encoder", 16, 1, False, False)]
    rows += [("decoder", 16, 2, False, False), ("decoder", 8, 4, False, False), ("decoder", 3, 8, False, False)]
    layers = pd.DataFrame(rows, columns=["part", "channels", "side", "attention", "skip"])
    figure = plots.generator_structure(layers)
    ax = figure.axes[0]
    bars = [bar for bar in ax.patches if bar.get_height() > 0]
    convolutions = [bar for bar in bars if bar.get_width() > 0.4]
    np.testing.assert_allclose([bar.get_height() for bar in convolutions], [2.5, 1.5, 0.5, 1.5, 2.5, 3.5])
    before = [bar for bar in bars if bar.get_width() < 0.2]
    np.testing.assert_allclose([bar.get_height() for bar in before], [3.5, 2.5])  # as high as the input
    crossing = [[round(x) for x in line.get_xdata()] for line in ax.lines if len(line.get_xdata())]
    assert crossing == [[0, 4], [1, 3]]
    assert [text.get_text() for text in ax.texts][:2] == ["8\n4²", "16\n2²"]
    assert "precedes 2 convolutions; there are 2 skip connections" in figure.alt


def test_frames_surround_the_pixels_that_are_seen_and_zero_gradient_stays_white(photos):
    gradient = torch.zeros(16, 16)
    gradient[4:10, 5:11] = 0.5
    gradient[6, 6] = 1
    figure = plots.growing_patches(photos[0], {"one": (6, 7, 2), "two": (4, 5, 6)}, gradient)
    photo, near, slope = figure.axes[:3]
    assert [len(ax.patches) for ax in (photo, near, slope)] == [1, 2, 1]
    assert [patch.get_bbox().bounds for patch in near.patches] == [(6.5, 5.5, 2, 2), (4.5, 3.5, 6, 6)]
    drawn = slope.images[0].get_array()
    np.testing.assert_array_equal(np.isfinite(drawn.filled(np.nan)), gradient > 0)
    assert drawn.max() == 0
    assert "2, 6 pixels wide" in figure.alt


def test_no_label_of_a_patch_overlaps_a_frame():
    boxes = {"1": (131, 131, 4), "2": (125, 125, 10), "3": (121, 121, 22), "4": (113, 113, 46), "5": (97, 97, 70)}
    figure = plots.growing_patches(torch.rand(3, 256, 256), boxes, torch.rand(256, 256))
    figure.draw_without_rendering()
    near = figure.axes[1]
    assert [text.get_text() for text in near.texts] == ["4", "10", "22", "46", "70"]
    for text in near.texts:
        number = text.get_window_extent()
        for patch in near.patches:
            frame = patch.get_window_extent()
            inside = frame.x0 < number.x0 and number.x1 < frame.x1 and frame.y0 < number.y0 and number.y1 < frame.y1
            assert inside or not frame.overlaps(number)


def test_shares_of_attention_are_multiples_of_the_even_share_on_one_scale(photos):
    S = photos[0].shape[-1]
    even = torch.full((S * S, S * S), 1 / S**2)
    at_home = torch.eye(S * S)
    figure = plots.shares_of_attention(photos[0], {"A": (0, 1), "B": (3, 2)}, {"even": even, "at home": at_home})
    panels = [figure.axes[n].images[0].get_array() for n in (1, 2, 4, 5)]
    np.testing.assert_allclose(panels[0], 1, rtol=1e-5)
    assert np.unravel_index(panels[3].argmax(), (S, S)) == (3, 2)
    assert panels[3].max() == S**2
    assert len({figure.axes[n].images[0].norm.vmax for n in (1, 2, 4, 5)}) == 1
    assert figure.axes[6].get_ylabel() == "attention / even share"
    assert [text.get_text() for text in figure.axes[0].texts] == ["A", "B"]
    assert f"at home, pixel B: {S * S:.1f}" in figure.alt
