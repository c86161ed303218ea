import numpy as np

from hcegan_lib import dirac
from hcegan_lib.lessons import explorers
from hcegan_lib.losses import LOSSES


def test_descent_in_a_dirac_gan_is_drawn_over_its_field_with_the_distance_from_the_solution():
    figure = explorers.dirac_picture(loss=LOSSES["hinge"], rate=0.2, theta=0.6, psi=0.8, steps=2)
    plane, distance = figure.axes
    path = np.stack(dirac.trajectory(LOSSES["hinge"], 0.6, 0.8, learning_rate=0.2, steps=2), axis=1)
    np.testing.assert_allclose(plane.lines[0].get_xydata(), path)
    np.testing.assert_allclose(distance.lines[0].get_ydata(), np.hypot(*path.T))
    arrows = plane.collections[0]
    theta, psi = arrows.XY.T
    pull = np.stack([psi, np.where(theta * psi > -1, -theta, 0)])  # the hinge's field, in closed form
    np.testing.assert_allclose(np.stack([arrows.U, arrows.V]), pull / np.maximum(np.hypot(*pull), 1e-9), atol=1e-3)
    assert "From theta 0.6, psi 0.8, after 2 steps of 0.2: first loss 1.00 at the start" in figure.alt


def test_two_losses_start_from_the_same_place_in_planes_of_their_own():
    games = {"bce": LOSSES["bce"], "hinge": LOSSES["hinge"]}
    loss, other = games.values()
    figure = explorers.dirac_picture(
        loss=loss, other=other, names=tuple(games), rate=0.2, theta=0.6, psi=0.8, steps=120
    )
    *planes, distance = figure.axes
    for plane, line, (name, game) in zip(planes, distance.lines, games.items()):
        path = np.stack(dirac.trajectory(game, 0.6, 0.8, learning_rate=0.2, steps=120), axis=1)
        np.testing.assert_allclose(plane.lines[0].get_xydata(), path)  # as if all steps were computed together
        np.testing.assert_allclose(line.get_ydata(), np.hypot(*path.T))
        assert plane.get_title() == name


def test_no_step_and_any_number_of_steps_can_be_chosen():
    explorer = explorers.dirac_explorer(steps=3000)
    explorer.set(steps=0)
    assert "after 0 steps" in explorer.panel.alt
    explorer.set(steps=3000)
    assert "after 3000 steps" in explorer.panel.alt
    counts = list(explorer.controls["steps"].options.values())
    assert counts[:102] == [*range(101), 110]
    assert counts[-2:] == [2900, 3000]
