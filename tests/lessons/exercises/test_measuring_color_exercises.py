"""Wrong answers to the exercises of 01_measuring_color, and the complaint that each gets."""

import math

import numpy as np
import pytest
import torch

from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.metrics import psnr


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


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda x, y: psnr(x, y).mean(), "mean PSNR of the photographs"),
        (psnr, "one number per photograph"),
        (lambda x, y: psnr(x, y).min(), "worst photograph"),
        (lambda x, y: -torch.log((x - y).square().mean()), "the values are wrong"),
    ],
)
def test_mistakes_in_the_pooled_psnr(answer, complaint, assert_complaint):
    assert_complaint("01.3", answer, complaint)


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
    assert_complaint("01.4", answer, complaint)
