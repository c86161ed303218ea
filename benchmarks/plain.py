"""pix2pix's training step as a tutorial would write it; a faster version of it takes two switches, not other code.

The speed of `hcegan_lib.train` is measured against both, and tests compare the losses.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from hcegan_lib.backend.kernels import DownConvolution, UpConvolution


def textbook(network: nn.Module) -> nn.Module:
    """Replace our convolutions by PyTorch's, with the same weights."""
    theirs = {DownConvolution: nn.Conv2d, UpConvolution: nn.ConvTranspose2d}
    for parent in list(network.modules()):
        for name, layer in parent.named_children():
            if type(layer) in theirs:
                own = theirs[type(layer)](layer.in_channels, layer.out_channels, 4, stride=2, padding=1, bias=False)
                own.weight = layer.weight
                setattr(parent, name, own)
    return network


def plain_step(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    learning_rate: float = 2e-4,
    l1_weight: float = 100.0,
    tuned: bool = False,
    precision: str = "float32",
) -> Callable[[Tensor, Tensor], tuple[float, float, float]]:
    """Return a function that trains both networks on one batch, Eq. (8), and returns d_loss, g_loss and l1.

    Parameters
    ----------
    generator, discriminator
        The networks to train.
    learning_rate, l1_weight
        Learning rate of both optimizers, and lambda.
    tuned
        Do what PyTorch offers: fused Adam, and no gradients of the discriminator's weights in the generator's step.
    precision
        "float32", or "bfloat16" for the forward passes.
    """
    generator = textbook(generator)
    options = {"lr": learning_rate, "betas": (0.5, 0.999), "fused": tuned}
    g_optimizer = torch.optim.Adam(generator.parameters(), **options)
    d_optimizer = torch.optim.Adam(discriminator.parameters(), **options)
    cross_entropy, distance = nn.BCEWithLogitsLoss(), nn.L1Loss()

    def step(gray: Tensor, color: Tensor) -> tuple[float, float, float]:
        autocast = torch.autocast(gray.device.type, torch.bfloat16, enabled=precision == "bfloat16")
        with autocast:
            fake = generator(gray)
            real_score = discriminator(torch.cat([gray, color], dim=1))
            fake_score = discriminator(torch.cat([gray, fake.detach()], dim=1))
            d_loss = cross_entropy(real_score, torch.ones_like(real_score))
            d_loss = d_loss + cross_entropy(fake_score, torch.zeros_like(fake_score))
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()

        discriminator.requires_grad_(not tuned)
        with autocast:
            fake_score = discriminator(torch.cat([gray, fake], dim=1))
            g_loss = cross_entropy(fake_score, torch.ones_like(fake_score))
            l1 = distance(2 * fake - 1, 2 * color - 1)
        discriminator.requires_grad_(True)
        g_optimizer.zero_grad()
        (g_loss + l1_weight * l1).backward()
        g_optimizer.step()
        return d_loss.item(), g_loss.item(), l1.item()

    return step
