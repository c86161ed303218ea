"""The Dirac-GAN against Mescheder's closed forms, plain loops and finite differences."""

import math

import pytest
import torch
from torch.nn.functional import softplus

from hcegan_lib import losses
from hcegan_lib.dirac import trajectory, vector_field
from hcegan_lib.losses import LOSSES, AdversarialLoss


def saturating(*, fake_logits):
    """The generator's line of Eq. (8) as printed: minimize log(1 - D)."""
    return -softplus(fake_logits).mean()


ZERO_SUM = AdversarialLoss(losses.bce_discriminator, saturating)
PRINTED = AdversarialLoss(losses.printed_hinge_bce_discriminator, losses.bce_generator)


@pytest.fixture
def points():
    source = torch.Generator().manual_seed(0)
    theta, psi = 1.5 * torch.randn(2, 40, generator=source, dtype=torch.float64)
    assert (theta * psi < -1).sum() > 3, "some points must lie beyond the hinge's margin"
    return theta, psi


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


# --- vector field -----------------------------------------------------------------------------------------------------


def test_the_field_of_bce_is_its_closed_form(points):
    for theta, psi, v_theta, v_psi in zip(*points, *vector_field(LOSSES["bce"], *points)):
        s = theta.item() * psi.item()
        assert v_theta.item() == pytest.approx(sigmoid(-s) * psi.item())
        assert v_psi.item() == pytest.approx(-sigmoid(s) * theta.item())


def test_the_field_of_the_zero_sum_game_is_mescheders_with_the_opposite_sign_of_psi(points):
    theta, psi = points
    v_theta, v_psi = vector_field(ZERO_SUM, theta, psi)
    theirs = -psi  # there, a positive score means "rendered"
    slope = torch.exp(-theta * theirs) / (1 + torch.exp(-theta * theirs))  # f'(t) of f(t) = -log(1 + exp(-t))
    torch.testing.assert_close(v_theta, -slope * theirs)
    torch.testing.assert_close(-v_psi, slope * theta)


def test_the_hinge_field_rotates_about_the_origin_and_has_no_psi_component_beyond_the_margin(points):
    theta, psi = points
    v_theta, v_psi = vector_field(LOSSES["hinge"], theta, psi)
    torch.testing.assert_close(v_theta, psi)
    torch.testing.assert_close(v_psi, torch.where(theta * psi > -1, -theta, 0.0))


@pytest.mark.parametrize("name", LOSSES)
def test_the_field_is_the_negative_slope_of_both_losses_by_finite_differences(name, points):
    loss, step = LOSSES[name], 1e-6

    def discriminator(theta, psi):
        score = torch.tensor([psi * 0.0, psi * theta], dtype=torch.float64)  # of the photograph and of the rendering
        return loss.discriminator(real_logits=score[:1], fake_logits=score[1:]).item()

    def generator(theta, psi):
        return loss.generator(fake_logits=torch.tensor([psi * theta], dtype=torch.float64)).item()

    for theta, psi in zip(*(x[:12].tolist() for x in points)):
        v_theta, v_psi = vector_field(loss, theta, psi)
        by_theta = (generator(theta + step, psi) - generator(theta - step, psi)) / (2 * step)
        by_psi = (discriminator(theta, psi + step) - discriminator(theta, psi - step)) / (2 * step)
        assert (v_theta.item(), v_psi.item()) == pytest.approx((-by_theta, -by_psi), abs=1e-7)


def test_a_grid_gives_at_each_point_what_the_point_gives_alone():
    theta, psi = torch.linspace(-2, 2, 5), torch.linspace(-1, 1, 3)
    fields = vector_field(LOSSES["hinge_bce"], theta[None], psi[:, None])
    for i in range(3):
        for j in range(5):
            alone = vector_field(LOSSES["hinge_bce"], theta[j].item(), psi[i].item())
            assert [v[i, j].item() for v in fields] == pytest.approx([v.item() for v in alone])


def test_beyond_the_margin_equation_10_as_printed_gives_the_discriminator_no_gradient():
    v_theta, v_psi = vector_field(PRINTED, 2.0, -1.0)
    assert v_psi == 0
    assert v_theta == pytest.approx(-sigmoid(2))


