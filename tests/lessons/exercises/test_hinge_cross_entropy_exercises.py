"""Wrong answers to the exercises of 05_hinge_cross_entropy, the complaint of each, and right answers in other forms."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from hcegan_lib.lessons.exercises import judge


def residuals(scores, label):
    return torch.relu(1 - label * scores)


def right(scores, label, target):
    h = residuals(scores, label)
    return binary_cross_entropy_with_logits(h, torch.full_like(h, target))


def with_the_sigmoid_twice(scores, label, target):
    h = residuals(scores, label).sigmoid()
    return binary_cross_entropy_with_logits(h, torch.full_like(h, target))


def one_per_score(scores, label, target):
    h = residuals(scores, label)
    return binary_cross_entropy_with_logits(h, torch.full_like(h, target), reduction="none")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda scores, label, target: residuals(scores, label).mean(), "hinge residual itself"),
        (lambda scores, label, target: right(scores, label, 1 - target), "the other target"),
        (lambda s, y, t: binary_cross_entropy_with_logits(s, torch.full_like(s, t)), "hinge is missing"),
        (with_the_sigmoid_twice, "twice"),
        (lambda scores, label, target: residuals(scores, label).log().mean(), "sigmoid is missing"),
        (lambda scores, label, target: right(scores, -label, target), "below"),
        (lambda scores, label, target: one_per_score(scores, label, target).sum(), "sum over all scores"),
        (one_per_score, "one loss per score"),
        (lambda scores, label, target: one_per_score(scores, label, target).mean(0), "expected one number, got shape"),
        (lambda scores, label, target: right(scores, 1, target), "below"),
        (lambda scores, label, target: right(scores, label, 0.0), "the other target"),
        (lambda scores, label, target: 2 * right(scores, label, target), "the values are wrong"),
    ],
)
def test_mistakes_in_cross_entropy_after_the_hinge(answer, complaint, assert_complaint):
    assert_complaint("05.1", answer, complaint)


def from_probabilities(scores, label, target):
    p = torch.sigmoid((1 - label * scores.double()).clamp(min=0))
    return -(target * p.log() + (1 - target) * (1 - p).log()).mean()


def from_softplus(scores, label, target):
    return softplus((1 - 2 * target) * residuals(scores, label)).mean().item()


@pytest.mark.parametrize("answer", [right, from_probabilities, from_softplus])
def test_cross_entropy_after_the_hinge_may_be_written_in_any_way(answer):
    assert all(judge("05.1", answer) for _ in range(5))


VERDICTS = {"A": "both wrong", "B": "trains", "C": "real wrong", "D": "trains", "E": "steep"}


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: VERDICTS | {"A": "trains"}, "A: with target 1"),
        (lambda: VERDICTS | {"A": "real wrong"}, "A: with target 1"),
        (lambda: VERDICTS | {"B": "steep"}, "B: the loss is the residual"),
        (lambda: VERDICTS | {"C": "trains"}, "C: look at both sides"),
        (lambda: VERDICTS | {"D": "steep"}, "D: with target 0"),
        (lambda: VERDICTS | {"E": "trains"}, "E: log h falls"),
        (lambda: dict.fromkeys("ABCDE", "trains"), "^Exercise 05.2: A: "),
        (lambda: VERDICTS | {"E": "no"}, "the words are trains, both wrong, real wrong, steep; got 'no' for E"),
        (lambda: {"A": "trains"}, "one entry for each of the letters A to E"),
        (lambda: "BD", "one entry for each of the letters A to E"),
    ],
)
def test_mistakes_in_the_verdicts(answer, complaint, assert_complaint):
    assert_complaint("05.2", answer, complaint)


@pytest.mark.parametrize("given", [VERDICTS, dict(reversed(VERDICTS.items()))])
def test_the_verdicts_may_come_in_any_order(given):
    assert judge("05.2", lambda: given)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: "AC", "the same real side"),
        (lambda: "DB", "not equally fast"),
        (lambda: "AD", "the rendered sides of A and D have different slopes"),
        (lambda: ["E", "B"], "the rendered sides of B and E have different slopes"),
        (lambda: "CDE", "name two of the letters A to E, got 'CDE'"),
        (lambda: "CC", "name two"),
        (lambda: "XY", "name two"),
    ],
)
def test_mistakes_in_the_pair_with_the_same_path(answer, complaint, assert_complaint):
    assert_complaint("05.3", answer, complaint)


@pytest.mark.parametrize("given", ["CD", "d, c", ("C", "D"), ["D", "C"]])
def test_the_pair_may_be_written_in_any_way(given):
    assert judge("05.3", lambda: given)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: 0.2, "one side only"),
        (lambda: 0.786, "no further factor of 2"),
        (lambda: 0.5, "curvature of bce"),
        (lambda: 0.08, "this is h c"),
        (lambda: torch.tensor(0.92), "this is the determinant"),
        (lambda: -0.39, "positive weight"),
        (lambda: 0.4, "the values are wrong"),  # from the rounded 0.92
        (lambda: 3, "the values are wrong"),
        (lambda: (0.5, 0.5), r"expected one number, got shape \(2,\)"),
    ],
)
def test_mistakes_in_the_penalty_for_the_hinge(answer, complaint, assert_complaint):
    assert_complaint("05.4", answer, complaint)


@pytest.mark.parametrize("given", [0.39, 0.3932, torch.tensor(0.393), 0.388])
def test_two_digits_are_enough_for_the_penalty(given):
    assert judge("05.4", lambda: given)
