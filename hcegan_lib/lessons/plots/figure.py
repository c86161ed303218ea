"""What all figures share: alternative text, panels, colors, and small drawing helpers."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from torch import Tensor

# Okabe and Ito 2008: readers with color blindness can tell them apart.
COLORS = BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
STYLES = "-", "--", "-.", ":"
MARKERS = "osD^v"


class Figure(plt.Figure):
    """A figure with alternative text in `alt`; `stride` is the step by which an arrow key moves a place in it."""

    alt: str = ""
    stride: int = 1

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple[dict, dict]:
        """Add the alternative text to the metadata of the PNG, which IPython itself draws."""
        return {}, {"image/png": {"alt": self.alt}}


def make_panels(rows: int, columns: int, width: float, height: float, **options: object) -> tuple[Figure, np.ndarray]:
    """Make a figure of equal panels; `width` and `height` are the size of one panel in inches."""
    size = {"figsize": (width * columns, height * rows), "squeeze": False, "layout": "constrained"}
    return plt.subplots(rows, columns, **size, FigureClass=Figure, **options)


def to_pixels(image: Tensor) -> np.ndarray:
    """Convert an image, (3, H, W) or (1, H, W) in [0, 1], to RGB pixels, (H, W, 3)."""
    pixels = image.detach().clamp(0, 1).permute(1, 2, 0).numpy()
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def draw_photo(ax: Axes, image: Tensor) -> None:
    """Draw a photograph, (3, H, W) or (1, H, W) in [0, 1], without ticks."""
    # Nearest neighbor shows the pixels as they are, and its PNG is a third of the size.
    ax.imshow(to_pixels(image), interpolation="nearest")
    ax.set(xticks=[], yticks=[])


def draw_map(ax: Axes, values: Tensor, limits: tuple[float, float], cmap: str, **look: object) -> AxesImage:
    """Draw a map, (H, W), without ticks."""
    ax.set(xticks=[], yticks=[])
    return ax.imshow(values.numpy(), cmap=cmap, vmin=limits[0], vmax=limits[1], **look)


def draw_band(ax: Axes, runs: pd.DataFrame, *, color: str, alpha: float, style: str, label: str) -> None:
    """Draw the mean over the columns of `runs` as a line, and the range from lowest to highest as a band."""
    ax.fill_between(runs.index, runs.min(axis=1), runs.max(axis=1), color=color, alpha=alpha, linewidth=0)
    ax.plot(runs.index, runs.mean(axis=1), style, color=color, linewidth=1.5, label=label)


def mark_zero(ax: Axes, *, vertical: bool = False) -> None:
    """Draw a thin gray line at height 0, and one at the horizontal position 0 if `vertical`."""
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    if vertical:
        ax.axvline(0, color="0.8", linewidth=0.8, zorder=0)


def name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Name the rows 0, 1, ... of a panel, with row 0 at the top."""
    ax.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)


def add_legend(figure: Figure, columns: int, *, place: str = "upper", frameon: bool = False) -> None:
    """Put the legend of the first panel above ("upper") or below ("lower") all panels."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc=f"outside {place} center", ncols=columns, frameon=frameon)
