"""Versions of one photograph, before and after a line."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from hcegan_lib.lessons.explorers.explorer import (
    Control,
    Explorer,
    prepare,
    set_image,
    set_line,
    set_title,
    slider,
    steps,
)
from hcegan_lib.lessons.plots.figure import Figure, to_pixels


def gallery_picture(
    pictures: Mapping[str, Tensor],
    *,
    left: str,
    right: str,
    photograph: int = 0,
    share: float = 0.5,
    figure: Figure | None = None,
) -> Figure:
    """Show two versions of a photograph, one on the left `share` of the width, the other on the rest; see `gallery`."""
    figure = prepare(figure, 1, width=4, height=4.2, bottom=0.02)
    (ax,) = figure.axes
    before, after = (to_pixels(pictures[name][photograph]) for name in (left, right))
    line = round(share * before.shape[1])
    set_image(ax, 0, np.concatenate([before[:, :line], after[:, line:]], axis=1))
    set_line(ax, 0, [line / before.shape[1]] * 2, [0, 1], color="white", linewidth=2)
    ax.set(xlim=(0, 1), ylim=(1, 0))
    set_title(ax, f"{left}  |  {right}")
    figure.alt = (
        f"Two versions of one photograph, side by side. Photograph {photograph}: {left} on the left {share:.0%} of its "
        f"width, then {right}."
    )
    return figure


def gallery(pictures: Mapping[str, Tensor]) -> Explorer:
    """Compare two versions of the same photograph by moving a line between them.

    `pictures` maps two or more names to photographs, (N, 3, S, S) or (N, 1, S, S) in [0, 1]. If N differs, the first
    photographs are used.
    """
    first, *_, last = pictures
    count, names = min(map(len, pictures.values())), {name: name for name in pictures}
    controls = {
        "photograph": slider("photograph", 0, range(count), "which photograph"),
        "share": slider("before / after", 0.5, steps(0, 1, 0.02), "where one version ends and the other begins"),
        "left": Control("left", first, names, "version on the left of the line"),
        "right": Control("right", last, names, "version on the right of the line"),
    }
    return Explorer(lambda **values: gallery_picture(pictures, **values), controls)
