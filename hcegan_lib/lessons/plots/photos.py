"""Photographs and their colors."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from hcegan_lib.color import LUMA_WEIGHTS
from hcegan_lib.lessons.plots.figure import Figure, draw_photo, make_panels, mark_zero
from hcegan_lib.metrics import colorfulness


def photo_grid(rows: Mapping[str, Tensor], *, titles: Sequence[str] = (), alt: str) -> Figure:
    """Lay out photographs, (N, 3, H, W) or (N, 1, H, W) in [0, 1], in labeled rows with titles above the columns."""
    # One panel per photograph: in the single image of torchvision's make_grid there is no place for labels and titles.
    columns = len(next(iter(rows.values())))
    side = min(2, max(1.1, 10.4 / columns))  # a full row is as wide as a notebook's page
    figure, axes = make_panels(len(rows), columns, width=side, height=side)
    for row, (label, images) in zip(axes, rows.items()):
        for ax, image in zip(row, images):
            draw_photo(ax, image)
        row[0].set_ylabel(label)
    for ax, title in zip(axes[0], titles):
        ax.set_title(title, fontsize="medium")
    figure.alt = alt
    return figure


def colors_of_gray(levels: Sequence[float], steps: int = 201) -> Figure:
    """Show all colors of each gray level in [0, 1] on `steps` x `steps` pixels, and the same pixels in gray below.

    Red grows to the right and blue upward; green follows from both. Pixels where it is outside [0, 1] stay empty.
    """
    figure, axes = make_panels(2, len(levels), width=2.4, height=2.4, sharex=True, sharey=True)
    red_weight, green_weight, blue_weight = LUMA_WEIGHTS
    red, blue = np.meshgrid(np.linspace(0, 1, steps), np.linspace(0, 1, steps))
    for (above, below), level in zip(axes.T, levels):
        green = (level - red_weight * red - blue_weight * blue) / green_weight
        exists = (green >= 0) & (green <= 1)
        colors = np.stack([red, green.clip(0, 1), blue, exists], axis=-1)  # (steps, steps, 4): alpha 0 outside
        grays = np.stack([np.full_like(red, level)] * 3 + [exists], axis=-1)
        for ax, pixels in ((above, colors), (below, grays)):
            ax.imshow(pixels, origin="lower", extent=(0, 1, 0, 1))
        above.set_title(f"all colors of gray {level:g}", fontsize="medium")
        below.set_title("the same, in gray", fontsize="medium")
        below.set_xlabel("red")
    for ax in axes[:, 0]:
        ax.set_ylabel("blue")
    names = ", ".join(f"{level:g}" for level in levels)
    figure.alt = (
        f"One panel for each of the grays {names}: a polygon of very different colors, from green through gray to "
        "purple. Below each, the same polygon in gray is one uniform tone."
    )
    return figure


def opponent_colors(images: Mapping[str, Tensor]) -> Figure:
    """Draw the pixels of images, (3, H, W) in [0, 1], in the plane of opponent colors that defines colorfulness.

    One panel per image, with one dot per pixel in the pixel's own color, and a cross at the mean.
    """
    figure, [axes] = make_panels(1, len(images), width=2.7, height=2.9, sharex=True, sharey=True)
    measured = []
    for ax, (name, image) in zip(axes, images.items()):
        red, green, blue = 255 * image.detach().clamp(0, 1).flatten(1).numpy()
        across, up = red - green, (red + green) / 2 - blue
        ax.scatter(across, up, c=np.stack([red, green, blue], axis=1) / 255, s=4)
        ax.plot(across.mean(), up.mean(), "+", color="black", markersize=14, markeredgewidth=2)
        value = f"{colorfulness(image[None]).item():.0f}"
        measured.append(f"{name} {value}")
        ax.set(title=f"{name}\nM = {value}", xlabel="red - green (levels)")
        mark_zero(ax, vertical=True)
    axes[0].set_ylabel("yellow - blue (levels)")
    figure.alt = (
        "Pixels plotted by red minus green and yellow minus blue. The wider the cloud and the farther its mean from "
        f"zero, the more colorful the image. Colorfulness M: {', '.join(measured)}."
    )
    return figure
