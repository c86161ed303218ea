"""What the tables say: means, differences to the baseline, intervals, and p values."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hcegan_lib import paper
from hcegan_lib.experiment.results import effects
from hcegan_lib.experiment.results.statistics import LEVEL, interval
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


def effects_by_data_set(scores: pd.DataFrame) -> Figure:
    """Draw the primary contrasts of the scorecard for each data set, and their means, beside the paper's own.

    One column per contrast, one row per metric. Rings: the paper, each beside the set that stands in for its column,
    or all in the last row. Squares: measured, with the 95% interval over seeds. Diamond: mean and interval over sets.
    """
    figure, axes = make_panels(2, len(effects.PRIMARY), width=3.6, height=1.5 + 0.2 * scores["data"].nunique())
    words = []
    for row, (metric, unit) in zip(axes, SCORES.items()):
        for ax, (name, contrast) in zip(row, effects.PRIMARY.items()):
            words.append(f"{name}, {unit}: {_draw_effects(ax, scores, contrast.weights, metric)}")
            ax.set_xlabel(f"effect in {unit}")
            ax.axvline(0, color="0.5", linewidth=1, zorder=1)
    for ax, contrast in zip(axes[0], effects.PRIMARY.values()):
        ax.set_title(contrast.claim, fontsize="medium")
    for ax in axes[:, 1:].flat:
        ax.set_yticklabels([])
    add_legend(figure, 4, place="lower")
    figure.alt = f"Effects with intervals, one panel per contrast and metric, one row per data set. {'; '.join(words)}."
    return figure


def _draw_effects(ax: Axes, scores: pd.DataFrame, weights: Mapping[str, float], metric: str) -> str:
    """Draw one panel of `effects_by_data_set`; return the means in words."""
    cells = effects.effects(scores, weights, metric)
    known = [name for name in paper.STANDINS.values() if name in cells.index]
    cells = cells.loc[[*known, *cells.index.difference(known)]]  # in the order of the paper's columns
    printed = effects.printed_effects(weights, metric).rename(paper.STANDINS)
    each = pd.DataFrame([interval(seeds.dropna()) for _, seeds in cells.iterrows()], index=cells.index)
    _draw_intervals(ax, np.arange(len(each)), each, fmt="s", color=BLUE, markersize=4, label="measured, over seeds")
    beside = {name: y for y, name in enumerate(cells.index)}
    y = printed.index.map(lambda name: beside.get(name, len(cells))) - 0.2
    ax.plot(printed, y, "o", color=ORANGE, fillstyle="none", label="the paper's columns")
    last, names = len(cells), [name.removeprefix("standin-") for name in cells.index]
    ax.plot(printed.mean(), last - 0.2, "o", color=ORANGE, label="the paper's mean")
    if len(each) > 1:
        mean = pd.DataFrame([effects.summarize(cells)])
        _draw_intervals(ax, np.array([last]), mean, fmt="D", color=BLUE, label="measured, over data sets")
    name_rows(ax, [*names, "mean" if len(each) > 1 else "the paper"])
    return f"measured {each['mean'].mean():+.2f}, the paper's {printed.mean():+.2f}"


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
