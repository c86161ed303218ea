"""The notebooks' exercises: `check` tries an answer on fresh random input and says at once what is wrong with it.

To add an exercise: write a function that puts the answer to the test and returns None or a complaint, then give it a
line in `EXERCISES` with two or three hints. An answer is called as any function; what it raises and what it leaves
unwritten is dealt with in `judge`. Nothing that is printed depends on the random input, so notebooks can store it.
"""

import copy
import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from scipy import stats
from torch import Tensor
from torch.nn.functional import softplus
from torch.utils._python_dispatch import TorchDispatchMode

from hcegan_lib.attention import SelfAttention2d
from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.metrics import psnr

TOLERANCE = 3e-5  # above float32's rounding, far below any slip that these tests look for


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
        except _Unfit:
            raise
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


def _normal(*shape: int) -> Tensor:
    """Fresh draws from N(0, 1), likewise."""
    return torch.from_numpy(np.random.default_rng().standard_normal(shape).astype(np.float32))


def _compare(
    result: object, wanted: object, slips: Mapping[str, object] | None = None, *, within: float = TOLERANCE
) -> str | None:
    """Complain about shape or values; `slips` are the results of well-known mistakes, by what to say about them."""
    try:
        result = np.asarray(result, float)
    except (TypeError, ValueError):
        return f"it returns an object of type {type(result).__name__}, and numbers are wanted."
    wanted = np.asarray(wanted, float)
    if result.shape != wanted.shape:
        return f"the shape is {result.shape}, and {wanted.shape} is wanted{' (one number)' * (wanted.ndim == 0)}."
    if np.allclose(result, wanted, rtol=within, atol=within):
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


# --- 02 hinge loss ----------------------------------------------------------------------------------------------------


def _hinge_of_labels(answer: Callable) -> str | None:
    scores, labels = 6 * _uniform(8, 9) - 3, torch.ones(8, 9)
    labels[::2] = -1
    loss = torch.relu(1 - labels * scores)
    slips = {
        "no loss is below 0: what is right by more than the margin costs nothing.": 1 - labels * scores,
        "the sign is turned: right answers cost, and wrong ones are free.": torch.relu(1 + labels * scores),
        "the margin is missing: a right answer by less than 1 costs something too.": torch.relu(-labels * scores),
        "the labels are not used: this takes them all for 1.": torch.relu(1 - scores),
    }
    return _compare(answer(scores, labels), loss, slips)


def _hinge_of_classes(answer: Callable) -> str | None:
    scores, label, margin = 2 * _uniform(12, 4) - 1, torch.tensor([0, 1, 2, 3, 1, 0]).repeat(2), 0.5
    true = scores.gather(1, label[:, None])
    terms = torch.relu(scores - true + margin)
    others = terms.clone().scatter(1, label[:, None], 0)
    slips = {
        "this is Eq. (1) as printed: the true class against itself, which is always the margin.": (
            torch.full((12,), margin)
        ),
        "the true class is in the sum; it adds the margin to every loss. Leave it out.": terms.sum(1),
        "this is PyTorch's: the sum divided by the number of classes. Eq. (1) does not divide.": others.sum(1) / 4,
        "this is the worst class alone; Eq. (1) adds up all of them.": others.amax(1),
        "the margin is an argument; this takes 1.": (
            torch.relu(scores - true + 1).scatter(1, label[:, None], 0).sum(1)
        ),
        "the scores have changed places: it costs if another class comes near or above the true one.": (
            torch.relu(true - scores + margin).scatter(1, label[:, None], 0).sum(1)
        ),
    }
    return _compare(answer(scores, label, margin), others.sum(1), slips)


def _silent_share(answer: Callable) -> str | None:
    edges = (-3, -1), (-1, 0), (0, 1), (1, 3)  # how many patches lie between which: no two mistakes have one result
    real, fake = (
        torch.cat([low + (high - low) * _uniform(many) for (low, high), many in zip(edges, counts)]).view(4, 1, 5, 5)
        for counts in ((15, 15, 30, 40), (20, 25, 25, 30))
    )
    real_silent, fake_silent = (real >= 1).float().mean(), (fake <= -1).float().mean()
    slips = {
        "this is the share that still teaches; wanted is the rest.": 1 - (real_silent + fake_silent) / 2,
        "a fake pair is silent at -1 and below.": (real_silent + (fake >= 1).float().mean()) / 2,
        "0 is where the verdict changes; the gradient ends at the margin.": (
            ((real > 0).float().mean() + (fake < 0).float().mean()) / 2
        ),
        "this counts the real pairs only.": real_silent,
        "this is the sum of two shares; their mean is wanted.": real_silent + fake_silent,
    }
    return _compare(answer(real, fake), (real_silent + fake_silent) / 2, slips)


def _best_score(answer: Callable) -> str | None:
    for share in np.random.default_rng().permutation([0.15, 0.3, 0.45, 0.6, 0.9]).tolist():
        slips = {
            "this is the best score under cross-entropy; the hinge loss has another.": np.log(share / (1 - share)),
            "this is the best score under the squared error; the hinge loss has another.": 2 * share - 1,
            "the sign is turned: where most pairs are real, the score should be above 0.": np.sign(0.5 - share),
            "this is the least expected loss; wanted is the score that reaches it.": 2 * min(share, 1 - share),
        }
        # Tries need not meet the margin: 0.05 beside it is near enough.
        complaint = _compare(answer(share), np.sign(share - 0.5), slips, within=0.025)
        if complaint:
            return complaint
    return None


# --- 03 cross-entropy loss --------------------------------------------------------------------------------------------


