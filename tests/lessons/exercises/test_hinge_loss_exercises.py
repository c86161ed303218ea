"""Wrong answers to the exercises of 02_hinge_loss, and the complaint that each gets."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import multi_margin_loss

from hcegan_lib.lessons.exercises import judge


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: (0, 0.6, 0.6, 4), "labels are not used"),
        (lambda: (-2, 0.6, 1.4, -2), "a loss is never negative"),
        (lambda: (4, 1.4, 0.6, 4), "sign is flipped"),
        (lambda: (0, 0, 0.4, 0), "margin is missing"),
        (lambda: (0, 0, 1, 0), "counts wrong verdicts"),
        (lambda: (0, 0.6, 0.6, 0), "unsure and wrong"),
        (lambda: (0, 0.4, 1.4, 0), r"wrong in \(b\)\.$"),
        (lambda: (3, 0.6, 1.4, 3), r"wrong in \(a\) and \(d\)\.$"),
        (lambda: 0.6, r"expected shape \(4,\), got one number"),
        (lambda: "free", "expected numbers, got an object of type str"),
    ],
)
def test_mistakes_in_the_costs_of_four_verdicts(answer, complaint, assert_complaint):
    assert_complaint("02.1", answer, complaint)


@pytest.mark.parametrize("costs", [(0, 0.6, 1.4, 0), [0.0, 0.6, 1.4, -0.0], torch.tensor([0, 0.6, 1.4, 0])])
def test_the_costs_may_be_given_in_any_form(costs):
    assert judge("02.1", lambda: costs)


def terms(scores, label, margin):
    return torch.relu(scores - scores.gather(1, label[:, None]) + margin)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda s, label, margin: torch.full((len(s),), margin), "as printed"),
        (lambda s, label, margin: terms(s, label, margin).sum(1), "includes the true class"),
        (lambda s, label, margin: multi_margin_loss(s, label, margin=margin, reduction="none"), "PyTorch divides"),
        (lambda s, label, margin: terms(s, label, 1).sum(1) - 1, "always uses 1"),
        (lambda s, label, margin: terms(-s, label, margin).sum(1) - margin, "scores are swapped"),
        (lambda s, label, margin: terms(s, label, margin).sum(1).mean(), r"expected shape \(12,\), got one number"),
        (lambda s, label, margin: terms(s, label, margin).scatter(1, label[:, None], 0).amax(1), "worst class alone"),
    ],
)
def test_mistakes_in_the_hinge_loss_of_classes(answer, complaint, assert_complaint):
    assert_complaint("02.2", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda real, fake: ((real < 1).float().mean() + (fake > -1).float().mean()) / 2, "still teaches"),
        (lambda real, fake: ((real >= 1).float().mean() + (fake >= 1).float().mean()) / 2, "at -1 and below"),
        (lambda real, fake: ((real > 0).float().mean() + (fake < 0).float().mean()) / 2, "the verdict changes at 0"),
        (lambda real, fake: (real >= 1).float().mean(), "only the real pairs"),
        (lambda real, fake: (real >= 1).float().mean() + (fake <= -1).float().mean(), "sum of the two shares"),
    ],
)
def test_mistakes_in_the_silent_share(answer, complaint, assert_complaint):
    assert_complaint("02.3", answer, complaint)


def best_of(tries):
    def best(share):
        expected = share * np.maximum(0, 1 - tries) + (1 - share) * np.maximum(0, 1 + tries)
        return tries[expected.argmin()]

    return best


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda share: math.log(share / (1 - share)), "for cross-entropy"),
        (lambda share: 2 * share - 1, "for the squared error"),
        (lambda share: 1.0 if share < 0.5 else -1.0, "sign is flipped"),
        (lambda share: 2 * min(share, 1 - share), "lowest expected loss"),
        (lambda share: 1.0, "within 0.05|sign is flipped"),
        (best_of(np.linspace(-3, 3, 50)), "within 0.05. If you try many scores, use steps of 0.05 or less"),
        (lambda share: "one", "expected numbers, got an object of type str"),
    ],
)
def test_mistakes_in_the_best_score(answer, complaint, assert_complaint):
    assert_complaint("02.4", answer, complaint)


@pytest.mark.parametrize("tries", [np.linspace(-5, 5, 1000), np.linspace(-2, 2, 100), np.linspace(-10, 10, 10001)])
def test_a_search_for_the_best_score_need_not_try_the_margin_itself(tries):
    assert judge("02.4", best_of(tries))
