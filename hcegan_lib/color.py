"""Value ranges and conversions between color, gray and chroma. No other module defines them.

Images are float32 tensors in [0, 1] everywhere outside the networks. Inside, values are in [-1, 1], because the
generator ends with a tanh; `to_signed` and `to_unit` convert between the two ranges.
"""

import torch
from torch import Tensor

# Rec. ITU-R BT.601-7, Sec. 2.5.1: contributions of red, green and blue to perceived brightness.
LUMA_WEIGHTS = (0.299, 0.587, 0.114)
MARGIN = 1e-4  # how far rounding may take a value out of [0, 1]


def to_signed(images: Tensor) -> Tensor:
    """Map values in [0, 1] to [-1, 1], the range inside the networks; any shape. Raises ValueError for integers."""
    require_float(images, "images")
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
        If the third axis from the end does not have three channels, or the values are integers.

    Notes
    -----
    Rec. ITU-R BT.601-7, Sec. 2.5.1, as in Pillow's mode "L" and MATLAB's rgb2gray. The paper does not say how its gray
    images were made. torchvision's rgb_to_grayscale rounds the first weight to 0.2989, so its weights add up to 0.9999.
    """
    if color.ndim < 3 or color.shape[-3] != 3:
        raise ValueError(f"color must have shape (..., 3, H, W), got {tuple(color.shape)}")
    require_float(color, "color")
    weights = torch.tensor(LUMA_WEIGHTS, dtype=color.dtype).to(color.device, non_blocking=True).view(3, 1, 1)
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


def chroma(color: Tensor) -> Tensor:
    """Compute the color without its brightness: R - Y and B - Y, each divided by the largest value that it can have.

    Parameters
    ----------
    color
        Shape (..., 3, H, W), in [0, 1].

    Returns
    -------
    Tensor
        Shape (..., 2, H, W), in [-1, 1]; 0 for gray. Twice the C_R and C_B of Rec. ITU-R BT.601-7, Sec. 2.5.2.
    """
    (r, _, b), y = LUMA_WEIGHTS, luma(color)
    red, _, blue = color.split(1, dim=-3)
    return torch.cat([(red - y) / (1 - r), (blue - y) / (1 - b)], dim=-3)


def with_luma(chroma: Tensor, gray: Tensor) -> Tensor:
    """Join chroma and luma to a color image: the inverse of `chroma` and `luma`.

    Parameters
    ----------
    chroma
        Shape (..., 2, H, W), in [-1, 1], as from `chroma`.
    gray
        Shape (..., 1, H, W), in [0, 1]: the luma of the result.

    Returns
    -------
    Tensor
        Shape (..., 3, H, W), in [0, 1]. Where the color does not exist at this luma, as no bright blue does, the
        chroma of the pixel is scaled down until it does: hue and luma stay, saturation falls.

    Notes
    -----
    The scale counts as a constant in the gradient. With its true gradient, a network could turn a color at the border
    of what exists, but never make it paler again, because a little less chroma would be scaled to the same color.
    """
    r, g, b = LUMA_WEIGHTS
    red, blue = chroma.to(gray.dtype).split(1, dim=-3)
    red, blue = (1 - r) * red, (1 - b) * blue
    differences = torch.cat([red, -(r * red + b * blue) / g, blue], dim=-3)  # R - Y, G - Y, B - Y: their luma is 0
    room = torch.where(differences > 0, 1 - gray, gray)  # from the gray to the end of the range
    scale = (room / differences.abs().clamp(min=1e-9)).amin(dim=-3, keepdim=True)
    scale = (scale * (1 - 1e-6)).clamp(max=1)  # the millionth keeps rounding inside the range
    return gray + scale.detach() * differences


def require_float(images: Tensor, name: str) -> None:
    """Raise ValueError for integers: arithmetic with bytes would wrap around or round to 0."""
    if not images.is_floating_point():
        raise ValueError(f"{name} must be floats in [0, 1], got {images.dtype}; divide bytes by 255")


def require_unit_range(images: Tensor, name: str) -> None:
    """Raise ValueError unless there are values and all are float32 or float64 in [0, 1]; reads every value."""
    if images.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"{name} must be float32 or float64 in [0, 1], got {images.dtype}")
    if not images.numel():
        raise ValueError(f"{name} must contain at least one photograph with a channel, got {tuple(images.shape)}")
    low, high = (value.item() for value in images.aminmax())
    if not (low >= -MARGIN and high <= 1 + MARGIN):  # false for NaN too
        raise ValueError(f"{name} must be in [0, 1], got values from {low:.4g} to {high:.4g}")
