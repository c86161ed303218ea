"""Exercises of 05_hinge_cross_entropy."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import softplus

from hcegan_lib.lessons.exercises.checking import Answer, WrongAnswer, as_array, compare, exercise, uniform


@exercise(
    "05.1",
    "The hinge residual is `torch.relu(1 - label * scores)`: how far a score falls short of its margin.",
    "`binary_cross_entropy_with_logits` applies the sigmoid itself. It wants a target for every residual.",
    "`torch.full_like(residuals, target)` makes these targets. The result is the mean over all scores.",
)
def _hinge_then_bce(answer: Answer) -> None:
    scores = torch.linspace(-2, 4, 60).view(3, 4, 5) + 0.1 * uniform(3, 4, 5)  # no two mistakes have the same mean
    for label, target in ((1, 0.0), (-1, 0.0), (1, 1.0), (-1, 1.0)):
        residual, flipped = torch.relu(1 - label * scores), torch.relu(1 + label * scores)
        slips = {
            "this is the mean of the hinge residual itself; expected its cross-entropy.": residual.mean(),
            "this is the cross-entropy with the other target.": _bce(residual, 1 - target).mean(),
            "the hinge is missing: this is the cross-entropy of the score itself.": _bce(scores, target).mean(),
            "the sigmoid is applied twice.": _bce(residual.sigmoid(), target).mean(),
            "this is the logarithm of the residual; its sigmoid is missing.": residual.log().mean(),
            "the residual is how far the score falls *below* the margin: 1 - label * score.": _bce(
                flipped, target
            ).mean(),
            "this is the sum over all scores; return their mean.": _bce(residual, target).sum(),
            "this is one loss per score; return their mean.": _bce(residual, target),
        }
        compare(answer(scores, label, target), _bce(residual, target).mean(), slips)


def _bce(logits: Tensor, target: float) -> Tensor:
    """Compute the cross-entropy of each logit, softplus(s) - target * s."""
    return softplus(logits) - target * logits


WORDS = ("trains", "both wrong", "real wrong", "steep")
VERDICTS = dict(zip("ABCDE", ("both wrong", "trains", "real wrong", "trains", "steep")))
OVERLOOKED = {  # letter of a reading -> what to look at again
    "A": "with target 1 the loss falls as the residual grows. On which sides is the target 1 here?",
    "B": "the loss is the residual. Which way do both scores go, and how does the slope change on the way?",
    "C": "look at both sides separately; the target is 1 on one of them only.",
    "D": "with target 0 the loss falls as the residual shrinks. Compare its slopes at residuals 3 and 0.",
    "E": "log h falls as h shrinks, so both scores go the right way. Compare its slopes at residuals 3 and 0.1.",
}


@exercise(
    "05.2",
    "Take one side at a time: descent makes the loss smaller. Does the residual shrink or grow on the way?",
    "A shrinking residual moves the score of a real pair up, and that of a rendered pair down. Both are right.",
    "Where the direction is right, compare the slope far from the margin with the slope close to it.",
)
def _verdicts(answer: Answer) -> None:
    given = answer()
    if not isinstance(given, Mapping) or sorted(map(str, given)) != sorted(VERDICTS):
        raise WrongAnswer("return a dict with one entry for each of the letters A to E.")
    for letter, word in given.items():
        if word not in WORDS:
            raise WrongAnswer(f"the words are {', '.join(WORDS)}; got {word!r} for {letter}.")
    wrong = [letter for letter in VERDICTS if given[letter] != VERDICTS[letter]]
    if wrong:
        raise WrongAnswer(f"{wrong[0]}: {OVERLOOKED[wrong[0]]}")


@exercise(
    "05.3",
    "The data is the number 0, so the score of the real pair is psi * 0. Can training change it?",
    "Only the rendered pair's side has a gradient. Which two readings have the same one?",
)
def _same_path(answer: Answer) -> None:
    given = answer()
    letters = "".join(letter for letter in str(given).upper() if letter.isalpha())
    if len(set(letters)) != 2 or len(letters) != 2 or not set(letters) <= set(VERDICTS):
        raise WrongAnswer(f"name two of the letters A to E, got {given!r}.")
    if set(letters) == {"A", "C"}:
        raise WrongAnswer("A and C have the same real side. Which side has a gradient in this game?")
    if set(letters) == {"B", "D"}:
        raise WrongAnswer("B and D go the same way, but not equally fast: their slopes differ at every residual.")
    if set(letters) != {"C", "D"}:
        raise WrongAnswer(f"the rendered sides of {' and '.join(sorted(letters))} have different slopes.")


@exercise(
    "05.4",
    "The determinant of one step is 1 - h (a'' + b'' + c). For the hinge without a penalty it is 1.",
    "For D, a = softplus(1 - r) and b = softplus(1 + f). The second derivative of softplus is sigma (1 - sigma).",
    "At the solution both scores are 0, so both arguments are 1. Add both second derivatives.",
)
def _penalty_for_the_hinge(answer: Answer) -> None:
    at_one = 1 / (1 + math.exp(-1))
    one_side = at_one * (1 - at_one)
    slips = {
        "this is one side only; both sides of D are curved.": one_side,
        "the pull of (c / 2) psi^2 is -c psi: no further factor of 2.": 4 * one_side,
        "this is the curvature of bce; expected that of D.": 0.5,
        "this is h c; expected c.": 0.2 * 2 * one_side,
        "this is the determinant; expected the c that leads to it.": 1 - 0.2 * 2 * one_side,
        "a penalty has a positive weight.": -2 * one_side,
    }
    given = as_array(answer(), ())
    if abs(given - 2 * one_side) <= 0.006:  # two digits are enough
        return
    for complaint, slip in slips.items():
        if abs(given - slip) <= 0.006:
            raise WrongAnswer(complaint)
    compare(given, 2 * one_side)
