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
    assert "from theta 0.6, psi 0.8" in figure.alt
    assert "1.00 at the start" in figure.alt
