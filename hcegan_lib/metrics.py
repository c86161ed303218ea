"""How close a rendered photograph is to the true one, and how colorful it is.

Convention of every table in this course: RGB, data range 1, one number per photograph, then the mean over photographs.
The paper prints PSNR in dB and SSIM in percent and does not say how it computed them. Scores raise ValueError for
shapes, types or values other than those they name.
"""

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from hcegan_lib.backend.structural_similarity import plane_ssim
from hcegan_lib.color import chroma, gray_to_rgb, luma, require_unit_range, with_luma
from hcegan_lib.data import Photos

WINDOW, SIGMA = 11, 1.5  # the Gaussian window of Wang et al. 2004, in pixels


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

    Notes
    -----
    Gaussian window 11 x 11, sigma 1.5, population covariance, border cropped. Reference in the tests:
    skimage.metrics.structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1).
    """
    check_pair(images, targets)
    B, C, H, W = images.shape
    if min(H, W) < WINDOW:
        raise ValueError(f"images must be at least {WINDOW} x {WINDOW} pixels for SSIM, got {H} x {W}")
    # 16 color planes at a time fit into a processor's cache.
    planes = (batch.reshape(1, B * C, H, W).split(16, dim=1) for batch in (images, targets))
    scores = [plane_ssim(x, y, WINDOW, SIGMA) for x, y in zip(*planes)]
    return torch.cat(scores).view(B, C).mean(dim=1)


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
    """
    require_unit_range(images, "images")
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images must have shape (B, 3, H, W), got {tuple(images.shape)}")
    red, green, blue = (255 * images).flatten(2).unbind(1)  # (B, H * W) each
    opponents = torch.stack([red - green, (red + green) / 2 - blue])  # (2, B, H * W)
    spread = opponents.var(dim=-1, correction=0).sum(0).sqrt()
    offset = opponents.mean(dim=-1).square().sum(0).sqrt()
    return spread + 0.3 * offset


def error_parts(images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Split an error into a luminance part and a color part: luma and color differences, Rec. ITU-R BT.601-7, Sec. 2.5.

    Parameters
    ----------
    images, targets
        Equal shapes (..., 3, H, W), in [0, 1].

    Returns
    -------
    luminance, color
        Shapes (..., 1, H, W) and (..., 3, H, W); they add up to `images` - `targets`. The first is the error of the
        luma. The second has zero luma: it is the error that remains when the luma is corrected.
    """
    error = images - targets
    luminance = luma(error)  # luma is linear: the luma of a difference is the difference of the lumas
    return luminance, error - luminance


def color_error(images: Tensor, targets: Tensor) -> Tensor:
    """Root mean square color error of each pixel, ignoring its luminance: (..., H, W), in levels of the 0-255 range."""
    _, color = error_parts(images, targets)
    return 255 * color.square().mean(dim=-3).sqrt()


def chroma_error(images: Tensor, targets: Tensor) -> Tensor:
    """Mean squared color error of each photograph, ignoring luminance: (B, 3, H, W) twice, in [0, 1] -> (B,)."""
    check_pair(images, targets)
    _, color = error_parts(images, targets)
    return color.square().mean(dim=(1, 2, 3))


def chroma_skill(images: Tensor, targets: Tensor) -> Tensor:
    """Share of the gray copy's color error that each rendering removes: 1 - its `chroma_error` / that of the gray copy.

    Parameters
    ----------
    images, targets
        Equal shapes (B, 3, H, W), float32 or float64, in [0, 1].

    Returns
    -------
    Tensor
        Shape (B,): 1 for the true colors, 0 for gray, negative if gray is closer; not finite for a gray target.
        For a whole set, divide the mean errors: a mean of skills would be ruled by the photographs with least color.
    """
    return 1 - chroma_error(images, targets) / chroma_error(gray_to_rgb(luma(targets)), targets)


def ciede2000(images: Tensor, targets: Tensor) -> Tensor:
    """Mean color difference that the eye would see, CIEDE2000, of each photograph; about 1 is just noticeable.

    Parameters
    ----------
    images, targets
        Equal shapes (B, 3, H, W), float32 or float64, in [0, 1], taken as sRGB.

    Returns
    -------
    Tensor
        Shape (B,), float32, at least 0; 100 between black and white. Computed by scikit-image.
    """
    from skimage.color import deltaE_ciede2000, rgb2lab  # here, because importing it takes time

    check_pair(images, targets)
    pairs = zip(*(batch.movedim(1, -1).double().cpu().numpy() for batch in (images, targets)))
    return torch.tensor([deltaE_ciede2000(rgb2lab(target), rgb2lab(image)).mean() for image, target in pairs]).float()


def restore_luma(images: Tensor, gray: Tensor) -> Tensor:
    """Put the true luma under the rendered chroma: what a rendering scores if only its colors count.

    Shapes (..., 3, H, W) and (..., 1, H, W) in [0, 1] -> (..., 3, H, W). `color.with_luma` says how colors that do not
    exist at the true luma are made paler.
    """
    return with_luma(chroma(images), gray)


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
        Columns file, psnr (dB), ssim (at most 1), ciede2000, chroma_error, colorfulness, true_colorfulness; then
        psnr_luma, ssim_luma, ciede2000_luma: the same with the true luma restored. The chroma skill of a model on a set
        is 1 - mean / mean, its mean chroma_error over that of the gray copy.
    """
    gray, targets = photos.batch()
    check_pair(images, targets)
    restored = restore_luma(images, gray)
    scores = {
        "psnr": psnr(images, targets),
        "ssim": ssim(images, targets),
        "ciede2000": ciede2000(images, targets),
        "chroma_error": chroma_error(images, targets),
        "colorfulness": colorfulness(images),
        "true_colorfulness": colorfulness(targets),
        "psnr_luma": psnr(restored, targets),
        "ssim_luma": ssim(restored, targets),
        "ciede2000_luma": ciede2000(restored, targets),
    }
    return pd.DataFrame({"file": photos.files, **{name: values.tolist() for name, values in scores.items()}})


def check_pair(images: Tensor, targets: Tensor) -> None:
    """Raise ValueError unless both are batches of equal shape with values in [0, 1]."""
    if images.ndim != 4 or images.shape != targets.shape:
        raise ValueError(
            f"images and targets must have equal shapes (B, C, H, W), got {tuple(images.shape)}, {tuple(targets.shape)}"
        )
    require_unit_range(images, "images")
    require_unit_range(targets, "targets")
