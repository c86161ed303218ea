"""Wrong answers to the exercises of 14_medical_images, and the complaint that each gets."""

import matplotlib
import numpy as np
import pytest
from skimage.color import rgb2lab

from hcegan_lib.lessons.exercises import judge


def line(values, center, width):
    return (values - (center - 0.5)) / (width - 1) + 0.5


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (line, "clip them"),
        (lambda values, center, width: np.clip((values - center) / width + 0.5, 0, 1), "LINEAR_EXACT"),
        (lambda values, center, width: np.clip(line(values, center + 0.5, width), 0, 1), "not at the center"),
        (lambda values, center, width: np.clip(line(values, center, width + 1), 0, 1), "divide by width - 1"),
        (lambda values, center, width: np.clip(line(values, center, width) - 0.5, 0, 1), "add 0.5"),
        (lambda values, center, width: np.clip(line(values, center, 2 * width - 1), 0, 1), "twice as wide"),
        (lambda values, center, width: 1 - np.clip(line(values, center, width), 0, 1), "swapped"),
        (lambda values, center, width: 255 * np.clip(line(values, center, width), 0, 1), "levels from 0 to 255"),
        (lambda values, center, width: np.clip(line(values, center, width), 0, 1).mean(), r"expected shape \(6, 8\)"),
        (lambda values, center, width: np.clip(values, 0, 1), "the values are wrong"),
    ],
)
def test_mistakes_in_the_window(answer, complaint, assert_complaint):
    assert_complaint("14.1", answer, complaint)


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        ("ABCD", "order of the values"),
        ("CBAD", "begin with the darkest"),
        ("ADBC", "lowest L* of the four"),
        ("DACB", "C is close to yellow"),
        ("DBAC", "A is a dark blue, and B"),
        ("DCAB", "A is a dark blue, and C"),
        ("AB", "name each of A, B, C and D once, got 'AB'"),
        ("AABC", "name each of A, B, C and D once"),
    ],
)
def test_mistakes_in_the_order_of_jet(order, complaint, assert_complaint):
    answer = lambda: order  # noqa: E731
    assert_complaint("14.2", answer, complaint.replace("*", r"\*"))


def test_the_right_order_is_that_of_lightness():
    colors = matplotlib.colormaps["jet"]([0.1, 0.35, 0.65, 1.0])[None, :, :3]
    order = rgb2lab(colors)[0, :, 0].argsort()
    assert judge("14.2", lambda: "".join("ABCD"[k] for k in order))
    assert judge("14.2", lambda: ["D", "A", "B", "C"])


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda blue, brown: (blue & brown).float().mean(), "number of all pixels"),
        (lambda blue, brown: (blue & ~brown).sum() / blue.sum(), "are not flipped"),
        (lambda blue, brown: (blue & brown).sum() / brown.sum(), "painted brown that are truly blue"),
        (lambda blue, brown: (~blue & brown).sum() / (~blue).sum(), "other pixels"),
        (lambda blue, brown: brown.float().mean(), "of all pixels that are painted brown"),
        (lambda blue, brown: ((blue & brown).sum((1, 2)) / blue.sum((1, 2))).mean(), "mean of the pictures' shares"),
        (lambda blue, brown: (blue & brown).sum(), "counts pixels"),
        (lambda blue, brown: (blue & brown).sum((1, 2)) / blue.sum((1, 2)), "expected one number"),
    ],
)
def test_mistakes_in_the_share_of_flipped_pixels(answer, complaint, assert_complaint):
    assert_complaint("14.3", answer, complaint)
