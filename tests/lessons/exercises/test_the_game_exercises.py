"""Wrong answers to the exercises of 04_the_game, the complaint that each gets, and right answers in other forms."""

import math

import numpy as np
import pytest
import torch

from hcegan_lib.lessons.exercises import judge


def shares(real, fake, at, width):
    return [((points - at[:, None]).abs() <= width).double().mean(1) for points in (real, fake)]


def best(real, fake, at, width):
    a, b = shares(real, fake, at, width)
    return a / (a + b)


def raw_counts(real, fake, at, width):
    a, b = (((points - at[:, None]).abs() <= width).sum(1) for points in (real, fake))
    return a / (a + b)


def only_right(real, fake, at, width):
    a, b = (((points >= at[:, None]) & (points <= at[:, None] + width)).double().mean(1) for points in (real, fake))
    return a / (a + b)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (raw_counts, "fewer real points than fake ones"),
        (lambda *given: 1 - best(*given), "probability of a fake point"),
        (lambda *given: torch.div(*shares(*given)), "ratio p / q"),
        (lambda *given: torch.logit(best(*given)), "this is the logit"),
        (lambda *given: best(*given).round(), "this is the verdict"),
        (only_right, "only the points to the right"),
        (lambda real, fake, at, width: best(real, fake, at, width / 2), "half as wide"),
        (lambda *given: best(*given).mean(), r"expected shape \(6,\), got one number"),
        (lambda *given: best(*given) / 2, "the values are wrong"),
    ],
)
def test_mistakes_in_the_best_discriminator_from_samples(answer, complaint, assert_complaint):
    assert_complaint("04.1", answer, complaint)


def in_a_loop(real, fake, at, width):
    shares = [[sum(abs(y - x) <= width for y in points) / len(points) for x in at] for points in (real, fake)]
    return [float(a / (a + b)) for a, b in zip(*shares)]


def in_numpy(real, fake, at, width):
    a, b = (np.mean(np.abs(np.subtract.outer(at.numpy(), points.numpy())) <= width, axis=1) for points in (real, fake))
    return a / (a + b)


@pytest.mark.parametrize("answer", [best, in_a_loop, in_numpy])
def test_the_best_discriminator_may_be_counted_in_any_way(answer):
    assert judge("04.1", answer)


LOG2, LOG3 = math.log(2), math.log(3)
RIGHT = np.array([2 * LOG2, 0, 1.5 * LOG3 - LOG2])


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: -RIGHT, "opposite sign"),
        (lambda: RIGHT / LOG2, "in bits"),
        (lambda: RIGHT / 2, "mean over both kinds"),
        (lambda: (0, 0.69, 0.22), "these are the divergences JS"),
        (lambda: (1.39, 0, 0.69), r"\(c\) is not halfway"),
        (lambda: (1.39, 0, 1.5), "only half of the fake points"),
        (lambda: [1.39, 0.0, 1.04], "so D is 2/3"),
        (lambda: (0, 1.39, 0.95), "are swapped"),
        (lambda: (1.0, 0, 0.95), r"wrong in \(a\)\.$"),
        (lambda: (1.39, 0.5, 0.5), r"wrong in \(b\) and \(c\)\.$"),
        (lambda: 1.39, r"expected shape \(3,\), got one number"),
        (lambda: "all", "expected numbers, got an object of type str"),
    ],
)
def test_mistakes_in_the_losses_of_the_best_discriminator(answer, complaint, assert_complaint):
    assert_complaint("04.2", answer, complaint)


@pytest.mark.parametrize("answer", [(1.39, 0, 0.95), (1.386, 0.0, 0.955), RIGHT, torch.tensor(RIGHT), [1.39, 0, 0.96]])
def test_two_digits_are_enough_for_the_losses(answer):
    assert judge("04.2", lambda: answer)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: "ADBC", "begins with the farthest"),
        (lambda: "BCDA", "in turn without a penalty the distance stays the same"),
        (lambda: "CDBA", r"adds 0\.04"),
        (lambda: "CABD", "so A leaves"),
        (lambda: "CBAD", "the penalty slows D down"),
        (lambda: "DCBA", r"adds 0\.04"),
        (lambda: "ABCD", "in turn without a penalty"),
        (lambda: "CB", "name each of A, B, C and D once, got 'CB'"),
        (lambda: 4, "name each of A, B, C and D once, got 4"),
    ],
)
def test_mistakes_in_the_order_of_the_walks(answer, complaint, assert_complaint):
    assert_complaint("04.3", answer, complaint)


@pytest.mark.parametrize("answer", ["CBDA", "c, b, d, a", list("CBDA"), ("C", "B", "D", "A")])
def test_the_order_of_the_walks_may_be_written_in_any_way(answer):
    assert judge("04.3", lambda: answer)


def weighted_median(colors, shares):
    values, order = colors.sort(dim=0)
    first = (shares[order].cumsum(0) >= 0.5).int().argmax(0)
    return values.gather(0, first[None])[0]


def best_of_the_given(colors, shares):
    costs = (shares[:, None, None] * (colors[:, None] - colors).abs()).sum((0, 2))
    return colors[costs.argmin()]


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda colors, shares: shares @ colors, "this is the mean"),
        (lambda colors, shares: colors[shares.argmax()], "most frequent color"),
        (lambda colors, shares: colors.median(dim=0).values, "equally frequent"),
        (best_of_the_given, "best of the given colors"),
        (lambda colors, shares: colors[int((shares.cumsum(0) >= 0.5).int().argmax())], "before you add up"),
        (lambda colors, shares: colors.median(), r"expected shape \(3,\), got one number"),
        (lambda colors, shares: weighted_median(colors, shares) / 2, "the values are wrong"),
    ],
)
def test_mistakes_in_the_cheapest_color(answer, complaint, assert_complaint):
    assert_complaint("04.4", answer, complaint)


def with_costs(colors, shares):
    """Try every value of every channel."""
    return [
        float(min(channel, key=lambda c: sum(s * abs(y - c) for y, s in zip(channel, shares)))) for channel in colors.T
    ]


def in_numpy_too(colors, shares):
    costs = np.einsum("n,ncm->cm", shares.numpy(), np.abs(colors.numpy()[:, :, None] - colors.numpy().T[None]))
    return colors.numpy()[costs.argmin(1), range(3)].astype(np.float32)


@pytest.mark.parametrize("answer", [weighted_median, with_costs, in_numpy_too])
def test_the_cheapest_color_may_be_found_in_any_way(answer):
    assert all(judge("04.4", answer) for _ in range(5))
