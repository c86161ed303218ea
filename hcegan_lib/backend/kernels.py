"""Attention and small convolutions computed faster, or in less memory, than by their textbook form.

Each function computes the same as the line of PyTorch named in its docstring; the tests compare the two.
"""

import math
from collections.abc import Iterator
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.attention import SDPBackend, sdpa_kernel

from hcegan_lib.backend.curve import attend_by_curve, count_nodes

NARROW = 64  # channels up to which PyTorch's kernel is the faster one on a CPU


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Compute `(query @ key.mT).softmax(-1) @ value`, o of Eq. (12), without storing an N x N matrix.

    Parameters
    ----------
    query, key, value
        Shapes (B, N, d), (B, N, d) and (B, N, C).

    Returns
    -------
    Tensor
        Shape (B, N, C).
    """
    if query.shape[-1] == value.shape[-1] == 1 and not query.is_meta:  # a tensor without values has no range
        nodes = count_nodes(query, key)
        if nodes <= query.shape[1] / 16:  # otherwise the other forms are about as fast
            return attend_by_curve(query, key, value, nodes)
    wide = query.device.type == "cpu" and value.shape[-1] > NARROW
    return (attend_in_strips if wide else attend_by_kernel)(query, key, value)


# PyTorch's other kernel, MATH, stores the N x N matrix.
WITHOUT_MATRIX = [SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]


def attend_by_kernel(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """`attend` with PyTorch's attention kernel for the device."""
    # These kernels need equal widths, multiples of 8. Padding with zeros changes no dot product.
    C = value.shape[-1]
    width = 8 * math.ceil(max(query.shape[-1], C) / 8)
    padded = (F.pad(x, (0, width - x.shape[-1]))[:, None] for x in (query, key, value))  # (B, 1, N, width)
    with nullcontext() if query.device.type == "mps" else sdpa_kernel(WITHOUT_MATRIX):
        o = F.scaled_dot_product_attention(*padded, scale=1.0)
    return o[:, 0, :, :C]


STRIP = 2**21  # entries of beta held at a time: 8 MB, which fits a processor's cache


def attend_in_strips(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """`attend` on the CPU, one strip of rows of beta at a time.

    The rows of each image are divided into one lane per thread, and the lanes become items of the batch, so that each
    thread can take its lane through all steps.
    """
    B, N, d = query.shape
    lanes = math.gcd(N, torch.get_num_threads())
    query = query.view(B * lanes, N // lanes, d)
    key, value = (x.repeat_interleave(lanes, dim=0) for x in (key, value))  # (B * lanes, N, d) and (B * lanes, N, C)
    return AttentionInStrips.apply(query, key, value).view(B, N, -1)


class AttentionInStrips(torch.autograd.Function):
    """Eq. (12) in strips of rows of beta that share one block of memory.

    `apply(query, key, value)` takes shapes (B, M, d), (B, N, d) and (B, N, C) and returns o, (B, M, C): M positions
    look at N. The backward pass recomputes each strip of beta instead of storing it.

    Notes
    -----
    PyTorch's CPU kernel needs `query` as wide as `value`, but here d = C / 8. Padded with zeros it is the faster one up
    to C = 64, and takes about as long as the N x N form at C = 128 (`make bench`). The gradient of a softmax needs, for
    each row j, the mean of the incoming gradient under beta. That mean equals do_j . o_j, which is known before the row
    is recomputed: this is the backward pass of FlashAttention (Dao et al. 2022, arXiv 2205.14135).
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
    """Iterate over the rows of beta: which rows, and a reused block of memory (B, rows, N) for them."""
    B, M, N = *query.shape[:2], key.shape[1]
    height = min(M, max(1, STRIP // (B * N)))
    memory = query.new_empty(B * height * N)
    for start in range(0, M, height):
        rows = slice(start, min(start + height, M))
        yield rows, memory[: B * (rows.stop - start) * N].view(B, -1, N)


class DownConvolution(nn.Conv2d):
    """`nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)`, faster on small maps in bfloat16 on a CPU.

    Each output position sees a patch of 4 x 4 pixels, so the convolution is one product of all patches and the weights.
    With many weights and few positions that product is faster (`make bench`); in float32 it gains too little.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / 2, W / 2)."""
        B, C, H, W = x.shape
        if x.dtype != torch.bfloat16 or not few_positions(x, B * H * W // 4):
            return super().forward(x)
        patches = F.unfold(x, kernel_size=4, stride=2, padding=1)  # (B, inputs * 16, H / 2 * W / 2)
        return F.linear(patches.mT, self.weight.flatten(1)).mT.reshape(B, -1, H // 2, W // 2)


class UpConvolution(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)`, faster on small maps on a CPU.

    Each position of x becomes a patch of 4 x 4 pixels; the patches are placed two pixels apart and added where they
    overlap. So all patches come from one matrix product, which is faster deep inside the U-Net, where weights are many
    and positions few (`make bench`).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, 2 H, 2 W)."""
        B, C, H, W = x.shape
        if not few_positions(x, B * H * W):
            return super().forward(x)
        patches = x.flatten(2).mT @ self.weight.flatten(1)  # (B, H * W, outputs * 16)
        return F.fold(patches.mT, (2 * H, 2 * W), kernel_size=4, stride=2, padding=1)


def few_positions(x: Tensor, positions: int) -> bool:
    """Whether a matrix product of `positions` rows is the faster form for the channels of x (measured on CPUs)."""
    fewer = 1 if x.dtype == torch.bfloat16 else 4
    return x.device.type == "cpu" and fewer * positions < x.shape[1]
