import math

import pytest
import torch
import torch.nn.functional as F

from hcegan_lib import losses
from hcegan_lib.losses import LOSSES


@pytest.fixture
def logits():
    source = torch.Generator().manual_seed(0)
    real, fake = 3 * torch.randn(2, 4, 1, 6, 6, generator=source)
    return {"real_logits": real, "fake_logits": fake}


def by_loop(logits, real_term, fake_term):
    """Mean over every patch with Python numbers: the plainest form of each row of the table of losses."""
    real, fake = logits["real_logits"].flatten().tolist(), logits["fake_logits"].flatten().tolist()
    return sum(map(real_term, real)) / len(real) + sum(map(fake_term, fake)) / len(fake)


def softplus(x):
    return math.log1p(math.exp(-abs(x))) + max(x, 0)


DISCRIMINATORS = {
    "bce": (lambda r: softplus(-r), softplus),
    "mse": (lambda r: (r - 1) ** 2, lambda f: f**2),
    "hinge": (lambda r: max(0, 1 - r), lambda f: max(0, 1 + f)),
    "hinge_bce": (lambda r: softplus(max(0, 1 - r)), lambda f: softplus(max(0, 1 + f))),
    "hinge_mse": (lambda r: max(0, 1 - r) ** 2, lambda f: max(0, 1 + f) ** 2),
}
GENERATORS = {
    "bce": lambda f: softplus(-f),
    "mse": lambda f: (f - 1) ** 2,
    "hinge": lambda f: -f,
    "hinge_bce": lambda f: softplus(-f),
    "hinge_mse": lambda f: (f - 1) ** 2,
}


@pytest.mark.parametrize("name", LOSSES)
def test_each_discriminator_loss_is_its_formula_averaged_over_patches(name, logits):
    assert LOSSES[name].discriminator(**logits).item() == pytest.approx(
        by_loop(logits, *DISCRIMINATORS[name]), rel=1e-5
    )


@pytest.mark.parametrize("name", LOSSES)
def test_each_generator_loss_is_its_formula_averaged_over_patches(name, logits):
    fake = logits["fake_logits"]
    expected = sum(map(GENERATORS[name], fake.flatten().tolist())) / fake.numel()
    assert LOSSES[name].generator(fake_logits=fake).item() == pytest.approx(expected, rel=1e-5)


def test_bce_is_pytorchs_binary_cross_entropy_with_logits(logits):
    real, fake = logits["real_logits"], logits["fake_logits"]
    bce = F.binary_cross_entropy_with_logits
    torch.testing.assert_close(
        losses.bce_discriminator(**logits), bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
    )
    torch.testing.assert_close(losses.bce_generator(fake_logits=fake), bce(fake, torch.ones_like(fake)))


def test_hinge_bce_is_binary_cross_entropy_of_the_hinge_residual_with_target_zero(logits):
    real, fake = F.relu(1 - logits["real_logits"]), F.relu(1 + logits["fake_logits"])
    bce = F.binary_cross_entropy_with_logits
    expected = bce(real, torch.zeros_like(real)) + bce(fake, torch.zeros_like(fake))
    torch.testing.assert_close(losses.hinge_bce_discriminator(**logits), expected)


@pytest.mark.parametrize("label", [1, -1])
def test_hinge_is_pytorchs_hinge_embedding_of_the_signed_score(label):
    scores = torch.linspace(-3, 3, 25)
    # With target -1 and margin 1, hinge_embedding_loss is max(0, 1 - input).
    expected = F.hinge_embedding_loss(label * scores, -torch.ones(25), margin=1.0, reduction="none")
    torch.testing.assert_close(losses.hinge(scores, label=label), expected)


def test_the_discriminator_gradient_of_hinge_losses_vanishes_exactly_at_the_margin():
    for name in ("hinge", "hinge_bce", "hinge_mse"):
        real = torch.tensor([0.999, 1.001], requires_grad=True)
        LOSSES[name].discriminator(real_logits=real, fake_logits=torch.zeros(2)).backward()
        assert real.grad[0] < 0, name
        assert real.grad[1] == 0, name


def test_no_loss_overflows_at_large_logits():
    large = torch.tensor([-1e4, 1e4])
    for loss in LOSSES.values():
        assert torch.isfinite(loss.discriminator(real_logits=large, fake_logits=large))
        assert torch.isfinite(loss.generator(fake_logits=large))


def test_equation_10_as_printed_is_log_zero_once_the_margin_is_met():
    met, unmet = torch.tensor([1.5]), torch.tensor([0.0])
    assert losses.printed_hinge_bce_discriminator(real_logits=met, fake_logits=unmet) == -torch.inf


def test_equation_10_as_printed_falls_without_bound_before_the_margin():
    values = [
        losses.printed_hinge_bce_discriminator(real_logits=torch.tensor([1 - gap]), fake_logits=torch.zeros(1)).item()
        for gap in (1e-1, 1e-3, 1e-5)
    ]
    assert values == pytest.approx([math.log(1e-1), math.log(1e-3), math.log(1e-5)], rel=1e-2)


def test_real_and_fake_cannot_be_given_by_position(logits):
    with pytest.raises(TypeError):
        losses.bce_discriminator(logits["real_logits"], logits["fake_logits"])


def test_a_label_other_than_1_and_minus_1_is_refused():
    with pytest.raises(ValueError, match=r"label must be 1 .* got 0"):
        losses.hinge(torch.zeros(1), label=0)


def test_l1_is_measured_on_the_networks_scale():
    black, white = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    assert losses.l1_distance(white, black) == 2
    a, b = torch.rand(2, 2, 3, 8, 8)
    torch.testing.assert_close(losses.l1_distance(a, b), F.l1_loss(2 * a - 1, 2 * b - 1))


def test_l1_refuses_an_empty_batch_whose_mean_is_not_a_number():
    with pytest.raises(ValueError, match=r"must not be empty, got \(0, 3, 8, 8\)"):
        losses.l1_distance(torch.rand(0, 3, 8, 8), torch.rand(0, 3, 8, 8))


def test_l1_refuses_shapes_that_would_broadcast():
    with pytest.raises(ValueError, match="equal shapes"):
        losses.l1_distance(torch.rand(2, 1, 8, 8), torch.rand(2, 3, 8, 8))
