"""Exercises of 08_networks."""

import math
from collections.abc import Callable

import numpy as np

from hcegan_lib.lessons.exercises.checking import Answer, WrongAnswer, as_array, compare, exercise

LAYERS = {  # of exercise 08.1: weights, and the positions at which each of them is used
    "A": (4**2 * 512 * 512, 1 * 1),
    "B": (4**2 * 64 * 128, 64 * 64),
    "C": (4**2 * 1 * 64, 128 * 128),
    "D": (4**2 * 128 * 3, 128 * 128),  # a deconvolution uses its weights at the positions of its input
}


@exercise(
    "08.1",
    "The weights are 16 times the product of both numbers of channels; the size of the map plays no part.",
    "The multiply-adds are the weights times the positions: of the output for A, B and C, of the input for D.",
)
def _weights_and_work(answer: Answer) -> None:
    given = answer()
    orders = [_letters(part) for part in given] if isinstance(given, list | tuple) else []
    if len(orders) != 2 or any(sorted(order) != sorted(LAYERS) for order in orders):
        raise WrongAnswer(f"expected two orders that name each of A, B, C and D once, got {given!r}.")
    weights, work = _order(lambda w, n: w), _order(lambda w, n: w * n)
    if orders == [work, weights]:
        raise WrongAnswer("the two orders are swapped: weights come first.")
    if orders == [weights[::-1], work[::-1]]:
        raise WrongAnswer("both orders begin with the fewest; begin with the most.")
    if orders[0] == _order(lambda w, n: n) or orders[0] == work:
        raise WrongAnswer("in the first order, the size of the map plays no part: count only kernels and channels.")
    if orders[0] != weights:
        raise WrongAnswer("the first order is wrong: a layer has 16 times the product of its two numbers of channels.")
    if orders[1] == weights:
        raise WrongAnswer("the second order is that of the weights, but A uses each weight once and C 16384 times.")
    if orders[1].index("C") < orders[1].index("D"):
        raise WrongAnswer("in the second order, C and D work at as many positions, and D has six times the weights.")
    if orders[1].index("A") < orders[1].index("C"):
        raise WrongAnswer("in the second order, A has 4096 times the weights of C, but at one position, not at 16384.")
    if orders[1] != work:
        raise WrongAnswer("the second order is wrong: multiply the weights by the positions at which they are used.")


def _letters(text: object) -> str:
    return "".join(letter for letter in str(text).upper() if letter.isalpha())


def _order(key: Callable[[int, int], int]) -> str:
    """Sort the layers by a function of weights and positions, from most to least."""
    return "".join(sorted(LAYERS, key=lambda name: -key(*LAYERS[name])))


@exercise(
    "08.2",
    "Row r of a layer's output reads kernel rows of its input, from r * stride - padding on.",
    "Loop over `reversed(layers)` and update the first and the last row.",
)
def _rows_seen(answer: Answer) -> None:
    random = np.random.default_rng()
    for _ in range(5):
        strides = [2, 2, *random.integers(1, 3, 2).tolist(), 1]
        layers = [(4, stride, 1) for stride in strides]
        row = int(random.integers(5, 25))
        first, last = _walk_back(layers, row)
        unpadded = _walk_back([(4, stride, 0) for stride in strides], row)
        too_far = _walk_back([(5, stride, 1) for stride in strides], row)
        slips = {
            "walk from the score back to the photograph: the last layer comes first.": _walk_back(layers[::-1], row),
            "the padding is missing: the input starts `padding` rows before the photograph.": unpadded,
            "the kernel reaches one row too far: a kernel of 4 that starts at row r ends at r + 3.": too_far,
            "this returns the number of rows; return the first and the last row.": (first, last - first + 1),
            "this is the row after the last one; return the last row itself.": (first, last + 1),
        }
        compare(answer(layers, row), (first, last), slips)
    others = [(3, 2, 1), (4, 1, 1), (5, 2, 2), (4, 2, 1), (3, 1, 0)]
    otherwise = "right for kernels of 4 and padding 1, but not for other layers at row 0: rows below 0 are padding."
    compare(answer(others, 0), _walk_back(others, 0), otherwise=otherwise)


def _walk_back(layers: list[tuple[int, int, int]], row: int) -> tuple[int, int]:
    """Return the first and last row of the photograph that a row of scores reads."""
    first = last = row
    for kernel, stride, padding in reversed(layers):
        first, last = first * stride - padding, last * stride - padding + kernel - 1
    return first, last


@exercise(
    "08.3",
    "Start with [1, 1]: one score sees 7 pixels. How many does it see with one more layer of stride 2 in front?",
    "7, 16, 34, 70, ...: each layer of stride 2 in front turns r into 2 r + 2.",
    "Put a 2 in front while the score sees fewer than `patch` pixels.",
)
def _strides_for(answer: Answer) -> None:
    for side in np.random.default_rng().permutation([16, 34, 70, 142, 286]).tolist():
        strides = as_array(answer(side)).ravel().astype(int).tolist()
        if not strides or not set(strides) <= {1, 2}:
            raise WrongAnswer(f"expected strides of 1 and 2, one per layer; for {side} it returns {strides}.")
        seen = 1
        for stride in reversed(strides):
            seen = (seen - 1) * stride + 4
        if seen != side:
            raise WrongAnswer(f"for {side} it returns {strides}, but a score of that network sees {seen} pixels.")
        layers = round(math.log2((side + 2) / 9)) + 2  # two layers see 7 pixels; each further one turns r into 2 r + 2
        if len(strides) > layers:
            raise WrongAnswer(f"for {side} it uses {len(strides)} layers, but {layers} are enough.")
