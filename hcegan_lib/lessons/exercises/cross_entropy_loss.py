"""Exercises of 03_cross_entropy_loss."""

import numpy as np
import torch
from scipy import stats
from torch.nn.functional import binary_cross_entropy_with_logits

from hcegan_lib.lessons.exercises.checking import Answer, WrongAnswer, compare, exercise, uniform

ORDER = "CDAB"  # the four neurons of exercise 03.4, from the fewest steps to the most
OVERLOOKED = {  # two neurons in the wrong order -> what was overlooked
    "BA": "the derivative of B has the factor q (1 - q), which is almost 0 at a logit of -8; that of A does not.",
    "BD": "B and D have the same tiny gradient, but Adam divides by its size.",
    "BC": "without the sigmoid, the derivative of the squared error does not vanish at -8.",
    "AC": "at -8 the slope of A is 1. How large is 2 (s - 1)?",
    "AD": "A never moves by more than the step size. In D the gradient grows, and Adam's estimate lags behind.",
    "DC": "C starts with a slope of 18, so its first step is almost 2 long. Adam's steps are a few tenths at most.",
}


@exercise("03.1", "Sum -p log2(p) over the outcomes.", "An outcome with probability 0 adds nothing: `p = p[p > 0]`.")
def _entropy_in_bits(answer: Answer) -> None:
    p = np.random.default_rng().dirichlet(np.ones(5))
    bits = stats.entropy(p, base=2)
    slips = {
        "this is in nats; bits use the logarithm to base 2.": stats.entropy(p),
        "the sign is flipped: an entropy is never negative.": -bits,
        "weight each outcome's information by its probability p.": -np.log2(p).sum(),
        "the weights p already make this an average: sum, without a mean.": bits / 5,
    }
    compare(answer(p), bits, slips)
    certain = np.append(p[:4] / p[:4].sum(), 0.0)
    zero = {"right, except for an outcome with probability 0: 0 * log2(0) is NaN in NumPy, but should be 0.": np.nan}
    with np.errstate(all="ignore"):  # the test provokes log2(0)
        compare(answer(certain), stats.entropy(certain, base=2), zero)


@exercise(
    "03.2",
    "`F.kl_div(input, target)` expects the logarithm of q as input, and p as target.",
    "The default reduction divides by the number of all entries; 'batchmean' divides by the number of rows.",
)
def _mean_divergence(answer: Answer) -> None:
    random = np.random.default_rng()
    p, q = random.dirichlet(np.ones(4), (2, 6))
    # P is spread out and Q is concentrated, so the two divergences always differ clearly.
    p, q = p / 2 + 1 / 8, q / 25 + 24 / 25 * np.eye(4)[random.integers(4, size=6)]
    p, q = torch.from_numpy(p).float(), torch.from_numpy(q).float()
    terms, swapped = (a * (a / b).log() for a, b in ((p, q), (q, p)))
    slips = {
        "p and q are swapped: `kl_div` takes log q first and p second.": swapped.sum(1).mean(),
        "this divides by the number of all entries; choose the `reduction` that divides by the rows.": terms.mean(),
        "this is the sum over the batch; expected the mean.": terms.sum(),
        "`kl_div` expects logarithms as its first argument.": (p * (p.log() - q)).sum(1).mean(),
        "this is the cross-entropy; subtract the entropy of P.": -(p * q.log()).sum(1).mean(),
    }
    compare(answer(p, q), terms.sum(1).mean(), slips)


@exercise(
    "03.3",
    "With target 1 the loss is softplus(-logit), with target 0 it is softplus(logit).",
    "`F.softplus` does not overflow: target * softplus(-logit) + (1 - target) * softplus(logit).",
)
def _cross_entropy_of_logits(answer: Answer) -> None:
    logits, targets = 6 * uniform(3, 4) - 3, (uniform(3, 4) > 0.5).float()
    targets[0, :2] = torch.tensor([0.0, 1.0])
    loss = binary_cross_entropy_with_logits(logits, targets, reduction="none")
    slips = {
        "one half is missing: where the target is 0, the loss is -log(1 - q).": loss * targets,
        "the targets 0 and 1 are swapped.": binary_cross_entropy_with_logits(logits, 1 - targets, reduction="none"),
        "the sign is flipped.": -loss,
    }
    compare(answer(logits, targets), loss, slips)
    large, targets = torch.tensor([-200.0, -200.0, 200.0, 200.0]), torch.tensor([0.0, 1.0, 0.0, 1.0])
    cut_off = {"right, except for large logits: at 200 the loss is cut off at 100.": [0, 100, 100, 0]}
    otherwise = "right, except for large logits: at 200 the exponential overflows, or the logarithm of 0 is taken."
    compare(answer(large, targets), [0, 200, 200, 0], cut_off, otherwise=otherwise)


@exercise(
    "03.4",
    "The way is 8 long. How many steps of 0.1 is that, and which neurons take longer or shorter ones?",
    "Under gradient descent a step is 0.1 times the slope. At the start the slopes of A, B and C are 1, 0.0007 and 18.",
    "Adam's steps are about 0.1 long however small the gradient is, and longer while the gradient grows.",
)
def _order_of_four_neurons(answer: Answer) -> None:
    given = answer()
    letters = "".join(letter for letter in str(given).upper() if letter.isalpha())
    if sorted(letters) != sorted(ORDER):
        raise WrongAnswer(f"name each of A, B, C and D once, got {given!r}.")
    if letters == ORDER[::-1]:
        raise WrongAnswer("this order begins with the slowest; begin with the fastest.")
    for (first, second), complaint in OVERLOOKED.items():
        if letters.index(first) < letters.index(second):
            raise WrongAnswer(complaint)