def _entropy_in_bits(answer: Callable) -> str | None:
    p = np.random.default_rng().dirichlet(np.ones(5))
    bits = stats.entropy(p, base=2)
    slips = {
        "this is in nats; for bits take the logarithm to base 2.": stats.entropy(p),
        "the sign is turned: an entropy is not below 0.": -bits,
        "each information counts as often as its outcome comes up: weigh it with p.": -np.log2(p).sum(),
        "weigh with p and add up; there is no mean to take.": bits / 5,
    }
    complaint = _compare(answer(p), bits, slips)
    if complaint:
        return complaint
    certain = np.append(p[:4] / p[:4].sum(), 0.0)
    with np.errstate(all="ignore"):  # log 0 is what is being tried here
        result = answer(certain)
    if not np.isfinite(np.asarray(result, float)).all():
        return "right, until an outcome never comes up: 0 times log 0 is nan to a computer, and 0 is wanted."
    return _compare(result, stats.entropy(certain, base=2))


def _mean_divergence(answer: Callable) -> str | None:
    random = np.random.default_rng()
    p, q = random.dirichlet(np.ones(4), (2, 6))
    # P spread out, Q sure of itself: then one divergence is well above the other, whatever was drawn.
    p, q = p / 2 + 1 / 8, q / 25 + 24 / 25 * np.eye(4)[random.integers(4, size=6)]
    p, q = torch.from_numpy(p).float(), torch.from_numpy(q).float()
    wanted, turned = (a * (a / b).log() for a, b in ((p, q), (q, p)))
    slips = {
        "this is the divergence of P from Q the wrong way round: `kl_div` takes log q first and p second.": (
            turned.sum(1).mean()
        ),
        "this is divided by the number of all entries; `reduction` has a word for dividing by the rows alone.": (
            wanted.mean()
        ),
        "this is the sum over the batch; its mean is wanted.": wanted.sum(),
        "`kl_div` wants logarithms as its first argument.": (p * (p.log() - q)).sum(1).mean(),
        "this is the cross-entropy; the entropy of P is to be taken off.": -(p * q.log()).sum(1).mean(),
    }
    return _compare(answer(p, q), wanted.sum(1).mean(), slips)


def _cross_entropy_of_logits(answer: Callable) -> str | None:
    logits, targets = 6 * _uniform(3, 4) - 3, (_uniform(3, 4) > 0.5).float()
    targets[0, :2] = torch.tensor([0.0, 1.0])
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    slips = {
        "one half is missing: where the target is 0, log(1 - q) counts.": loss * targets,
        "the targets 0 and 1 have changed places.": (
            torch.nn.functional.binary_cross_entropy_with_logits(logits, 1 - targets, reduction="none")
        ),
        "the sign is turned.": -loss,
    }
    complaint = _compare(answer(logits, targets), loss, slips)
    if complaint:
        return complaint
    far, targets = torch.tensor([-200.0, -200.0, 200.0, 200.0]), torch.tensor([0.0, 1.0, 0.0, 1.0])
    result = answer(far, targets)
    if not np.isfinite(np.asarray(result, float)).all():
        return "right, until the logits are large: at 200 the exponential overflows, or the logarithm meets 0."
    return _compare(result, [0, 200, 200, 0], {"at logits of 200 the loss is cut off at 100.": [0, 100, 100, 0]})


def _steps_to_turn(answer: Callable) -> str | None:
    start, rate, height = np.random.default_rng().uniform((-5, 0.05, 0.5), (-3, 0.25, 1)).tolist()

    def derivative(logit: float) -> float:
        return -height / (1 + math.exp(logit))

    path = [start]
    while path[-1] <= 0:
        path.append(path[-1] - rate * derivative(path[-1]))
    steps = len(path) - 1
    slips = {
        "that is one too many: count the steps, not the places.": steps + 1,
        "that is one too few: the step that crosses 0 counts.": steps - 1,
    }
    return _compare(answer(_limited(derivative, 20 * steps), start, rate), steps, slips)


def _limited(derivative: Callable[[float], float], calls: int) -> Callable[[float], float]:
    """Let a derivative be asked only so many times: a loop that walks the wrong way would never end."""
    left = iter(range(calls))

    def limited(logit: float) -> float:
        if next(left, None) is None:
            raise _Unfit("it does not come to an end. Go against the derivative: logit - rate * derivative(logit).")
        return derivative(logit)

    return limited


# --- 05 hinge-cross-entropy loss --------------------------------------------------------------------------------------


def _still_wrong(answer: Callable) -> str | None:
    # Evenly from -2 to 4, nearly: no two mistakes have one mean.
    scores = torch.linspace(-2, 4, 60).view(3, 4, 5) + 0.1 * _uniform(3, 4, 5)
    for label in (1, -1):
        residual, turned = torch.relu(1 - label * scores), torch.relu(1 + label * scores)
        slips = {
            "this is the mean of the hinge residual alone; its cross-entropy is wanted.": residual.mean(),
            "this is the cross-entropy towards the target 1: the residual is to grow.": softplus(-residual).mean(),
            "the hinge is missing: this is the cross-entropy of the score itself.": softplus(-label * scores).mean(),
            "this is the log of the residual, Eq. (10) as printed.": residual.log().mean(),
            "a residual is wrong by how much the score is *below* the margin: 1 - label * score.": (
                softplus(turned).mean()
            ),
            "one number is wanted, the mean over all scores.": softplus(residual),
        }
        complaint = _compare(answer(scores, label), softplus(residual).mean(), slips)
        if complaint:
            return complaint
    return None


def _alternating_step(answer: Callable) -> str | None:
    for a, b, c, theta, psi, rate in np.random.default_rng().uniform(0.3, 1, (3, 6)).tolist():

        def field(theta: float, psi: float, a: float = a, b: float = b, c: float = c) -> tuple[float, float]:
            return (1 + a) * psi - b * theta * psi**2, -c * theta - b * psi * theta**2  # neither is ever 0

        v_theta, v_psi = field(theta, psi)
        moved = psi + rate * v_psi
        wanted = theta + rate * field(theta, moved)[0], moved
        first = theta + rate * v_theta
        answering = psi + rate * field(first, psi)[1]
        uphill = psi - rate * v_psi
        slips = {
            "both move at once here; the generator is to answer the discriminator that has moved.": (first, moved),
            "the generator moves first here; in training the discriminator does.": (first, answering),
            "the field points downhill already: add it.": (theta - rate * field(theta, uphill)[0], uphill),
            "theta comes first in the result, then psi.": wanted[::-1],
            "the discriminator has moved, the generator has not.": (theta, moved),
        }
        complaint = _compare(answer(field, theta, psi, rate), wanted, slips)
        if complaint:
            return complaint
    return None


