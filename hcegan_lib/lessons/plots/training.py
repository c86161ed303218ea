"""What happens in training: weights, losses, gradients, gains, and how steady they are."""

from collections.abc import Mapping, Sequence

import pandas as pd

from hcegan_lib.lessons.plots.figure import (
    BLUE,
    COLORS,
    GREEN,
    ORANGE,
    PINK,
    STYLES,
    Figure,
    add_legend,
    draw_band,
    make_panels,
    mark_zero,
    name_rows,
)

L1 = "L1 distance (−1 to 1)"


def over_steps(
    curves: Mapping[str, Sequence[float]], *, ylabel: str, level: float | None = None, xscale: str = "log"
) -> Figure:
    """Draw a number over the steps of several runs, from step 1 on, because a logarithmic axis has no step 0.

    Each curve starts with the number before any step; curves may differ in length. `level` draws a horizontal line,
    and `xscale` may be "linear".
    """
    figure, [[ax]] = make_panels(1, 1, width=6.5, height=3.2)
    for (name, values), color, style in zip(curves.items(), COLORS, STYLES):
        ax.plot(range(1, len(values)), values[1:], style, color=color, linewidth=2, label=name)
    if level is not None:
        ax.axhline(level, color="0.6", linewidth=1, zorder=0)
    ax.set(xscale=xscale, xlabel="step", ylabel=ylabel)
    if max(map(len, curves.values())) <= 10:  # within one decade, Matplotlib would write 2 x 10^0
        ax.xaxis.set_minor_formatter("{x:g}")
    ax.xaxis.set_major_formatter("{x:g}")
    add_legend(figure, len(curves), frameon=True)
    ends = (f"{name} ends at {values[-1]:.2f} after {len(values) - 1} steps" for name, values in curves.items())
    figure.alt = f"Line plot of the {ylabel} over training steps: {'; '.join(ends)}."
    return figure


def gains_over_training(log: pd.DataFrame, *, learning_rate: float, window: int) -> Figure:
    """Draw the gain of the attention, the same near 0, and L1 over training: means and ranges over seeds.

    The columns are model, seed, step, gain (mean of |γ|) and l1. The dotted line in the second panel is a weight that
    moves by the learning rate in every step. `window` is the number of steps in the running mean of L1; one epoch
    averages out which photographs a step used.
    """
    figure, [axes] = make_panels(1, 3, width=3.3, height=2.9)
    gain, near_zero, l1 = axes
    for (model, runs), color, style in zip(log.groupby("model", sort=False), COLORS, STYLES):
        gains = runs.pivot(index="step", columns="seed", values="gain")
        distances = runs.pivot(index="step", columns="seed", values="l1").rolling(window).mean()
        for ax, lines in ((gain, gains), (near_zero, gains), (l1, distances)):
            draw_band(ax, lines, color=color, alpha=0.3, style=style, label=model)
    last = log["step"].max()
    near_zero.plot([0, last], [0, learning_rate * last], ":", color="black", label="learning rate × step")
    near_zero.set(ylim=(0, 0.05))
    for ax, what in zip(axes, ("gain, mean |γ|", "gain near 0", L1)):
        ax.set(xlabel="step", ylabel=what)
    gain.legend(fontsize="small", loc="center right", bbox_to_anchor=(1, 0.3))
    near_zero.legend(handles=near_zero.lines[-1:], fontsize="small", loc="lower right")
    ends = log[log["step"].isin((0, last))].groupby(["model", "step"], sort=False)["gain"].mean().unstack()
    words = (f"{model} from {row[0]:.2f} to {row[last]:.2f}" for model, row in ends.iterrows())
    figure.alt = (
        f"Lines over {last} steps with bands over seeds: gain and L1 distance. The gain: {'; '.join(words)}. A weight "
        f"that moves by the learning rate in every step would go from 0 to {learning_rate * last:.2f}."
    )
    return figure


def losses_over_training(logs: Mapping[str, pd.DataFrame], window: int = 25) -> Figure:
    """Draw running means of the losses of several models: discriminator, generator without L1, and L1.

    The columns of each log are step, d_loss, g_loss and l1; `window` is a number of steps.
    """
    panels = {"d_loss": "discriminator loss", "g_loss": "generator's adversarial loss", "l1": L1}
    figure, [axes] = make_panels(1, 3, width=3.3, height=2.6)
    for ax, (column, label) in zip(axes, panels.items()):
        for (name, log), color in zip(logs.items(), COLORS):
            ax.plot(log["step"], log[column].rolling(window, min_periods=1).mean(), color=color, label=name)
        ax.set(xlabel="step", ylabel=label)
    axes[0].legend()
    distances = {name: log["l1"] for name, log in logs.items()}
    ends = (f"{name} from {l1.head(5).mean():.2f} to {l1.tail(50).mean():.2f}" for name, l1 in distances.items())
    figure.alt = f"Three panels of losses over training steps. L1 distance: {'; '.join(ends)}."
    return figure


