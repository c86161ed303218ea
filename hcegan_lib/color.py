"""Value ranges, and the way from color to gray and back: the only place where either is decided.

Every tensor outside this file is float32 in [0, 1]. The networks think in [-1, 1], because their last layer is a
tanh; `to_signed` and `to_unit` are the two doors between the ranges.
"""

import torch
from torch import Tensor

# Rec. ITU-R BT.601-7, Sec. 2.5.1: how much red, green and blue each add to the brightness that an eye reports.
LUMA_WEIGHTS = (0.299, 0.587, 0.114)


def to_signed(images: Tensor) -> Tensor:
    """Map [0, 1] to [-1, 1], the range of the networks.

    Parameters
    ----------
    images
        Any shape, values in [0, 1].

    Returns
    -------
    Tensor
        The same shape, values in [-1, 1].
    """
    return images * 2 - 1


def to_unit(images: Tensor) -> Tensor:
    """Map [-1, 1] back to [0, 1]; the inverse of `to_signed`.

    Parameters
    ----------
    images
        Any shape, values in [-1, 1].

    Returns
    -------
    Tensor
        The same shape, values in [0, 1].
    """
    return (images + 1) / 2


def luma(color: Tensor) -> Tensor:
    """Gray version of a color photograph: its Rec. 601 luma.

    Parameters
    ----------
    color
        Shape (..., 3, H, W), red, green and blue, gamma-encoded, in [0, 1].

    Returns
    -------
    Tensor
        Shape (..., 1, H, W), in [0, 1].

    Raises
    ------
    ValueError
        If the third axis from the end does not hold three channels.

    References
    ----------
    Rec. ITU-R BT.601-7, Sec. 2.5.1. The paper does not say how its gray images were made; this is the
    conversion of Pillow's mode "L" and of MATLAB's rgb2gray.
    """
    if color.ndim < 3 or color.shape[-3] != 3:
        raise ValueError(f"color must have shape (..., 3, H, W), got {tuple(color.shape)}")
    weights = torch.tensor(LUMA_WEIGHTS, dtype=color.dtype, device=color.device).view(3, 1, 1)
    return (color * weights).sum(dim=-3, keepdim=True)


def gray_to_rgb(gray: Tensor) -> Tensor:
    """Copy a gray image into three channels: the baseline "gray copy" of every table.

    Parameters
    ----------
    gray
        Shape (..., 1, H, W), in [0, 1].

    Returns
    -------
    Tensor
        Shape (..., 3, H, W), a view without a copy in memory.

    Raises
    ------
    ValueError
        If the third axis from the end does not hold one channel.
    """
    if gray.ndim < 3 or gray.shape[-3] != 1:
        raise ValueError(f"gray must have shape (..., 1, H, W), got {tuple(gray.shape)}")
    return gray.expand(*gray.shape[:-3], 3, *gray.shape[-2:])
