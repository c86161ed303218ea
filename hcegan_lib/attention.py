"""Self-attention over the positions of a feature map, Eq. (11) to (13), with the paper's three starts of its gain.

Names for the whole course: x (B, C, H, W) is the feature map, N = H * W its positions, i the position that is looked
at, j the one that looks, beta (B, N, N) the attention map with row j summing to 1 over i.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch.autograd.function import once_differentiable

# How the diagonal of Eq. (11) starts: SA, SA' and SA'' of Table 3.
GAMMA_INITS = {
    "zero": lambda channels, generator: torch.zeros(channels),
    "normal": lambda channels, generator: torch.randn(channels, generator=generator),
    "uniform": lambda channels, generator: torch.rand(channels, generator=generator),
}


class SelfAttention2d(nn.Module):
    """Self-attention that starts from a chosen gain: y = gamma * o + x, Eq. (13).

    Parameters
    ----------
    channels
        Number of channels C of the feature map.
    gamma_init
        Start of the gain, one value a channel (the diagonal of Eq. (11)): "zero" (SA), "normal" for N(0, 1) draws
        (SA'), "uniform" for U(0, 1) draws (SA'').
    reduction
        `f` and `g` map to max(1, C // reduction) channels; the paper takes 8.
    generator
        Source of the random starts; None takes torch's global one.

    Raises
    ------
    ValueError
        If `gamma_init` is not one of the three names, or `channels` or `reduction` is below 1.

    Notes
    -----
    Source: Sec. 3.2 of the paper, Eq. (11) to (13), after Zhang et al. 2019 (SAGAN). There is no 1 / sqrt(d) and no
    bias, as printed. The paper does not say how f, g and h start; they take PyTorch's default for a convolution,
    U(-1/sqrt(C), 1/sqrt(C)).
    """

    def __init__(
        self,
        channels: int,
        gamma_init: str = "zero",
        reduction: int = 8,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        if gamma_init not in GAMMA_INITS:
            raise ValueError(f"gamma_init must be one of {', '.join(GAMMA_INITS)}, got {gamma_init!r}")
        if channels < 1 or reduction < 1:
            raise ValueError(f"channels and reduction must be at least 1, got {channels} and {reduction}")
        inner = max(1, channels // reduction)
        self.f = nn.Conv2d(channels, inner, kernel_size=1, bias=False)
        self.g = nn.Conv2d(channels, inner, kernel_size=1, bias=False)
        self.h = nn.Conv2d(channels, channels, kernel_size=1, bias=False)
        for convolution in (self.f, self.g, self.h):
            nn.init.kaiming_uniform_(convolution.weight, a=math.sqrt(5), generator=generator)
        self.gamma = nn.Parameter(GAMMA_INITS[gamma_init](channels, generator))  # (C,)

    def forward(self, x: Tensor) -> Tensor:
        """Add what each position sees to what it is, Eq. (13), without ever holding an N x N matrix.

        Parameters
        ----------
        x
            Feature map, shape (B, C, H, W).

        Returns
        -------
        Tensor
            Shape (B, C, H, W).
        """
        B, C, H, W = x.shape
        query, key = positions(self.g(x)), positions(self.f(x))  # (B, N, d)
        value = positions(self.h(x))  # (B, N, C)
        attend = attend_in_strips if x.device.type == "cpu" else attend_by_kernel
        o = attend(query, key, value)  # (B, N, C)
        o = o.transpose(1, 2).reshape(B, C, H, W)
        return self.gamma.view(1, C, 1, 1) * o + x

    def attention(self, x: Tensor) -> Tensor:
        """Attention map of Eq. (12), to look at: how much position j looks at position i.

        Parameters
        ----------
        x
            Feature map, shape (B, C, H, W). The result has N * N entries an image: 64 MB at N = 4096.

        Returns
        -------
        Tensor
            Shape (B, N, N); entry [b, j, i] is beta_ji, and row j sums to 1 over i.
        """
        scores = positions(self.g(x)) @ positions(self.f(x)).transpose(1, 2)  # (B, N, N): s_ij at [j, i]
        return scores.softmax(dim=-1)


def positions(x: Tensor) -> Tensor:
    """Turn a feature map (B, C, H, W) into a list of positions (B, N, C), row by row, channels side by side."""
    return x.flatten(2).transpose(1, 2).contiguous()


def attend_by_kernel(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Compute o of Eq. (12), (B, N, C), with PyTorch's kernel for this device."""
    # It takes its N x N form where widths differ. Zeros change no dot product.
    wider = value.shape[-1] - query.shape[-1]
    query, key = F.pad(query, (0, wider)), F.pad(key, (0, wider))  # (B, N, C)
    return F.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None], scale=1.0)[:, 0]


