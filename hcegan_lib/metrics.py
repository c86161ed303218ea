"""How close a rendered photograph is to the true one, and how colorful it is.

Convention of every table in this course: RGB, data range 1, one number per photograph, then the mean over photographs.
The paper prints PSNR in dB and SSIM in percent and does not say how it computed them.
"""

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from hcegan_lib.color import luma
from hcegan_lib.data import Photos

WINDOW, SIGMA = 11, 1.5  # the Gaussian window of Wang et al. 2004, in pixels
C1, C2 = 0.01**2, 0.03**2  # their two stabilizing constants, for data range 1
MARGIN = 1e-4  # how far rounding may take a value out of [0, 1]


def psnr(images: Tensor, targets: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each photograph: 10 log10(1 / mean squared error), in dB.

    Parameters
    ----------
    images, targets
        Equal shapes (B, C, H, W), float32 or float64, in [0, 1].

    Returns
    -------
    Tensor
        Shape (B,); `inf` where the two are equal.

    Raises
    ------
    ValueError
        If shapes, types or values are anything else.

    Notes
    -----
    Reference in the tests: skimage.metrics.peak_signal_noise_ratio(..., data_range=1) of each photograph.
    """
    check_pair(images, targets)
    errors = [F.mse_loss(image, target) for image, target in zip(images, targets)]  # one photograph fits into the cache
    return -10 * torch.log10(torch.stack(errors))


def ssim(images: Tensor, targets: Tensor) -> Tensor:
    """Structural similarity of each photograph (Wang et al. 2004), mean over channels and over the valid windows.

    Parameters
    ----------
    images, targets
        Equal shapes (B, C, H, W), float32 or float64, in [0, 1], H and W at least 11.

    Returns
    -------
    Tensor
        Shape (B,), at most 1. The paper's tables print 100 times this.

    Raises
    ------
    ValueError
        If shapes, types or values are anything else.

    Notes
    -----
    Gaussian window 11 x 11, sigma 1.5, population covariance, border cropped. Reference in the tests:
    skimage.metrics.structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1).

    With the sum p = x + y and the difference m = x - y, four local means replace the textbook's five:
    (2 mu_x mu_y + C1) / (mu_x^2 + mu_y^2 + C1) equals 1 - 2 mu_m^2 / (mu_p^2 + mu_m^2 + 2 C1), and likewise for the
    variances and C2.
    """
    check_pair(images, targets)
    B, C, H, W = images.shape
    if min(H, W) < WINDOW:
        raise ValueError(f"images must be at least {WINDOW} x {WINDOW} pixels for SSIM, got {H} x {W}")
    # 16 color planes at a time fit into a processor's cache.
    planes = (batch.reshape(1, B * C, H, W).split(16, dim=1) for batch in (images, targets))
    scores = [plane_ssim(x, y) for x, y in zip(*planes)]
    return torch.cat(scores).view(B, C).mean(dim=1)


@torch.no_grad()
def plane_ssim(x: Tensor, y: Tensor) -> Tensor:
    """SSIM of P color planes: (1, P, H, W) twice -> (P,). Works in place where possible, because memory is the cost."""
    x, y = x.contiguous(memory_format=torch.channels_last), y.contiguous(memory_format=torch.channels_last)
    maps = torch.cat([x + y, x - y])  # (2, P, H, W): p and m
    center = maps.mean(dim=(2, 3), keepdim=True)
    maps -= center  # does not change the variances and loses fewer digits
    mean = blur(maps)  # (2, P, H - 10, W - 10)
    variance = blur(maps.square_()).addcmul_(mean, mean, value=-1)
    energy = mean.add_(center).square_()
    return similarity(energy, C1).mul_(similarity(variance, C2)).mean(dim=(1, 2))


def similarity(parts: Tensor, constant: float) -> Tensor:
    """Compute 1 - 2 m / (p + m + 2 C) in place: (2, P, H, W) -> (P, H, W)."""
    p, m = parts
    total = p.add_(m).add_(2 * constant)
    return m.mul_(-2).div_(total).add_(1)


def blur(planes: Tensor) -> Tensor:
    """Local means under the Gaussian window, without padding: (B, P, H, W) -> (B, P, H - 10, W - 10)."""
    offsets = torch.arange(WINDOW, dtype=planes.dtype, device=planes.device) - WINDOW // 2
    weights = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    weights = weights / weights.sum()
    # The window is the product of a row and a column: 22 multiplications per pixel instead of 121.
    P = planes.shape[1]
    rows = F.conv2d(planes, weights.view(1, 1, 1, WINDOW).expand(P, 1, 1, WINDOW), groups=P)
    return F.conv2d(rows, weights.view(1, 1, WINDOW, 1).expand(P, 1, WINDOW, 1), groups=P)


def colorfulness(images: Tensor) -> Tensor:
    """Colorfulness M of Hasler and Suesstrunk 2003, from spread and mean of two opponent colors.

    Parameters
    ----------
    images
        Shape (B, 3, H, W): red, green, blue, float32 or float64, in [0, 1].

    Returns
    -------
    Tensor
        Shape (B,), on the scale of the 0-255 range as in the article: 0 is gray, 33 "moderately", 59 "quite" colorful.

    Raises
    ------
    ValueError
        If shape, type or values are anything else.
    """
    check_values(images, "images")
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images must have shape (B, 3, H, W), got {tuple(images.shape)}")
    red, green, blue = (255 * images).flatten(2).unbind(1)  # (B, H * W) each
    opponents = torch.stack([red - green, (red + green) / 2 - blue])  # (2, B, H * W)
    spread = opponents.var(dim=-1, correction=0).sum(0).sqrt()
    offset = opponents.mean(dim=-1).square().sum(0).sqrt()
    return spread + 0.3 * offset


def error_parts(images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Split an error into a luminance part and a color part.

    Parameters
    ----------
    images, targets
        Equal shapes (..., 3, H, W), in [0, 1].

    Returns
    -------
    luminance, color
        Shapes (..., 1, H, W) and (..., 3, H, W); they add up to `images` - `targets`. The first is the error of the
        luma. The second has zero luma: it is the error that remains when the luma is corrected.

    References
    ----------
    Rec. ITU-R BT.601-7, Sec. 2.5.1 and 2.5.2: luminance and color-difference signals.
    """
    error = images - targets
    luminance = luma(error)  # luma is linear: the luma of a difference is the difference of the lumas
    return luminance, error - luminance


