"""Exercises of 07_attention_inits."""

import copy

import numpy as np
import torch
from torch.nn.functional import mse_loss

from hcegan_lib.attention import SelfAttention2d
from hcegan_lib.lessons.exercises.checking import Answer, WrongAnswer, as_array, compare, exercise, normal


@exercise(
    "07.1",
    "`gain.ndim` is 0 for a number, 1 for a diagonal and 2 for a matrix.",
    "A diagonal needs a second axis to line up with the channels: `gain[:, None]`.",
    "`gain @ o` multiplies the matrix by each column of o, the vector of one position.",
)
def _gain_of_any_size(answer: Answer) -> None:
    o, x = normal(2, 2, 5, 5)  # as many positions as channels, so that a mistake raises no error
    for size, gain in {"number": normal(), "diagonal": normal(5), "matrix": normal(5, 5)}.items():
        matrix = gain if gain.ndim == 2 else gain * torch.eye(5)
        slips = {
            f"with a {size}, gamma times o is right, but x is missing.": matrix @ o,
            f"with a {size}, this multiplies positions; a gain belongs to a channel.": gain * o + x,
            "with a matrix, rows and columns are swapped.": matrix.T @ o + x,
            f"with a {size}, the gain multiplies x too; add x unchanged.": matrix @ (o + x),
        }
        compare(answer(o, x, gain), matrix @ o + x, slips, otherwise=f"with a {size}, the values are wrong.")


@exercise(
    "07.2",
    "y = A o + x, so a small change of A[c, d] changes y in channel c by o in channel d times that change.",
    "For a full matrix, sum delta in channel c times o in channel d over photographs and positions.",
    "A diagonal gain uses only the entries with c = d; a single number sums over them.",
)
def _gradient_of_the_gain(answer: Answer) -> None:
    gradient, o = normal(2, 3, 4, 6)
    full = torch.einsum("bcn,bdn->cd", gradient, o)
    cases = {"number": (normal(), full.trace()), "diagonal": (normal(4), full.diag()), "matrix": (normal(4, 4), full)}
    mean = torch.einsum("bcn,bdn->cd", gradient.sum(2, keepdim=True), o.sum(2, keepdim=True))
    for size, (gain, expected) in cases.items():
        slips = {
            f"with a {size}, this averages over positions; sum, because each one adds to the loss.": expected / 18,
            f"with a {size}, this averages over photographs; sum over them as over positions.": expected / 3,
            f"with a {size}, this averages over channels; sum, because all of them share the gain.": expected / 4,
            f"with a {size}, o is missing: the gradient is delta times o, summed.": gradient.sum((0, 2)),
            f"with a {size}, delta is missing: o alone does not depend on the loss.": o.sum((0, 2)),
            "with a matrix, rows and columns are swapped: the row is the channel of delta.": full.T,
            "with a matrix, the entries beside the diagonal have a gradient, too.": full.diag().diag(),
            f"with a {size}, multiply delta and o at each position, and sum only then.": mean,
        }
        compare(answer(gradient, o, gain), expected, slips, tolerance=1e-4)


@exercise(
    "07.3",
    "Keep `layer.h.weight.detach().clone()` before the first step.",
    "In each step, call `layer.zero_grad()`, compute the loss, call `.backward()`, and subtract rate times gradient.",
    "`torch.optim.SGD(layer.parameters(), lr=rate)` takes plain steps, without momentum.",
)
def _movement_of_h(answer: Answer) -> None:
    x, target = normal(2, 1, 8, 4, 4)
    data = x, target, 0.5  # with the learning rate
    source = torch.Generator().manual_seed(int(np.random.default_rng().integers(2**32)))
    for init, steps in (("normal", 3), ("zero", 1), ("zero", 3)):
        layer = SelfAttention2d(8, init, generator=source)
        accumulated = _descend(layer, data, steps, zero_grad=False)
        slips = {
            "the distance is 0: keep the start as a copy, `.detach().clone()`.": 0.0,
            "the gradients of earlier steps add up: set them to zero before each step.": accumulated,
            "this takes one step too many.": _descend(layer, data, steps + 1),
            "this goes uphill: subtract rate times gradient.": _descend(layer, data, steps, maximize=True),
        }
        compare(answer(layer, *data, steps), _descend(layer, data, steps), slips)


def _descend(
    layer: SelfAttention2d, data: tuple, steps: int, *, zero_grad: bool = True, maximize: bool = False
) -> float:
    """Train a copy of the layer by gradient descent and return how far the weight of h moves."""
    layer, (x, target, rate) = copy.deepcopy(layer), data
    start = layer.h.weight.detach().clone()
    descent = torch.optim.SGD(layer.parameters(), lr=rate, maximize=maximize)
    for _ in range(steps):
        if zero_grad:
            descent.zero_grad()
        mse_loss(layer(x), target).backward()
        descent.step()
    return (layer.h.weight - start).norm().item()


@exercise(
    "07.4",
    "o is linear in h: multiplying a channel of o is the same as multiplying that channel of h.",
    "The first axis of a weight of shape (C, C, 1, 1) is the output of the convolution.",
)
def _gain_inside_of_h(answer: Answer) -> None:
    weight, gamma = normal(6, 6, 1, 1), normal(6)
    gamma[0] = -gamma[0].abs()  # so that a lost sign shows
    inputs, outputs = gamma.view(1, 6, 1, 1), gamma.view(6, 1, 1, 1)
    slips = {
        "this scales the input of h; the gain scales its output, the first axis of the weight.": inputs * weight,
        "this divides by the gain; multiply by it.": weight / outputs,
        "the sign of the gain is lost.": outputs.abs() * weight,
    }
    compare(answer(weight, gamma), outputs * weight, slips)


@exercise(
    "07.5",
    "What attention adds is gamma times o, and o has 0.3 times the size of x. Multiply the two, and return percent.",
    "A layer that adds almost nothing to x could be left out: which model is the one without it?",
)
def _what_attention_adds(answer: Answer) -> None:
    given = answer()
    if not isinstance(given, list | tuple) or len(given) != 3:
        raise WrongAnswer(f"expected two numbers and a letter, got {given!r}.")
    shares, letter = as_array(given[:2], (2,)), str(given[2]).strip().upper()
    slips = {
        "(a) and (b) are fractions; return them in percent.": (0.006, 0.24),
        "(a) and (b) are the gains in percent; what is added is the gain times o.": (2, 80),
        "(a) and (b) divide the gain by the size of o; multiply them.": (100 * 0.02 / 0.3, 100 * 0.8 / 0.3),
        "(a) and (b) are swapped.": (24, 0.6),
        "(a) and (b) leave out the gain: o itself has 30% of the size of x.": (30, 30),
    }
    for complaint, slip in slips.items():
        if np.allclose(shares, slip, rtol=0.05):
            raise WrongAnswer(complaint)
    for part, share, expected in zip("ab", shares, (0.6, 24)):
        if abs(share / expected - 1) > 0.2:  # the measured numbers have one or two digits
            raise WrongAnswer(f"({part}) is wrong: multiply the gain by the size of o.")
    reasons = {
        "Q": "(c): these two differ most; SA adds almost nothing and SA' a quarter.",
        "R": "(c): both add something, but different draws; look for a model that adds almost nothing.",
    }
    if letter != "P":
        raise WrongAnswer(reasons.get(letter, f"(c) must be P, Q or R, got {given[2]!r}."))
