"""Exercises of 11_figures."""

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from hcegan_lib.color import luma
from hcegan_lib.lessons.exercises.checking import Answer, compare, exercise, mean_interval, uniform


@exercise(
    "11.1",
    "`luma(images)` is the luma that the images have, `luma(targets)` the luma that they should have.",
    "Adding a number to red, green and blue adds it to the luma and keeps the colors: see exercise 01.4.",
    "Then take the mean squared error of each photograph, over `dim=(1, 2, 3)`, and -10 log10 of it.",
)
def _score_of_the_colors(answer: Answer) -> None:
    targets, images = 0.4 + 0.2 * uniform(2, 3, 3, 6, 6)  # no corrected image leaves [0, 1]
    error = images - targets
    color = error - luma(error)

    def score(error: Tensor) -> Tensor:
        return -10 * torch.log10(error.square().mean(dim=(1, 2, 3)))

    stretched = images * luma(targets) / luma(images)
    slips = {
        "this is the score of the images as they are; correct their luma first.": score(error),
        "this is the score of the luma; expected that of the colors.": score(luma(error)),
        "this subtracts the plain mean of the channels; the luma weights them.": score(error - error.mean(1, True)),
        "the colors are stretched: add the missing luma instead of multiplying.": score(stretched - targets),
        "the sign is flipped: a larger error means a lower PSNR.": -score(color),
    }
    compare(answer(images, targets), score(color), slips)


@exercise(
    "11.2",
    "Each column is an epoch: take mean and standard deviation over axis 0, the seeds.",
    "It is the interval of exercise 10.1, for all epochs at once; n is the number of seeds.",
)
def _band_of_the_mean(answer: Answer) -> None:
    random = np.random.default_rng()
    values = random.normal(1, 0.3, (random.integers(6, 9), 10)).cumsum(axis=1)
    expected = mean_interval(values)
    extremes = values.min(axis=0), values.max(axis=0)
    single = mean_interval(values, values.std(axis=0, ddof=1))
    slips = {
        "this band runs from the lowest to the highest seed; expected the interval of the mean.": extremes,
        "this is the interval of a single seed; a mean of n varies less, by the square root of n.": single,
        "1.96 is for a known standard deviation; with few seeds use Student's t.": mean_interval(values, df=np.inf),
        "this is a sample: divide by n - 1, `ddof=1`.": mean_interval(values, stats.sem(values, ddof=0)),
        "the two ends are swapped: the lower one comes first.": expected[::-1],
    }
    compare(answer(values), expected, slips)


@exercise(
    "11.3",
    "`np.diff(values)` holds the differences between neighbors.",
    "Square, average, halve, take the square root: in this order.",
)
def _swing_without_drift(answer: Answer) -> None:
    random = np.random.default_rng()
    values = random.normal(0, random.uniform(0.2, 0.6), 40) - np.linspace(0, random.uniform(4, 8), 40)
    steps = np.diff(values)
    expected = (np.mean(steps**2) / 2) ** 0.5
    slips = {
        "this is the standard deviation, which includes the drift.": values.std(),
        "this is the standard deviation of a sample, which includes the drift.": values.std(ddof=1),
        "each difference holds the scatter of two values: halve the mean square.": 2**0.5 * expected,
        "halve the mean square before you take the square root.": expected / 2**0.5,
        "this is a variance; take the square root.": expected**2,
        "this is the mean absolute difference; take the square root of half the mean square.": np.abs(steps).mean(),
        "this is the spread of the differences around their mean; do not subtract the mean.": steps.std() / 2**0.5,
    }
    compare(answer(values), expected, slips)