def color_error(images: Tensor, targets: Tensor) -> Tensor:
    """Root mean square color error of each pixel, ignoring its luminance.

    Parameters
    ----------
    images, targets
        Equal shapes (..., 3, H, W), in [0, 1].

    Returns
    -------
    Tensor
        Shape (..., H, W), in levels of the 0-255 range.
    """
    _, color = error_parts(images, targets)
    return 255 * color.square().mean(dim=-3).sqrt()


def evaluate(images: Tensor, photos: Photos) -> pd.DataFrame:
    """Score rendered photographs against the true ones, one row per photograph.

    Parameters
    ----------
    images
        Rendered photographs in the order of `photos`, shape (N, 3, H, W), in [0, 1].
    photos
        The true photographs.

    Returns
    -------
    DataFrame
        Columns file, psnr (dB), ssim (at most 1), colorfulness, true_colorfulness.

    Raises
    ------
    ValueError
        If number, size, type or values of the photographs do not fit.
    """
    _, targets = photos.batch()
    scores = {
        "psnr": psnr(images, targets),
        "ssim": ssim(images, targets),
        "colorfulness": colorfulness(images),
        "true_colorfulness": colorfulness(targets),
    }
    return pd.DataFrame({"file": photos.files, **{name: values.tolist() for name, values in scores.items()}})


def check_pair(images: Tensor, targets: Tensor) -> None:
    """Raise ValueError unless both are batches of equal shape with values in [0, 1]."""
    if images.ndim != 4 or images.shape != targets.shape:
        raise ValueError(
            f"images and targets must have equal shapes (B, C, H, W), got {tuple(images.shape)}, {tuple(targets.shape)}"
        )
    check_values(images, "images")
    check_values(targets, "targets")


def check_values(images: Tensor, name: str) -> None:
    """Raise ValueError unless values are floats in [0, 1]; an image in [-1, 1] or 0 to 255 has no score here."""
    if images.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"{name} must be float32 or float64 in [0, 1], got {images.dtype}")
    low, high = (value.item() for value in images.aminmax()) if images.numel() else (0, 0)
    if not (low >= -MARGIN and high <= 1 + MARGIN):  # false for NaN too
        raise ValueError(f"{name} must be in [0, 1], got values from {low:.4g} to {high:.4g}")
