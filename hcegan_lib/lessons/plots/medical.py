"""Medical pictures: gray windows, the lightness of color maps, and where two renderings disagree."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from hcegan_lib.lessons.plots.figure import BLUE, COLORS, ORANGE, STYLES, Figure, draw_map, draw_photo, make_panels


def windows_on_values(values: np.ndarray, at: np.ndarray, ramps: Mapping[str, np.ndarray], *, unit: str) -> Figure:
    """Draw how often each value occurs above, and the gray that each window gives to it below.

    Parameters
    ----------
    values
        Values of all pixels, any shape.
    at
        Values from low to high, (n,).
    ramps
        Name of a window -> gray at these values, (n,), in [0, 1].
    unit
        What the values are, with their unit.
    """
    figure, axes = make_panels(2, 1, width=6.5, height=1.9, sharex=True)
    above, below = axes[:, 0]
    above.hist(values.ravel(), bins=np.linspace(at[0], at[-1], 81), color=BLUE, log=True)
    above.set(ylabel="pixels")
    for (name, gray), color, style in zip(ramps.items(), COLORS[1:], STYLES):
        below.plot(at, gray, style, color=color, linewidth=2, label=name)
    below.set(xlabel=unit, ylabel="gray on the screen", xlim=(at[0], at[-1]))
    below.legend(fontsize="small")
    limits = (f"{name} from {at[gray > 0][0]:.0f} to {at[gray >= 1][0]:.0f}" for name, gray in ramps.items())
    figure.alt = (
        f"A histogram of values from {values.min():.0f} to {values.max():.0f}. Below it, one rising line per window, "
        f"from black to white: {', '.join(limits)}."
    )
    return figure


def lightness_of_maps(at: np.ndarray, colors: Mapping[str, np.ndarray], lightness: Mapping[str, np.ndarray]) -> Figure:
    """Draw the lightness of color maps over the value that they show, thick where it falls, above their colors.

    Parameters
    ----------
    at
        Values from low to high, (n,).
    colors
        Name of a map -> its colors at these values, (n, 3), in [0, 1].
    lightness
        Name of a map -> CIELAB L* of these colors, (n,), from 0 to 100.
    """
    figure, axes = make_panels(
        2, len(colors), width=10 / len(colors), height=1.4, height_ratios=[7, 1], sharex=True, sharey="row"
    )
    falls = {}
    for (curve, strip), (name, shown) in zip(axes.T, colors.items()):
        level = lightness[name]
        falls_next = np.diff(level) < 0
        falling = np.append(falls_next, False) | np.append(False, falls_next)  # both ends of each fall
        falls[name] = np.maximum(-np.diff(level), 0).sum()
        curve.plot(at, level, color="black", linewidth=1.2)
        curve.plot(at, np.where(falling, level, np.nan), color=ORANGE, linewidth=4, alpha=0.8)
        curve.set_title(name, fontsize="medium")
        curve.set_ylim(0, 100)
        strip.imshow(shown[None], extent=(at[0], at[-1], 0, 1), aspect="auto")
        strip.set(yticks=[], xlabel="value")
    axes[0, 0].set_ylabel("lightness L*")
    words = ", ".join(f"{name} {fall:.0f}" for name, fall in falls.items())
    figure.alt = (
        f"Lightness over the value, one panel per color map, above its colors. Sum of all falls in L*: {words}."
    )
    return figure


def disagreement(rows: Mapping[str, tuple[Tensor, Tensor, Tensor, Tensor]], *, names: tuple[str, str]) -> Figure:
    """Show a gray picture, two renderings of it, and a map of the color difference between the two, one row each.

    Parameters
    ----------
    rows
        Label -> gray (1, H, W) and two renderings (3, H, W), in [0, 1], and their CIEDE2000 in each pixel, (H, W).
    names
        What the two renderings are.
    """
    figure, axes = make_panels(len(rows), 4, width=2.3, height=2.1)
    top = max(difference.quantile(0.995).item() for *_, difference in rows.values())
    for row, (label, (*images, difference)) in zip(axes, rows.items()):
        for ax, image in zip(row, images):
            draw_photo(ax, image)
        drawn = draw_map(row[3], difference, (0, top), "inferno", interpolation="nearest")
        row[0].set_ylabel(label)
    for ax, title in zip(axes[0], ("given", *names, "difference")):
        ax.set_title(title, fontsize="medium")
    figure.colorbar(drawn, ax=axes[:, 3], label="CIEDE2000", extend="max")
    words = ", ".join(f"{label} {difference.mean():.0f}" for label, (*_, difference) in rows.items())
    figure.alt = (
        f"Gray pictures, one per row, two renderings of each, and a map that is brighter where the two differ. Mean "
        f"difference, CIEDE2000: {words}."
    )
    return figure
