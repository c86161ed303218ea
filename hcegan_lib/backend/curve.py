"""Attention with one channel, computed as a curve: N = 65,536 positions in a fraction of a second.

With one channel, o_j of Eq. (12) depends on position j only through one number, its query q_j. So o is a smooth
function of q, a tone curve of the image: positions with equal queries get equal outputs, wherever they are. We compute
the function at a few queries, the nodes, and draw a polynomial through them.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

TOLERANCE = 1e-9  # largest error of the polynomial, as a share of half the range of the values
PART = 2**21  # entries of a matrix held at a time: 16 MB


def attend_by_curve(query: Tensor, key: Tensor, value: Tensor, nodes: int) -> Tensor:
    """Compute `(query @ key.mT).softmax(-1) @ value`, all of shape (B, N, 1), through a polynomial in the query.

    Notes
    -----
    The polynomial passes through Chebyshev nodes (Trefethen, Approximation Theory and Approximation Practice, chapter
    3). With `count_nodes` nodes, o and all gradients are right to 1e-6 of their largest value. That needs float64; MPS
    has only float32, where the gradient of query is right to 1e-4 for scores up to 1 and to 2e-3 for scores up to 10.
    """
    precise = torch.float32 if query.device.type == "mps" else torch.float64
    q, key, value = (x.to(precise) for x in (query, key, value))
    with torch.autocast(query.device.type, enabled=False):
        middle, radius = interval(q.detach())  # (B, 1, 1)
        degrees = torch.arange(nodes, dtype=precise, device=q.device)
        angles = (degrees + 0.5) * (math.pi / nodes)
        curve = in_parts(attention, middle + radius * angles.cos()[:, None], key, value)  # (B, nodes, 1)
        coefficients = (degrees[:, None] * angles).cos() @ curve * (2 / nodes)  # of the Chebyshev polynomials
        first = torch.where(degrees == 0, 0.5, 1.0)[:, None]
        o = in_parts(evaluate, (q - middle) / radius, coefficients * first)  # (B, N, 1)
    return o.to(query.dtype)


def interval(x: Tensor) -> tuple[Tensor, Tensor]:
    """Middle and radius of an interval that holds all x of an image.

    Slightly wider than needed, because a constant image has radius 0 and the angle in `evaluate` has no slope at the
    ends.
    """
    low, high = x.amin(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)
    return (low + high) / 2, (high - low) * 0.51 + 1e-3


def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Eq. (12) as printed, for a few queries."""
    return (query @ key.mT).softmax(dim=-1) @ value


def evaluate(x: Tensor, coefficients: Tensor) -> Tensor:
    """Sum of coefficients times Chebyshev polynomials, T_m(x) = cos(m arccos x), at x in (-1, 1)."""
    degrees = torch.arange(coefficients.shape[1], dtype=x.dtype, device=x.device)
    return (x.acos() * degrees).cos() @ coefficients


def in_parts(function: Callable[..., Tensor], rows: Tensor, *rest: Tensor) -> Tensor:
    """Compute `function(rows, *rest)` for some rows at a time; the backward pass computes them again to save memory."""
    B, M, _ = rest[0].shape
    parts = rows.split(max(1, PART // (B * M)), dim=1)
    return torch.cat(
        [checkpoint(function, part, *rest, use_reentrant=False, preserve_rng_state=False) for part in parts], dim=1
    )


@torch.no_grad()
def count_nodes(query: Tensor, key: Tensor) -> float:
    """Count the nodes that bring the error below `TOLERANCE`; infinite if a score is not finite.

    Notes
    -----
    Let S be the largest score if middle query and middle key are moved to 0, half the range of queries times half the
    range of keys. The sum of exp(q k_i) is not zero for complex q less than pi / 2S beyond the real axis, in units of
    half the range of queries, because all terms then have a positive real part. So o(q) is analytic there, and at two
    thirds of the way it is at most twice the largest value. Theorem 8.2 of Trefethen's book bounds the error.
    """
    (_, a), (_, b) = interval(query.float()), interval(key.float())
    return nodes_for((a * b).max().item())


def nodes_for(scores: float) -> float:
    """Nodes for scores from `-scores` to `scores`."""
    if not scores < math.inf:
        return math.inf
    rate = math.asinh(math.pi / 3 / scores)  # the error falls by exp(-rate) per node
    return max(8, math.ceil(1 + math.log(8 / TOLERANCE / math.expm1(rate)) / rate))
