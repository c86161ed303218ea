"""The notebooks' exercises: `check` tries an answer on fresh random input and says at once what is wrong with it.

To add an exercise: write a function that puts the answer to the test and returns None or a complaint, then give it a
line in `EXERCISES` with two or three hints. An answer is called as any function; what it raises and what it leaves
unwritten is dealt with in `judge`. Nothing that is printed depends on the random input, so notebooks can store it.
"""

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.metrics import psnr

TOLERANCE = 1e-4  # far above float32's rounding, far below any slip that these tests look for


class Exercise(NamedTuple):
    """What an answer must stand, and what helps the one who is stuck."""

    test: Callable[[Callable], str | None]  # takes the answer; None, or a sentence on what is wrong
    hints: tuple[str, ...]  # shown one more with each failed try


class _Unfit(Exception):
    """The answer could not even be tried; the text is the complaint."""


_failures: Counter[str] = Counter()  # exercise -> failed tries since it was last right


def check(name: str, answer: Callable) -> None:
    """Judge the answer to an exercise and print the verdict; in a notebook, a returned True would stand below it.

    Parameters
    ----------
    name
        Number of the exercise, such as "01.2".
    answer
        The function that the exercise asks for, not its result.

    Raises
    ------
    ValueError
        If there is no exercise of that name.
    """
    judge(name, answer)


def judge(name: str, answer: Callable) -> bool:
    """Judge the answer to an exercise, print the verdict, and return it.

    Parameters
    ----------
    name
        Number of the exercise, such as "01.2".
    answer
        The function that the exercise asks for, not its result.

    Returns
    -------
    bool
        Whether the answer is right. If not, one more hint is printed with each try.

    Raises
    ------
    ValueError
        If there is no exercise of that name.
    """
    if name not in EXERCISES:
        raise ValueError(f"name must be one of the exercises {', '.join(EXERCISES)}, got {name!r}")
    test, hints = EXERCISES[name]
    try:
        complaint = test(_guard(answer))
    except _Unfit as unfit:
        complaint = str(unfit)
    if complaint is None:
        del _failures[name]
        print(f"Exercise {name}: right.")
        return True
    _failures[name] += 1
    print(f"Exercise {name}: {complaint}")
    for hint in hints[: _failures[name]]:
        print(f"  Hint: {hint}")
    return False


def _guard(answer: Callable) -> Callable:
    """Wrap an answer: it gets copies, and whatever keeps it from giving a result becomes a sentence."""
    if not callable(answer):
        raise _Unfit(f"pass the function itself, without calling it; this is of type {type(answer).__name__}.")

    def call(*arguments: object) -> object:
        try:
            result = answer(*copy.deepcopy(arguments))
        except NotImplementedError:
            result = None
        except Exception as error:
            text = " ".join(str(error).split())
            raise _Unfit(f"your function raises {type(error).__name__}{f': {text}' if text else '.'}") from None
        if result is None or result is ...:
            raise _Unfit("not written yet.")
        return result

    return call


# --- tools of the tests -----------------------------------------------------------------------------------------------


def _uniform(*shape: int) -> Tensor:
    """Fresh pixels in [0, 1], different in each call, without touching torch's global seed."""
    return torch.from_numpy(np.random.default_rng().random(shape, dtype=np.float32))


def _compare(result: object, wanted: object, slips: Mapping[str, object] | None = None) -> str | None:
    """Complain about shape or values; `slips` are the results of well-known mistakes, by what to say about them."""
    try:
        result = np.asarray(result, float)
    except (TypeError, ValueError):
        return f"it returns an object of type {type(result).__name__}, and numbers are wanted."
    wanted = np.asarray(wanted, float)
    if result.shape != wanted.shape:
        return f"the shape is {result.shape}, and {wanted.shape} is wanted{' (one number)' * (wanted.ndim == 0)}."
    if np.allclose(result, wanted, rtol=TOLERANCE, atol=TOLERANCE):
        return None
    for complaint, slip in (slips or {}).items():
        slip = np.asarray(slip, float)
        if slip.shape == result.shape and np.allclose(result, slip, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            return complaint
    if not np.isfinite(result).all():
        return "some of the values are infinite or not a number."
    return "the values are not the ones wanted."


# --- 00 start here ----------------------------------------------------------------------------------------------------


def _gray_of_a_batch(answer: Callable) -> str | None:
    color = _uniform(2, 3, 5, 7)
    recommended_709 = (color * torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)).sum(1, keepdim=True)
    slips = {
        "this is the plain mean of the channels; the eye takes green for brighter than blue.": color.mean(1, True),
        "these are the weights of Rec. 709; the course takes those of Rec. 601.": recommended_709,
        "red and blue have changed places.": luma(color.flip(1)),
    }
    return _compare(answer(color), luma(color), slips)


