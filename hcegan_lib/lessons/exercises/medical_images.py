"""Exercises of 14_medical_images."""

import numpy as np
import torch
from torch import Tensor

from hcegan_lib.lessons.exercises.checking import Answer, WrongAnswer, compare, exercise

ORDER = "DABC"  # the four values of exercise 14.2, from the darkest color of jet to the lightest
OVERLOOKED = {  # two values in the wrong order -> what was overlooked
    "AD": "D, the largest value, is a dark red: it has the lowest L* of the four.",
    "BA": "A is a dark blue, and B is close to cyan, which is much lighter.",
    "CA": "A is a dark blue, and C is close to yellow, the lightest color of the map.",
    "CB": "B is close to cyan, and C is close to yellow, the lightest color of the map.",
    "BD": "B is close to cyan, and D is a dark red.",
    "CD": "C is close to yellow, and D is a dark red.",
}


@exercise(
    "14.1",
    "First the straight line: (values - (center - 0.5)) / (width - 1) + 0.5.",
    "Everything below the window is black, 0, and everything above it is white, 1: `np.clip(gray, 0, 1)`.",
)
def _window(answer: Answer) -> None:
    random = np.random.default_rng()
    values, center, width = random.uniform(-1000, 1000, (6, 8)), random.uniform(-100, 100), random.uniform(300, 500)
    values[0, :3] = center + np.array([0.1, 0.2, -0.3]) * width  # some values inside the window
    offset = values - center + 0.5
    line = offset / (width - 1) + 0.5
    gray = line.clip(0, 1)
    slips = {
        "values outside the window are below 0 or above 1: clip them.": line,
        "this is DICOM's LINEAR_EXACT; the default, LINEAR, has center - 0.5 and width - 1.": _clipped(
            (values - center) / width + 0.5
        ),
        "the line goes through one half at center - 0.5, not at the center.": _clipped(
            (offset - 0.5) / (width - 1) + 0.5
        ),
        "divide by width - 1.": _clipped(offset / width + 0.5),
        "the window starts half a width below its center: add 0.5.": _clipped(offset / (width - 1)),
        "the window is `width` wide in all; this one is twice as wide.": _clipped(offset / (width - 1) / 2 + 0.5),
        "black and white are swapped.": 1 - gray,
        "return gray in [0, 1], not in levels from 0 to 255.": 255 * gray,
    }
    compare(answer(values, center, width), gray, slips)


def _clipped(gray: np.ndarray) -> np.ndarray:
    return gray.clip(0, 1)


@exercise(
    "14.2",
    "Along jet: dark blue, blue, cyan, green, yellow, red, dark red. Which of them are light?",
    "The two ends are the darkest, and yellow is the lightest.",
)
def _darkest_first(answer: Answer) -> None:
    given = answer()
    letters = "".join(letter for letter in str(given).upper() if letter.isalpha())
    if sorted(letters) != sorted(ORDER):
        raise WrongAnswer(f"name each of A, B, C and D once, got {given!r}.")
    if letters == ORDER[::-1]:
        raise WrongAnswer("this order begins with the lightest; begin with the darkest.")
    if letters == "ABCD":
        raise WrongAnswer("this is the order of the values, which is what a reader would expect; jet does not keep it.")
    for (first, second), complaint in OVERLOOKED.items():
        if letters.index(first) < letters.index(second):
            raise WrongAnswer(complaint)


@exercise(
    "14.3",
    "A pixel is flipped if both are True: `truly_blue & painted_brown`.",
    "Count the flipped pixels, and divide by the number of truly blue pixels.",
)
def _share_flipped(answer: Answer) -> None:
    counts = [(30, 12, 10, 12), (6, 14, 3, 41)]  # the two pictures differ, so that a mean of shares is another number
    blue, brown = (torch.stack(masks) for masks in zip(*(_masks(*numbers) for numbers in counts)))
    kept, flipped, others, rest = np.sum(counts, axis=0)
    slips = {
        "divide by the number of truly blue pixels, not by the number of all pixels.": flipped / blue.numel(),
        "this is the share of the blue pixels that are not flipped.": kept / (kept + flipped),
        "this is the share of the pixels painted brown that are truly blue; divide by the truly blue ones.": flipped
        / (flipped + others),
        "this is the share of the other pixels that are painted brown.": others / (others + rest),
        "this is the share of all pixels that are painted brown.": (flipped + others) / blue.numel(),
        "this is the mean of the pictures' shares; count the pixels of all pictures together.": np.mean(
            [numbers[1] / (numbers[0] + numbers[1]) for numbers in counts]
        ),
        "this counts pixels; expected a share from 0 to 1.": flipped,
    }
    compare(answer(blue, brown), flipped / (kept + flipped), slips)


def _masks(kept: int, flipped: int, others: int, rest: int) -> tuple[Tensor, Tensor]:
    """Draw two masks of 8 x 8 pixels, truly blue and painted brown, with so many pixels of each kind."""
    order = np.random.default_rng().permutation(64)
    kinds = np.repeat([(True, False), (True, True), (False, True), (False, False)], [kept, flipped, others, rest], 0)
    return tuple(torch.from_numpy(kinds[order].T.reshape(2, 8, 8)))
