"""What the tables say: means, differences to the baseline, intervals, and p values."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hcegan_lib.experiment.results.statistics import LEVEL
from hcegan_lib.experiment.results.tables import BASELINE
from hcegan_lib.lessons.plots.figure import (
    BLUE,
    COLORS,
    GREEN,
    MARKERS,
    ORANGE,
    Figure,
    add_legend,
    make_panels,
    name_rows,
)

SCORES = {"psnr": "PSNR (dB)", "ssim": "SSIM (%)"}


def means_with_intervals(summary: pd.DataFrame) -> Figure:
    """Draw the means and intervals of `results.summary`, one row per model, with a dashed line at the first mean."""
    figure, panels = _panels_of_scores(summary, 4.2, 0.9, 0.4)
    words = []
    for ax, unit, rows in panels:
        _draw_intervals(ax, np.arange(len(rows)), rows, fmt="o", color=BLUE)
        ax.axvline(rows["mean"].iloc[0], color="0.5", linestyle="--", linewidth=1, zorder=0)
        ax.set_xlabel(unit)
        words.append(f"{unit}: " + ", ".join(f"{model} {mean:.1f}" for model, mean in rows["mean"].items()))
    figure.alt = f"Dots with interval bars, one row per model. Means, {'; '.join(words)}."
    return figure


def _panels_of_scores(table: pd.DataFrame, width: float, edges: float, row: float) -> tuple[Figure, list]:
    """Make one panel per score, with one row per model; list each panel, the score's unit and its rows of the table."""
    models = list(dict.fromkeys(table["model"]))
    figure, [axes] = make_panels(1, 2, width=width, height=edges + row * len(models), sharey=True)
    for ax in axes:
        name_rows(ax, models)
    rows = (table[table["metric"] == metric].set_index("model").loc[models] for metric in SCORES)
    return figure, list(zip(axes, SCORES.values(), rows))


def _draw_intervals(ax: Axes, y: np.ndarray, rows: pd.DataFrame, **look: object) -> None:
    """Draw the column `mean` as dots and `low` to `high` as bars; a row without an interval is a dot alone."""
    ax.errorbar(rows["mean"], y, xerr=[rows["mean"] - rows["low"], rows["high"] - rows["mean"]], capsize=3, **look)


def differences_to_baseline(table: pd.DataFrame, data: str) -> Figure:
    """Draw the differences to pix2pix of a `results.table`, as printed (rings) and as measured on one data set.

    The verdict stands on the right.
    """
    figure, panels = _panels_of_scores(table[table["model"] != BASELINE], 4.9, 1.2, 0.5)
    words = []
    for ax, unit, rows in panels:
        y, printed = np.arange(len(rows)), rows.filter(regex="^paper .* difference$").to_numpy()  # (models, 7)
        rings = np.broadcast_to(y[:, None] - 0.16, printed.shape)
        ax.plot(printed.ravel(), rings.ravel(), "o", color=ORANGE, fillstyle="none", label="paper, seven data sets")
        label = f"measured on {data}, 95% interval"
        _draw_intervals(ax, y + 0.16, _interval(rows, data), fmt="s", color=BLUE, label=label)
        for row, verdict in enumerate(rows[f"{data} verdict"]):
            ax.text(1.01, row, verdict, transform=ax.get_yaxis_transform(), va="center", fontsize="small")
        judged = rows.groupby(f"{data} verdict", sort=False).groups.items()
        words.append(f"{unit}: " + "; ".join(f"{verdict} for {', '.join(group)}" for verdict, group in judged))
    _finish_differences(panels)
    figure.alt = (
        f"Differences to {BASELINE}, one row per model: the paper's as rings, ours with bars. {'. '.join(words)}."
    )
    return figure


def two_intervals(table: pd.DataFrame, data: str) -> Figure:
    """Draw the measured differences of a `results.table` on one data set, with intervals over seeds and photographs."""
    figure, panels = _panels_of_scores(table.dropna(subset=f"{data} difference"), 4.2, 1.1, 0.42)
    kinds = {"over seeds": ("", BLUE, "s", -0.13), "over photographs": (" photographs", GREEN, "D", 0.13)}
    words = []
    for ax, unit, rows in panels:
        for label, (kind, color, marker, shift) in kinds.items():
            ends = _interval(rows, data, kind)
            _draw_intervals(ax, np.arange(len(rows)) + shift, ends, fmt=marker, color=color, markersize=4, label=label)
            off = ((ends["low"] > 0) | (ends["high"] < 0)).sum()
            words.append(f"{unit} {label}: {off} of {len(rows)}")
    _finish_differences(panels)
    figure.alt = f"Two bars per row, one row per model. Bars that exclude 0: {'; '.join(words)}."
    return figure


