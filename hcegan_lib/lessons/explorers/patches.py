"""The patch of a photograph that one score of the discriminator sees."""

import copy

import numpy as np
import torch
from torch import Tensor

from hcegan_lib.lessons.explorers.explorer import FIELD, Explorer, prepare, set_image, set_line, slider
from hcegan_lib.lessons.plots.figure import ORANGE, Figure, to_pixels
from hcegan_lib.models import PatchDiscriminator, receptive_box


def patch_picture(
    discriminator: PatchDiscriminator, image: Tensor, *, row: int, column: int, figure: Figure | None = None
) -> Figure:
    """Frame what one score of the discriminator sees of a photograph, (3, S, S) or (1, S, S) in [0, 1].

    The frame may extend beyond the photograph, where the convolutions pad with zeros.
    """
    figure = prepare(figure, 1, width=4, height=4, top=0.98, bottom=0.02, left=0.02, right=0.98)
    (ax,) = figure.axes
    (top, left, side), size = receptive_box(discriminator, row, column), image.shape[-1]
    ax.set_gid(FIELD)
    set_image(ax, 0, to_pixels(image))
    down, across = (top + side * np.array([0, 0, 1, 1, 0])) / size, (left + side * np.array([0, 1, 1, 0, 0])) / size
    set_line(ax, 0, across, down, color="black", linewidth=4)
    set_line(ax, 1, across, down, color=ORANGE, linewidth=2)
    edge = side // 2 / size
    ax.set(xlim=(-edge, 1 + edge), ylim=(1 + edge, -edge))
    figure.set_facecolor("0.85")
    rows, columns = (max(0, min(start + side, size) - max(start, 0)) for start in (top, left))
    figure.alt = (
        f"A photograph of {size} by {size} pixels and a frame of {side} by {side} around what one score sees. "
        f"Score in row {row}, column {column}: the frame begins at pixel row {top}, column {left}, and the photograph "
        f"fills {rows * columns / side**2:.0%} of it."
    )
    return figure


@torch.no_grad()
def patch_explorer(discriminator: PatchDiscriminator, image: Tensor) -> Explorer:
    """Move from score to score of a discriminator, and see which patch of a photograph, (3, S, S), each one judges."""
    pair = torch.zeros(1, 4, *image.shape[1:])
    rows, columns = copy.deepcopy(discriminator).eval()(pair).shape[2:]
    controls = {
        "row": slider("row", rows // 2, range(rows), "which of the scores, from the top", kind="place"),
        "column": slider("column", columns // 2, range(columns), "which of the scores, from the left", kind="place"),
    }
    return Explorer(
        lambda **values: patch_picture(discriminator, image, **values), controls, place="score of the discriminator"
    )
