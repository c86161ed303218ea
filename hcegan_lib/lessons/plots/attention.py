"""Self-attention: the module, its maps, and its cost."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from torch import Tensor

from hcegan_lib.lessons.plots.figure import (
    BLUE,
    COLORS,
    GREEN,
    MARKERS,
    ORANGE,
    Figure,
    draw_map,
    draw_photo,
    make_panels,
)


def self_attention_module(shapes: Mapping[str, Sequence[int]]) -> Figure:
    """Draw the self-attention module, the paper's Figure 2, with the shapes of x, f, g, h, beta, o, gamma and y."""
    figure, [[ax]] = make_panels(1, 1, width=10, height=3.7)
    shape = {name: " × ".join(map(str, numbers)) for name, numbers in shapes.items()}
    _draw_flow(ax, shape)
    for name, up in (("f", 2), ("g", 1), ("h", 0)):
        _draw_box(ax, 2, up, f"${name}(x) = W_{name}\\,x$\n1 × 1 convolution", "#cfe3f1")
    _draw_box(ax, 0, 1, f"$x$\n{shape['x']}")
    _draw_box(ax, 10.4, 0.75, f"$y$\n{shape['y']}")
    _draw_box(ax, 3.6, 1.5, "$f^T g$")
    _draw_box(ax, 4.7, 1.5, "softmax\nover $i$", "#fbe3b5")
    _draw_box(ax, 6.6, 0.75, "weighted sum\nover $i$")
    _draw_box(ax, 8.2, 0.75, f"× γ\n{shape['gamma']}", "#fbe3b5")
    _draw_box(ax, 9.2, 0.75, "+")
    ax.set(xlim=(-0.6, 11), ylim=(-0.95, 2.4))
    ax.set_axis_off()
    figure.alt = (
        f"A map x of {shape['x']} goes through three 1 x 1 convolutions: f gives {shape['f']}, g {shape['g']}, h "
        f"{shape['h']}. The dot products of f and g pass through a softmax over i and become beta, {shape['beta']}, "
        f"which weights h to give o, {shape['o']}. Then o is multiplied by gamma, {shape['gamma']}, and x is added: y, "
        f"{shape['y']}."
    )
    return figure


def _draw_flow(ax: Axes, shape: Mapping[str, str]) -> None:
    """Draw the arrows of the self-attention module."""
    for up in (2, 1, 0):
        _draw_arrow(ax, (0, 1), (1, 1), (1, up), (1.5, up))
    _draw_arrow(ax, (2, 2), (3.6, 2), (3.6, 1.62), label=(3.1, shape["f"]))
    _draw_arrow(ax, (2, 1), (3.6, 1), (3.6, 1.38), label=(3.1, shape["g"]))
    _draw_arrow(ax, (3.6, 1.5), (4.35, 1.5))
    _draw_arrow(ax, (4.7, 1.5), (6.6, 1.5), (6.6, 0.95), label=(5.75, "β: " + shape["beta"]))
    _draw_arrow(ax, (2, 0), (6.6, 0), (6.6, 0.55), label=(4.7, shape["h"]))
    _draw_arrow(ax, (6.6, 0.75), (8, 0.75), label=(7.6, shape["o"]))
    _draw_arrow(ax, (8.2, 0.75), (9.05, 0.75))
    _draw_arrow(ax, (9.2, 0.75), (9.85, 0.75))
    _draw_arrow(ax, (0, 1), (0, -0.65), (9.2, -0.65), (9.2, 0.63), label=(4.7, "$x$ itself"))


def _draw_box(ax: Axes, x: float, y: float, text: str, color: str = "0.92") -> None:
    around = {"boxstyle": "round,pad=0.35", "facecolor": color, "edgecolor": "0.3"}
    ax.text(x, y, text, ha="center", va="center", bbox=around, fontsize="small")