def _interval(rows: pd.DataFrame, data: str, kind: str = "") -> pd.DataFrame:
    """Select the measured differences and the ends of their intervals, as `_draw_intervals` expects them."""
    names = [f"{data} difference", f"{data} difference{kind} low", f"{data} difference{kind} high"]
    return rows[names].set_axis(["mean", "low", "high"], axis=1)


def _finish_differences(panels: Sequence[tuple]) -> None:
    for ax, unit, _ in panels:
        ax.axvline(0, color="0.5", linewidth=1, zorder=0)
        ax.set_xlabel(f"{unit} minus {BASELINE}")
    panels[0][0].legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize="small", frameon=False)


def holm_steps(p_values: Sequence[float]) -> Figure:
    """Draw the p values of a table in ascending order with Holm's limits: LEVEL / m, LEVEL / (m - 1), ..., LEVEL.

    A p value is significant if it and all smaller ones lie below their limits.
    """
    p = np.sort(np.asarray(p_values, float))
    limits = LEVEL / np.arange(len(p), 0, -1)
    below = np.logical_and.accumulate(p < limits)
    places = np.arange(1, len(p) + 1)
    figure, [[ax]] = make_panels(1, 1, width=6.5, height=3)
    ax.step(places, limits, where="mid", color="0.3", label=f"limit: {LEVEL:g} / (m − k + 1)")
    ax.axhline(LEVEL, color="0.6", linestyle=":", label=f"limit for a single comparison: {LEVEL:g}")
    ax.plot(places[below], p[below], "o", color=BLUE, label="significant")
    ax.plot(places[~below], p[~below], "o", color=ORANGE, fillstyle="none", label="not significant")
    ax.set(xlabel="rank k of the comparison, smallest p first", ylabel="p value", yscale="log", xticks=places)
    ax.legend(fontsize="small")
    figure.alt = (
        f"{len(p)} p values in ascending order, and limits that rise from {limits[0]:.4f} to {LEVEL:g}. "
        f"Significant by Holm's rule: {below.sum()}; below {LEVEL:g}: {(p < LEVEL).sum()}."
    )
    return figure


def differences_of_single_runs(differences: pd.DataFrame, least: Mapping[str, float]) -> Figure:
    """Draw the printed differences to a baseline over the band within which two single runs of one model may differ.

    One panel per metric, one row per data set. Color and height within the row show the loss, the marker shows how the
    attention is initialized. The columns are metric ("psnr" in dB, "ssim" in percent), model, gamma_init, loss, dataset
    and difference. `least` is the smallest difference that a test calls real: half the width of the band.
    """
    colors = dict(zip(differences["loss"].unique(), COLORS))
    markers = dict(zip(differences["gamma_init"].unique(), MARKERS))
    places = {name: y for y, name in enumerate(differences["dataset"].unique())}
    figure, [axes] = make_panels(1, len(least), width=4.6, height=1.6 + 0.42 * len(places), sharey=True)
    words = []
    for ax, (metric, half) in zip(axes, least.items()):
        rows = differences[differences["metric"] == metric]
        ax.axvspan(-half, half, color="0.9", label="within the spread of our seeds")
        ax.axvline(0, color="0.5", linewidth=1)
        for model, cells in rows.groupby("model", sort=False):
            loss, start = cells[["loss", "gamma_init"]].iloc[0]
            shift = 0.22 * (list(colors).index(loss) - (len(colors) - 1) / 2)  # keeps dots from covering each other
            style = {"color": colors[loss], "marker": markers[start], "label": model}
            ax.plot(cells["difference"], cells["dataset"].map(places) + shift, linestyle="", alpha=0.8, **style)
        unit = SCORES[metric]
        ax.set(xlabel=f"difference in {unit}", ylim=(len(places) - 0.5, -0.5))
        ax.set_yticks(range(len(places)), places)
        beyond = (rows["difference"].abs() >= half).sum()
        words.append(f"{beyond} of {len(rows)} differences in {unit} lie outside its band of ±{half:.2f}")
    add_legend(figure, 4, place="lower")
    figure.alt = f"Dots over a gray band, one row per data set and one panel per metric. {'; '.join(words)}."
    return figure
