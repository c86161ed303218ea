"""Self-attention over the positions of a feature map, Eq. (11) to (13), with the paper's three starts of its gain.

Names for the whole course: x (B, C, H, W) is the feature map, N = H * W its positions, i the position that is looked
at, j the one that looks, beta (B, N, N) the attention map with row j summing to 1 over i.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

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
        # torch takes its N x N form where widths differ or channels lie apart in memory. Zeros change no dot product.
        query, key = (F.pad(part, (0, C - part.shape[-1])) for part in (query, key))  # (B, N, C)
        o = F.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None], scale=1.0)  # (B, 1, N, C)
        o = o[:, 0].transpose(1, 2).reshape(B, C, H, W)
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
