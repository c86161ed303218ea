"""Exercises of 06_self_attention."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hcegan_lib.lessons.exercises.checking import Answer, WrongAnswer, compare, exercise, uniform


@exercise(
    "06.1",
    "The sum in the denominator runs over i, the first index of `scores`.",
    "`scores.softmax(dim=0)` does that; what remains is the order of the indices.",
)
def _attention_from_scores(answer: Answer) -> None:
    scores = 4 * uniform(7, 7) - 2
    slips = {
        "each row sums to 1, but over j: normalize over i, the pixel that is looked at.": scores.softmax(1),
        "the numbers are right, but the columns sum to 1: in beta[j, i], j comes first. Transpose.": scores.softmax(0),
        "this normalizes over j, the pixel that looks; the sum in the denominator runs over i.": scores.softmax(1).T,
        "the denominator is missing: the rows of beta do not sum to 1.": scores.exp().T,
        "Eq. (12) has no square root; use the scores as they are.": (scores / 7**0.5).softmax(0).T,
    }
    compare(answer(scores), scores.softmax(0).T, slips)


@exercise(
    "06.2",
    "`h.flatten(2)` has shape (B, C, N), with the positions last.",
    "o at [b, c, j] is the sum over i of h[b, c, i] * beta[b, j, i]: a matrix product with beta transposed.",
    "`gamma.view(1, -1, 1, 1)` lines up with the channels.",
)
def _add_what_is_seen(answer: Answer) -> None:
    h, x, gamma = uniform(2, 3, 4, 5), uniform(2, 3, 4, 5), 2 * uniform(3) - 1
    beta = (6 * uniform(2, 20, 20)).softmax(2)
    gain = gamma.view(3, 1, 1)

    def seen(beta: Tensor, values: Tensor = h) -> Tensor:
        return torch.einsum("bji,bci->bcj", beta, values.flatten(2)).view(x.shape)

    mixed = seen(beta).flatten(2).mT.reshape(x.shape)
    slips = {
        "this uses beta[i, j]; j, the pixel that looks, comes first.": gain * seen(beta.mT) + x,
        "x is missing: y is gamma * o + x.": gain * seen(beta),
        "the gain is missing: one number per channel.": seen(beta) + x,
        "the gain multiplies o, not x.": seen(beta) + gain * x,
        "the gain multiplies only o; add x unchanged.": gain * (seen(beta) + x),
        "average the values h(x), not x.": gain * seen(beta, x) + x,
        "channels and positions are mixed up: transpose (B, N, C) before you reshape it.": gain * mixed + x,
    }
    compare(answer(beta, h, gamma, x), gain * seen(beta) + x, slips)


@exercise(
    "06.3",
    "`g.split(rows)` returns the positions that look, a few at a time.",
    "For each part, `part @ f.T` holds the scores of a few j with all i: (rows, N).",
    "Take the softmax over the last axis, multiply by `h`, and join the parts with `torch.cat`.",
)
def _attend_in_rows(answer: Answer) -> None:
    f, g, h, rows = 6 * uniform(60, 2) - 3, 6 * uniform(60, 2) - 3, uniform(60, 6), 7
    scores = f @ g.T  # s_ij at [i, j]
    with _LargestTensor() as largest:
        result = answer(f, g, h, rows)
    slips = {
        "f and g are swapped: g belongs to the pixel that looks.": scores.T.softmax(0).T @ h,
        "this normalizes over j; normalize each row over all i.": scores.softmax(1).T @ h,
        "the softmax is missing.": scores.T @ h,
    }
    compare(result, scores.softmax(0).T @ h, slips)
    if largest.size > rows * 60:
        raise WrongAnswer(
            f"the values are right, but one tensor holds {largest.size} numbers; "
            f"at most {rows} rows of 60, {rows * 60} numbers, are allowed."
        )


class _LargestTensor(TorchDispatchMode):
    """Record the size of the largest floating-point tensor that any operation returns."""

    size = 0

    def __torch_dispatch__(self, function: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None):
        result = function(*args, **(kwargs or {}))
        for part in tree_leaves(result):
            if isinstance(part, Tensor) and part.is_floating_point():  # no raw bytes
                self.size = max(self.size, part.numel())
        return result
