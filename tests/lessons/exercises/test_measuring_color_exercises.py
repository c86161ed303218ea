"""Wrong answers to the exercises of 01_measuring_color, and the complaint that each gets."""

import math

import numpy as np
import pytest
import torch

from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.lessons.exercises import judge


def decibels(error, peak=1.0):
    return 10 * math.log10(peak**2 / error)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda x, y: decibels(np.mean((x - y) ** 2), 255), "bytes wrap around"),
        (lambda x, y: decibels(np.mean((x - y).astype(float) ** 2), 255), "before you subtract"),
        (lambda x, y: decibels(np.mean((x.astype(float) - y) ** 2)), "bytes go up to 255"),
        (lambda x, y: -decibels(np.mean((x.astype(float) - y) ** 2), 255), "sign is flipped"),
        (lambda x, y: 10 * np.log(255**2 / np.mean((x.astype(float) - y) ** 2)), "natural logarithm"),
        (lambda x, y: 10 * np.log10(255 / np.mean((x.astype(float) - y) ** 2)), "square the peak"),
    ],
)
def test_mistakes_in_the_psnr_of_bytes(answer, complaint, assert_complaint):
    assert_complaint("01.1", answer, complaint)


def luminance(x, y, C1=0.01**2):
    return (2 * x.mean() * y.mean() + C1) / (x.mean() ** 2 + y.mean() ** 2 + C1)


def contrast(x, y, C2=0.03**2, ddof=0):
    covariance = np.cov(x.ravel(), y.ravel(), ddof=ddof)
    return (2 * covariance[0, 1] + C2) / (covariance[0, 0] + covariance[1, 1] + C2)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda x, y: luminance(x, y) * contrast(x, y, ddof=1), "n - 1"),
        (lambda x, y: luminance(x, y, 0) * contrast(x, y, 0), "C1 and C2 are missing"),
        (lambda x, y: luminance(x, y, 0.03**2) * contrast(x, y, 0.01**2), "swapped"),
        (lambda x, y: contrast(x, y), "second factor alone"),
        (
            lambda x, y: luminance(x, y) * (2 * x.std() * y.std() + 9e-4) / (x.var() + y.var() + 9e-4),
            "product of the standard deviations",
        ),
    ],
)
def test_mistakes_in_the_ssim_of_a_window(answer, complaint, assert_complaint):
    assert_complaint("01.2", answer, complaint)


def errors(scores):
    return 10 ** (-scores / 10)


def pool(scores):
    return -10 * np.log10(errors(scores).mean())


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda scores: scores.mean(), "mean PSNR of the photographs"),
        (lambda scores: scores.min(), "worst photograph"),
        (lambda scores: errors(scores).mean(), "turn it into decibels again"),
        (lambda scores: -pool(scores), "sign is flipped"),
        (lambda scores: 2 * pool(scores / 2), "divide by 10 and not by 20"),
        (lambda scores: pool(scores[np.isfinite(scores)]), "do not leave it out"),
        (lambda scores: -10 * np.log10(errors(scores)), r"expected one number, got shape \(4,\)"),
        (lambda scores: -np.log(errors(scores).mean()), "the values are wrong"),
    ],
)
def test_mistakes_in_the_pooled_psnr(answer, complaint, assert_complaint):
    assert_complaint("01.3", answer, complaint)


@pytest.mark.parametrize(
    "answer",
    [
        pool,
        lambda scores: -10 * math.log10(sum(10 ** (-float(x) / 10) for x in scores) / len(scores)),
        lambda scores: -10 * torch.from_numpy(errors(scores)).mean().log10(),
    ],
)
def test_the_pooled_psnr_may_be_computed_in_any_way(answer):
    assert all(judge("01.3", answer) for _ in range(5))


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: (3.0, 6.0, -1.2, -6.0), "sign is flipped"),
        (lambda: (2, 4, 0.75, 0.25), "convert them to decibels"),
        (lambda: (-6.0, -12.0, 2.5, 12.0), "not 20 log10"),
        (lambda: (-6.9, -13.9, 2.9, 13.9), "natural logarithm"),
        (lambda: (-3.0, -6.0, 0.0, math.inf), "the strength is one half"),
        (lambda: (-3.0, -6.0, 1.2, 3.0), r"wrong in \(d\)\.$"),
        (lambda: (-3.0, -6.0, 1.5, 6.0), r"wrong in \(c\)\.$"),
        (lambda: (0, 0, 1.2, 6.0), r"wrong in \(a\) and \(b\)\.$"),
        (lambda: -3, r"expected shape \(4,\), got one number"),
    ],
)
def test_mistakes_in_the_gains_over_gray(answer, complaint, assert_complaint):
    assert_complaint("01.4", answer, complaint)


@pytest.mark.parametrize("gains", [(-3, -6, 1.2, 6), [-3.01, -6.02, 1.25, 6.02], torch.tensor([-3.0, -6.0, 1.3, 6.0])])
def test_one_decimal_is_enough_for_the_gains(gains):
    assert judge("01.4", lambda: gains)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda image, gray: image * (gray / luma(image)), "stretched"),
        (lambda image, gray: gray_to_rgb(gray), "gray copy"),
        (lambda image, gray: (image + gray - luma(image)).clamp(0, 1), "do not clip"),
        (lambda image, gray: image - gray + luma(image), "wrong sign"),
        (lambda image, gray: image + gray, "the values are wrong"),
    ],
)
def test_mistakes_in_keeping_the_gray(answer, complaint, assert_complaint):
    assert_complaint("01.5", answer, complaint)
