"""The Dirac-GAN: two losses from one start, each with its vector field, step by step."""

import functools
from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from hcegan_lib import dirac
from hcegan_lib.lessons.explorers.explorer import Control, Explorer, prepare, set_line, set_title, slider
from hcegan_lib.lessons.explorers.explorer import steps as numbers
from hcegan_lib.lessons.plots.figure import BLUE, ORANGE, Figure
from hcegan_lib.lessons.plots.games import directions
from hcegan_lib.losses import LOSSES, AdversarialLoss

EDGE = 2.0  # both axes of the plane go from -EDGE to EDGE
STRETCH = 20  # steps that are computed together


@functools.lru_cache(maxsize=2000)
def _stretch(loss: AdversarialLoss, rate: float, theta: float, psi: float, number: int) -> tuple[Tensor, Tensor]:
    """Compute STRETCH steps of a path, which begin where the stretch before it ended."""
    if number:
        theta, psi = (part[-1] for part in _stretch(loss, rate, theta, psi, number - 1))
    return dirac.trajectory(loss, theta, psi, learning_rate=rate, steps=STRETCH)


def path(loss: AdversarialLoss, rate: float, theta: float, psi: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute thetas and psis, (steps + 1,) each, as `dirac.trajectory` does; what was computed before is kept."""
    parts = [_stretch(loss, rate, theta, psi, number) for number in range(-(-steps // STRETCH))]
    return tuple(
        np.concatenate([[start], *(part[player][1:].numpy() for part in parts)])[: steps + 1]
        for player, start in enumerate((theta, psi))
    )


def dirac_picture(
    *,
    loss: AdversarialLoss,
    rate: float,
    theta: float,
    psi: float,
    steps: int = 60,
    other: AdversarialLoss | None = None,
    names: tuple[str, str] = ("first loss", "second loss"),
    figure: Figure | None = None,
) -> Figure:
    """Draw gradient descent under one or two losses from one start, and the distance from (0, 0) after each step.

    One plane per loss shows the vector field, the path as dots, its start as a circle and where it is as a square.
    """
    games = dict(zip(names, (loss, other) if other else (loss,)))
    figure = prepare(figure, 1 + len(games), width=4, height=3.7, left=0.06, bottom=0.14, top=0.92, wspace=0.22)
    *planes, distance = figure.axes
    words = []
    for place, (name, game) in enumerate(games.items()):
        color, style = ((BLUE, "-"), (ORANGE, "--"))[place]
        thetas, psis = path(game, rate, theta, psi, steps)
        _draw_path(planes[place], game, thetas, psis, color)
        set_title(planes[place], name)
        away = np.hypot(thetas, psis)
        set_line(distance, place, np.arange(steps + 1), away, style, color=color)
        words.append(f"{name} {away[0]:.2f} at the start, {away[-1]:.2f} now")
    set_line(distance, len(games), [0, max(steps, 1)], [0, 0], color="0.8", linewidth=0.8, zorder=0)
    distance.set(xlim=(0, max(steps, 1)), ylim=(-0.05, 2 * EDGE), xlabel="step")
    set_title(distance, "distance from the solution")
    figure.alt = (
        "Planes of arrows with a path for each loss, and lines of the distance from the solution. "
        f"From theta {theta:.1f}, psi {psi:.1f}, after {steps} steps of {rate:g}: {'; '.join(words)}."
    )
    return figure


def _draw_path(plane: Axes, game: AdversarialLoss, thetas: np.ndarray, psis: np.ndarray, color: str) -> None:
    """Draw the vector field of a game and a path through it."""
    grid = torch.linspace(-EDGE, EDGE, 15, dtype=torch.float64)
    if not plane.collections:
        plane.quiver(grid, grid, *directions(game, grid), color="0.7", pivot="mid", scale=22, width=0.004)
        plane.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE), xlabel="θ (generator)", ylabel="ψ (discriminator)")
    plane.collections[0].set_UVC(*directions(game, grid))
    set_line(plane, 0, thetas, psis, ".-", color=color, markersize=3, linewidth=1)
    set_line(plane, 1, thetas[:1], psis[:1], "o", color="black", markersize=8)
    set_line(plane, 2, thetas[-1:], psis[-1:], "s", color=color, markeredgecolor="black", markersize=8)
    set_line(plane, 3, [0], [0], "+", color="black", markersize=10)


def dirac_explorer(losses: Mapping[str, AdversarialLoss] = LOSSES, *, steps: int = 2000) -> Explorer:
    """Choose two losses, the learning rate and the start, and play up to `steps` steps or move to any of them.

    Every step up to 100 can be chosen, then every tenth, and beyond 1000 every hundredth.
    """
    counts = [k for k in range(steps + 1) if k <= 100 or (k % 10 == 0 and k <= 1000) or k % 100 == 0]
    first, second, *_ = [*losses, *losses]
    names, positions = {name: name for name in losses}, numbers(-EDGE, EDGE, 0.1)
    controls = {
        "loss": Control("first loss", first, names, "what both players minimize in the plane on the left"),
        "other": Control("second loss", second, names, "what both players minimize in the plane in the middle"),
        "steps": slider("step", min(60, counts[-1]), counts, "how many steps were made", play=True),
        "rate": slider("learning rate", 0.2, numbers(0.02, 1, 0.02), "step size, as a multiple of the gradient"),
        "theta": slider("start θ", 1.0, positions, "what the generator renders at first; the truth is 0"),
        "psi": slider("start ψ", 1.0, positions, "the discriminator's slope at first"),
    }

    def draw(loss: str, other: str, **values: object) -> Figure:
        return dirac_picture(loss=losses[loss], other=losses[other], names=(loss, other), **values)

    return Explorer(draw, controls, recorded=("steps", [k for k in counts if k <= 100][::10]))
