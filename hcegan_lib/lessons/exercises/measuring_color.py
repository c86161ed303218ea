"""Exercises of 01_measuring_color."""

import numpy as np

from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.lessons.exercises.checking import Answer, WrongAnswer, as_array, compare, exercise, uniform


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
    "Turn each PSNR back into its mean squared error: undo the logarithm.",
    "If PSNR = -10 log10(error), then error = 10 ** (-PSNR / 10).",
    "Average the errors, and take the logarithm last.",
)
def _pooled_from_scores(answer: Answer) -> None:
    scores = np.random.default_rng().uniform([12, 20, 28, 36], [16, 24, 32, 40])
    _compare_pooled(answer(scores), scores)
    scores[-1] = np.inf  # an error of 0
    perfect = {"right, but a photograph without error counts with its error 0; do not leave it out.": scores[:-1]}
    _compare_pooled(answer(scores), scores, perfect)


def _compare_pooled(given: object, scores: np.ndarray, others: dict[str, np.ndarray] | None = None) -> None:
    """Compare with the pooled PSNR of the scores; `others` maps complaints to scores that were pooled instead."""
    slips = {
        "this is the mean PSNR of the photographs; average their errors first.": scores.mean(),
        "this is the PSNR of the worst photograph.": scores.min(),
        "this is the mean error; turn it into decibels again.": np.mean(10 ** (-scores / 10)),
        "the sign is flipped: a larger error means a lower PSNR.": -_pool(scores),
        "PSNR is 10 times the logarithm of the squared error, so divide by 10 and not by 20.": _pool(scores, 20),
        **{complaint: _pool(pooled) for complaint, pooled in (others or {}).items()},
    }
    compare(given, _pool(scores), slips)


def _pool(scores: np.ndarray, unit: float = 10) -> float:
    return -unit * np.log10(np.mean(10 ** (-scores / unit)))


@exercise(
    "01.4",
    "The error relative to the gray copy is k**2 - 2 k cos(theta) + 1.",
    "A factor f in the squared error changes the PSNR by -10 log10(f).",
    "cos 90° = 0, cos 180° = -1, cos 60° = 1/2, cos 0° = 1; half strength is k = 1/2.",
)
def _gains_over_gray(answer: Answer) -> None:
    strength, cosine = np.array([1, 1, 0.5, 0.5]), np.array([0, -1, 0.5, 1])
    factor = strength**2 - 2 * strength * cosine + 1
    expected = -10 * np.log10(factor)
    slips = {
        "the sign is flipped: a larger error is a loss, which is negative.": -expected,
        "these are the errors relative to the gray copy; convert them to decibels.": factor,
        "the formula gives the squared error already: use 10 log10, not 20 log10.": 2 * expected,
        "this is the natural logarithm; decibels use base 10.": -10 * np.log(factor),
        "in (c) and (d) the strength is one half.": -10 * np.log10(np.maximum(2 - 2 * cosine, 1e-9)),
    }
    given = as_array(answer(), (4,))
    wrong = np.abs(given - expected) > 0.06  # one decimal is enough
    for complaint, slip in slips.items():
        if wrong.any() and np.allclose(given[:3], slip[:3], rtol=0, atol=0.06):
            raise WrongAnswer(complaint)
    if wrong.any():
        raise WrongAnswer(f"wrong in {' and '.join(f'({letter})' for letter, bad in zip('abcd', wrong) if bad)}.")


@exercise(
    "01.5",
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
