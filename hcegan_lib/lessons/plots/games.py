"""The games that two players play: Dirac-GANs."""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from hcegan_lib.dirac import vector_field
from hcegan_lib.lessons.plots.figure import COLORS, STYLES, Figure, add_legend, make_panels
from hcegan_lib.losses import AdversarialLoss

REACH = 2.2  # both axes go from -REACH to REACH


def dirac_games(
    games: Mapping[str, AdversarialLoss], paths: Mapping[str, Mapping[str, tuple[Tensor, Tensor]]]
) -> Figure:
    """Draw the vector fields of Dirac-GANs and the paths of gradient descent through them, one panel per game.

    `paths` maps each game to its runs by name: thetas and psis of `dirac.trajectory`, (steps + 1,) each. Arrows have
    unit length. A path leads from a circle to a square. On the dotted line, the margin, the rendering scores -1.
    """
    columns = min(4, len(games))
    figure, axes = make_panels(-(-len(games) // columns), columns, width=2.5, height=2.6, sharex=True, sharey=True)
    for ax in axes.flat[len(games) :]:
        ax.set_axis_off()
    words = []
    for ax, (name, game) in zip(axes.flat, games.items()):
        _draw_field(ax, game)
        ends = []
        for (run, path), color, style in zip(paths[name].items(), COLORS, STYLES):
            thetas, psis = (part.numpy() for part in path)
            ax.plot(thetas, psis, style, color=color, linewidth=1, label=run)
            ax.plot(thetas[:1], psis[:1], "o", color="black", markersize=5)
            ax.plot(thetas[-1:], psis[-1:], "s", color=color, markersize=5)
            ends.append(f"{np.hypot(thetas[-1], psis[-1]):.1f}")
        words.append(f"{name} {' and '.join(ends)}")
        ax.plot(0, 0, "+", color="black", markersize=9)
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


def _draw_field(ax: Axes, game: AdversarialLoss) -> None:
    """Draw the directions of a game's vector field, and the margin."""
    grid = torch.linspace(-0.95 * REACH, 0.95 * REACH, 15)
    ax.quiver(grid, grid, *directions(game, grid), color="0.68", pivot="mid", scale=20, width=0.007, headwidth=3.5)
    margin = np.linspace(1 / REACH, REACH, 50)
    for side in (margin, -margin):
        ax.plot(side, -1 / side, ":", color="0.5", linewidth=1)


def directions(game: AdversarialLoss, grid: Tensor) -> np.ndarray:
    """Compute a game's vector field where theta and psi take all values of a grid, (n,), as unit vectors, (2, n, n)."""
    pull = torch.stack(vector_field(game, grid[None], grid[:, None]))
    return torch.nan_to_num(pull / pull.norm(dim=0).clamp(min=1e-12)).numpy()  # rounding has no direction