def _draw_arrow(ax: Axes, *path: tuple[float, float], label: tuple[float, str] = (0, "")) -> None:
    """Draw a line through points that ends in an arrow, with a label (x, text) above the second to last point."""
    xs, ys = zip(*path)
    ax.plot(xs[:-1], ys[:-1], color="0.3", linewidth=1, zorder=0)
    look = {"arrowstyle": "-|>", "color": "0.3", "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", path[-1], path[-2], arrowprops=look, zorder=0)
    ax.text(label[0], path[-2][1] + 0.05, label[1], ha="center", va="bottom", fontsize="x-small", color=BLUE)


def tone_curves(gray: Tensor, outputs: Mapping[str, Tensor]) -> Figure:
    """Draw attention with one channel over the gray of the pixel that looks, beside the photograph.

    `gray` has shape (1, S, S), and the outputs of its pixels, row by row, (S * S,); all in [0, 1].
    """
    figure, [[left, right]] = make_panels(1, 2, width=4, height=3.4)
    draw_photo(left, gray)
    for (name, o), color, marker in zip(outputs.items(), COLORS, MARKERS):
        right.plot(gray.flatten(), o, marker, color=color, markersize=2, label=name)
    right.set(xlabel="gray of the pixel that looks", ylabel="o, as gray", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    right.grid(color="0.9")
    right.legend(markerscale=3)
    ranges = [f"{name}: {o.min().item():.2f} to {o.max().item():.2f}" for name, o in outputs.items()]
    figure.alt = (
        "A gray photograph, and the output of attention over the gray of the pixel that looks. All pixels lie on one "
        f"rising curve for each size of the weights. Outputs {', '.join(ranges)}."
    )
    return figure


def feature_maps(rows: Mapping[str, Mapping[str, Tensor]]) -> Figure:
    """Draw channels of feature maps, (H, W), on one scale around 0; all rows hold the same names of maps."""
    names = list(next(iter(rows.values())))
    largest = max(part.abs().max().item() for maps in rows.values() for part in maps.values())
    figure, axes = make_panels(len(rows), len(names), width=2, height=1.9)
    for row, (label, maps) in zip(axes, rows.items()):
        for ax, part in zip(row, maps.values()):
            drawn = draw_map(ax, part, (-largest, largest), "RdBu_r")
        row[0].set_ylabel(label)
    for ax, name in zip(axes[0], names):
        ax.set_title(name, fontsize="medium")
    figure.colorbar(drawn, ax=axes, label="value")
    figure.alt = (
        f"Feature maps {', '.join(names)}{' in rows, ' if any(rows) else ''}{', '.join(rows)}; red is above zero and "
        f"blue below. The largest absolute value is {largest:.2g}."
    )
    return figure


def attention_cost(costs: pd.DataFrame) -> Figure:
    """Draw time and memory of attention over the number of positions N on logarithmic axes, where N^2 has slope 2.

    The columns are form (a name), N, seconds and bytes, with one row per measurement.
    """
    figure, [axes] = make_panels(1, 2, width=4.4, height=3)
    words = []
    for (name, rows), color, marker in zip(costs.groupby("form", sort=False), (ORANGE, BLUE, GREEN), MARKERS):
        for ax, values in zip(axes, (1e3 * rows["seconds"], rows["bytes"] / 1e6)):
            ax.loglog(rows["N"], values, marker + "-", color=color, label=name)
        words.append(f"{name} {rows['bytes'].max() / 1e6:.0f} MB")
    for ax, unit in zip(axes, ("time, forward and backward (ms)", "peak extra memory (MB)")):
        ticks = sorted(costs["N"].unique())
        ax.set(xlabel="positions N", ylabel=unit, xticks=ticks, xticklabels=ticks)
        ax.xaxis.minorticks_off()
        ax.grid(color="0.9")
    axes[0].legend()
    figure.alt = (
        f"Time and peak extra memory over the number of positions, from {costs['N'].min()} to {costs['N'].max()}, on "
        f"logarithmic axes. Largest memory: {', '.join(words)}."
    )
    return figure
