"""Exercises of 06_self_attention."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hcegan_lib.lessons.exercises.checking import Answer, WrongAnswer, as_array, compare, exercise, normal, uniform

LONELY = {  # part -> the right number, and other numbers with what they overlook
    "a": (
        3 / 18,
        {
            3 / 24: "(a): the denominator changes too; there are now 15 pixels of water.",
            1 / 2: "(a): one half is what all four boat pixels get together; now there is one.",
            3 / 4: "(a): this compares the boat pixel with one pixel of water; there are 15.",
            3 / 16: "(a): the denominator is the sum of the weights, 3 + 15, not the number of pixels.",
            3 / 15: "(a): the pixel's own weight belongs to the sum as well.",
            15 / 18: "(a): this is the share of the water.",
        },
    ),
    "b": (
        15,
        {
            16: "(b): the other pixels are 15; the pixel's own weight stands on the other side.",
            45: "(b): the water pixels have the weight 1, not 3.",
            1: "(b): with the weight 1 the pixel gets no more than any other, 1/16.",
        },
    ),
    "c": (
        math.log(65535),
        {
            65535: "(c): this is the weight; the score is its logarithm.",
            math.log10(65535): "(c): use the natural logarithm, because the weight is exp(s).",
            16: "(c): use the natural logarithm, because the weight is exp(s).",
            math.log(255): "(c): a map of 256 x 256 has 65536 positions.",
            math.log(15): "(c): this is the score for 16 pixels; now there are 65536.",
        },
    ),
}
SHARPEST = "ADCB"  # the four layers of exercise 06.3, from the sharpest to the most even
OVERLOOKED = {  # two layers in the wrong order -> what was overlooked
    "DA": "the scores of D spread by 3 times the square root of 4, and those of A by the square root of 64.",
    "CD": "C has more channels, but a weight that is three times as large makes all scores three times as large.",
    "BA": "A and B have the same width, and the scores of B are divided by 8.",
    "BC": "divided by the square root of d, the scores of B spread by 1, however wide the layer is.",
    "BD": "divided by the square root of d, the scores of B spread by 1; those of D spread by 6.",
    "CA": "A is wider than C, and nothing else differs.",
}


@exercise(
    "06.1",
    "The share is the pixel's own weight over the sum of all 16 weights. Each pixel of water has the weight 1.",
    "To keep one half, the pixel's own weight must equal the sum of all others.",
    "In (c) there are 65535 others, each with the weight exp(0) = 1. The weight is exp(s).",
)
def _lonely_boat(answer: Answer) -> None:
    for given, (expected, slips) in zip(as_array(answer(), (3,)), LONELY.values()):
        if abs(given / expected - 1) > 0.03:  # two digits are enough
            complaints = [text for slip, text in slips.items() if abs(given / slip - 1) <= 0.01]
            part = next(name for name, (right, _) in LONELY.items() if right == expected)
            raise WrongAnswer(complaints[0] if complaints else f"({part}) is wrong.")


@exercise(
    "06.2",
    "`x.flatten(2)` has shape (B, C, N); with matrices of shape (d, C) in front, `@` works on the whole batch.",
    "The scores are (B, N, N) with s_ij at [b, i, j]; the softmax runs over i.",
    "o at [b, c, j] is the sum over i of h[b, c, i] times beta_ji.",
)
def _attend(answer: Answer) -> None:
    x, gain = normal(2, 6, 3, 4), normal(6)
    W_f, W_g, W_h = normal(2, 6), normal(2, 6), normal(6, 6)
    X = x.flatten(2)
    S, values = (W_f @ X).mT @ (W_g @ X), W_h @ X

    def result(beta: Tensor, values: Tensor = values, gain: Tensor = gain[:, None], plus: Tensor = X) -> Tensor:
        return (gain * (values @ beta.mT) + plus).view(x.shape)

    beta = S.softmax(1).mT
    mixed = (gain.view(6, 1, 1) * (beta @ values.mT).reshape(x.shape)) + x
    slips = {
        "this uses beta[i, j]; j, the pixel that looks, comes first.": result(beta.mT),
        "f and g are swapped: g belongs to the pixel that looks.": result(S.softmax(2)),
        "this normalizes over j, the pixel that looks; the sum in the denominator runs over i.": result(
            S.softmax(2).mT
        ),
        "the denominator is missing: the attention of a pixel sums to 1.": result(S.exp().mT),
        "Eq. (12) has no square root; use the scores as they are.": result((S / 2**0.5).softmax(1).mT),
        "x is missing: y is gamma * o + x.": result(beta, plus=0 * X),
        "the gain is missing: one number per channel.": result(beta, gain=torch.ones(1)),
        "the gain multiplies o, not x.": result(beta, gain=torch.ones(1), plus=gain[:, None] * X),
        "the gain multiplies only o; add x unchanged.": result(beta, plus=gain[:, None] * X),
        "average the values h(x), not x.": result(beta, X),
        "channels and positions are mixed up: transpose (B, N, C) before you reshape it.": mixed,
    }
    compare(answer(x, W_f, W_g, W_h, gain), result(beta), slips, tolerance=1e-3)


@exercise(
    "06.3",
    "A dot product of d independent numbers of variance 1 has the variance d, so its spread is the square root of d.",
    "A factor on W_g, or a division, changes the spread by the same factor. The larger the spread, the sharper.",
)
def _sharpest_first(answer: Answer) -> None:
    given = answer()
    letters = "".join(letter for letter in str(given).upper() if letter.isalpha())
    if sorted(letters) != sorted(SHARPEST):
        raise WrongAnswer(f"name each of A, B, C and D once, got {given!r}.")
    if letters == SHARPEST[::-1]:
        raise WrongAnswer("this order begins with the most even; begin with the sharpest.")
    for (first, second), complaint in OVERLOOKED.items():
        if letters.index(first) < letters.index(second):
            raise WrongAnswer(complaint)


@exercise(
    "06.4",
    "`g.split(rows)` returns the positions that look, a few at a time.",
    "For each part, `part @ f.T` holds the scores of a few j with all i: (rows, N).",
    "Take the softmax over the last axis, multiply by `h`, and join the parts with `torch.cat`.",
)
def _attend_in_rows(answer: Answer) -> None:
    f, g, h, rows = 6 * uniform(60, 2) - 3, 6 * uniform(60, 2) - 3, uniform(60, 6), 7
    scores = f @ g.T  # s_ij at [i, j]
    with _LargestTensor() as largest:
        result = answer(f, g, h, rows)
    slips = {
        "f and g are swapped: g belongs to the pixel that looks.": scores.T.softmax(0).T @ h,
        "this normalizes over j; normalize each row over all i.": scores.softmax(1).T @ h,
        "the softmax is missing.": scores.T @ h,
    }
    compare(result, scores.softmax(0).T @ h, slips)
    if largest.size > rows * 60:
        raise WrongAnswer(
            f"the values are right, but one tensor holds {largest.size} numbers; "
            f"at most {rows} rows of 60, {rows * 60} numbers, are allowed."
        )


class _LargestTensor(TorchDispatchMode):
    """Record the size of the largest floating-point tensor that any operation returns."""

    size = 0

    def __torch_dispatch__(self, function: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None):
        result = function(*args, **(kwargs or {}))
        for part in tree_leaves(result):
            if isinstance(part, Tensor) and part.is_floating_point():  # no raw bytes
                self.size = max(self.size, part.numel())
        return result
