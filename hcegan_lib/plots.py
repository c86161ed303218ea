"""The figures of the course, one function each: numbers in, a figure out, nothing saved and nothing shown.

Every figure carries its text alternative. A notebook stores it beside the picture and the HTML page puts it into the
picture's `alt`, so that who cannot see the picture is told what is in it.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from torch import Tensor

from hcegan_lib.color import LUMA_WEIGHTS
from hcegan_lib.metrics import colorfulness

# Okabe and Ito 2008: told apart by colorblind readers too.
BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
MARKERS = "osD^v"


class Figure(plt.Figure):
    """A figure that knows what it shows, in words."""

    alt: str = ""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple[dict, dict]:
        """Hand the text alternative to the notebook; the picture itself is drawn by IPython, as always."""
        return {}, {"image/png": {"alt": self.alt}}


def _axes(rows: int, columns: int, width: float, height: float, **options: object) -> tuple[Figure, np.ndarray]:
    """Make a figure of equal panels; `width` and `height` are one panel's, in inches."""
    return plt.subplots(
        rows,
        columns,
        figsize=(width * columns, height * rows),
        squeeze=False,
        layout="constrained",
        FigureClass=Figure,
        **options,
    )


def _draw_photo(ax: Axes, image: Tensor) -> None:
    """Draw one photograph, (3, H, W) or (1, H, W) in [0, 1], without ticks: a pixel's number is of no interest."""
    pixels = image.detach().clamp(0, 1).permute(1, 2, 0).numpy()
    ax.imshow(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    ax.set(xticks=[], yticks=[])


def photo_grid(rows: Mapping[str, Tensor], *, titles: Sequence[str] = (), alt: str) -> Figure:
    """Lay out photographs in rows, one column a photograph.

    Parameters
    ----------
    rows
        Label of a row -> its photographs, each (N, 3, H, W) or (N, 1, H, W), in [0, 1]. N may differ.
    titles
        What stands above the columns.
    alt
        The text alternative: what is there to be seen.

    Returns
    -------
    Figure
        One panel a photograph.
    """
    columns = max(len(images) for images in rows.values())
    side = min(2, max(1.1, 10.4 / columns))  # a full row is as wide as a notebook's page
    figure, axes = _axes(len(rows), columns, width=side, height=side)
    for row, (label, images) in zip(axes, rows.items()):
        for ax, image in zip(row, images):
            _draw_photo(ax, image)
        for ax in row[len(images) :]:
            ax.set_axis_off()
        row[0].set_ylabel(label)
    for ax, title in zip(axes[0], titles):
        ax.set_title(title, fontsize="medium")
    figure.alt = alt
    return figure


def colors_of_gray(levels: Sequence[float], steps: int = 201) -> Figure:
    """Paint all colors that have the same gray: red to the right, blue upwards, and the green that makes up for both.

    Parameters
    ----------
    levels
        The grays, one panel each, in [0, 1].
    steps
        Pixels along each side.

    Returns
    -------
    Figure
        Above the colors, below the same pixels in gray. Where no green between 0 and 1 fits, the panel is empty.
    """
    figure, axes = _axes(2, len(levels), width=2.4, height=2.4, sharex=True, sharey=True)
    red_weight, green_weight, blue_weight = LUMA_WEIGHTS
    red, blue = np.meshgrid(np.linspace(0, 1, steps), np.linspace(0, 1, steps))
    for (above, below), level in zip(axes.T, levels):
        green = (level - red_weight * red - blue_weight * blue) / green_weight
        there = (green >= 0) & (green <= 1)
        colors = np.stack([red, green.clip(0, 1), blue, there], axis=-1)  # (steps, steps, 4): outside is transparent
        grays = np.stack([np.full_like(red, level)] * 3 + [there], axis=-1)
        for ax, pixels in ((above, colors), (below, grays)):
            ax.imshow(pixels, origin="lower", extent=(0, 1, 0, 1))
        above.set_title(f"gray {level:g}")
        below.set_xlabel("red")
    for ax, what in zip(axes[:, 0], ("in color", "in gray")):
        ax.set_ylabel(f"{what}\nblue")
    names = ", ".join(f"{level:g}" for level in levels)
    figure.alt = (
        f"One panel for each of the grays {names}: a many-sided patch that runs through very different colors, from "
        "green over gray to purple. Below each, the same patch in gray is one even tone."
    )
    return figure


def score_by_colorfulness(scores: pd.DataFrame) -> Figure:
    """Draw the PSNR of each photograph over how colorful the true one is.

    Parameters
    ----------
    scores
        From `metrics.evaluate`: the columns psnr (dB) and true_colorfulness are drawn.

    Returns
    -------
    Figure
        One point a photograph, and a line at the mean PSNR.
    """
    figure, axes = _axes(1, 1, width=5.5, height=3.6)
    ax, mean = axes[0, 0], scores["psnr"].mean()
    ax.scatter(scores["true_colorfulness"], scores["psnr"], color=BLUE, label="one photograph")
    ax.axhline(mean, color=ORANGE, linestyle="--", label=f"mean: {mean:.1f} dB")
    ax.set(xlabel="colorfulness of the true photograph (0-255 scale)", ylabel="PSNR (dB)")
    ax.legend()
    ordered = scores.sort_values("true_colorfulness")["psnr"]
    figure.alt = (
        f"Scatter plot of {len(scores)} photographs. The least colorful has {ordered.iloc[0]:.0f} dB, the most "
        f"colorful {ordered.iloc[-1]:.0f} dB; the mean is {mean:.1f} dB, and the correlation of PSNR and colorfulness "
        f"is {scores['psnr'].corr(scores['true_colorfulness']):.1f}."
    )
    return figure


def ssim_map(image: Tensor, target: Tensor, similarity: np.ndarray) -> Figure:
    """Show where two pictures are alike, and where they are not.

    Parameters
    ----------
    image, target
        The rendered and the true photograph, (3, H, W), in [0, 1].
    similarity
        SSIM of every window, (H - 10, W - 10), mean over channels.

    Returns
    -------
    Figure
        Both photographs and the map, with its scale.
    """
    figure, axes = _axes(1, 3, width=2.7, height=2.5)
    rendered, true, ax = axes[0]
    _draw_photo(rendered, image)
    _draw_photo(true, target)
    H, W = target.shape[-2:]
    edge = (W - similarity.shape[1]) / 2  # a window has its center at least that far inside
    extent = (edge, W - edge, H - edge, edge)
    drawn = ax.imshow(similarity, cmap="cividis", vmin=similarity.min(), vmax=1, extent=extent)
    figure.colorbar(drawn, ax=ax, label="SSIM of the window")
    ax.set(xlim=(0, W), ylim=(H, 0), xticks=[], yticks=[])
    for panel, what in zip(axes[0], ("scored picture", "true photograph", "where they agree")):
        panel.set_xlabel(what)
    figure.alt = (
        f"A picture, the true photograph, and a map of the SSIM of each window, from {similarity.min():.2f} to "
        f"{similarity.max():.2f} with the mean {similarity.mean():.2f}; it is dark where the two differ in structure."
    )
    return figure


def conventions(scores: pd.DataFrame, unit: str = "PSNR (dB)") -> Figure:
    """Compare one measure of the same pictures under several conventions.

    Parameters
    ----------
    scores
        One row a convention, named by the index, and one column a set of pictures. Infinite values are allowed.
    unit
        Name and unit of the measure.

    Returns
    -------
    Figure
        A line a convention, a marker a set of pictures; what is infinite sits at the right edge, with an arrow.
    """
    figure, axes = _axes(1, 1, width=8, height=1.1 + 0.32 * len(scores))
    ax, finite = axes[0, 0], scores.where(np.isfinite(scores))
    edge = finite.max().max() + 0.08 * (finite.max().max() - finite.min().min())
    for name, marker, color in zip(scores, MARKERS, (BLUE, ORANGE, GREEN, PINK)):
        ax.plot(scores[name].clip(upper=edge), scores.index, marker, color=color, label=name)
        for y in np.flatnonzero(np.isposinf(scores[name])):
            ax.annotate("→ infinite", (edge, y), (22, 0), textcoords="offset points", va="center", color=color)
    ax.axvline(scores.iloc[0, 0], color="0.7", linewidth=1, zorder=0)
    ax.set(xlabel=unit, ylim=(len(scores) - 0.5, -0.5))
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(scores.columns), frameon=False)
    ranges = (f"{name} from {finite[name].min():.1f} to {finite[name].max():.1f}" for name in scores)
    infinite = int(np.isinf(scores.to_numpy()).sum())
    figure.alt = (
        f"Dot plot of {unit} under {len(scores)} conventions: {'; '.join(ranges)}"
        f"{f'; {infinite} infinite' if infinite else ''}."
    )
    return figure


