"""Exercises of 04_the_game."""

import math

import numpy as np
import torch

from hcegan_lib.lessons.exercises.checking import Answer, WrongAnswer, as_array, compare, exercise

ORDER = "CBDA"  # the four walks of exercise 04.3, from the closest to the farthest
OVERLOOKED = {  # two walks in the wrong order -> what was overlooked
    "BC": "in turn without a penalty the distance stays the same; with it, the determinant is below 1.",
    "DB": "the penalty takes 0.02 off the determinant of D, but moving at once adds 0.04.",
    "AB": "moving at once adds h squared to the determinant, so A leaves.",
    "AD": "A and D both leave, but the penalty slows D down.",
    "DC": "both have the penalty, but D moves at once, which adds h squared to the determinant.",
    "AC": "C has the penalty and moves in turn; A has neither.",
}


@exercise(
    "04.1",
    "Count the real points at most `width` away from a position, and the fake points, too.",
    "There are more fake points than real ones. Divide each count by the number of all points of its kind.",
    "With these two shares a and b, the estimate is a / (a + b), as in p / (p + q).",
)
def _estimate(answer: Answer) -> None:
    random = np.random.default_rng()
    real, fake = random.normal(0.5, 1, 400), random.normal(-0.5, 1, 900)
    at, width = random.uniform(-1, 1, 6), random.uniform(0.3, 0.4)
    a, b = _share(real, at, width), _share(fake, at, width)
    right_a, right_b = _share(real, at, width, left=0), _share(fake, at, width, left=0)
    half_a, half_b = _share(real, at, width / 2), _share(fake, at, width / 2)
    counted = 4 * a / (4 * a + 9 * b)  # of 400 and 900 points
    slips = {
        "there are fewer real points than fake ones: divide each count by the number of its kind.": counted,
        "this is the probability of a fake point; the discriminator says how likely a point is real.": b / (a + b),
        "this is the ratio p / q, which has no upper bound; the best discriminator is p / (p + q).": a / b,
        "this is the logit, log p - log q; return its sigmoid.": np.log(a / b),
        "this is the verdict, 0 or 1; return the probability.": (a > b).astype(float),
        "these are only the points to the right; `width` counts on both sides.": right_a / (right_a + right_b),
        "this window is half as wide: `width` counts on either side of the position.": half_a / (half_a + half_b),
    }
    compare(answer(*map(torch.from_numpy, (real, fake, at)), width), a / (a + b), slips)


def _share(points: np.ndarray, at: np.ndarray, width: float, *, left: float = 1) -> np.ndarray:
    """Compute the share of the points in a window around each position, or with `left` 0 only to the right of it."""
    offset = points - at[:, None]
    return ((offset >= -left * width) & (offset <= width)).mean(1)


@exercise(
    "04.2",
    "The loss is the mean of -log D over real points plus the mean of -log(1 - D) over fake points.",
    "In (b) the discriminator is never wrong. In (a) it can only guess: D = 1/2 everywhere.",
    "In (c), where the data are, q = p / 2. So D = 2/3 for all real points and for half of the fake ones.",
)
def _three_losses(answer: Answer) -> None:
    one, three = math.log(2), math.log(3)
    expected = np.array([2 * one, 0, 1.5 * three - one])
    slips = {
        "this is what the discriminator maximizes; its loss has the opposite sign.": -expected,
        "this is in bits; the losses use the natural logarithm.": expected / one,
        "this is the mean over both kinds; add the mean over real points and the mean over fake ones.": expected / 2,
        "these are the divergences JS; the loss is log 4 - 2 JS.": one - expected / 2,
        "(c) is not halfway between (a) and (b): the loss is not proportional to the overlap.": [2 * one, 0, one],
        "in (c) only half of the fake points lie where the data are.": [2 * one, 0, 2 * three - one],
        "in (c) real points are twice as dense as the fake ones among them, so D is 2/3.": [2 * one, 0, 1.5 * one],
        "(a) and (b) are swapped: among points like the data, one can only guess.": expected[[1, 0, 2]],
    }
    given = as_array(answer(), (3,))
    wrong = np.abs(given - expected) > 0.006  # two digits are enough
    for complaint, slip in slips.items():
        if wrong.any() and np.allclose(given, slip, rtol=0, atol=0.006):
            raise WrongAnswer(complaint)
    if wrong.any():
        raise WrongAnswer(f"wrong in {' and '.join(f'({letter})' for letter, bad in zip('abc', wrong) if bad)}.")


@exercise(
    "04.3",
    "Compute the determinant of one step for each walk. Above 1 the distance grows, below 1 it shrinks.",
    "In turn it is 1 - h c, and at once 1 - h c + h^2, with h = 0.2 and c = 0 or 0.1.",
)
def _order_of_four_walks(answer: Answer) -> None:
    given = answer()
    letters = "".join(letter for letter in str(given).upper() if letter.isalpha())
    if sorted(letters) != sorted(ORDER):
        raise WrongAnswer(f"name each of A, B, C and D once, got {given!r}.")
    if letters == ORDER[::-1]:
        raise WrongAnswer("this order begins with the farthest; begin with the closest.")
    for (first, second), complaint in OVERLOOKED.items():
        if letters.index(first) < letters.index(second):
            raise WrongAnswer(complaint)


@exercise(
    "04.4",
    "Each channel is a problem of its own: sort its values, and take the shares along.",
    "Add up the sorted shares. The cheapest value is the first one at which the sum reaches one half.",
)
def _cheapest_color(answer: Answer) -> None:
    colors, shares = _colors_and_shares()
    costs = (shares[:, None] * np.abs(colors[:, None] - colors).sum(2)).sum(0)
    slips = {
        "this is the mean, which has the least squared error; we want the least absolute error.": shares @ colors,
        "this is the most frequent color; a compromise can cost less.": colors[shares.argmax()],
        "this is the median of equally frequent colors; use the shares.": np.median(colors, 0),
        "this is the best of the given colors; each channel can come from a different one.": colors[costs.argmin()],
        "sort the values of each channel before you add up the shares.": colors[(np.cumsum(shares) >= 0.5).argmax()],
    }
    compare(answer(torch.from_numpy(colors), torch.from_numpy(shares)), _weighted_median(colors, shares), slips)


def _weighted_median(colors: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Compute the median of each channel, (3,), of colors (n, 3) that have these shares, (n,)."""
    order = colors.argsort(0)
    first = (np.cumsum(shares[order], 0) >= 0.5).argmax(0)
    return np.take_along_axis(colors, order, 0)[first, range(3)]


def _colors_and_shares() -> tuple[np.ndarray, np.ndarray]:
    """Draw five colors and their shares, such that all mistakes of exercise 04.4 differ from the right answer."""
    random = np.random.default_rng()
    while True:
        colors, shares = random.random((5, 3)), random.permutation([0.34, 0.25, 0.18, 0.13, 0.1])  # no sum is one half
        costs = (shares[:, None] * np.abs(colors[:, None] - colors).sum(2)).sum(0)
        unsorted = colors[(np.cumsum(shares) >= 0.5).argmax()]
        others = [colors[shares.argmax()], np.median(colors, 0), colors[costs.argmin()], unsorted]
        results = [_weighted_median(colors, shares), *others]
        if min(np.abs(one - other).max() for k, one in enumerate(results) for other in results[:k]) > 0.01:
            return colors, shares