def _steps_to_the_margin(answer: Callable) -> str | None:
    random = np.random.default_rng()
    starts, counts = [], []
    while len(starts) < 6:
        start = [*random.uniform(0.5, 0.9, 2).tolist(), random.uniform(0.1, 0.25)]
        walks = _walk(*start), _walk(*start, alternating=False), _walk(*start, either_side=True)
        if max(walks) < WALK:  # a few leap over the margin and do not come back
            starts.append(start)
            counts.append(walks)
    wanted, at_once, either = np.array(counts).T
    slips = {
        "the start is step 0; this counts one too many.": wanted + 1,
        "this is the last step before; wanted is the first at which the loss is infinite.": wanted - 1,
        "both players move at once here; in training they alternate.": at_once,
        "the rendering's side is log(max(0, 1 + D)): nothing happens at the score 1, only at -1.": either,
    }
    return _compare([answer(*start) for start in starts], wanted, slips)


WALK = 300  # steps after which the margin is no longer waited for; the hints say so too


def _walk(theta: float, psi: float, rate: float, *, alternating: bool = True, either_side: bool = False) -> int:
    """Count steps of Eq. (10), with pix2pix's generator, until the rendering's score passes -1 (or 1); WALK at most."""
    step = 0
    while step < WALK and theta * psi > -1 and not (either_side and theta * psi > 1):
        moved = psi - rate * theta / (1 + theta * psi)
        seen = moved if alternating else psi
        theta, psi = theta + rate * seen * (1 - math.tanh(theta * seen / 2)) / 2, moved
        step += 1
    return step


# --- 06 self-attention ------------------------------------------------------------------------------------------------


def _attention_from_scores(answer: Callable) -> str | None:
    scores = 4 * _uniform(7, 7) - 2
    slips = {
        "each row of beta sums to 1, but over j: share out over i, the pixel that is looked at.": scores.softmax(1),
        "the columns sum to 1: the numbers are right, but beta[j, i] has j first; transpose.": scores.softmax(0),
        "this shares out over j, the pixel that looks; the sum below the line runs over i.": scores.softmax(1).T,
        "the sum below the line is missing: the rows of beta do not sum to 1.": scores.exp().T,
        "there is no root in Eq. (12); leave the scores as they are.": (scores / 7**0.5).softmax(0).T,
    }
    return _compare(answer(scores), scores.softmax(0).T, slips)


def _add_what_is_seen(answer: Callable) -> str | None:
    h, x, gamma = _uniform(2, 3, 4, 5), _uniform(2, 3, 4, 5), 2 * _uniform(3) - 1
    beta = (6 * _uniform(2, 20, 20)).softmax(2)
    gain = gamma.view(3, 1, 1)

    def seen(beta: Tensor, values: Tensor = h) -> Tensor:
        return torch.einsum("bji,bci->bcj", beta, values.flatten(2)).view(x.shape)

    slips = {
        "this takes beta[i, j]; the one that looks, j, comes first.": gain * seen(beta.mT) + x,
        "x itself is missing: y is gamma * o, plus x.": gain * seen(beta),
        "the gain is missing: one number a channel.": seen(beta) + x,
        "the gain belongs to o, and not to x.": seen(beta) + gain * x,
        "the gain belongs to o alone; x is added as it is.": gain * (seen(beta) + x),
        "the values to be averaged are h(x), not x.": gain * seen(beta, x) + x,
        "the result has channels and positions mixed up: transpose (B, N, C) before you reshape it.": (
            gain * seen(beta).flatten(2).mT.reshape(x.shape) + x
        ),
    }
    return _compare(answer(beta, h, gamma, x), gain * seen(beta) + x, slips)