def _other_colors_of_the_same_gray(answer: Callable) -> str | None:
    color = _uniform(2, 3, 6, 6)
    other = answer(color)
    if not isinstance(other, Tensor) or other.shape != color.shape:
        return _compare(other, color) or "return a tensor, as you were given one."
    if (luma(other) - luma(color)).abs().max() > TOLERANCE:
        return "the gray is no longer the same."
    if other.min() < -TOLERANCE or other.max() > 1 + TOLERANCE:
        return "the gray is the same, but some values have left [0, 1]."
    if (other - color).abs().amax(dim=(1, 2, 3)).min() < 0.01:
        return "the gray is the same, and so are the colors; wanted are others."
    if (other - gray_to_rgb(luma(color))).abs().max() < 0.01:
        return "this is the gray copy: the same gray, and no color. Keep some."
    return None


def _gain_of_a_tint(answer: Callable) -> str | None:
    color, tint = _uniform(4, 3, 8, 8), 0.7 + 0.3 * _uniform(3)
    gray = luma(color)
    strength = torch.tensor([0.1, 0.4, 0.7, 1.0]).view(4, 1, 1, 1)
    color = gray + strength * (color - gray)  # a tint harms faded photographs more, so a pooled score is another one
    images = gray * tint.view(3, 1, 1), gray_to_rgb(gray)
    tinted, copied = (psnr(image, color) for image in images)
    tinted_error, copied_error = ((image - color).square().mean() for image in images)
    slips = {
        "the sign is turned: a tint that helps has a gain above 0.": copied.mean() - tinted.mean(),
        "this is the score of the tinted copy; the score of the gray copy is to be taken off.": tinted.mean(),
        "one gain for all is wanted: the mean over the photographs.": tinted - copied,
        "this is pooled: score each photograph, then take the mean.": 10 * torch.log10(copied_error / tinted_error),
    }
    return _compare(answer(gray, color, tint), tinted.mean() - copied.mean(), slips)


# --- 01 measuring color -----------------------------------------------------------------------------------------------


def _psnr_of_bytes(answer: Callable) -> str | None:
    image, target = np.random.default_rng().integers(0, 256, (2, 6, 8, 3), dtype=np.uint8)
    error = np.mean((image.astype(float) - target) ** 2)
    wrapped = "the bytes wrap around: as uint8, 3 - 5 is 254. Make floats of them first."
    slips = {
        "this is the PSNR for values up to 1; bytes go up to 255.": -10 * np.log10(error),
        "the sign is turned: a larger error makes a smaller PSNR.": -10 * np.log10(255**2 / error),
        "this is the natural logarithm; decibels take the one to base 10.": 10 * np.log(255**2 / error),
        "the peak is squared, as the error is: 255 ** 2.": 10 * np.log10(255 / error),
    }
    got = answer(image, target)
    for squares in ((image - target) ** 2, (image - target).astype(float) ** 2):
        if _compare(got, 10 * np.log10(255**2 / np.mean(squares))) is None:
            return wrapped
    return _compare(got, 10 * np.log10(255**2 / error), slips)


def _ssim_of_a_window(answer: Callable) -> str | None:
    x, noise = np.random.default_rng().random((2, 5, 5))
    x, y = 0.15 * x, 0.08 * x + 0.02 * noise  # so dark that the two constants count
    covariance = np.cov(x.ravel(), y.ravel(), ddof=0)

    def similarity(C1: float, C2: float, covariance: np.ndarray = covariance) -> float:
        luminance = (2 * x.mean() * y.mean() + C1) / (x.mean() ** 2 + y.mean() ** 2 + C1)
        return luminance * (2 * covariance[0, 1] + C2) / (covariance[0, 0] + covariance[1, 1] + C2)

    spreads = covariance.copy()
    spreads[0, 1] = np.sqrt(covariance[0, 0] * covariance[1, 1])
    slips = {
        "this divides by n - 1; the course takes the population's covariance, with n.": similarity(
            1e-4, 9e-4, np.cov(x.ravel(), y.ravel())
        ),
        "the constants C1 and C2 are missing.": similarity(0, 0),
        "C1 and C2 have changed places.": similarity(9e-4, 1e-4),
        "the covariance is not the product of the standard deviations.": similarity(1e-4, 9e-4, spreads),
        "this is the second factor alone; the one of the means is missing.": similarity(1e20, 9e-4),
    }
    return _compare(answer(x, y), similarity(1e-4, 9e-4), slips)


