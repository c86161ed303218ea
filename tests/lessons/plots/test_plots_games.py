import numpy as np
import torch

from hcegan_lib import losses
from hcegan_lib.lessons import plots


def test_dirac_games_show_the_field_the_paths_and_the_margin():
    games = {
        name: losses.LOSSES[loss] for name, loss in zip("abcde", ("hinge", "bce", "mse", "hinge_bce", "hinge_mse"))
    }
    path = torch.tensor([1.0, 0.5, 3.0]), torch.tensor([1.0, 0.0, 4.0])
    figure = plots.dirac_games(games, {name: {"run": path} for name in games})
    first, *_, fourth, fifth, empty, _, _ = figure.axes
    arrows = first.collections[0]
    theta, psi = arrows.XY.T
    pull = np.stack([psi, np.where(theta * psi > -1, -theta, 0)])  # the hinge's field, in closed form
    np.testing.assert_allclose(np.stack([arrows.U, arrows.V]), pull / np.maximum(np.hypot(*pull), 1e-9), atol=1e-6)

    *margins, line, start, end, solution = first.lines
    for margin in margins:
        np.testing.assert_allclose(np.prod(margin.get_data(), axis=0), -1)
    np.testing.assert_array_equal(line.get_data(), np.stack(path))
    assert (*start.get_data(), *end.get_data()) == ([1], [1], [3], [4])
    assert [ax.get_title() for ax in figure.axes] == [*games, "", "", ""]
    assert (fourth.get_xlabel(), fifth.get_xlabel()) == ("θ (generator)", "θ (generator)")
    assert not empty.axison
    assert "Final distance from the solution, run: a 5.0; b 5.0; c 5.0; d 5.0; e 5.0." in figure.alt
