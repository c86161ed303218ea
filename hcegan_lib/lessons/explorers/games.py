"""The Dirac-GAN: its vector field, and gradient descent from a chosen start."""

from collections.abc import Mapping

import numpy as np
import torch

from hcegan_lib import dirac
from hcegan_lib.lessons.explorers.explorer import Explorer, control, prepare, set_line
from hcegan_lib.lessons.plots.figure import BLUE, ORANGE, Figure
from hcegan_lib.lessons.plots.games import directions
from hcegan_lib.losses import LOSSES, AdversarialLoss

EDGE = 2.0  # both axes of the plane go from -EDGE to EDGE


def dirac_picture(
    *, loss: AdversarialLoss, rate: float, theta: float, psi: float, steps: int = 60, figure: Figure | None = None
) -> Figure:
    """Draw gradient descent from one start through the vector field of a loss, and its distance from (0, 0)."""
    figure = prepare(figure, 2, width=4.3, height=3.7, left=0.08, bottom=0.14, top=0.91, wspace=0.25)
    plane, distance = figure.axes
    grid = torch.linspace(-EDGE, EDGE, 15, dtype=torch.float64)
    if not plane.collections:
        plane.quiver(grid, grid, *directions(loss, grid), color="0.7", pivot="mid", scale=22, width=0.004)
    plane.collections[0].set_UVC(*directions(loss, grid))
    thetas, psis = (part.numpy() for part in dirac.trajectory(loss, theta, psi, learning_rate=rate, steps=steps))
    set_line(plane, 0, thetas, psis, ".-", color=BLUE, markersize=3, linewidth=1)
    set_line(plane, 1, thetas[:1], psis[:1], "o", color=ORANGE, markersize=8)
    set_line(plane, 2, [0], [0], "+", color="black", markersize=10)
    plane.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE), xlabel="θ (generator)", ylabel="ψ (discriminator)")
    away = np.hypot(thetas, psis)
    set_line(distance, 0, np.arange(steps + 1), away, color=BLUE)
    set_line(distance, 1, [0, steps], [0, 0], color="0.8", linewidth=0.8, zorder=0)
    distance.set(xlim=(0, steps), ylim=(-0.05, 2 * EDGE), xlabel="step", ylabel="distance from the solution")
    figure.alt = (
        f"A plane of arrows with a path from theta {thetas[0]:.1f}, psi {psis[0]:.1f}, and a line of its distance "
        f"from the solution: {away[0]:.2f} at the start, {away[-1]:.2f} after {steps} steps."
    )
    return figure


def dirac_explorer(losses: Mapping[str, AdversarialLoss] = LOSSES) -> Explorer:
    """Choose one of the losses, the learning rate and the start, and see whether the two players converge."""
    controls = {
        "loss": control("loss", next(iter(losses.values())), losses, "what both players minimize"),
        "rate": control("learning rate", 0.2, (0.02, 1, 0.02), "step size, as a multiple of the gradient"),
        "theta": control("start θ", 1, (-2, 2, 0.1), "what the generator renders at first; the truth is 0"),
        "psi": control("start ψ", 1, (-2, 2, 0.1), "the discriminator's slope at first"),
    }
    return Explorer(dirac_picture, controls)
