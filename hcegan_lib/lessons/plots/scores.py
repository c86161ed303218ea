"""What the measures say, and where: scores, conventions, and maps of errors."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from torch import Tensor

from hcegan_lib.lessons.plots.figure import BLUE, COLORS, MARKERS, ORANGE, Figure, draw_map, draw_photo, make_panels
from hcegan_lib.metrics import color_error, error_parts


def score_by_colorfulness(scores: pd.DataFrame) -> Figure:
    """Draw the columns psnr (dB) over true_colorfulness, from `metrics.evaluate`, with a line at the mean PSNR."""
    figure, [[ax]] = make_panels(1, 1, width=5.5, height=3.6)
    mean = scores["psnr"].mean()
    ax.scatter(scores["true_colorfulness"], scores["psnr"], color=BLUE, label="one photograph")
    ax.axhline(mean, color=ORANGE, linestyle="--", label=f"mean: {mean:.1f} dB")
    ax.set(xlabel="colorfulness of the true photograph (0-255 scale)", ylabel="PSNR (dB)")
    ax.legend()
    ordered = scores.sort_values("true_colorfulness")["psnr"]
    figure.alt = (
        f"Scatter plot of {len(scores)} photographs. The least colorful scores {ordered.iloc[0]:.0f} dB, the most "
        f"colorful {ordered.iloc[-1]:.0f} dB; the mean is {mean:.1f} dB, and the correlation between PSNR and "
        f"colorfulness is {scores['psnr'].corr(scores['true_colorfulness']):.1f}."
    )
    return figure


def ssim_map(image: Tensor, target: Tensor, similarity: np.ndarray) -> Figure:
    """Show an image and the true photograph, (3, H, W) in [0, 1], and the SSIM of every window, (H - 10, W - 10)."""
    figure, [[rendered, true, ax]] = make_panels(1, 3, width=2.7, height=2.5)
    draw_photo(rendered, image)
    draw_photo(true, target)
    H, W = target.shape[-2:]
    edge = (W - similarity.shape[1]) / 2  # distance from the border to the first window's center
    extent = (edge, W - edge, H - edge, edge)
    drawn = ax.imshow(similarity, cmap="cividis", vmin=similarity.min(), vmax=1, extent=extent)
    figure.colorbar(drawn, ax=ax, label="SSIM of the window")
    ax.set(xlim=(0, W), ylim=(H, 0), xticks=[], yticks=[])
    for panel, what in zip((rendered, true, ax), ("scored image", "true photograph", "SSIM map")):
        panel.set_xlabel(what)
    figure.alt = (
        f"An image, the true photograph, and a map of the SSIM of each window, from {similarity.min():.2f} to "
        f"{similarity.max():.2f} with mean {similarity.mean():.2f}. It is dark where the two differ in structure."
    )
    return figure


def conventions(scores: pd.DataFrame) -> Figure:
    """Compare the PSNR (dB) of the same images under several conventions, one per row; a column is a set of images.

    Infinite values are hollow markers in a gray strip to the right of the scale.
    """
    figure, [[ax]] = make_panels(1, 1, width=8, height=1.1 + 0.32 * len(scores))
    finite = scores.where(np.isfinite(scores))
    low, high = finite.min().min(), finite.max().max()
    edge = high + 0.06 * (high - low)  # where the scale ends
    strip = edge + 0.12 * (high - low)
    for name, marker, color in zip(scores, MARKERS, COLORS):
        ax.plot(finite[name], scores.index, marker, color=color, label=name)
        there = np.flatnonzero(np.isposinf(scores[name]))
        ax.plot([(edge + strip) / 2] * len(there), there, marker, color=color, markerfacecolor="white")
        for y in there:
            ax.annotate("∞", ((edge + strip) / 2, y), (8, 0), textcoords="offset points", va="center", color=color)
    if np.isposinf(scores.to_numpy()).any():
        ax.axvspan(edge, strip, color="0.88", linewidth=0, zorder=0)
        ax.text((edge + strip) / 2, -0.6, "infinite", ha="center", va="bottom")
        ax.set(xlim=(low - 0.04 * (high - low), strip), xticks=[x for x in ax.get_xticks() if low - 2 < x < edge])
    ax.axvline(scores.iloc[0, 0], color="0.7", linewidth=1, zorder=0)
    ax.set(xlabel="PSNR (dB)", ylim=(len(scores) - 0.5, -0.5))
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(scores.columns), frameon=False)
    ranges = (f"{name} from {finite[name].min():.1f} to {finite[name].max():.1f}" for name in scores)
    infinite = int(np.isinf(scores.to_numpy()).sum())
    figure.alt = (
        f"Dot plot of PSNR (dB) under {len(scores)} conventions: {'; '.join(ranges)}"
        f"{f'; {infinite} infinite' if infinite else ''}."
    )
    return figure


def parts_of_errors(target: Tensor, versions: Mapping[str, Tensor]) -> Figure:
    """Draw maps of the luminance error (red: too bright) and the color error of several versions of a photograph.

    Images have shape (3, H, W), in [0, 1]. One row per version; each error, in levels, has one scale for all rows.
    """
    figure, axes = make_panels(len(versions), 4, width=2.4, height=2)
    lumas = {name: 255 * error_parts(image, target)[0][0] for name, image in versions.items()}
    colors = {name: color_error(image, target) for name, image in versions.items()}
    largest, widest = (max(part.abs().max().item() for part in parts.values()) for parts in (lumas, colors))
    for row, (name, image) in zip(axes, versions.items()):
        draw_photo(row[0], target)
        draw_photo(row[1], image)
        luminance = draw_map(row[2], lumas[name], (-largest, largest), "RdBu_r", interpolation="nearest")
        color = draw_map(row[3], colors[name], (0, widest), "inferno", interpolation="nearest")
        row[0].set_ylabel(name)
    for ax, title in zip(axes[0], ("true", "rendered", "luminance error", "color error")):
        ax.set_title(title, fontsize="medium")
    figure.colorbar(luminance, ax=axes[:, 2], label="levels (0–255)")
    figure.colorbar(color, ax=axes[:, 3], label="levels (0–255)")
    words = (f"{name} {lumas[name].square().mean().sqrt():.1f} and {colors[name].mean():.1f}" for name in versions)
    figure.alt = (
        "A photograph, true and rendered, one row per version, with maps of the luminance error and the color error. "
        f"Root mean square luminance error and mean color error, in levels: {'; '.join(words)}."
    )
    return figure


def renderings_with_errors(
    targets: Tensor,
    versions: Mapping[str, Tensor],
    *,
    scores: Mapping[str, Sequence[str]],
    names: Sequence[str],
    across: int = 1,
) -> Figure:
    """Lay out photographs and renderings, (N, 3, H, W) in [0, 1], with a map of the color error below each rendering.

    The maps of one photograph share a scale, from 0 to the 99.5th percentile of their pixels, in levels; its end stands
    beside them. Below the photographs stand their `names`, below the renderings their `scores`, N texts each; `across`
    photographs with all their versions are side by side.
    """
    columns = 1 + len(versions)
    figure, axes = _rows_of_two(-(-len(targets) // across), columns, across)
    errors = {name: color_error(images, targets) for name, images in versions.items()}  # (N, H, W) each
    tops = np.quantile(torch.stack(list(errors.values())).numpy(), 0.995, axis=(0, 2, 3))  # one per photograph
    for k, (target, top) in enumerate(zip(targets, tops)):
        row, first = 2 * (k // across), k % across * (columns + 1)
        photo, *panels = axes[row, first : first + columns]
        _draw_named(photo, target, names[k])
        for ax, below, (name, images) in zip(panels, axes[row + 1, first + 1 :], versions.items()):
            _draw_named(ax, images[k], scores[name][k])
            drawn = draw_map(below, errors[name][k] / top, (0, 1), "inferno", interpolation="nearest")
        axes[row + 1, first].text(
            0.5, 0.5, f"color error:\n0 to {top:.0f}\nlevels", ha="center", va="center", fontsize=9
        )
        for ax, title in zip((photo, *panels), ("true", *versions)):
            ax.set_title(title.replace("+Hinge", "+\nHinge") if row == 0 else "", fontsize=9)
    scale = figure.add_axes((1 - 0.9 / figure.get_figwidth(), 0.15, 0.13 / figure.get_figwidth(), 0.7))
    bar = figure.colorbar(drawn, cax=scale, label="color error, on the scale beside each row", extend="max")
    bar.set_ticks([0, 1], labels=["0", "end"])
    words = ", ".join(f"{name} {error.mean():.0f}" for name, error in errors.items())
    figure.alt = (
        f"{len(targets)} photographs, true and in {len(versions)} versions. Below each version, a map that is brighter "
        f"where the color error is larger. Mean color error in levels: {words}."
    )
    return figure


def _rows_of_two(blocks: int, columns: int, across: int) -> tuple[Figure, np.ndarray]:
    """Make empty panels, two rows per block, with space for a color bar on the right.

    The layout is computed here because Matplotlib's layout engine takes seconds for so many panels.
    """
    shares = (([1] * columns + [0.15]) * across)[:-1]  # a narrow column separates the blocks that stand side by side
    side, gap = min(1.4, 8.8 / sum(shares)), 0.22
    width, height = 1.06 * side * sum(shares) + 1.1, 2 * blocks * (side + gap) + 0.4
    edges = {"left": 0.01, "right": 1 - 1.1 / width, "bottom": 0.05 / height, "top": 1 - 0.4 / height}
    layout = {"width_ratios": shares, "wspace": 0.06, "hspace": gap / side, **edges}
    figure = plt.figure(figsize=(width, height), FigureClass=Figure)
    axes = figure.subplots(2 * blocks, len(shares), squeeze=False, gridspec_kw=layout)
    for ax in axes.flat:
        ax.set_axis_off()
    return figure, axes


def _draw_named(ax: Axes, image: Tensor, text: str) -> None:
    """Draw a photograph with a text below it."""
    draw_photo(ax, image)
    ax.set_axis_on()
    ax.set_xlabel(text, fontsize=9)
