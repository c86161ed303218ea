"""The adversarial losses of the paper, Eq. (2) and (8) to (10), side by side with equal signatures.

Each loss takes logits, the raw scores of the discriminator: positive means "real". `real_logits` are its scores of
(gray, photograph) pairs, `fake_logits` those of (gray, rendered) pairs. Every result is a scalar: the mean over the
batch and all patches, not halved.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from hcegan_lib.color import to_signed


class AdversarialLoss(NamedTuple):
    """What the discriminator minimizes, and what the generator minimizes."""

    discriminator: Callable[..., Tensor]  # (*, real_logits, fake_logits) -> scalar
    generator: Callable[..., Tensor]  # (*, fake_logits) -> scalar


def hinge(scores: Tensor, *, label: int) -> Tensor:
    """Hinge loss of each score, Eq. (2): max(0, 1 - y * score).

    Parameters
    ----------
    scores
        Any shape, any real numbers.
    label
        The true class y, 1 or -1.

    Returns
    -------
    Tensor
        The same shape, at least 0; it is 0 where the score is on the correct side by the margin of 1 or more.

    Raises
    ------
    ValueError
        If the label is neither 1 nor -1.
    """
    if label not in (1, -1):
        raise ValueError(f"label must be 1 (real) or -1 (fake), got {label!r}")
    return F.relu(1 - label * scores)


def bce_discriminator(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Cross-entropy with targets 1 and 0: the adversarial part of Eq. (8), with the sign for minimizing."""
    # -log sigmoid(r) = softplus(-r) and -log(1 - sigmoid(f)) = softplus(f), without the overflow of log(exp(...)).
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def bce_generator(*, fake_logits: Tensor) -> Tensor:
    """Cross-entropy with target 1. Eq. (8) prints log(1 - D); this is the non-saturating form that pix2pix uses."""
    return F.softplus(-fake_logits).mean()


def mse_discriminator(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Squared error with targets 1 and 0 (least-squares GAN, Mao et al. 2017)."""
    return (real_logits - 1).square().mean() + fake_logits.square().mean()


def mse_generator(*, fake_logits: Tensor) -> Tensor:
    """Squared error of the fake logits with target 1 (Mao et al. 2017)."""
    return (fake_logits - 1).square().mean()


def hinge_discriminator(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Hinge loss of real and fake logits, Eq. (9): -min(0, -1 + r) equals max(0, 1 - r), and likewise for f."""
    return hinge(real_logits, label=1).mean() + hinge(fake_logits, label=-1).mean()


def hinge_generator(*, fake_logits: Tensor) -> Tensor:
    """Negative mean of the fake logits, Eq. (9); it has no lower bound."""
    return -fake_logits.mean()


def hinge_bce_discriminator(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Our reading of Eq. (10): cross-entropy of the hinge residual, taken as a logit with target 0.

    The paper says that the score is "processed by the hinge loss function" before sigmoid and cross-entropy. With
    target 0, the cross-entropy of a logit h is softplus(h); here h = max(0, 1 - r) or max(0, 1 + f).
    """
    real, fake = hinge(real_logits, label=1), hinge(fake_logits, label=-1)
    return F.softplus(real).mean() + F.softplus(fake).mean()


def hinge_mse_discriminator(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Squared hinge residuals: "Hinge+MSE" of Table 2, for which the paper prints no formula."""
    return hinge(real_logits, label=1).square().mean() + hinge(fake_logits, label=-1).square().mean()


def printed_hinge_bce_discriminator(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Eq. (10) as printed: mean log max(0, 1 - r) + mean log max(0, 1 + f). It cannot be trained.

    Before the margin is met it has no lower bound, and once it is met it is log 0 = -inf. Notebook 05 shows both; it
    is not in `LOSSES`.
    """
    return hinge(real_logits, label=1).log().mean() + hinge(fake_logits, label=-1).log().mean()


# hinge_bce uses the generator loss of pix2pix, as the paper says below Eq. (10).
LOSSES: dict[str, AdversarialLoss] = {
    "bce": AdversarialLoss(bce_discriminator, bce_generator),
    "mse": AdversarialLoss(mse_discriminator, mse_generator),
    "hinge": AdversarialLoss(hinge_discriminator, hinge_generator),
    "hinge_bce": AdversarialLoss(hinge_bce_discriminator, bce_generator),
    "hinge_mse": AdversarialLoss(hinge_mse_discriminator, mse_generator),
}


def l1_distance(images: Tensor, targets: Tensor) -> Tensor:
    """Mean absolute difference of Eq. (8), on the networks' scale [-1, 1] as in pix2pix.

    On the scale [0, 1] it would be half as large, so lambda = 100 would weigh half as much.

    Parameters
    ----------
    images, targets
        Equal shapes, values in [0, 1].

    Returns
    -------
    Tensor
        A scalar in [0, 2].

    Raises
    ------
    ValueError
        If the shapes differ, because broadcasting would compare the wrong images, or there are no images.
    """
    if images.shape != targets.shape or not images.numel():
        shapes = f"{tuple(images.shape)} and {tuple(targets.shape)}"
        raise ValueError(f"images and targets must have equal shapes and must not be empty, got {shapes}")
    return torch.abs(to_signed(images) - to_signed(targets)).mean()
