"""The two networks: the layers of the generator, and the patch that the discriminator sees."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from torch import Tensor

from hcegan_lib.lessons.plots.figure import BLUE, ORANGE, Figure, draw_photo, make_panels

LIGHT_BLUE = "#56B4E9"


def generator_structure(layers: pd.DataFrame) -> Figure:
    """Draw the layers of a U-Net with attention, the paper's Figure 3; a bar's height is the logarithm of its side.

    The columns are part ("encoder" or "decoder"), channels and side of the output, attention (whether it precedes the
    convolution) and skip (whether the output also crosses over), with one row per convolution in forward order.
    """
    figure, [[ax]] = make_panels(1, 1, width=10, height=3.8)
    tall = 0.5 + np.log2(layers["side"].to_numpy())
    for x, (height, layer) in enumerate(zip(tall, layers.itertuples())):
        ax.bar(x, height, 0.42, bottom=-height / 2, color=LIGHT_BLUE if layer.part == "encoder" else BLUE)
        ax.text(x, -height / 2 - 0.15, f"{layer.channels}\n{layer.side}²", ha="center", va="top", fontsize="x-small")
        if layer.attention:
            ax.bar(x - 0.38, height + 1, 0.16, bottom=-height / 2 - 0.5, color=ORANGE)  # as tall as the layer's input
    skips = layers[layers["skip"] & (layers["part"] == "encoder")]
    for x, side in zip(skips.index, skips["side"]):
        (end,) = layers.index[(layers["part"] == "decoder") & (layers["side"] == side)]
        ax.plot([x + 0.21, end - 0.21], [0.45 * tall[x]] * 2, color="0.4", linewidth=1)
    for label, color in (("attention", ORANGE), ("convolution", LIGHT_BLUE), ("deconvolution", BLUE)):
        ax.bar(0, 0, color=color, label=label)
    ax.plot([], [], color="0.4", linewidth=1, label="skip connection")
    ax.legend(loc="upper center", ncols=4, frameon=False)
    ax.set(xlim=(-0.9, len(layers) - 0.4), ylim=(-tall.max() / 2 - 1.6, tall.max() / 2 + 1.2))
    ax.set_axis_off()
    counts = layers["part"].value_counts()
    figure.alt = (
        f"{counts['encoder']} convolutions whose maps shrink from {layers['side'].iloc[0]} to {layers['side'].min()} "
        f"pixels per side, then {counts['decoder']} deconvolutions whose maps grow to {layers['side'].iloc[-1]}. "
        f"Attention precedes {layers['attention'].sum()} convolutions; there are {len(skips)} skip connections."
    )
    return figure


def growing_patches(image: Tensor, boxes: Mapping[str, tuple[int, int, int]], gradient: Tensor) -> Figure:
    """Draw which part of a photograph, (3, S, S), one score of the discriminator sees, and the gradient of that score.

    `boxes` maps each layer to top, left and side in pixels of what it sees, from small to large; the last belongs to
    the score. `gradient` is the absolute value at each pixel, (S, S). Three panels: the photograph with the last frame,
    a close-up with all frames, and the gradient in the close-up on a logarithmic scale, white where it is zero.
    """
    figure, [[photo, near, slope]] = make_panels(1, 3, width=3.5, height=3.3)
    for ax, what in zip((photo, near), ("photograph", "close-up: what each layer sees")):
        draw_photo(ax, image)
        ax.set_xlabel(what)
    logarithm = np.log10(np.where(gradient > 0, gradient / gradient.max(), np.nan))
    drawn = slope.imshow(logarithm, cmap="cividis", vmin=-2, vmax=0)
    figure.colorbar(drawn, ax=slope, label="log10(gradient / largest)", shrink=0.8)
    slope.set(xticks=[], yticks=[], xlabel="where the gradient is not 0")
    *inner, (top, left, side) = boxes.values()
    edge = side / 7
    for ax in (near, slope):
        ax.set(xlim=(left - edge, left + side + edge), ylim=(top + side + edge, top - edge))
    for box, around in zip(inner, [*inner[1:], (top, left, side)]):
        _draw_frame(near, box, "white")
        _write_side(near, box, around)
    for ax in (photo, near, slope):
        _draw_frame(ax, (top, left, side), ORANGE)
    _write_side(near, (top, left, side), (top, left, side))
    sides = ", ".join(str(side) for *_, side in boxes.values())
    figure.alt = (
        f"A photograph with nested square frames, {sides} pixels wide, and beside it the gradient of one score, which "
        "is zero outside the largest frame and strongest near its middle."
    )
    return figure


def shares_of_attention(
    image: Tensor, queries: Mapping[str, tuple[int, int]], maps: Mapping[str, Tensor], *, limit: float = 100
) -> Figure:
    """Show where marked pixels of a photograph look, on one logarithmic scale of multiples of the even share 1 / N.

    `image` has shape (3, S, S); `queries` maps letters to (row, column), and `maps` names to beta of all positions,
    (N, N), N = S * S: one row of panels each. Red is more than the even share, blue is less; the scale ends at `limit`
    and 1 / `limit`.
    """
    S = image.shape[-1]
    figure, axes = make_panels(len(maps), 1 + len(queries), width=2.2, height=2.1)
    words = []
    for row, (name, beta) in zip(axes, maps.items()):
        draw_photo(row[0], image)
        row[0].set_ylabel(name)
        for ax, (mark, (down, across)) in zip(row[1:], queries.items()):
            shares = S * S * beta[down * S + across].view(S, S)
            drawn = ax.imshow(shares.clamp(min=1 / limit).numpy(), norm=LogNorm(1 / limit, limit), cmap="RdBu_r")
            ax.plot(across, down, "+", color="black", markersize=10, markeredgewidth=2)
            ax.set(xticks=[], yticks=[], xlabel=f"{mark}: up to {shares.max().item():.1f}")
            around = {"boxstyle": "circle", "facecolor": "black"}
            row[0].text(across, down, mark, ha="center", va="center", color="white", fontsize="small", bbox=around)
            words.append(f"{name}, pixel {mark}: {shares.max().item():.1f}")
    figure.colorbar(drawn, ax=axes, label="attention / even share", shrink=0.8, extend="both")
    figure.alt = (
        f"A photograph with {len(queries)} marked pixels and, for each, a map of where it looks. The largest weight as "
        f"a multiple of the even share: {'; '.join(words)}."
    )
    return figure


def _draw_frame(ax: Axes, box: Sequence[int], color: str) -> None:
    """Draw a frame around a box (top, left, side)."""
    top, left, side = box
    ax.add_patch(plt.Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor=color, linewidth=2))


def _write_side(ax: Axes, box: Sequence[int], around: Sequence[int]) -> None:
    """Write the side of a box beside it, where there is more room before the next larger box."""
    top, left, side = box
    _, start, width = around
    on_left = left - start > start + width - left - side
    x, ha = (left - 1.8, "right") if on_left else (left + side + 0.8, "left")
    on_dark = {"facecolor": "black", "alpha": 0.6, "linewidth": 0, "pad": 1}
    ax.text(x, top + side / 2 - 0.5, side, color="white", fontsize="small", va="center", ha=ha, bbox=on_dark)
