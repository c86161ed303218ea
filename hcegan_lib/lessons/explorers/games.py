"""The Dirac-GAN: its vector field, and gradient descent from a chosen start."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from hcegan_lib import dirac
from hcegan_lib.lessons.explorers.explorer import Explorer, dropdown, float_slider, prepare, set_line, set_title
from hcegan_lib.lessons.plots.figure import BLUE, ORANGE, Figure, mark_zero
from hcegan_lib.losses import LOSSES, AdversarialLoss


def dirac_walk(
    field: Sequence[Tensor], path: Sequence[Tensor], *, title: str = "", figure: Figure | None = None
) -> Figure:
    """Draw a path through the vector field of a Dirac-GAN and, beside it, its distance from the solution (0, 0).

    Parameters
    ----------
    field
        theta, psi, and the pull on each, all of the same shape, from `dirac.vector_field` on a grid. Arrows have unit
        length.
    path
        theta and psi after each step, (steps + 1,) each, from `dirac.trajectory`.
    title
        Title of the plane.
    figure
        An earlier result to change; None makes a new figure.
    """
    figure = prepare(figure, 2, width=4.3, height=3.7, left=0.08, bottom=0.14, top=0.91, wspace=0.25)
    plane, distance = figure.axes
    theta, psi, *pull = (part.numpy() for part in field)
    length = np.maximum(np.hypot(*pull), 1e-12)
    if not plane.collections:
        plane.quiver(theta, psi, theta, psi, color="0.7", pivot="mid", scale=22, width=0.004)
        mark_zero(distance)
    plane.collections[0].set_UVC(*(np.nan_to_num(part / length) for part in pull))
    thetas, psis = (part.numpy() for part in path)
    set_line(plane, 0, thetas, psis, ".-", color=BLUE, markersize=3, linewidth=1)
    set_line(plane, 1, thetas[:1], psis[:1], "o", color=ORANGE, markersize=8)
    set_line(plane, 2, [0], [0], "+", color="black", markersize=10)
    away = np.hypot(thetas, psis)
    set_line(distance, 1, np.arange(len(away)), away, color=BLUE)
    edge = np.abs(theta).max()
    plane.set(xlim=(-edge, edge), ylim=(-edge, edge), xlabel="θ (generator)", ylabel="ψ (discriminator)")
    set_title(plane, title)
    distance.set(xlim=(0, len(away) - 1), ylim=(-0.05, 2 * edge), xlabel="step", ylabel="distance from the solution")
    figure.alt = (
        f"A plane of arrows with a path from theta {thetas[0]:.1f}, psi {psis[0]:.1f}, and a line of its distance "
        f"from the solution: {away[0]:.2f} at the start, {away[-1]:.2f} after {len(away) - 1} steps."
    )
    return figure


def dirac_picture(
    *,
    loss: AdversarialLoss,
    rate: float,
    theta: float,
    psi: float,
    steps: int = 60,
    figure: Figure | None = None,
) -> Figure:
    """Draw the vector field of a loss on the Dirac-GAN, and gradient descent from one start."""
    psis, thetas = torch.meshgrid(*[torch.linspace(-2, 2, 15, dtype=torch.float64)] * 2, indexing="ij")
    field = thetas, psis, *dirac.vector_field(loss, thetas, psis)
    path = dirac.trajectory(loss, theta, psi, learning_rate=rate, steps=steps)
    return dirac_walk(field, path, figure=figure)


def dirac_explorer(losses: Mapping[str, AdversarialLoss] = LOSSES) -> Explorer:
    """Choose a loss, the learning rate and the start, and see whether the two players converge.

    Parameters
    ----------
    losses
        Name -> the losses of both players, for example readings of Eq. (10) that a notebook defines.
    """
    controls = {
        "loss": dropdown("loss", losses, "what both players minimize"),
        "rate": float_slider("learning rate", 0.2, 0.02, 1, 0.02, "step size, as a multiple of the gradient"),
        "theta": float_slider("start θ", 1.0, -2, 2, 0.1, "what the generator renders at first; the truth is 0"),
        "psi": float_slider("start ψ", 1.0, -2, 2, 0.1, "the discriminator's slope at first"),
    }
    return Explorer(dirac_picture, controls)
