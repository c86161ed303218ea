"""The two networks: pix2pix's U-Net with the paper's attention in its encoder, and the 70x70 PatchGAN.

Both take images in [0, 1]; scaling to [-1, 1] is their first operation, and scaling back the generator's last. Both
are initialized as in pix2pix (Isola et al. 2017): convolutions from N(0, 0.02), batch norm gains from N(1, 0.02).
"""

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor, nn

from hcegan_lib.attention import SelfAttention2d
from hcegan_lib.backend.kernels import DownConvolution, UpConvolution
from hcegan_lib.color import luma, require_unit_range, to_signed, to_unit, with_luma

HEADS = ("rgb", "luma")  # what the generator predicts: the color image, or the chroma for the luma that it is given


class UNetGenerator(nn.Module):
    """Map a gray photograph to a color photograph: pix2pix's U-Net, with attention if `gamma_init` is given.

    Parameters
    ----------
    in_channels, out_channels
        1 for gray and 3 for color.
    base_channels
        Channels after the first convolution; they double up to 8 times this number. 64 in the paper.
    depth
        Number of convolutions down, and of transposed convolutions up.
    gamma_init
        None for pix2pix; "zero", "normal" or "uniform" for SA, SA', SA'': attention in front of every convolution of
        the encoder, as in the paper's Figure 3.
    image_size
        Height and width of the photographs in pixels, a multiple of 2 ** depth. The network accepts other multiples
        too; this one decides which layers `attend_max_positions` leaves out.
    attend_max_positions
        Leave out attention on feature maps with more positions than this, where it costs most. None: keep all.
    head
        "rgb", the paper's, predicts the color image. "luma" predicts two channels of chroma and joins them with the
        gray photograph (`color.with_luma`), so the result has the luma that was given; `out_channels` has no effect.
    generator
        Random generator of the initial weights; None uses torch's global one. Attention draws last, so that with one
        seed the convolutions start equal with and without it.

    Raises
    ------
    ValueError
        If a number of channels is below 1, `depth` is below 2, `image_size` is not a multiple of 2 ** depth, or
        `gamma_init` or `head` is unknown.

    Notes
    -----
    Source: Isola et al. 2017, Appendix 6.1.1, and Sec. 3.3 of the paper. 54.4 million parameters with the defaults.
    """

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 3,
        base_channels: int = 64,
        depth: int = 8,
        gamma_init: str | None = None,
        image_size: int = 256,
        attend_max_positions: int | None = None,
        head: str = "rgb",
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        require_channels(in_channels=in_channels, out_channels=out_channels, base_channels=base_channels)
        if head not in HEADS:
            raise ValueError(f"head must be one of {', '.join(HEADS)}, got {head!r}")
        if depth < 2:
            raise ValueError(f"depth must be at least 2, got {depth}")
        if image_size < 1 or image_size % 2**depth:
            raise ValueError(f"image_size must be a multiple of 2 ** depth = {2**depth}, got {image_size}")
        widths = [base_channels * min(2**level, 8) for level in range(depth)]  # 64, 128, 256, 512, 512, ...
        inputs = [in_channels, *widths[:-1]]
        self.head, last = head, out_channels if head == "rgb" else 2
        self.encoder = nn.ModuleList(encoder_layer(inputs[i], widths[i], i, depth) for i in range(depth))
        self.decoder = nn.ModuleList(
            # Every stage but the innermost also reads a skip connection, so it has twice the channels.
            decoder_layer(widths[i] * (1 if i == depth - 1 else 2), widths[i - 1] if i else last, i, depth)
            for i in reversed(range(depth))
        )
        initialize(self, generator)
        self.attention = nn.ModuleList(nn.Identity() for _ in range(depth))
        if gamma_init is not None:
            for level in range(depth):
                positions = (image_size // 2**level) ** 2
                if attend_max_positions is None or positions <= attend_max_positions:
                    self.attention[level] = SelfAttention2d(inputs[level], gamma_init, generator=generator)

    def forward(self, gray: Tensor) -> Tensor:
        """Render gray photographs in color.

        Parameters
        ----------
        gray
            Shape (B, 1, H, W) in [0, 1]; H and W multiples of 2 ** depth.

        Returns
        -------
        Tensor
            Shape (B, 3, H, W) in [0, 1].

        Raises
        ------
        ValueError
            If the shape is anything else, or the batch is empty.
        """
        if gray.ndim != 4 or not gray.numel():
            raise ValueError(f"gray must have shape (B, 1, H, W) with B at least 1, got {tuple(gray.shape)}")
        H, W = gray.shape[-2:]
        if H % 2 ** len(self.encoder) or W % 2 ** len(self.encoder):
            raise ValueError(f"height and width must be multiples of {2 ** len(self.encoder)}, got {H} and {W}")
        x = to_signed(gray)
        skips = []
        for attention, layer in zip(self.attention, self.encoder):
            x = layer(attention(x))  # (B, width, H / 2, W / 2), and so on down
            skips.append(x)
        x = self.decoder[0](skips.pop())
        for layer in self.decoder[1:]:
            x = layer(torch.cat([x, skips.pop()], dim=1))
        return to_unit(x) if self.head == "rgb" else with_luma(x, gray)


def encoder_layer(inputs: int, outputs: int, level: int, depth: int) -> nn.Sequential:
    """Halve height and width: activation, 4x4 convolution of stride 2, batch norm (not at either end)."""
    parts: list[nn.Module] = [nn.LeakyReLU(0.2)] if level > 0 else []
    parts.append(DownConvolution(inputs, outputs))
    if 0 < level < depth - 1:  # the innermost map can be 1 x 1, which has no variance to divide by
        parts.append(nn.BatchNorm2d(outputs))
    return nn.Sequential(*parts)


def decoder_layer(inputs: int, outputs: int, level: int, depth: int) -> nn.Sequential:
    """Double height and width: activation, 4x4 transposed convolution of stride 2, batch norm, dropout deep inside."""
    last = level == 0
    parts: list[nn.Module] = [nn.ReLU()]
    if last:
        parts += [nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1), nn.Tanh()]
    else:
        parts += [UpConvolution(inputs, outputs), nn.BatchNorm2d(outputs)]
    if 3 < level < depth - 1:  # pix2pix's noise, between the innermost stage and the four outer ones
        parts.append(nn.Dropout(0.5))
    return nn.Sequential(*parts)