def _pooled_psnr(answer: Callable) -> str | None:
    targets = _uniform(3, 3, 8, 8)
    images = targets + (_uniform(3, 3, 8, 8) - 0.5) * torch.tensor([0.05, 0.2, 0.8]).view(3, 1, 1, 1)
    single = psnr(images, targets)
    pooled = -10 * torch.log10((images - targets).square().mean())
    slips = {
        "this is the mean of the photographs' PSNR; take the mean of their errors first.": single.mean(),
        "this is one number a photograph; one for all of them is wanted.": single,
        "this is the PSNR of the worst photograph.": single.min(),
    }
    return _compare(answer(images, targets), pooled, slips)


def _keep_the_gray(answer: Callable) -> str | None:
    image, gray = _uniform(2, 3, 6, 6), _uniform(2, 1, 6, 6)
    wanted = image + (gray - luma(image))
    slips = {
        "the gray is right, but the colors are stretched: add the difference, do not multiply.": image
        * (gray / luma(image)),
        "this is the gray copy; the differences between the channels are lost.": gray_to_rgb(gray),
        "do not clip here: cutting values off changes the gray again.": wanted.clamp(0, 1),
        "the difference has the wrong sign.": image - (gray - luma(image)),
    }
    return _compare(answer(image, gray), wanted, slips)


# --- 08 train ---------------------------------------------------------------------------------------------------------