STRIP = 2**21  # entries of beta that are held at a time: 8 MB, which a processor's cache can hold


def attend_in_strips(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Compute o of Eq. (12), (B, N, C), a strip of rows of beta at a time.

    The rows of a photograph are cut into as many lanes as there are threads, and the lanes become photographs of the
    batch. So a thread can take one lane through all steps.
    """
    B, N, d = query.shape
    lanes = math.gcd(N, torch.get_num_threads())
    query = query.view(B * lanes, N // lanes, d)
    key, value = (x.repeat_interleave(lanes, dim=0) for x in (key, value))  # (B * lanes, N, d) and (B * lanes, N, C)
    return AttentionInStrips.apply(query, key, value).view(B, N, -1)


class AttentionInStrips(torch.autograd.Function):
    """Eq. (12) on the CPU, a strip of rows of beta at a time, in memory that is used again for the next strip.

    `apply(query, key, value)` takes (B, M, d), (B, N, d) and (B, N, C) and gives o, (B, M, C): M positions that look at
    N. Nothing of size M x N is kept for the backward pass: it computes each strip of beta once more.

    Notes
    -----
    PyTorch's CPU kernel wants `query` as wide as `value`; here d = C / 8. Padded with zeros it gains less the wider the
    map: at C = 128 it takes about as long as the N x N form (`make bench`). The gradient of a softmax takes, for each
    row j, the mean of the incoming gradient under beta. That mean is do_j . o_j, known before the row is: the backward
    pass of FlashAttention (Dao et al. 2022, arXiv 2205.14135).
    """

    @staticmethod
    def forward(ctx, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Compute o, Eq. (12)."""
        o = value.new_empty(*query.shape[:2], value.shape[2])
        for rows, beta in strips(query, key):
            torch.bmm(query[:, rows], key.transpose(1, 2), out=beta)
            torch.softmax(beta, dim=-1, out=beta)  # (B, rows, N)
            o[:, rows] = beta @ value
        ctx.save_for_backward(query, key, value, o)
        return o

    @staticmethod
    @once_differentiable
    def backward(ctx, d_o: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute the gradients of query, key and value."""
        query, key, value, o = ctx.saved_tensors
        d_query, d_key, d_value = torch.empty_like(query), torch.zeros_like(key), torch.zeros_like(value)
        mean = (d_o * o).sum(dim=-1, keepdim=True)  # (B, M, 1)
        for (rows, beta), (_, d_scores) in zip(strips(query, key), strips(query, key)):
            torch.bmm(query[:, rows], key.transpose(1, 2), out=beta)
            torch.softmax(beta, dim=-1, out=beta)  # (B, rows, N)
            d_value.baddbmm_(beta.transpose(1, 2), d_o[:, rows])
            torch.baddbmm(mean[:, rows], d_o[:, rows], value.transpose(1, 2), beta=-1, out=d_scores)
            d_scores *= beta
            d_query[:, rows] = d_scores @ key
            d_key.baddbmm_(d_scores.transpose(1, 2), query[:, rows])
        return d_query, d_key, d_value


def strips(query: Tensor, key: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Go down the rows of beta: which rows, and memory (B, rows, N) for them, the same each time."""
    B, M, N = *query.shape[:2], key.shape[1]
    height = min(M, max(1, STRIP // (B * N)))
    memory = query.new_empty(B * height * N)
    for start in range(0, M, height):
        rows = slice(start, min(start + height, M))
        yield rows, memory[: B * (rows.stop - start) * N].view(B, -1, N)
