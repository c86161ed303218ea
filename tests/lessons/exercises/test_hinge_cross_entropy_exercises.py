"""Wrong answers to the exercises of 05_hinge_cross_entropy, and the complaint that each gets."""

import pytest
import torch
from torch.nn.functional import logsigmoid, softplus

from hcegan_lib import dirac, losses
from hcegan_lib.losses import AdversarialLoss


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda scores, label: torch.relu(1 - label * scores).mean(), "hinge residual itself"),
        (lambda scores, label: -logsigmoid(torch.relu(1 - label * scores)).mean(), "with target 1"),
        (lambda scores, label: softplus(-label * scores).mean(), "hinge is missing"),
        (lambda scores, label: torch.relu(1 - label * scores).log().mean(), r"Eq. \(10\) as printed"),
        (lambda scores, label: softplus(torch.relu(1 + label * scores)).mean(), "below"),
        (lambda scores, label: softplus(torch.relu(1 - label * scores)), "one loss per score"),
        (lambda scores, label: softplus(torch.relu(1 - label * scores)).sum(0), r"expected one number, got shape"),
        (lambda scores, label: softplus(torch.relu(1 - scores)).mean(), "below"),
        (lambda scores, label: 2 * softplus(torch.relu(1 - label * scores)).mean(), "the values are wrong"),
    ],
)
def test_mistakes_in_one_side_of_our_reading(answer, complaint, assert_complaint):
    assert_complaint("05.1", answer, complaint)


def alternating(field, theta, psi, rate):
    psi = psi + rate * field(theta, psi)[1]
    return theta + rate * field(theta, psi)[0], psi


def both_at_once(field, theta, psi, rate):
    v_theta, v_psi = field(theta, psi)
    return theta + rate * v_theta, psi + rate * v_psi


def generator_first(field, theta, psi, rate):
    theta = theta + rate * field(theta, psi)[0]
    return theta, psi + rate * field(theta, psi)[1]


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (both_at_once, "both move at once"),
        (generator_first, "the generator moves first"),
        (lambda field, theta, psi, rate: alternating(field, theta, psi, -rate), "already points downhill"),
        (lambda field, theta, psi, rate: alternating(field, theta, psi, rate)[::-1], "theta first"),
        (lambda field, theta, psi, rate: (theta, psi + rate * field(theta, psi)[1]), "the generator has not"),
        (lambda field, theta, psi, rate: psi + rate * field(theta, psi)[1], r"expected shape \(2,\), got one number"),
    ],
)
def test_mistakes_in_an_alternating_step(answer, complaint, assert_complaint):
    assert_complaint("05.2", answer, complaint)


def steps_to_the_margin(theta, psi, rate, alternating=True, reached=lambda scores: scores <= -1):
    game = AdversarialLoss(losses.printed_hinge_bce_discriminator, losses.bce_generator)
    thetas, psis = dirac.trajectory(game, theta, psi, learning_rate=rate, steps=300, alternating=alternating)
    return int(reached(thetas * psis).nonzero()[0])


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda *start: steps_to_the_margin(*start) + 1, "one too many"),
        (lambda *start: steps_to_the_margin(*start) - 1, "one too few"),
        (lambda *start: steps_to_the_margin(*start, alternating=False), "at once"),
        (lambda *start: steps_to_the_margin(*start, reached=lambda scores: scores.abs() >= 1), "only at -1"),
        (lambda theta, psi, rate: 17, "the values are wrong"),
    ],
)
def test_mistakes_in_the_steps_until_the_loss_is_infinite(answer, complaint, assert_complaint):
    assert_complaint("05.3", answer, complaint)