def test_an_infinite_gradient_at_one_point_does_not_affect_others():
    square_root = AdversarialLoss(
        lambda *, real_logits, fake_logits: real_logits.mean() + fake_logits.sqrt().mean(), losses.bce_generator
    )
    _, v_psi = vector_field(square_root, torch.tensor([1.0, 1.0]), torch.tensor([0.0, 4.0]))
    assert v_psi[0] == -math.inf
    assert v_psi[1].item() == pytest.approx(-1 / 4)


# --- trajectory -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alternating", [True, False])
def test_a_trajectory_is_the_plain_loop_over_the_closed_form(alternating):
    theta, psi, rate = 1.0, 0.5, 0.3
    walked = [(theta, psi)]
    for _ in range(20):
        moved = psi - rate * sigmoid(theta * psi) * theta
        seen = moved if alternating else psi
        theta, psi = theta + rate * sigmoid(-theta * seen) * seen, moved
        walked.append((theta, psi))
    path = trajectory(LOSSES["bce"], 1.0, 0.5, learning_rate=rate, steps=20, alternating=alternating)
    torch.testing.assert_close(torch.stack(path, dim=1), torch.tensor(walked, dtype=torch.float64))


def test_several_starts_are_followed_independently(points):
    theta, psi = points[0].view(5, 8), points[1].view(5, 8)
    thetas, psis = trajectory(LOSSES["hinge_mse"], theta, psi, learning_rate=0.1, steps=7)
    assert thetas.shape == psis.shape == (8, 5, 8)
    alone = trajectory(LOSSES["hinge_mse"], theta[3, 2], psi[3, 2], learning_rate=0.1, steps=7)
    torch.testing.assert_close((thetas[:, 3, 2], psis[:, 3, 2]), alone)


@pytest.mark.parametrize("rate", [0.05, 0.2, 1.0])
def test_near_the_solution_simultaneous_steps_grow_as_mescheders_eigenvalues_say(rate):
    # Eigenvalues 1 +- i h f'(0) with f'(0) = 1/2: each step multiplies the distance by sqrt(1 + h^2 / 4).
    thetas, psis = trajectory(ZERO_SUM, 3e-6, 4e-6, learning_rate=rate, steps=10, alternating=False)
    grown = torch.hypot(thetas, psis)[1:] / torch.hypot(thetas, psis)[:-1]
    torch.testing.assert_close(grown, torch.full_like(grown, math.sqrt(1 + rate**2 / 4)))


def test_near_the_solution_alternating_steps_stay_on_an_ellipse_up_to_mescheders_bound_and_not_beyond():
    # With alpha = h f'(0), all eigenvalues lie on the unit circle for alpha < 2 and one is outside for alpha > 2.
    def farthest(alpha):
        path = trajectory(ZERO_SUM, 1e-6, 0.0, learning_rate=2 * alpha, steps=300)
        return torch.hypot(*path).max().item() / 1e-6

    assert farthest(0.1) < 1.2
    assert farthest(1.9) < 20
    assert farthest(2.1) > 1e6


def test_the_hinge_keeps_the_quantity_that_alternating_steps_conserve():
    thetas, psis = trajectory(LOSSES["hinge"], 0.5, 0.5, learning_rate=0.2, steps=200)
    kept = thetas**2 + psis**2 - 0.2 * thetas * psis
    torch.testing.assert_close(kept, torch.full_like(kept, kept[0].item()))


def test_an_infinite_gradient_is_followed_and_visible():
    flat = AdversarialLoss(
        lambda *, real_logits, fake_logits: real_logits.mean() + fake_logits.sqrt().mean(), losses.bce_generator
    )
    thetas, psis = trajectory(flat, 1.0, 0.0, learning_rate=0.1, steps=3)
    assert thetas.shape == (4,)
    assert not torch.isfinite(psis[1:]).any()


@pytest.mark.parametrize("rate", [0, -0.1, math.nan])
def test_a_learning_rate_of_zero_or_less_is_refused(rate):
    with pytest.raises(ValueError, match="learning_rate must be above 0, got"):
        trajectory(LOSSES["bce"], 1.0, 1.0, learning_rate=rate, steps=3)


def test_less_than_one_step_is_refused():
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        trajectory(LOSSES["bce"], 1.0, 1.0, learning_rate=0.1, steps=0)