def opponent_colors(images: Mapping[str, Tensor]) -> Figure:
    """Draw the pixels of pictures in the plane in which colorfulness is measured.

    Parameters
    ----------
    images
        Name -> one picture, (3, H, W), in [0, 1].

    Returns
    -------
    Figure
        A panel a picture: one dot a pixel, in its own color, and a cross at the mean.
    """
    figure, axes = _axes(1, len(images), width=2.7, height=2.9, sharex=True, sharey=True)
    measured = []
    for ax, (name, image) in zip(axes[0], images.items()):
        red, green, blue = 255 * image.detach().clamp(0, 1).flatten(1).numpy()
        across, up = red - green, (red + green) / 2 - blue
        ax.scatter(across, up, c=np.stack([red, green, blue], axis=1) / 255, s=4)
        ax.plot(across.mean(), up.mean(), "+", color="black", markersize=14, markeredgewidth=2)
        measured.append(f"{name} {colorfulness(image[None]).item():.0f}")
        ax.set(title=f"{name}\nM = {measured[-1].split()[-1]}", xlabel="red - green (levels)")
        ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        ax.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    axes[0, 0].set_ylabel("yellow - blue (levels)")
    figure.alt = (
        "Pixels by their differences red minus green and yellow minus blue; the wider the cloud and the farther its "
        f"mean from zero, the more colorful. Colorfulness M: {', '.join(measured)}."
    )
    return figure


