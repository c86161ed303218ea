import numpy as np
import torch

from hcegan_lib.lessons import explorers


def test_the_path_through_a_dirac_gan_is_drawn_with_its_distance_from_the_solution():
    grid = torch.meshgrid(*[torch.linspace(-2, 2, 3)] * 2, indexing="ij")
    path = torch.tensor([0.6, 0.3, 0.0]), torch.tensor([0.8, 0.4, 0.0])
    plane, distance = explorers.dirac_walk((*grid, grid[1], -3 * grid[0]), path).axes
    np.testing.assert_allclose(plane.lines[0].get_xydata(), torch.stack(path, dim=1))
    np.testing.assert_allclose(distance.lines[1].get_ydata(), [1, 0.5, 0], atol=1e-6)
    lengths = np.hypot(plane.collections[0].U, plane.collections[0].V)
    np.testing.assert_allclose(lengths[[0, 1, 2, 3, 5, 6, 7, 8]], 1, rtol=1e-6)
    assert lengths[4] == 0
