"""The games that two players play: Dirac-GANs, games on a line, and what several runs of a game score."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from torch import Tensor

from hcegan_lib.dirac import vector_field
from hcegan_lib.lessons.plots.figure import BLUE, COLORS, STYLES, Figure, add_legend, make_panels, name_rows
from hcegan_lib.lessons.plots.the_game import draw_moment
from hcegan_lib.losses import AdversarialLoss

REACH = 2.2  # both axes go from -REACH to REACH

Field = Callable[[AdversarialLoss, Tensor, Tensor], tuple[Tensor, Tensor]]  # game, theta, psi -> pulls on both


def dirac_games(
    games: Mapping[str, AdversarialLoss],
    paths: Mapping[str, Mapping[str, tuple[Tensor, Tensor]]],
    *,
    field: Field = vector_field,
    data: float = 0.0,
) -> Figure:
    """Draw the vector fields of Dirac-GANs and the paths of gradient descent through them, one panel per game.

    Arrows have unit length. A path leads from a circle to a square. On the dotted lines, the margins, the rendering
    scores -1, or the data score 1.

    Parameters
    ----------
    games
        Name -> losses of both players.
    paths
        Name of a game -> its runs by name: thetas and psis, (steps + 1,) each, such as of `dirac.trajectory`.
    field
        Computes the pulls on theta and on psi.
    data
        Where all data is: the solution is theta = data, psi = 0.
    """
    rows = -(-len(games) // 4)
    figure, axes = make_panels(rows, -(-len(games) // rows), width=2.5, height=2.6, sharex=True, sharey=True)
    for ax in axes.flat[len(games) :]:
        ax.set_axis_off()
    words = []
    for ax, (name, game) in zip(axes.flat, games.items()):
        _draw_field(ax, game, field, data)
        ends = []
        for (run, path), color, style in zip(paths[name].items(), COLORS, STYLES):
            thetas, psis = (part.numpy() for part in path)
            ax.plot(thetas, psis, style, color=color, linewidth=1, label=run)
            ax.plot(thetas[:1], psis[:1], "o", color="black", markersize=5)
            ax.plot(thetas[-1:], psis[-1:], "s", color=color, markersize=5)
            ends.append(f"{np.hypot(thetas[-1] - data, psis[-1]):.1f}")
        words.append(f"{name} {' and '.join(ends)}")
        ax.plot(data, 0, "+", color="black", markersize=9)
        ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
        ax.set_title(name, fontsize="medium")
    for ax in axes[:, 0]:
        ax.set_ylabel("ψ (discriminator)")
    for column in axes.T:
        [ax for ax in column if ax.axison][-1].set_xlabel("θ (generator)")
    add_legend(figure, 2)
    runs = " and ".join(next(iter(paths.values())))
    figure.alt = (
        f"One plane of arrows with paths per loss. Final distance from the solution, {runs}: {'; '.join(words)}."
    )
    return figure


def _draw_field(ax: Axes, game: AdversarialLoss, field: Field, data: float) -> None:
    """Draw the directions of a game's vector field, and the margins."""
    grid = torch.linspace(-0.95 * REACH, 0.95 * REACH, 15)
    arrows = directions(game, grid, field)
    ax.quiver(grid, grid, *arrows, color="0.68", pivot="mid", scale=20, width=0.007, headwidth=3.5)
    margin = np.linspace(1 / REACH, REACH, 50)
    for side in (margin, -margin):
        ax.plot(side, -1 / side, ":", color="0.5", linewidth=1)
    if data:
        ax.axhline(1 / data, color="0.5", linestyle=":", linewidth=1)


def directions(game: AdversarialLoss, grid: Tensor, field: Field = vector_field) -> np.ndarray:
    """Compute a game's vector field where theta and psi take all values of a grid, (n,), as unit vectors, (2, n, n)."""
    pull = torch.stack(field(game, grid[None], grid[:, None]))
    return torch.nan_to_num(pull / pull.norm(dim=0).clamp(min=1e-12)).numpy()  # rounding has no direction


def ends_of_games(ends: Mapping[str, tuple[Tensor, Tensor]], *, real: Tensor, at: Tensor) -> Figure:
    """Draw how games on the line end, one panel per game: real and fake points, and the discriminator's probability.

    Parameters
    ----------
    ends
        Name of a game -> fake points (n,), and the probability of "real" at the positions `at`, (m,).
    real
        Real points, (n,).
    at
        Positions from left to right, (m,); points beyond the ends are drawn there.
    """
    rows = -(-len(ends) // 4)
    figure, axes = make_panels(rows, -(-len(ends) // rows), width=2.9, height=2.4, sharex=True, sharey=True)
    for ax, (name, (points, probabilities)) in zip(axes.flat, ends.items()):
        draw_moment(ax, real, at, points.clamp(at[0], at[-1]), probabilities)
        ax.set(xlabel="")
        ax.set_title(name, fontsize="medium")
    for ax in axes[-1]:
        ax.set_xlabel("y")
    for ax in axes[:, 0]:
        ax.set_ylabel("D(y); density")
    add_legend(figure, 3)
    means = ", ".join(f"{name} {points.mean():.1f}" for name, (points, _) in ends.items())
    figure.alt = (
        "One panel per game with histograms and dots of real and fake points, and the discriminator's curve. Mean of "
        f"the fake points: {means}; of the real points: {real.mean():.1f}."
    )
    return figure


def scores_by_seed(scores: pd.DataFrame, units: Mapping[str, str]) -> Figure:
    """Draw one dot per run and a bar at the mean of each model; one row per model, one panel per measure.

    Parameters
    ----------
    scores
        One row per run; the index is the model, in the order of the rows from above.
    units
        Column of `scores` -> label of its axis.
    """
    models = list(dict.fromkeys(scores.index))
    size = {"width": 9.6 / len(units), "height": 0.8 + 0.34 * len(models)}
    figure, [axes] = make_panels(1, len(units), **size, sharey=True)
    means = scores.groupby(level=0).mean()
    for ax, (column, unit) in zip(axes, units.items()):
        name_rows(ax, models)
        ax.plot(scores[column], [models.index(model) for model in scores.index], "o", color=BLUE, alpha=0.6)
        ax.plot(means.loc[models, column], range(len(models)), "|", color="black", markersize=16)
        ax.set_xlabel(unit)
    first, unit = next(iter(units.items()))
    words = ", ".join(f"{model} {means[first][model]:.2f}" for model in models)
    figure.alt = f"Dots for single runs and bars for means, one row per model. Mean {unit}: {words}."
    return figure
