"""Wrong answers to the exercises of 11_figures, and the complaint that each gets."""

import numpy as np
import pytest
from scipy import stats

from hcegan_lib.color import luma
from hcegan_lib.metrics import psnr


def corrected(images, targets):
    return images + luma(targets) - luma(images)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda images, targets: psnr(images, targets), "as they are"),
        (lambda images, targets: psnr(luma(images), luma(targets)), "score of the luma"),
        (lambda images, targets: psnr(images - (images - targets).mean(1, True), targets), "plain mean"),
        (lambda images, targets: psnr(images * luma(targets) / luma(images), targets), "stretched"),
        (lambda images, targets: psnr(corrected(images, targets), targets).mean(), r"expected shape \(3,\), got one"),
        (lambda images, targets: -psnr(corrected(images, targets), targets), "sign is flipped"),
    ],
)
def test_mistakes_in_the_score_of_the_colors(answer, complaint, assert_complaint):
    assert_complaint("11.1", answer, complaint)


def band(values, axis=0, df=None, ddof=1):
    df = values.shape[axis] - 1 if df is None else df
    return np.stack(stats.t.interval(0.95, df, values.mean(axis), stats.sem(values, axis, ddof=ddof)))


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda values: np.stack([values.min(0), values.max(0)]), "lowest to the highest seed"),
        (
            lambda values: np.stack(stats.t.interval(0.95, len(values) - 1, values.mean(0), values.std(0, ddof=1))),
            "a single seed",
        ),
        (lambda values: np.stack(stats.norm.interval(0.95, values.mean(0), stats.sem(values))), "Student's t"),
        (lambda values: band(values, ddof=0), "ddof=1"),
        (lambda values: band(values)[::-1], "swapped"),
        (lambda values: band(values, axis=1), r"expected shape \(2, 10\)"),
        (lambda values: band(values, df=4), "the values are wrong"),  # there are never 5 seeds
    ],
)
def test_mistakes_in_the_band_of_the_mean(answer, complaint, assert_complaint):
    assert_complaint("11.2", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda values: values.std(), "includes the drift"),
        (lambda values: values.std(ddof=1), "includes the drift"),
        (lambda values: np.sqrt(np.mean(np.diff(values) ** 2)), "two values: halve the mean square"),
        (lambda values: np.sqrt(np.mean(np.diff(values) ** 2)) / 2, "before you take the square root"),
        (lambda values: np.mean(np.diff(values) ** 2) / 2, "this is a variance"),
        (lambda values: np.abs(np.diff(values)).mean(), "mean absolute difference"),
        (lambda values: np.diff(values).std() / 2**0.5, "around their mean"),
    ],
)
def test_mistakes_in_the_swing_without_drift(answer, complaint, assert_complaint):
    assert_complaint("11.3", answer, complaint)