def curves_over_seeds(curves: pd.DataFrame, rows: Sequence[Sequence[str]]) -> Figure:
    """Draw losses and gain over the epochs: the mean over seeds in a band from the lowest to the highest.

    `curves` comes from `records.curves_of`, for one data set. `rows` holds the models of each row of panels, at most
    four. Their adversarial losses may be different functions, so only L1 and gain share a scale across rows.
    """
    panels = {"d_loss": "discriminator loss", "g_loss": "generator loss", "l1": L1, "gain": "gain, mean |γ|"}
    figure, axes = make_panels(len(rows), len(panels), width=2.6, height=2.3, sharex=True)
    for first, *others in axes.T[2:]:
        for ax in others:
            ax.sharey(first)
    for row, models in zip(axes, rows):
        for model, color, style in zip(models, (PINK, BLUE, ORANGE, GREEN), (":", "-", "--", "-.")):
            for ax, column in zip(row, panels):
                lines = curves[curves["model"] == model].pivot(index="epoch", columns="seed", values=column)
                draw_band(ax, lines, color=color, alpha=0.25, style=style, label=model)
        row[-1].legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    for ax, title in zip(axes[0], panels.values()):
        ax.set_title(title, fontsize="medium")
    for ax in axes[-1]:
        ax.set_xlabel("epoch")
    shown = curves[curves["model"].isin([model for models in rows for model in models])]
    ends = shown[shown["epoch"] == shown["epoch"].max()].groupby("model", sort=False)["l1"].mean()
    figure.alt = (
        f"Bands over seeds of both losses, the L1 distance and the gain, over {shown['epoch'].max()} epochs. Mean "
        f"L1 in the last epoch: {', '.join(f'{model} {value:.2f}' for model, value in ends.items())}."
    )
    return figure


def skill_over_training(curves: pd.DataFrame, *, tint: float, decay_from: float = 0.5) -> Figure:
    """Draw the chroma skill of several models over the epochs: mean and range over seeds.

    The columns of `curves` are model, seed, epoch and skill. `tint` is the skill of one constant tint; from the share
    `decay_from` of the epochs on, the learning rate falls.
    """
    figure, [[ax]] = make_panels(1, 1, width=6.5, height=3.4)
    words = []
    for (model, runs), color, style in zip(curves.groupby("model", sort=False), COLORS, STYLES):
        lines = runs.pivot(index="epoch", columns="seed", values="skill")
        draw_band(ax, lines, color=color, alpha=0.25, style=style, label=model)
        words.append(f"{model} ends at {lines.iloc[-1].mean():.2f}")
    ax.axhline(tint, color="black", linestyle=":", linewidth=1, label="one tint")
    ax.axvline(decay_from * curves["epoch"].max(), color="0.5", linestyle="--", linewidth=1)
    mark_zero(ax)
    ax.set(xlabel="epoch", ylabel="chroma skill")
    ax.legend(loc="lower right")
    figure.alt = f"Chroma skill over {curves['epoch'].max()} epochs. {'; '.join(words)}; one tint has {tint:.2f}."
    return figure


def stability(runs: pd.DataFrame, rows: Mapping[str, str]) -> Figure:
    """Draw how far the losses of each model swing, how often they jump, and how much its runs differ in PSNR.

    Each dot is a run, each cross its worst epoch, each black stroke a mean over runs; colors show the loss. `rows` maps
    models to the labels of their rows. The columns are model, loss (its name), d_swing and g_swing (standard deviation
    of the losses within an epoch, mean over some epochs), d_worst and g_worst (of the worst of them), jumps (share of
    epochs, 0 to 1) and psnr (dB, mean over photographs).
    """
    figure, [axes] = make_panels(1, 4, width=2.6, height=1.3 + 0.28 * len(rows), sharey=True)
    panels = (
        ("discriminator loss:\nstd within an epoch", runs["d_swing"], runs["d_worst"]),
        ("generator loss:\nstd within an epoch", runs["g_swing"], runs["g_worst"]),
        ("epochs whose mean\njumps (%)", 100 * runs["jumps"], None),
        ("PSNR of each run (dB),\nmean over photographs", runs["psnr"], None),
    )
    at = runs["model"].map({model: y for y, model in enumerate(rows)})
    for ax, (label, values, worst) in zip(axes, panels):
        for (loss, of_loss), color in zip(runs.groupby("loss", sort=False).groups.items(), (BLUE, ORANGE, PINK, GREEN)):
            if worst is not None:
                ax.plot(worst[of_loss], at[of_loss], "x", color=color, markersize=5, alpha=0.7)
            ax.plot(values[of_loss], at[of_loss], "o", color=color, markersize=5, alpha=0.6, label=loss)
        means = values.groupby(at).mean()
        ax.plot(means, means.index, "|", color="black", markersize=13, markeredgewidth=2)
        ax.set_xlabel(label)
        name_rows(ax, rows.values())
    add_legend(figure, 4)
    means = runs.groupby("model", sort=False)[["g_swing", "psnr"]].mean()
    words = (f"{model} {row.g_swing:.2f} and {row.psnr:.1f}" for model, row in means.iterrows())
    figure.alt = (
        "One dot per run, one row per model: standard deviation of both losses within an epoch, jumps, PSNR. Mean "
        f"deviation of the generator loss and mean PSNR (dB): {'; '.join(words)}."
    )
    return figure
