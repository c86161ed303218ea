"""Value ranges and conversions between color and gray. No other module defines them.

Images are float32 tensors in [0, 1] everywhere outside the networks. Inside, values are in [-1, 1], because the
generator ends with a tanh; `to_signed` and `to_unit` convert between the two ranges.
"""

import torch
from torch import Tensor

# Rec. ITU-R BT.601-7, Sec. 2.5.1: contributions of red, green and blue to perceived brightness.
LUMA_WEIGHTS = (0.299, 0.587, 0.114)


def to_signed(images: Tensor) -> Tensor:
    """Map values in [0, 1] to [-1, 1], the range inside the networks; any shape."""
    return images * 2 - 1


def to_unit(images: Tensor) -> Tensor:
    """Map values in [-1, 1] back to [0, 1]; the inverse of `to_signed`."""
    return (images + 1) / 2


def luma(color: Tensor) -> Tensor:
    """Convert a color photograph to gray: its Rec. 601 luma.

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
        If the third axis from the end does not have three channels.

    Notes
    -----
    Rec. ITU-R BT.601-7, Sec. 2.5.1, as in Pillow's mode "L" and MATLAB's rgb2gray. The paper does not say how its gray
    images were made. torchvision's rgb_to_grayscale rounds the first weight to 0.2989, so its weights add up to 0.9999.
    """
    if color.ndim < 3 or color.shape[-3] != 3:
        raise ValueError(f"color must have shape (..., 3, H, W), got {tuple(color.shape)}")
    weights = torch.tensor(LUMA_WEIGHTS, dtype=color.dtype, device=color.device).view(3, 1, 1)
    return (color * weights).sum(dim=-3, keepdim=True)


def gray_to_rgb(gray: Tensor) -> Tensor:
    """Copy a gray image into three channels: the "gray copy", the baseline of every table.

    Parameters
    ----------
    gray
        Shape (..., 1, H, W), in [0, 1].

    Returns
    -------
    Tensor
        Shape (..., 3, H, W), a view that takes no memory.

    Raises
    ------
    ValueError
        If the third axis from the end does not have one channel.
    """
    if gray.ndim < 3 or gray.shape[-3] != 1:
        raise ValueError(f"gray must have shape (..., 1, H, W), got {tuple(gray.shape)}")
    return gray.expand(*gray.shape[:-3], 3, *gray.shape[-2:])
