"""Exercises of 08_networks."""

import math

import numpy as np

from hcegan_lib.lessons.exercises.checking import Answer, WrongAnswer, as_array, compare, exercise


@exercise(
    "08.1",
    "Each number of the output is a sum over the kernel and over all input channels.",
    "The output holds `outputs` * `side` ** 2 numbers.",
)
def _multiply_adds(answer: Answer) -> None:
    sizes = np.random.default_rng().integers((7, 20, 2, 13), (12, 40, 6, 33), (4, 4))  # all different within a row
    for inputs, outputs, kernel, side in sizes.tolist():
        expected = kernel**2 * inputs * outputs * side**2
        slips = {
            "these are the parameters; each one is used at every pixel of the output.": kernel**2 * inputs * outputs,
            "a kernel is as high as it is wide: square `kernel`.": kernel * inputs * outputs * side**2,
            "the output is as high as it is wide: square `side`.": kernel**2 * inputs * outputs * side,
            "each output channel reads all input channels.": kernel**2 * outputs * side**2,
            "count each multiply-add once, not as two operations.": 2 * expected,
        }
        compare(answer(inputs, outputs, kernel, side), expected, slips)


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