def losses_over_training(logs: Mapping[str, pd.DataFrame], window: int = 25) -> Figure:
    """Draw the losses of several runs, smoothed.

    Parameters
    ----------
    logs
        Model -> its log, with the columns step, d_loss, g_loss and l1.
    window
        Steps of the running mean.

    Returns
    -------
    Figure
        Three panels: discriminator, generator without L1, and L1. Adversarial losses of different models have
        different scales; L1 can be compared.
    """
    panels = {"d_loss": "discriminator's loss", "g_loss": "generator's adversarial loss", "l1": "L1 distance (−1 to 1)"}
    figure, axes = _axes(1, 3, width=3.3, height=2.6)
    for ax, (column, label) in zip(axes[0], panels.items()):
        for (name, log), color in zip(logs.items(), (BLUE, ORANGE, GREEN, PINK)):
            ax.plot(log["step"], log[column].rolling(window, min_periods=1).mean(), color=color, label=name)
        ax.set(xlabel="step", ylabel=label)
    axes[0, 0].legend()
    ends = (
        f"{name} from {log['l1'].head(5).mean():.2f} to {log['l1'].tail(50).mean():.2f}" for name, log in logs.items()
    )
    figure.alt = f"Three panels of losses over training steps. The L1 distance falls: {'; '.join(ends)}."
    return figure


def means_with_intervals(summary: pd.DataFrame) -> Figure:
    """Draw the mean scores of models with their intervals.

    Parameters
    ----------
    summary
        From `results.summary`: model, metric ("psnr" in dB, "ssim" in percent), mean, low, high.

    Returns
    -------
    Figure
        A panel a metric, a row a model: a dot at the mean, a bar from low to high.
    """
    units = {"psnr": "PSNR (dB)", "ssim": "SSIM (%)"}
    models = list(dict.fromkeys(summary["model"]))
    figure, axes = _axes(1, 2, width=4.2, height=0.9 + 0.4 * len(models), sharey=True)
    words = []
    for ax, (metric, unit) in zip(axes[0], units.items()):
        rows = summary[summary["metric"] == metric].set_index("model").loc[models]
        around = np.stack([rows["mean"] - rows["low"], rows["high"] - rows["mean"]])
        ax.errorbar(rows["mean"], models, xerr=around, fmt="o", color=BLUE, capsize=3)
        ax.set(xlabel=unit, ylim=(len(models) - 0.5, -0.5))
        ax.grid(axis="x", color="0.9")
        ax.set_axisbelow(True)
        words.append(f"{unit}: " + ", ".join(f"{model} {mean:.1f}" for model, mean in rows["mean"].items()))
    figure.alt = f"Dots with bars, one row a model. Means, {'; '.join(words)}."
    return figure