def _steps_of_a_run(answer: Callable) -> str | None:
    for photographs, batch_size, epochs in np.random.default_rng().integers((20, 2, 2), (900, 12, 60), (5, 3)).tolist():
        slips = {
            "the last, smaller batch of an epoch is left out; whole batches only.": -(-photographs // batch_size)
            * epochs,
            "this is one epoch; how many are there?": photographs // batch_size,
            "each epoch starts anew, so what is left over does not add up to further batches.": (
                photographs * epochs // batch_size
            ),
        }
        complaint = _compare(answer(photographs, batch_size, epochs), photographs // batch_size * epochs, slips)
        if complaint:
            return complaint
    return None


def _share_judged_right(answer: Callable) -> str | None:
    real, fake = 3 * _uniform(2, 4, 1, 6, 6) - 1.5
    fake[:2] -= 1  # so that the two kinds are not judged equally well
    right_real, right_fake = (real > 0).float().mean(), (fake < 0).float().mean()
    slips = {
        "fake pairs are judged right where the logit is below 0.": (right_real + 1 - right_fake) / 2,
        "this counts the real pairs only.": right_real,
        "this counts the fake pairs only.": right_fake,
        "1 and -1 are the margins of the hinge loss; the verdict changes at 0.": (
            ((real > 1).float().mean() + (fake < -1).float().mean()) / 2
        ),
        "this is the sum of two shares; their mean is wanted.": right_real + right_fake,
    }
    return _compare(answer(real, fake), (right_real + right_fake) / 2, slips)


def _own_statistics(answer: Callable) -> str | None:
    x = 5 * _uniform(3, 2, 4, 5)
    spread = x.std(dim=(2, 3), keepdim=True)
    centered = x - x.mean(dim=(2, 3), keepdim=True)
    slips = {
        "these are the statistics of the whole batch; each photograph is to have its own.": (
            torch.nn.functional.batch_norm(x, None, None, training=True)
        ),
        "take the variance with `correction=0`: these are all the pixels there are, not a sample.": centered / spread,
        "divide by the standard deviation, the root of the variance.": centered / (spread.square() + 1e-5),
        "the mean is gone, but the spread is not 1 yet.": centered,
        "each channel has statistics of its own; do not average over channels.": (
            torch.nn.functional.layer_norm(x, x.shape[1:])
        ),
    }
    return _compare(answer(x), torch.nn.functional.instance_norm(x), slips)


# --- 09 tables --------------------------------------------------------------------------------------------------------


def _interval_of_a_mean(answer: Callable) -> str | None:
    values = np.random.default_rng().normal(20, 4, 12)
    n, mean, deviation = len(values), values.mean(), values.std(ddof=1)
    wanted = stats.t.interval(0.95, n - 1, loc=mean, scale=deviation / n**0.5)
    quantile = stats.t.ppf(0.975, n - 1)

    def around(half: float) -> tuple[float, float]:
        return mean - half, mean + half

    slips = {
        "this is where a single photograph lies; a mean of n is steadier by the root of n.": around(
            quantile * deviation
        ),
        "1.96 is for a known spread; with few photographs take Student's t.": around(1.96 * deviation / n**0.5),
        "the spread is of a sample: divide by n - 1, `ddof=1`.": around(quantile * values.std() / n**0.5),
        "0.95 leaves out five percent at one end; half of that at each end is wanted: 0.975.": (
            around(stats.t.ppf(0.95, n - 1) * deviation / n**0.5)
        ),
    }
    return _compare(answer(values), wanted, slips)


def _paired_interval(answer: Callable) -> str | None:
    random = np.random.default_rng()
    baseline = random.normal(20, 4, 15)
    model = baseline + random.normal(0.5, 0.3, 15)
    test = stats.ttest_rel(model, baseline).confidence_interval(0.95)
    unpaired = stats.ttest_ind(model, baseline, equal_var=False).confidence_interval(0.95)
    pooled = stats.ttest_ind(model, baseline).confidence_interval(0.95)
    not_paired = "this takes the two models' photographs for different ones; subtract photograph by photograph first."
    slips = {
        "the sign is turned around: model minus baseline.": (-test[1], -test[0]),
        not_paired: tuple(unpaired),
        not_paired + " ": tuple(pooled),
    }
    return _compare(answer(model, baseline), tuple(test), slips)


def _verdict(answer: Callable) -> str | None:
    size = np.random.default_rng().uniform(0.1, 2)
    for low, high, wanted in (
        (size, 2 * size, "higher"),
        (-2 * size, -size, "lower"),
        (-size, 2 * size, "no difference seen"),
        (-2 * size, size, "no difference seen"),
    ):
        given = answer(low, high)
        if given != wanted:
            where = {"higher": "above 0", "lower": "below 0"}.get(wanted, "on both sides of 0")
            return f"for an interval that lies {where} it says {given!r}, and {wanted!r} is wanted."
    return None


EXERCISES: dict[str, Exercise] = {
    "00.1": Exercise(
        _gray_of_a_batch,
        (
            "`color[:, 0:1]` is the red channel and keeps its axis; `color[:, 0]` loses it.",
            "Gray is 0.299 of red, 0.587 of green and 0.114 of blue.",
        ),
    ),
    "00.2": Exercise(
        _other_colors_of_the_same_gray,
        (
            "The gray copy of a photograph has the same gray as the photograph.",
            "Gray is a weighted sum, so the gray of a mixture of two pictures is the mixture of their grays.",
            "Mix the photograph with its gray copy, half and half.",
        ),
    ),
    "00.3": Exercise(
        _gain_of_a_tint,
        (
            "`gray * tint.view(3, 1, 1)` has three channels.",
            "`metrics.psnr` gives one number a photograph; `.mean()` makes one of them.",
            "The gain is the mean of the tinted copies minus the mean of the gray copies.",
        ),
    ),
    "01.1": Exercise(
        _psnr_of_bytes,
        (
            "The peak of a byte is 255, so the PSNR is 10 log10(255 ** 2 / mse).",
            "`image - target` is a byte again, and bytes know no minus: say `image.astype(float)`.",
        ),
    ),
    "01.2": Exercise(
        _ssim_of_a_window,
        (
            "Five numbers are enough: both means, both variances and the covariance.",
            "The covariance is the mean of (x - mean of x) times (y - mean of y).",
            "C1 = 0.01 ** 2 stands with the means, C2 = 0.03 ** 2 with the variances.",
        ),
    ),
    "01.3": Exercise(
        _pooled_psnr,
        (
            "Pooled means: one mean squared error over all pixels of all photographs.",
            "The logarithm comes last: -10 log10 of that one error.",
        ),
    ),
    "01.4": Exercise(
        _keep_the_gray,
        (
            "Adding the same number to red, green and blue adds that number to the gray: the weights sum to 1.",
            "The number to add is what is missing: gray - luma(image).",
        ),
    ),
    "08.1": Exercise(
        _steps_of_a_run,
        (
            "How many whole batches are in one epoch? `//` divides and drops the rest.",
            "Batches in an epoch, times epochs.",
        ),
    ),
    "08.2": Exercise(
        _share_judged_right,
        (
            "`(real_logits > 0)` is True where a real patch is judged right; as floats, True is 1.",
            "Take the share of the real ones, the share of the fake ones, and the mean of both.",
        ),
    ),
    "08.3": Exercise(
        _own_statistics,
        (
            "`x.mean(dim=(2, 3), keepdim=True)` is one mean for each photograph and channel.",
            "Subtract the mean, then divide by the root of the variance plus 1e-5.",
            "`x.var(dim=(2, 3), keepdim=True, correction=0)` is the variance that batch norm takes.",
        ),
    ),
    "09.1": Exercise(
        _interval_of_a_mean,
        (
            "The standard error of a mean is the standard deviation over the root of n.",
            "`stats.t.ppf(0.975, n - 1)` says how many standard errors the interval reaches to each side.",
            "`values.std(ddof=1)` is the standard deviation of a sample.",
        ),
    ),
    "09.2": Exercise(
        _paired_interval,
        (
            "Both models colored the same photographs: one difference a photograph.",
            "The interval of 09.1, of `model - baseline`.",
        ),
    ),
    "09.3": Exercise(
        _verdict,
        (
            "Where is 0: below the whole interval, above it, or inside?",
            "If `low` is above 0, so is everything in the interval.",
        ),
    ),
}
