import numpy as np
import pytest
import torch
from drawn import curves

from hcegan_lib.lessons import plots

AT = torch.linspace(-2, 4, 61)
REAL = torch.tensor([0.0, 1.0, 1.0, 2.0])


def film():
    points = {0: torch.tensor([-1.0, -1.0, -1.0, -1.0]), 4: torch.tensor([0.0, 1.0, 1.0, 2.5])}
    return {turn: (y, torch.sigmoid(AT + turn)) for turn, y in points.items()}


def test_moments_of_a_game_show_the_points_as_densities_and_dots_with_the_discriminator():
    figure = plots.moments_of_a_game(film(), real=REAL, at=AT, turns=[0, 4])
    assert [ax.get_title() for ax in figure.axes] == ["turn 0", "turn 4"]
    for ax, (points, probabilities) in zip(figure.axes, film().values()):
        np.testing.assert_allclose(curves(ax)["D(y): probability of real"].get_data(), [AT, probabilities])
        upper, lower = (line.get_xdata() for line in ax.lines[:2])
        np.testing.assert_array_equal(upper, REAL)
        np.testing.assert_array_equal(lower, points)
        for stairs, drawn in zip(ax.patches, (REAL, points)):
            heights, edges, _ = stairs.get_data()
            np.testing.assert_allclose((heights * np.diff(edges)).sum(), 1)  # a density
            middle = edges[:-1] + np.diff(edges) / 2
            assert abs((heights * np.diff(edges) * middle).sum() - drawn.mean()) < np.diff(edges)[0]
    assert "-1.0 in turn 0, 1.1 in turn 4; of the real points: 1.0" in figure.alt


def test_discriminators_are_drawn_below_the_densities_and_their_gap_is_said():
    densities = {"p": torch.exp(-(AT**2)), "q": torch.exp(-((AT - 1) ** 2))}
    best = densities["p"] / (densities["p"] + densities["q"])
    figure = plots.best_discriminator(AT, densities, {"best": best, "trained": (best + 0.04).clamp(max=1)})
    above, below = figure.axes
    for area, density in zip(above.collections, densities.values()):
        assert area.get_paths()[0].vertices[:, 1].max() == pytest.approx(density.max().item())
    np.testing.assert_allclose(curves(below)["best"].get_ydata(), best)
    np.testing.assert_allclose(curves(below)["trained"].get_xdata(), AT)
    assert "at most 0.04 apart" in figure.alt


def test_answers_of_a_game_are_drawn_in_the_colors_that_they_stand_for():
    gray, chroma = torch.tensor([0.2, 0.5, 0.9]), torch.tensor([-1.0, 0.0, 1.0])
    figure = plots.colors_of_a_game({"truth": (gray, chroma), "gray": (gray, 0 * chroma)})
    first, second = (ax.collections[0] for ax in figure.axes)
    np.testing.assert_allclose(first.get_offsets(), np.stack([gray, chroma], axis=1), rtol=1e-6)
    blue, neutral, orange = first.get_facecolors()[:, :3]
    assert blue[2] > blue[1] > blue[0]
    assert orange[0] > orange[1] > orange[2]
    np.testing.assert_allclose(neutral, neutral[0])
    np.testing.assert_allclose(second.get_facecolors()[:, 0], second.get_facecolors()[:, 2], atol=1e-6)
    assert "truth 0.67; gray 0.00" in figure.alt
