"""Exercises of 05_hinge_cross_entropy."""

import math

import numpy as np
import torch
from torch.nn.functional import softplus

from hcegan_lib.lessons.exercises.checking import Answer, compare, exercise, uniform

MAX_STEPS = 300  # a hint names this number


@exercise(
    "05.1",
    "The hinge residual is `torch.relu(1 - label * scores)`: how far a score falls short of the margin.",
    "The cross-entropy of the logit h with target 0 is -log(1 - sigmoid(h)) = softplus(h).",
    "Take the mean over all scores.",
)
def _still_wrong(answer: Answer) -> None:
    scores = torch.linspace(-2, 4, 60).view(3, 4, 5) + 0.1 * uniform(3, 4, 5)  # no two mistakes have the same mean
    for label in (1, -1):
        residual, flipped = torch.relu(1 - label * scores), torch.relu(1 + label * scores)
        slips = {
            "this is the mean of the hinge residual itself; expected its cross-entropy.": residual.mean(),
            "this is the cross-entropy with target 1, which makes the residual grow.": softplus(-residual).mean(),
            "the hinge is missing: this is the cross-entropy of the score itself.": softplus(-label * scores).mean(),
            "this is the logarithm of the residual, Eq. (10) as printed.": residual.log().mean(),
            "the residual is how far the score falls *below* the margin: 1 - label * score.": softplus(flipped).mean(),
            "this is one loss per score; return their mean.": softplus(residual),
        }
        compare(answer(scores, label), softplus(residual).mean(), slips)


@exercise(
    "05.2",
    "`field(theta, psi)` returns two numbers: the pull on theta and the pull on psi.",
    "Move psi first. Then call the field again with the new psi, and move theta.",
)
def _alternating_step(answer: Answer) -> None:
    for a, b, c, theta, psi, rate in np.random.default_rng().uniform(0.3, 1, (3, 6)).tolist():

        def field(theta: float, psi: float, a: float = a, b: float = b, c: float = c) -> tuple[float, float]:
            return (1 + a) * psi - b * theta * psi**2, -c * theta - b * psi * theta**2  # neither is ever 0

        pull_theta, pull_psi = field(theta, psi)
        moved, uphill = psi + rate * pull_psi, psi - rate * pull_psi
        first = theta + rate * pull_theta
        second = psi + rate * field(first, psi)[1]
        expected = theta + rate * field(theta, moved)[0], moved
        slips = {
            "both move at once; the generator should answer the discriminator's move.": (first, moved),
            "the generator moves first; in training the discriminator does.": (first, second),
            "the field already points downhill: add it.": (theta - rate * field(theta, uphill)[0], uphill),
            "return theta first, then psi.": expected[::-1],
            "the discriminator has moved, but the generator has not.": (theta, moved),
        }
        compare(answer(field, theta, psi, rate), expected, slips)


@exercise(
    "05.3",
    "Eq. (10) as a game: `AdversarialLoss(losses.printed_hinge_bce_discriminator, losses.bce_generator)`.",
    f"`dirac.trajectory` returns all thetas and psis, beginning with the start. Take {MAX_STEPS} steps.",
    "The loss is minus infinity where theta times psi is -1 or less. Find the first such position.",
)
def _steps_to_the_margin(answer: Answer) -> None:
    random = np.random.default_rng()
    starts, counts = [], []
    while len(starts) < 6:
        start = [*random.uniform(0.5, 0.9, 2).tolist(), random.uniform(0.1, 0.25)]
        walks = _count_steps(*start), _count_steps(*start, alternating=False), _count_steps(*start, either_side=True)
        if max(walks) < MAX_STEPS:  # a few jump over the margin and never come back
            starts.append(start)
            counts.append(walks)
    expected, at_once, either_side = np.array(counts).T
    slips = {
        "one too many: the start is step 0.": expected + 1,
        "one too few: expected the first step at which the loss is infinite.": expected - 1,
        "both players move at once; in training they alternate.": at_once,
        "the rendered image's term is log(max(0, 1 + D)): nothing happens at a score of 1, only at -1.": either_side,
    }
    compare([answer(*start) for start in starts], expected, slips)


def _count_steps(theta: float, psi: float, rate: float, *, alternating: bool = True, either_side: bool = False) -> int:
    """Count steps of Eq. (10) with pix2pix's generator until the rendered image's score passes -1 (or 1)."""
    step = 0
    while step < MAX_STEPS and theta * psi > -1 and not (either_side and theta * psi > 1):
        moved = psi - rate * theta / (1 + theta * psi)
        seen = moved if alternating else psi
        theta, psi = theta + rate * seen * (1 - math.tanh(theta * seen / 2)) / 2, moved
        step += 1
    return step
