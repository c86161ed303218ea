"""Self-attention over the positions of a feature map, Eq. (11) to (13), with the paper's three starts of its gain.

Symbols used throughout the course: x (B, C, H, W) is the feature map, N = H * W the number of its positions, j the
position that looks, i the position it looks at, beta (B, N, N) the attention map, whose row j sums to 1 over i.
"""

import math

import torch
from torch import Generator, Tensor, nn

from hcegan_lib.backend.kernels import attend

# Start of the diagonal of Eq. (11): SA, SA' and SA'' of Table 3.
GAMMA_INITS = {
    "zero": lambda channels, generator: torch.zeros(channels),
    "normal": lambda channels, generator: torch.randn(channels, generator=generator),
    "uniform": lambda channels, generator: torch.rand(channels, generator=generator),
}


class SelfAttention2d(nn.Module):
    """Self-attention with a learned gain per channel: y = gamma * o + x, Eq. (13).

    Parameters
    ----------
    channels
        Number of channels C of the feature map.
    gamma_init
        Start of the gain (the diagonal of Eq. (11)): "zero" (SA), "normal" for N(0, 1) draws (SA'), "uniform" for
        U(0, 1) draws (SA'').
    reduction
        `f` and `g` map to max(1, C // reduction) channels; 8 in the paper.
    generator
        Random generator of the initial values; None uses torch's global one. With one seed, SA, SA' and SA'' start
        with equal f, g and h and differ in gamma alone.

    Raises
    ------
    ValueError
        If `gamma_init` is not one of the three names, or `channels` or `reduction` is below 1.

    Notes
    -----
    Source: Sec. 3.2 of the paper, Eq. (11) to (13), after Zhang et al. 2019 (SAGAN). As printed, there is no bias and
    no factor 1 / sqrt(d). The paper does not say how f, g and h start; we use PyTorch's default for a convolution,
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
        # The gain has a generator of its own. Otherwise drawing it would shift the draws of all later layers, and SA'
        # would differ from SA in more than gamma.
        seed = int(torch.randint(2**62, (), generator=generator, device="cpu"))  # even under the device "meta"
        gain = GAMMA_INITS[gamma_init](channels, torch.Generator().manual_seed(seed))
        self.gamma = nn.Parameter(gain)  # (C,)

    def forward(self, x: Tensor) -> Tensor:
        """Add to each position what it sees, Eq. (13), without storing an N x N matrix.

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
        o = attend(query, key, value)  # (B, N, C)
        o = o.transpose(1, 2).reshape(B, C, H, W)
        return self.gamma.view(1, C, 1, 1) * o + x

    def attention(self, x: Tensor) -> Tensor:
        """Attention map of Eq. (12): how much position j looks at position i.

        Parameters
        ----------
        x
            Feature map, shape (B, C, H, W).

        Returns
        -------
        Tensor
            Shape (B, N, N): 64 MB per image at N = 4096. Entry [b, j, i] is beta_ji; row j sums to 1 over i.
        """
        scores = positions(self.g(x)) @ positions(self.f(x)).transpose(1, 2)  # (B, N, N): s_ij at [j, i]
        return scores.softmax(dim=-1)


def positions(x: Tensor) -> Tensor:
    """Reshape a feature map (B, C, H, W) to a list of positions (B, N, C), row by row."""
    return x.flatten(2).transpose(1, 2).contiguous()
