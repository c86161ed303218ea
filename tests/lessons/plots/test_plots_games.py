import numpy as np
import pandas as pd
import torch

from hcegan_lib import losses
from hcegan_lib.lessons import plots

NAMES = ("hinge", "bce", "mse", "hinge_bce", "hinge_mse")


def test_dirac_games_show_the_field_the_paths_and_the_margin():
    games = {name: losses.LOSSES[loss] for name, loss in zip("abcde", NAMES)}
    path = torch.tensor([1.0, 0.5, 3.0]), torch.tensor([1.0, 0.0, 4.0])
    figure = plots.dirac_games(games, {name: {"run": path} for name in games})
    first, _, third, fourth, _, empty = figure.axes
    arrows = first.collections[0]
    theta, psi = arrows.XY.T
    pull = np.stack([psi, np.where(theta * psi > -1, -theta, 0)])  # the hinge's field, in closed form
    np.testing.assert_allclose(np.stack([arrows.U, arrows.V]), pull / np.maximum(np.hypot(*pull), 1e-9), atol=1e-6)

    *margins, line, start, end, solution = first.lines
    for margin in margins:
        np.testing.assert_allclose(np.prod(margin.get_data(), axis=0), -1)
    np.testing.assert_array_equal(line.get_data(), np.stack(path))
    assert (*start.get_data(), *end.get_data()) == ([1], [1], [3], [4])
    assert solution.get_data() == ([0], [0])
    assert [ax.get_title() for ax in figure.axes] == [*games, ""]
    assert (third.get_xlabel(), fourth.get_xlabel()) == ("θ (generator)", "θ (generator)")
    assert not empty.axison
    assert "Final distance from the solution, run: a 5.0; b 5.0; c 5.0; d 5.0; e 5.0." in figure.alt


def test_dirac_games_show_another_field_with_its_solution_and_the_margin_of_the_data():
    def field(game, theta, psi):
        return torch.ones_like(theta * psi), torch.zeros_like(theta * psi)

    path = torch.tensor([0.0, 2.0]), torch.tensor([0.0, 0.0])
    figure = plots.dirac_games({"a": losses.LOSSES["bce"]}, {"a": {"run": path}}, field=field, data=0.5)
    (ax,) = figure.axes
    arrows = ax.collections[0]
    assert (set(arrows.U), set(arrows.V)) == ({1}, {0})
    *_, margin, _, _, _, solution = ax.lines
    assert list(margin.get_ydata()) == [2, 2]
    assert solution.get_data() == ([0.5], [0])
    assert "run: a 1.5." in figure.alt


def test_the_ends_of_games_are_drawn_beside_each_other_with_the_same_real_points():
    at, real = torch.linspace(-1, 3, 5), torch.tensor([0.0, 1.0])
    ends = {name: (torch.tensor([shift, shift + 1.0]), 0.1 * at.abs()) for shift, name in enumerate("abcde")}
    figure = plots.ends_of_games(ends, real=real, at=at)
    panels = figure.axes[:5]
    assert [ax.get_title() for ax in panels] == list("abcde")
    for shift, ax in enumerate(panels):
        dots, fake, curve = ax.lines[:3]
        assert list(dots.get_xdata()) == [0, 1]
        assert list(fake.get_xdata()) == [min(shift, 3), min(shift + 1, 3)]  # the ends of `at` hold what is beyond
        np.testing.assert_allclose(curve.get_data(), np.stack([at, 0.1 * at.abs()]))
    assert [ax.get_xlabel() for ax in figure.axes] == ["", "", "", "y", "y", "y"]
    assert "Mean of the fake points: a 0.5, b 1.5, c 2.5, d 3.5, e 4.5; of the real points: 0.5." in figure.alt


def test_scores_are_drawn_as_one_dot_per_run_and_a_bar_at_the_mean_of_each_model():
    scores = pd.DataFrame({"psnr": [1.0, 3.0, 5.0], "ssim": [0.1, 0.2, 0.6]}, index=["b", "b", "a"])
    figure = plots.scores_by_seed(scores, {"psnr": "PSNR (dB)", "ssim": "SSIM"})
    for ax, column, means in zip(figure.axes, scores, ([2, 5], [0.15, 0.6])):
        dots, bars = ax.lines
        np.testing.assert_allclose(dots.get_data(), [scores[column], [0, 0, 1]])
        np.testing.assert_allclose(bars.get_data(), [means, [0, 1]])
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["b", "a"]
    assert [ax.get_xlabel() for ax in figure.axes] == ["PSNR (dB)", "SSIM"]
    assert figure.alt.endswith("Mean PSNR (dB): b 2.00, a 5.00.")