class PatchDiscriminator(nn.Module):
    """Score each 70x70 patch of a (gray, color) pair: the PatchGAN of Isola et al. 2017.

    Parameters
    ----------
    in_channels
        Channels of the pair: 1 gray and 3 color.
    base_channels
        Channels after the first convolution. 64 in the paper.
    generator
        Random generator of the initial weights; None uses torch's global one.

    Notes
    -----
    Sec. 3.3 of the paper counts four convolution layers; a receptive field of 70x70 needs a fifth, which maps to one
    channel. 2.8 million parameters with the defaults.
    """

    def __init__(self, in_channels: int = 4, base_channels: int = 64, generator: Generator | None = None) -> None:
        super().__init__()
        require_channels(in_channels=in_channels, base_channels=base_channels)
        widths = [base_channels * 2**level for level in range(4)]
        layers: list[nn.Module] = [nn.Conv2d(in_channels, widths[0], 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for level, stride in ((1, 2), (2, 2), (3, 1)):
            layers += [
                nn.Conv2d(widths[level - 1], widths[level], 4, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(widths[level]),
                nn.LeakyReLU(0.2),
            ]
        layers.append(nn.Conv2d(widths[3], 1, 4, stride=1, padding=1))
        self.layers = nn.Sequential(*layers)
        initialize(self, generator)

    def forward(self, *pairs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Score every patch; positive means "looks real".

        Parameters
        ----------
        *pairs
            Gray and color concatenated, shape (B, 4, H, W), in [0, 1]. Several batches of the same size, such as real
            and fake pairs, share the convolutions, but batch norm normalizes each batch separately, as separate calls
            would.

        Returns
        -------
        Tensor, or one per batch
            Logits, shape (B, 1, H / 8 - 2, W / 8 - 2): 30 x 30 for 256 x 256.
        """
        if len(pairs) == 1:
            return self.layers(to_signed(pairs[0]))
        x = to_signed(torch.cat(pairs))
        for layer in self.layers:
            separate = isinstance(layer, nn.BatchNorm2d)
            x = torch.cat([layer(part) for part in x.chunk(len(pairs))]) if separate else layer(x)
        return x.chunk(len(pairs))


def require_channels(**numbers: int) -> None:
    """Raise ValueError for a layer without channels, which torch builds and which computes nothing."""
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")


def initialize(network: nn.Module, generator: Generator | None) -> None:
    """Draw pix2pix's initial weights. Each network calls it on its own layers before it adds attention."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02, generator=generator)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02, generator=generator)
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d) and layer.bias is not None:
            nn.init.zeros_(layer.bias)


@torch.no_grad()
def render(generator: UNetGenerator, gray: Tensor, batch_size: int = 32) -> Tensor:
    """Render gray photographs with a trained generator, deterministically.

    Parameters
    ----------
    generator
        A trained generator; its mode (training or evaluation) is restored.
    gray
        Shape (N, 1, H, W), N at least 1, float32, in [0, 1].
    batch_size
        Photographs at a time; changes memory, not the result.

    Returns
    -------
    Tensor
        Shape (N, 3, H, W), in [0, 1], on the CPU.

    Raises
    ------
    ValueError
        If shape, type or values of `gray` are anything else.

    Notes
    -----
    Dropout is off and batch norm uses the averages collected in training, so the colors of a photograph depend on that
    photograph alone. pix2pix keeps dropout on and uses the statistics of the test batch; notebook 09 compares the two.
    """
    if gray.ndim != 4 or gray.shape[1] != 1 or gray.dtype != torch.float32:
        raise ValueError(f"gray must be float32 of shape (N, 1, H, W), got {gray.dtype}, {tuple(gray.shape)}")
    require_unit_range(gray, "gray")
    was_training = generator.training
    generator.eval()
    device = next(generator.parameters()).device
    rendered = torch.cat([generator(part.to(device)).cpu() for part in gray.split(batch_size)])
    generator.train(was_training)
    return rendered


@torch.no_grad()
def color_photo(generator: UNetGenerator, photo: Image.Image, image_size: int) -> Image.Image:
    """Color one RGB photograph of any size and shape; only its luma is used.

    The result has mode "RGB", and its short side has `image_size` pixels, as the generator was trained.
    """
    scale, multiple = image_size / min(photo.size), 2 ** len(generator.encoder)
    W, H = (round(side * scale) for side in photo.size)
    small = np.array(photo.resize((W, H), Image.Resampling.LANCZOS))
    gray = luma(torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255)  # (1, 1, H, W)
    padded = nn.functional.pad(gray, (0, -W % multiple, 0, -H % multiple), mode="reflect")
    color = render(generator, padded)[0, :, :H, :W]  # (3, H, W)
    return Image.fromarray((color * 255).round().byte().permute(1, 2, 0).numpy())


def receptive_box(discriminator: nn.Module, row: int, column: int) -> tuple[int, int, int]:
    """Find the square of the image that one score of a convolutional network is computed from.

    Parameters
    ----------
    discriminator
        A network whose convolutions follow each other in the order of `modules()`.
    row, column
        Position of the score in the network's output.

    Returns
    -------
    top, left, side
        In pixels. The square may extend beyond the image, where the convolutions pad with zeros.

    Raises
    ------
    ValueError
        If the network has no convolution.

    Notes
    -----
    Walks back from the score: outputs a to b of a convolution with kernel k, stride s and padding p are computed from
    inputs s * a - p to s * b - p + k - 1.
    """
    convolutions = [layer for layer in discriminator.modules() if isinstance(layer, nn.Conv2d)]
    if not convolutions:
        raise ValueError("discriminator must contain at least one Conv2d")
    top, left, side = row, column, 1
    for layer in reversed(convolutions):
        kernel = layer.dilation[0] * (layer.kernel_size[0] - 1) + 1
        top, left = (start * layer.stride[0] - int(layer.padding[0]) for start in (top, left))
        side = (side - 1) * layer.stride[0] + kernel
    return top, left, side


def receptive_field(discriminator: nn.Module) -> int:
    """Side in pixels of the patch that one score of a convolutional network sees; see `receptive_box`."""
    _, _, side = receptive_box(discriminator, 0, 0)
    return side


def count_parameters(network: nn.Module) -> int:
    """Count the trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