class _Largest(TorchDispatchMode):
    """Remember how many numbers the largest result of an operation holds."""

    size = 0

    def __torch_dispatch__(
        self, function: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        result = function(*args, **(kwargs or {}))
        parts = result if isinstance(result, (tuple, list)) else (result,)
        floats = (part for part in parts if isinstance(part, Tensor) and part.is_floating_point())  # no raw bytes
        self.size = max(self.size, *(part.numel() for part in floats), 0)
        return result


def _attend_in_rows(answer: Callable) -> str | None:
    f, g, h, rows = 6 * _uniform(60, 2) - 3, 6 * _uniform(60, 2) - 3, _uniform(60, 6), 7
    scores = f @ g.T  # s_ij at [i, j]
    with _Largest() as largest:
        result = answer(f, g, h, rows)
    slips = {
        "f and g have changed places: g is the one that looks.": scores.T.softmax(0).T @ h,
        "this shares out over j; each row of `rows` positions has to be shared out over all i.": scores.softmax(1).T
        @ h,
        "the softmax is missing.": scores.T @ h,
    }
    complaint = _compare(result, scores.softmax(0).T @ h, slips)
    if complaint is None and largest.size > rows * 60:
        return (
            f"the values are right, but one tensor holds {largest.size} numbers, and {rows} rows of {60} are "
            f"{rows * 60}."
        )
    return complaint


# --- 07 attention inits -----------------------------------------------------------------------------------------------


def _gain_of_any_size(answer: Callable) -> str | None:
    o, x = _normal(2, 2, 5, 5)  # as many positions as channels, so that a slip is no error
    for gain, size in ((_normal(), "number"), (_normal(5), "diagonal"), (_normal(5, 5), "matrix")):
        matrix = {"number": gain * torch.eye(5), "diagonal": gain.diag() if gain.ndim else 0, "matrix": gain}[size]
        slips = {
            f"with a {size}, what is attended is right, and x is missing.": matrix @ o,
            f"with a {size}, this is a number for each position; a gain belongs to a channel.": gain * o + x,
            "with a matrix, rows and columns have changed places.": matrix.T @ o + x,
            f"with a {size}, x is multiplied too.": matrix @ (o + x),
        }
        complaint = _compare(answer(o, x, gain), matrix @ o + x, slips)
        if complaint:
            return complaint.replace("the values are", f"with a {size}, the values are")
    return None


def _gradient_of_the_gain(answer: Callable) -> str | None:
    gradient, o = _normal(2, 3, 4, 6)
    slips = {
        "the positions are averaged; each adds its share to the loss, so sum.": (gradient * o).mean((0, 2)),
        "the photographs are averaged; sum over them as over the positions.": (gradient * o).sum(2).mean(0),
        "this is the gradient with respect to o, for a gain of 1.": gradient.sum((0, 2)),
        "what the gain multiplies is missing: o alone says nothing of the loss.": o.sum((0, 2)),
    }
    return _compare(answer(gradient, o), (gradient * o).sum((0, 2)), slips)


def _way_of_h(answer: Callable) -> str | None:
    x, target, rate = *_normal(2, 1, 8, 4, 4), 0.5
    source = torch.Generator().manual_seed(int(np.random.default_rng().integers(2**32)))
    for init, steps in (("normal", 3), ("zero", 1), ("zero", 3)):
        layer = SelfAttention2d(8, init, generator=source)
        wanted = _way_by_gradient_descent(layer, x, target, rate, steps)
        slips = {
            "the way is 0: the start has to be kept as a copy, `.detach().clone()`.": 0.0,
            "gradients of earlier steps are added: set them to zero before each step.": (
                _way_by_gradient_descent(layer, x, target, rate, steps, forget=False)
            ),
            "this is one step more than was asked for.": _way_by_gradient_descent(layer, x, target, rate, steps + 1),
            "it goes uphill: a step is minus rate times gradient.": (
                _way_by_gradient_descent(layer, x, target, -rate, steps)
            ),
        }
        way = answer(layer, x, target, rate, steps)
        complaint = _compare(way.detach() if isinstance(way, Tensor) else way, wanted, slips)
        if complaint:
            return complaint
    return None


def _way_by_gradient_descent(
    layer: SelfAttention2d, x: Tensor, target: Tensor, rate: float, steps: int, forget: bool = True
) -> float:
    layer = copy.deepcopy(layer)
    start = layer.h.weight.detach().clone()
    for _ in range(steps):
        if forget:
            layer.zero_grad()
        (layer(x) - target).square().mean().backward()
        with torch.no_grad():
            for weight in layer.parameters():
                weight -= rate * weight.grad
    return (layer.h.weight - start).norm().item()


def _gain_inside_of_h(answer: Callable) -> str | None:
    weight, gamma = _normal(6, 6, 1, 1), _normal(6)
    gamma[0] = -gamma[0].abs()  # so that a lost sign is seen
    slips = {
        "this scales what h reads; the gain scales what it gives: the first axis of the weight.": (
            gamma.view(1, 6, 1, 1) * weight
        ),
        "the gain is divided out; it is to be taken in.": weight / gamma.view(6, 1, 1, 1),
        "the sign of the gain is lost.": gamma.abs().view(6, 1, 1, 1) * weight,
    }
    return _compare(answer(weight, gamma), gamma.view(6, 1, 1, 1) * weight, slips)


# --- 08 networks ------------------------------------------------------------------------------------------------------


def _multiply_adds(answer: Callable) -> str | None:
    sizes = np.random.default_rng().integers((7, 20, 2, 13), (12, 40, 6, 33), (4, 4))  # no two alike in a row
    for inputs, outputs, kernel, side in sizes.tolist():
        wanted = kernel**2 * inputs * outputs * side**2
        slips = {
            "these are the parameters; each one works at every pixel of the output.": kernel**2 * inputs * outputs,
            "a kernel is as high as it is wide: kernel squared.": kernel * inputs * outputs * side**2,
            "the output is as high as it is wide: side squared.": kernel**2 * inputs * outputs * side,
            "each output reads all channels of the input.": kernel**2 * outputs * side**2,
            "each multiply-add is counted once, not as two operations.": 2 * wanted,
        }
        complaint = _compare(answer(inputs, outputs, kernel, side), wanted, slips)
        if complaint:
            return complaint
    return None


def _rows_seen(answer: Callable) -> str | None:
    def walk(layers: list, row: int) -> tuple[int, int]:
        first = last = row
        for kernel, stride, padding in layers:
            first, last = first * stride - padding, last * stride - padding + kernel - 1
        return first, last

    random = np.random.default_rng()
    for _ in range(5):
        layers = [(4, int(stride), 1) for stride in (2, 2, *random.integers(1, 3, 2), 1)]
        row = int(random.integers(5, 25))

        wanted = walk(layers[::-1], row)
        unpadded = [(kernel, stride, 0) for kernel, stride, _ in layers[::-1]]
        slips = {
            "walk from the score back to the photograph: the last layer comes first.": walk(layers, row),
            "the padding is missing: the input starts `padding` rows before the photograph.": walk(unpadded, row),
            "the last row is one too far: a kernel of 4 that starts at row r ends at r + 3.": _beyond(
                layers[::-1], row
            ),
            "this gives the number of rows; the first and the last row are wanted.": (
                wanted[0],
                wanted[1] - wanted[0] + 1,
            ),
            "this ends one row later than what is seen: give the last row itself.": (wanted[0], wanted[1] + 1),
        }
        complaint = _compare(answer(layers, row), wanted, slips)
        if complaint:
            return complaint
    others = [(3, 2, 1), (4, 1, 1), (5, 2, 2), (4, 2, 1), (3, 1, 0)]
    if _compare(answer(others, 0), walk(others[::-1], 0)):
        return "right for kernels of 4 and padding 1, and not for others at row 0: a row below 0 lies in the padding."
    return None


def _beyond(layers: list, row: int) -> tuple[int, int]:
    """Walk back as one does who takes a kernel of k for k steps."""
    first = last = row
    for kernel, stride, padding in layers:
        first, last = first * stride - padding, last * stride - padding + kernel
    return first, last


def _strides_for(answer: Callable) -> str | None:
    for side in np.random.default_rng().permutation([16, 34, 70, 142, 286]).tolist():
        strides = answer(side)
        try:
            strides = [int(stride) for stride in strides]
        except (TypeError, ValueError):
            return f"a list of strides is wanted, and it returns an object of type {type(strides).__name__}."
        if not strides or not set(strides) <= {1, 2}:
            return f"strides of 1 and 2 are wanted, one a layer; for {side} it returns {strides}."
        seen = 1
        for stride in reversed(strides):
            seen = (seen - 1) * stride + 4
        if seen != side:
            return f"for {side} it returns {strides}, and one score of that network sees {seen} pixels."
        layers = round(math.log2((side + 2) / 9)) + 2  # 7 pixels of two layers; each further one makes 2 r + 2 of r
        if len(strides) > layers:
            return f"for {side} it takes {len(strides)} layers, and {layers} are enough."
    return None


# --- 09 train ---------------------------------------------------------------------------------------------------------


def _steps_of_a_run(answer: Callable) -> str | None:
    for batches, batch_size, epochs in np.random.default_rng().integers((10, 2, 2), (80, 12, 60), (5, 3)).tolist():
        photographs = (batches + 1) * batch_size - 1  # what is left over is as much as can be
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
    edges = (-3, -1), (-1, 0), (0, 1), (1, 3)  # how many patches lie between which: no two mistakes have one result
    real, fake = (
        torch.cat([low + (high - low) * _uniform(many) for (low, high), many in zip(edges, counts)]).view(4, 1, 5, 5)
        for counts in ((15, 20, 25, 40), (40, 35, 20, 5))
    )
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
    x = 5 * _uniform(3, 2, 4, 5) * torch.tensor([1, 0.002]).view(1, 2, 1, 1)  # small enough for 1e-5 to be seen
    centered = x - x.mean(dim=(2, 3), keepdim=True)
    variance = x.var(dim=(2, 3), keepdim=True, correction=0)
    of_a_sample = x.var(dim=(2, 3), keepdim=True)
    slips = {
        "these are the statistics of the whole batch; each photograph is to have its own.": (
            torch.nn.functional.batch_norm(x, None, None, training=True)
        ),
        "take the variance with `correction=0`: these are all the pixels there are, not a sample.": (
            centered / (of_a_sample + 1e-5).sqrt()
        ),
        "divide by the standard deviation, the root of the variance.": centered / (variance + 1e-5),
        "add 1e-5 to the variance before you take the root.": centered / variance.sqrt(),
        "add 1e-5 to the variance before you take the root; this adds it after.": centered / (variance.sqrt() + 1e-5),
        "the mean is gone, but the spread is not 1 yet.": centered,
        "each channel has statistics of its own; do not average over channels.": (
            torch.nn.functional.layer_norm(x, x.shape[1:])
        ),
    }
    return _compare(answer(x), torch.nn.functional.instance_norm(x), slips)


# --- 10 tables --------------------------------------------------------------------------------------------------------


def _interval_of_a_mean(answer: Callable) -> str | None:
    random = np.random.default_rng()
    values = random.normal(20, 4, random.integers(6, 9))
    n, mean, deviation = len(values), values.mean(), values.std(ddof=1)
    wanted = stats.t.interval(0.95, n - 1, loc=mean, scale=deviation / n**0.5)
    quantile = stats.t.ppf(0.975, n - 1)

    def around(half: float) -> tuple[float, float]:
        return mean - half, mean + half

    slips = {
        "this is where a single run lies; a mean of n is steadier by the root of n.": around(quantile * deviation),
        "1.96 is for a known spread; with few runs take Student's t.": around(1.96 * deviation / n**0.5),
        "the spread is of a sample: divide by n - 1, `ddof=1`.": around(quantile * values.std() / n**0.5),
        "0.95 leaves out five percent at one end; half of that at each end is wanted: 0.975.": (
            around(stats.t.ppf(0.95, n - 1) * deviation / n**0.5)
        ),
        "n values have n - 1 degrees of freedom: one is spent on the mean.": (
            around(stats.t.ppf(0.975, n) * deviation / n**0.5)
        ),
    }
    return _compare(answer(values), wanted, slips)


def _paired_interval(answer: Callable) -> str | None:
    random = np.random.default_rng()
    hard, luck = random.normal(20, 4, 12), random.normal(0, 1, (5, 1))  # of photographs, and of seeds
    baseline, model = (hard + luck + random.normal(mean, 0.3, (5, 12)) for mean in (0, 0.5))
    model += random.permutation(np.linspace(-0.8, 0.8, 5))[:, None]  # of runs: this is why only they are independent

    def over(*means: np.ndarray) -> tuple[float, float]:
        return tuple(stats.ttest_rel(*means).confidence_interval(0.95))

    wanted = over(model.mean(axis=1), baseline.mean(axis=1))
    slips = {
        "the sign is turned around: model minus baseline.": (-wanted[1], -wanted[0]),
        "this takes every photograph of every run for independent; only the runs are: average each first.": (
            over(model.ravel(), baseline.ravel())
        ),
        "this is over photographs, and answers for other photographs; over seeds is wanted.": (
            over(model.mean(axis=0), baseline.mean(axis=0))
        ),
        "this forgets that run s of both began with the same seed; subtract seed by seed first.": tuple(
            stats.ttest_ind(model.mean(axis=1), baseline.mean(axis=1)).confidence_interval(0.95)
        ),
    }
    return _compare(answer(model, baseline), wanted, slips)


def _holm(answer: Callable) -> str | None:
    random = np.random.default_rng()
    # The third one counts less than the second (4 * 0.07 and 5 * 0.06); the fourth one reaches over 1. They are turned
    # by a number of places that never leaves them sorted, and that is not its own inverse.
    p = np.roll(np.array([0.004, 0.06, 0.07, 0.4, 0.45, 0.9]) * random.uniform(0.9, 1.0), random.choice([1, 2, 4, 5]))
    order, m = p.argsort(), len(p)
    steps = p[order] * np.arange(m, 0, -1)

    def back(adjusted: np.ndarray) -> np.ndarray:
        found = np.empty(m)
        found[order] = adjusted
        return found

    wanted = np.maximum.accumulate(steps)
    slips = {
        "this is Bonferroni: every p times m. Holm asks for m times only of the smallest.": np.minimum(m * p, 1),
        "this is sorted; each p value is wanted at its own place.": wanted.clip(max=1),
        "this sorts the sorted ones once more; write to the places in `order`, do not read from them.": (
            wanted.clip(max=1)[order]
        ),
        "a larger p came out below a smaller one: take the greatest so far.": back(steps.clip(max=1)),
        "a probability is at most 1.": back(wanted),
        "the smallest counts m times, the next one m - 1 times; this begins at the other end.": (
            back(np.maximum.accumulate(p[order] * np.arange(1, m + 1)).clip(max=1))
        ),
    }
    return _compare(answer(p), back(wanted.clip(max=1)), slips)


def _verdict(answer: Callable) -> str | None:
    size, small, large = np.random.default_rng().uniform((0.1, 0.001, 0.06), (2, 0.04, 1))
    for difference, p, seeds, wanted, why in (
        (size, small, 5, "higher", "a difference above 0 with a p below 5 %"),
        (-size, small, 5, "lower", "a difference below 0 with a p below 5 %"),
        (size, large, 5, "no difference seen", "a p above 5 %"),
        (-size, large, 5, "no difference seen", "a p above 5 %"),
        (size, 0.05, 5, "no difference seen", "a p of 5 % exactly"),
        (size, small, 2, "too few runs", "two seeds"),
        (size, small, 3, "higher", "three seeds and a p below 5 %"),
        (float("nan"), float("nan"), 0, "too few runs", "no seed at all"),
    ):
        given = answer(difference, p, seeds)
        if given != wanted:
            return f"for {why} it says {given!r}, and {wanted!r} is wanted."
    return None


# --- 11 figures -------------------------------------------------------------------------------------------------------


def _score_of_the_colors(answer: Callable) -> str | None:
    targets, images = 0.3 + 0.4 * _uniform(3, 3, 6, 6), 0.3 + 0.4 * _uniform(3, 3, 6, 6)  # no sum leaves [0, 1]
    error = images - targets
    color = error - luma(error)

    def score(error: Tensor) -> Tensor:
        return -10 * torch.log10(error.square().mean(dim=(1, 2, 3)))

    slips = {
        "this is the score of the pictures as they are; put their luma right first.": score(error),
        "this is the score of the luma; that of the colors is wanted.": score(luma(error)),
        "this takes off the plain mean of the channels; the luma weighs them.": score(error - error.mean(1, True)),
        "the colors are stretched: add what is missing to the luma, do not multiply.": score(
            images * luma(targets) / luma(images) - targets
        ),
        "the sign is turned: a larger error makes a smaller PSNR.": -score(color),
    }
    return _compare(answer(images, targets), score(color), slips)


def _band_of_the_mean(answer: Callable) -> str | None:
    random = np.random.default_rng()
    values = random.normal(1, 0.3, (random.integers(6, 9), 10)).cumsum(axis=1)
    n, mean, deviation = len(values), values.mean(axis=0), values.std(axis=0, ddof=1)
    quantile = stats.t.ppf(0.975, n - 1)

    def around(half: np.ndarray) -> np.ndarray:
        return np.stack([mean - half, mean + half])

    slips = {
        "this is the band from the lowest to the highest seed; that of the mean is wanted.": np.stack(
            [values.min(axis=0), values.max(axis=0)]
        ),
        "this is where a single seed lies; a mean of n is steadier by the root of n.": around(quantile * deviation),
        "1.96 is for a known spread; with few seeds take Student's t.": around(1.96 * deviation / n**0.5),
        "the spread is of a sample: divide by n - 1, `ddof=1`.": around(quantile * values.std(axis=0) / n**0.5),
        "the two ends have changed places: the lower one first.": around(-quantile * deviation / n**0.5),
    }
    return _compare(answer(values), around(quantile * deviation / n**0.5), slips)


def _swing_without_drift(answer: Callable) -> str | None:
    random = np.random.default_rng()
    values = random.normal(0, random.uniform(0.2, 0.6), 40) - np.linspace(0, random.uniform(4, 8), 40)
    steps = np.diff(values)
    wanted = (np.mean(steps**2) / 2) ** 0.5
    slips = {
        "this is the standard deviation, and the drift is in it.": values.std(),
        "this is the standard deviation, and the drift is in it. ": values.std(ddof=1),
        "each difference holds the scatter of two values: halve the mean square.": 2**0.5 * wanted,
        "half belongs to the mean square, before the root.": wanted / 2**0.5,
        "this is a variance; take the root.": wanted**2,
        "this is the mean size of the differences; take the root of half their mean square.": np.abs(steps).mean(),
        "this is the spread of the differences around their mean; take their mean square as it is.": (
            steps.std() / 2**0.5
        ),
    }
    return _compare(answer(values), wanted, slips)


# --- 12 reading critically --------------------------------------------------------------------------------------------


def _judge_a_number(answer: Callable) -> str | None:
    start = np.random.default_rng().integers(10)
    for whole in [(start + k) % 10 for k in range(10)]:  # all ten: a float rounds some halves up and others down
        for printed, exact, wanted, what in (
            ("24", "238", "holds", "that rounds to the printed one"),
            ("2", "238", "holds", "printed with one decimal, to which it rounds"),
            ("25", "245", "holds", "exactly between two and printed as the higher"),
            ("24", "245", "rounds differently", "exactly between two and printed as the lower"),
            ("23", "238", "rounds differently", "cut off where it should be rounded"),
            ("2", "298", "rounds differently", "printed with one decimal, and cut off"),
            ("24", "25", "contradicts the table", "exactly one unit of the last printed digit away"),
            ("25", "238", "contradicts the table", "more than one unit of the last printed digit away"),
            ("34", "238", "contradicts the table", "far from the printed one"),
        ):
            given = answer(f"{whole}.{printed}", f"{whole}.{exact}")
            if given != wanted:
                return f"for a number {what} it says {given!r}, and {wanted!r} is wanted."
    return None


def _misplaced_marks(answer: Callable) -> str | None:
    random = np.random.default_rng()
    values = random.permuted(np.arange(28.0)).reshape(4, 7)
    second, best = values.argsort(0)[-2:]
    wrong = random.permutation(np.arange(7) < 3)
    bold = np.arange(4)[:, None] == np.where(wrong, second, best)
    slips = {
        "True is wanted where the mark is *not* on the best value.": ~wrong,
        "the best score is the highest one, and no mark is on the lowest.": np.ones(7),
        "it finds nothing wrong; three of the seven marks are.": np.zeros(7),
    }
    return _compare(answer(values, bold), wrong, slips)


def _least_difference(answer: Callable) -> str | None:
    random = np.random.default_rng()
    noise = stats.zscore(random.normal(size=(4, 6)), axis=1, ddof=1)  # fixed spreads: no two slips give one number
    spreads = random.uniform(0.5, 1) * np.array([[0.2], [0.3], [0.5], [0.6]])
    scores = np.array([[18], [19], [21], [22]]) + spreads * noise
    variance, df = scores.var(axis=1, ddof=1).mean(), 4 * (6 - 1)

    def least(variance: float, df: int = df, level: float = 0.975) -> float:
        return stats.t.ppf(level, df) * (2 * variance) ** 0.5

    slips = {
        "that is how far one run strays; a difference of two runs strays by the root of 2 more.": least(variance / 2),
        "the spread is of a sample: divide by n - 1, `ddof=1`.": least(scores.var(axis=1).mean()),
        "this holds the models' own differences too; take each model's variance, then their mean.": (
            least(scores.var(ddof=1))
        ),
        "average the variances, then take the root; not the standard deviations.": (
            least(scores.std(axis=1, ddof=1).mean() ** 2)
        ),
        "all models share one spread, so its degrees of freedom add up: n - 1 for each model.": least(variance, 5),
        "one degree of freedom is lost for each model, not one in all.": least(variance, 23),
        "1.96 is for a known spread; with few runs take Student's t.": 1.96 * (2 * variance) ** 0.5,
        "0.95 leaves out five percent at one end; half of that at each end is wanted: 0.975.": (
            least(variance, level=0.95)
        ),
    }
    return _compare(answer(scores), least(variance), slips)


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
    "02.1": Exercise(
        _hinge_of_labels,
        (
            "Eq. (2) is max(0, 1 - label * score), for each score alone.",
            "`torch.relu(x)` is max(0, x) for a whole tensor.",
        ),
    ),
    "02.2": Exercise(
        _hinge_of_classes,
        (
            "`scores.gather(1, label[:, None])` is the true class's score of each row, shape (B, 1).",
            "The term of the true class itself is always the margin: subtract it from the sum, or leave it out.",
        ),
    ),
    "02.3": Exercise(
        _silent_share,
        (
            "A real pair gives no gradient at a score of 1 and above; and a fake one?",
            "Take the share of the real ones, the share of the fake ones, and the mean of both.",
        ),
    ),
    "02.4": Exercise(
        _best_score,
        (
            "The expected loss of a score s is share * max(0, 1 - s) + (1 - share) * max(0, 1 + s).",
            "Try many: `scores = torch.linspace(-3, 3, 601)`, and take the one whose expected loss is least.",
            "`scores[loss.argmin()]`",
        ),
    ),
    "03.1": Exercise(
        _entropy_in_bits,
        (
            "The sum of -p log2(p), over the outcomes.",
            "An outcome that never comes up adds nothing: `p = p[p > 0]`.",
        ),
    ),
    "03.2": Exercise(
        _mean_divergence,
        (
            "`F.kl_div(input, target)` wants the logarithm of q as input, and p as target.",
            "The default reduction divides by the number of all entries; 'batchmean' divides by the number of rows.",
        ),
    ),
    "03.3": Exercise(
        _cross_entropy_of_logits,
        (
            "With target 1 the loss is softplus(-logit), with target 0 it is softplus(logit).",
            "`F.softplus` does not overflow: target * softplus(-logit) + (1 - target) * softplus(logit).",
        ),
    ),
    "03.4": Exercise(
        _steps_to_turn,
        (
            "Begin at `start` and repeat while the logit is not above 0.",
            "A step: `logit = logit - rate * derivative(logit)`, and one more on the count.",
        ),
    ),
    "05.1": Exercise(
        _still_wrong,
        (
            "The hinge residual is `torch.relu(1 - label * scores)`: what is missing to the margin.",
            "Cross-entropy with target 0 of the logit h is -log(1 - sigmoid(h)) = softplus(h).",
            "Take the mean over all scores.",
        ),
    ),
    "05.2": Exercise(
        _alternating_step,
        (
            "`field(theta, psi)` gives two numbers: the pull on theta and the pull on psi.",
            "Move psi first. Then ask the field again, at the psi that has moved, and move theta.",
        ),
    ),
    "05.3": Exercise(
        _steps_to_the_margin,
        (
            "Eq. (10) as a game: `AdversarialLoss(losses.printed_hinge_bce_discriminator, losses.bce_generator)`.",
            "`dirac.trajectory` gives all thetas and psis, the start first. Take 300 steps.",
            "The loss is minus infinity where theta times psi is -1 or less. Which place is the first?",
        ),
    ),
    "06.1": Exercise(
        _attention_from_scores,
        (
            "The sum below the line runs over i, the first index of `scores`.",
            "`scores.softmax(dim=0)` does that; what is left is the order of the indices.",
        ),
    ),
    "06.2": Exercise(
        _add_what_is_seen,
        (
            "`h.flatten(2)` is (B, C, N), with the positions last.",
            "o at [b, c, j] is the sum over i of h[b, c, i] * beta[b, j, i]: a product with beta transposed.",
            "`gamma.view(1, -1, 1, 1)` meets the channels.",
        ),
    ),
    "06.3": Exercise(
        _attend_in_rows,
        (
            "`g.split(rows)` gives the positions that look, a few at a time.",
            "For such a part, `part @ f.T` holds the scores of a few j with all i: (rows, N).",
            "Softmax over the last axis, times `h`; in the end `torch.cat`.",
        ),
    ),
    "07.1": Exercise(
        _gain_of_any_size,
        (
            "`gain.ndim` is 0 for a number, 1 for a diagonal and 2 for a matrix.",
            "A diagonal needs a second axis to meet channels: `gain[:, None]`.",
            "`gain @ o` multiplies each column of o, the vector of one position, by the matrix.",
        ),
    ),
    "07.2": Exercise(
        _gradient_of_the_gain,
        (
            "y = gamma o + x, so a small change of one channel's gamma changes y there by o times that change.",
            "Multiply entry by entry, then sum over all that share the gain: photographs and positions.",
        ),
    ),
    "07.3": Exercise(
        _way_of_h,
        (
            "Keep `layer.h.weight.detach().clone()` before the first step.",
            "In a step: `layer.zero_grad()`, the loss, `.backward()`, then each weight minus rate times its gradient.",
            "`torch.optim.SGD(layer.parameters(), lr=rate)` takes plain steps, without momentum.",
        ),
    ),
    "07.4": Exercise(
        _gain_inside_of_h,
        (
            "o is linear in h: what multiplies a channel of o may as well multiply that channel of h.",
            "A weight of shape (C, C, 1, 1) has what the convolution gives on its first axis.",
        ),
    ),
    "08.1": Exercise(
        _multiply_adds,
        (
            "One number of the output is a sum over the kernel and over all channels of the input.",
            "The output holds `outputs` * `side` ** 2 numbers.",
        ),
    ),
    "08.2": Exercise(
        _rows_seen,
        (
            "Output row r of a layer is computed from input rows r * stride - padding and the kernel - 1 that follow.",
            "Go through `reversed(layers)`, and carry the first and the last row along.",
        ),
    ),
    "08.3": Exercise(
        _strides_for,
        (
            "Start with [1, 1]: one score sees 7 pixels. What does a layer of stride 2 in front make of 7?",
            "7, 16, 34, 70, ...: each layer of stride 2 in front takes r to 2 r + 2.",
            "Put a 2 in front as long as less is seen than is wanted.",
        ),
    ),
    "09.1": Exercise(
        _steps_of_a_run,
        (
            "How many whole batches are in one epoch? `//` divides and drops the rest.",
            "Batches in an epoch, times epochs.",
        ),
    ),
    "09.2": Exercise(
        _share_judged_right,
        (
            "`(real_logits > 0)` is True where a real patch is judged right; as floats, True is 1.",
            "Take the share of the real ones, the share of the fake ones, and the mean of both.",
        ),
    ),
    "09.3": Exercise(
        _own_statistics,
        (
            "`x.mean(dim=(2, 3), keepdim=True)` is one mean for each photograph and channel.",
            "Subtract the mean, then divide by the root of the variance plus 1e-5.",
            "`x.var(dim=(2, 3), keepdim=True, correction=0)` is the variance that batch norm takes.",
        ),
    ),
    "10.1": Exercise(
        _interval_of_a_mean,
        (
            "The standard error of a mean is the standard deviation over the root of n.",
            "`stats.t.ppf(0.975, n - 1)` says how many standard errors the interval reaches to each side.",
            "`values.std(ddof=1)` is the standard deviation of a sample.",
        ),
    ),
    "10.2": Exercise(
        _paired_interval,
        (
            "`(model - baseline).mean(axis=1)` is one difference a seed: the mean over its photographs.",
            "The interval of 09.1, of these differences.",
        ),
    ),
    "10.3": Exercise(
        _holm,
        (
            "`order = p.argsort()` sorts: the smallest is `p[order[0]]`.",
            "Times m, m - 1, ..., 1; then `np.maximum.accumulate`, and `.clip(max=1)`.",
            "Back to its place: `adjusted[order] = ...` fills an array in the order of the sorted values.",
        ),
    ),
    "10.4": Exercise(
        _verdict,
        (
            "Ask for the number of seeds first: without enough of them there is no p to look at.",
            "`not p < 0.05` is true for a p that is not a number, too; `p >= 0.05` is not.",
        ),
    ),
    "11.1": Exercise(
        _score_of_the_colors,
        (
            "`luma(images)` is the luma that they have, `luma(targets)` the one that they should have.",
            "Adding one number to red, green and blue adds it to the luma and keeps the colors: see exercise 01.4.",
            "Then the mean squared error of each photograph, over `dim=(1, 2, 3)`, and -10 log10 of it.",
        ),
    ),
    "11.2": Exercise(
        _band_of_the_mean,
        (
            "Each column is an epoch: mean and standard deviation go over axis 0, the seeds.",
            "It is the interval of exercise 09.1, at all epochs at once; n is the number of seeds.",
        ),
    ),
    "11.3": Exercise(
        _swing_without_drift,
        (
            "`np.diff(values)` holds the differences of neighbors.",
            "Square, mean, half, root: in this order.",
        ),
    ),
    "12.1": Exercise(
        _judge_a_number,
        (
            "`Decimal(text)` is exact. One unit of the last printed digit: `Decimal(1).scaleb(exponent)`.",
            "`Decimal(printed).as_tuple().exponent` is -2 for two decimals and -1 for one.",
            "`number.quantize(unit, ROUND_HALF_UP)` rounds to that unit, halves up.",
        ),
    ),
    "12.2": Exercise(
        _misplaced_marks,
        (
            "`values.max(axis=0)` is the best value of each column.",
            "`(values * bold).sum(axis=0)` is the value in bold, since each column has one.",
        ),
    ),
    "12.3": Exercise(
        _least_difference,
        (
            "The variance of each row, `ddof=1`, and then their mean: that is the pooled variance.",
            "Its degrees of freedom: rows times (columns - 1).",
            "A difference of two runs has twice the variance of one.",
        ),
    ),
}
