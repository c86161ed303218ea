"""Exercises of 01_measuring_color."""

import numpy as np
import torch

from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.lessons.exercises.checking import Answer, compare, exercise, uniform
from hcegan_lib.metrics import psnr


@exercise(
    "01.1",
    "The peak of a byte is 255, so the PSNR is 10 log10(255 ** 2 / mse).",
    "`image - target` is a byte again, and bytes cannot be negative: write `image.astype(float)`.",
)
def _psnr_of_bytes(answer: Answer) -> None:
    image, target = np.random.default_rng().integers(0, 256, (2, 6, 8, 3), dtype=np.uint8)
    wrapped = image - target
    error = np.mean((image.astype(float) - target) ** 2)
    score, late, twice = (
        10 * np.log10(255**2 / each) for each in (error, np.mean(wrapped.astype(float) ** 2), np.mean(wrapped**2))
    )
    slips = {
        "the bytes wrap around: as uint8, 3 - 5 is 254, and 16 ** 2 is 0. Convert to float first.": twice,
        "the bytes wrap around: as uint8, 3 - 5 is 254. Convert to float before you subtract.": late,
        "this is the PSNR for values up to 1, but bytes go up to 255.": -10 * np.log10(error),
        "the sign is flipped: a larger error means a lower PSNR.": -score,
        "this is the natural logarithm; decibels use base 10.": 10 * np.log(255**2 / error),
        "square the peak, as the error is squared: 255 ** 2.": 10 * np.log10(255 / error),
    }
    compare(answer(image, target), score, slips)


@exercise(
    "01.2",
    "You need five numbers: two means, two variances and the covariance.",
    "The covariance is the mean of (x - mean of x) times (y - mean of y).",
    "C1 = 0.01 ** 2 goes with the means, C2 = 0.03 ** 2 with the variances.",
)
def _ssim_of_a_window(answer: Answer) -> None:
    x, noise = np.random.default_rng().random((2, 5, 5))
    x, y = 0.15 * x, 0.08 * x + 0.02 * noise  # so dark that the two constants matter
    covariance = np.cov(x.ravel(), y.ravel(), ddof=0)

    def similarity(C1: float, C2: float, covariance: np.ndarray = covariance) -> float:
        luminance = (2 * x.mean() * y.mean() + C1) / (x.mean() ** 2 + y.mean() ** 2 + C1)
        return luminance * (2 * covariance[0, 1] + C2) / (covariance[0, 0] + covariance[1, 1] + C2)

    deviations = covariance.copy()
    deviations[0, 1] = x.std() * y.std()
    with_sample = similarity(1e-4, 9e-4, np.cov(x.ravel(), y.ravel()))
    slips = {
        "this divides by n - 1; the course uses the population covariance, with n.": with_sample,
        "the constants C1 and C2 are missing.": similarity(0, 0),
        "C1 and C2 are swapped.": similarity(9e-4, 1e-4),
        "the covariance is not the product of the standard deviations.": similarity(1e-4, 9e-4, deviations),
        "this is the second factor alone; the first one, with the means, is missing.": similarity(1e20, 9e-4),
    }
    compare(answer(x, y), similarity(1e-4, 9e-4), slips)


@exercise(
    "01.3",
    "Pooled means one mean squared error over all pixels of all photographs.",
    "Take the logarithm last: -10 log10 of that one error.",
)
def _pooled_psnr(answer: Answer) -> None:
    targets = 0.4 + 0.2 * uniform(3, 3, 8, 8)
    images = targets + (uniform(3, 3, 8, 8) - 0.5) * torch.tensor([0.05, 0.2, 0.8]).view(3, 1, 1, 1)  # in [0, 1]
    single = psnr(images, targets)
    slips = {
        "this is the mean PSNR of the photographs; average their errors first.": single.mean(),
        "this is one number per photograph; expected one for all of them.": single,
        "this is the PSNR of the worst photograph.": single.min(),
    }
    compare(answer(images, targets), -10 * torch.log10((images - targets).square().mean()), slips)


@exercise(
    "01.4",
    "Adding a number to red, green and blue adds the same number to the gray, because the weights sum to 1.",
    "The number to add is the missing gray: gray - luma(image).",
)
def _keep_the_gray(answer: Answer) -> None:
    image, gray = uniform(2, 3, 6, 6), uniform(2, 1, 6, 6)
    missing, stretched = gray - luma(image), image * (gray / luma(image))
    slips = {
        "the gray is right, but the colors are stretched: add the difference instead of multiplying.": stretched,
        "this is the gray copy; the differences between the channels are lost.": gray_to_rgb(gray),
        "do not clip: clipping changes the gray again.": (image + missing).clamp(0, 1),
        "the difference has the wrong sign.": image - missing,
    }
    compare(answer(image, gray), image + missing, slips)
