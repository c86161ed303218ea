"""Wrong answers to the exercises of 13_keep_the_luminance, and the complaint that each gets."""

import numpy as np
import pytest
import torch

from hcegan_lib.color import luma, with_luma
from hcegan_lib.lessons.exercises import judge


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: 6.02, "20 log10"),
        (lambda: 2, "ratio of the errors"),
        (lambda: 0.3, "factor of 10"),
        (lambda: -3, "raises PSNR"),
        (lambda: 0, "changes"),
    ],
)
def test_mistakes_in_the_gain_of_the_true_luma(answer, complaint, assert_complaint):
    assert_complaint("13.1", answer, complaint)


def test_the_gain_may_be_rounded_or_exact():
    assert judge("13.1", lambda: 3)
    assert judge("13.1", lambda: 10 * np.log10(2))


def joined(both, gray, red=0.701, blue=0.886, weight=0.587):
    r, b = gray + red * both[:, :1], gray + blue * both[:, 1:]
    return torch.cat([r, (gray - 0.299 * r - 0.114 * b) / weight, b], 1)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda both, gray: torch.cat([gray + 0.701 * both[:, :1], gray, gray + 0.886 * both[:, 1:]], 1), "makes up"),
        (lambda both, gray: joined(both, gray, 1, 1), "multiply by it first"),
        (lambda both, gray: joined(both, gray).flip(1), "swapped"),
        (lambda both, gray: joined(both, gray, weight=1), "green's weight"),
        (lambda both, gray: gray, r"expected shape \(4, 3, 5, 6\)"),
        (lambda both, gray: gray.expand(-1, 3, -1, -1), "the values are wrong"),
    ],
)
def test_mistakes_in_joining_chroma_and_luma(answer, complaint, assert_complaint):
    assert_complaint("13.2", answer, complaint)


def test_joining_may_use_numpy_or_the_library():
    assert judge("13.2", with_luma)
    assert judge("13.2", lambda both, gray: joined(both, gray).double().numpy())
    assert torch.allclose(
        luma(joined(torch.zeros(1, 2, 2, 2), torch.ones(1, 1, 2, 2) / 2)), torch.full((1, 1, 2, 2), 0.5)
    )


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: 4, "half of the guesses"),
        (lambda: 1, "no more than gray"),
        (lambda: 0.5, "turned"),
        (lambda: 2**0.5, "squares"),
        (lambda: 3, "the values are wrong"),
    ],
)
def test_mistakes_in_the_price_of_a_guess(answer, complaint, assert_complaint):
    assert_complaint("13.3", answer, complaint)
