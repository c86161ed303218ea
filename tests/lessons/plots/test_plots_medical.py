import numpy as np
import pytest
import torch
from drawn import curves, labels, pixels

from hcegan_lib.lessons import plots

AT = np.linspace(-100, 100, 201)


def test_windows_are_drawn_as_ramps_below_the_values_that_they_are_applied_to():
    values = np.array([[-50.0, -50.0], [0.0, 80.0]])
    ramps = {"narrow": np.clip(AT / 20 + 0.5, 0, 1), "wide": np.clip(AT / 160 + 0.5, 0, 1)}
    figure = plots.windows_on_values(values, AT, ramps, unit="Hounsfield units")
    above, below = figure.axes
    assert sum(bar.get_height() for bar in above.patches) == 4
    for name, ramp in ramps.items():
        np.testing.assert_array_equal(curves(below)[name].get_data(), [AT, ramp])
    assert labels(figure) == {"pixels", "Hounsfield units", "gray on the screen"}
    assert "from -50 to 80" in figure.alt
    assert "narrow from -9 to 10, wide from -79 to 80" in figure.alt


def test_lightness_is_thick_where_it_falls_and_stands_above_the_colors():
    at = np.linspace(0, 1, 5)
    colors = {"even": np.linspace(0, 1, 15).reshape(5, 3), "rainbow": np.linspace(1, 0, 15).reshape(5, 3)}
    levels = {"even": np.array([0.0, 20, 40, 60, 80]), "rainbow": np.array([10.0, 60, 50, 70, 30])}
    figure = plots.lightness_of_maps(at, colors, levels)
    panels = np.array(figure.axes).reshape(2, 2)
    for (curve, strip), name in zip(panels.T, colors):
        whole, falling = (line.get_ydata() for line in curve.lines)
        np.testing.assert_array_equal(whole, levels[name])
        np.testing.assert_array_equal(pixels(strip)[0], colors[name])
        assert curve.get_title() == name
    np.testing.assert_array_equal(falling, [np.nan, 60, 50, 70, 30])  # both ends of each fall
    assert np.isnan(panels[0, 0].lines[1].get_ydata()).all()
    assert "even 0, rainbow 50" in figure.alt


@pytest.fixture
def rows(photos):
    difference = torch.linspace(0, 20, 256).view(16, 16)
    return {
        "CT": (photos[0][:1], photos[1], photos[2], difference),
        "MR": (photos[1][:1], photos[2], photos[3], 0.5 * difference),
    }


def test_two_renderings_stand_between_the_given_picture_and_the_map_of_their_difference(rows):
    figure = plots.disagreement(rows, names=("seed 0", "seed 1"))
    panels = np.array(figure.axes[:8]).reshape(2, 4)
    for row, (label, (gray, one, other, difference)) in zip(panels, rows.items()):
        np.testing.assert_array_equal(pixels(row[0])[..., 2], gray[0])
        np.testing.assert_array_equal(pixels(row[1]), one.permute(1, 2, 0))
        np.testing.assert_array_equal(pixels(row[2]), other.permute(1, 2, 0))
        np.testing.assert_array_equal(pixels(row[3]), difference)
        assert row[3].images[0].get_clim() == (0, pytest.approx(19.9, abs=0.1))  # one scale for all
        assert row[0].get_ylabel() == label
    assert [ax.get_title() for ax in panels[0]] == ["given", "seed 0", "seed 1", "difference"]
    assert "CT 10, MR 5" in figure.alt
