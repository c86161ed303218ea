"""Two losses of one logit side by side, with a margin that can be moved."""

import math

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor
from torch.autograd.functional import vjp
from torch.nn.functional import softplus

from hcegan_lib.lessons.explorers.explorer import Control, Explorer, prepare, set_line, set_title, slider, steps
from hcegan_lib.lessons.plots.figure import BLUE, ORANGE, Figure, mark_zero
from hcegan_lib.losses import LOSSES, hinge

PRINTED = "Eq. (10) as printed"
NAMES = (*LOSSES, PRINTED)
REACH = 4.0  # logits from -REACH to REACH
LIMITS = (-4.0, 6.0)  # of both vertical axes


def margin_losses(logits: Tensor, *, margin: float, label: int) -> dict[str, tuple[Tensor, Tensor]]:
    """Compute the discriminator's loss of each logit, (n,), and its gradient, for each loss of the course.

    `margin` is where the hinge ends, above 0; it is 1 in Eq. (2), (9) and (10). `label` is 1 for a real pair, -1 for a
    rendered one. The result maps each name in `LOSSES`, and PRINTED, to losses and gradients, (n,) each. At margin 1,
    each loss is the real or the fake half of the loss of that name. PRINTED is -inf beyond the margin, and its gradient
    is NaN there.
    """

    def residual(x: Tensor) -> Tensor:
        return margin * hinge(x / margin, label=label)  # max(0, margin - label * x)

    losses = {
        "bce": lambda x: softplus(-label * x),
        "mse": lambda x: (x - (label + 1) / 2).square(),
        "hinge": residual,
        "hinge_bce": lambda x: softplus(residual(x)),
        "hinge_mse": lambda x: residual(x).square(),
        PRINTED: lambda x: residual(x).log(),
    }
    return {name: vjp(loss, logits, torch.ones_like(logits)) for name, loss in losses.items()}


def loss_picture(
    *,
    logit: float,
    margin: float,
    label: int,
    first: str = "hinge",
    second: str = "bce",
    figure: Figure | None = None,
) -> Figure:
    """Draw two of the `margin_losses` over logits from -4 to 4, and their gradients, with one logit marked.

    The vertical line is the margin. A loss is minus infinity in the gray part, from the triangle on.
    """
    figure = prepare(figure, 2, width=5.6, height=3.5, left=0.06, bottom=0.14, top=0.92, wspace=0.18)
    x, at = (torch.tensor(numbers, dtype=torch.float64) for numbers in (np.linspace(-REACH, REACH, 321), [logit]))
    curves, points = (margin_losses(logits, margin=margin, label=label) for logits in (x, at))
    for part, (ax, what) in enumerate(zip(figure.axes, ("loss", "gradient"))):
        if not ax.patches:
            ax.set(xlabel="logit", ylabel=what, xlim=(-REACH, REACH), ylim=LIMITS)
            mark_zero(ax)
            ax.add_patch(Rectangle((0, LIMITS[0]), 0, LIMITS[1] - LIMITS[0], color="0.88", linewidth=0, zorder=0))
        set_line(ax, 1, [label * margin] * 2, LIMITS, ":", color="black", linewidth=1.5)
        for k, (name, color, style) in enumerate(((first, BLUE, "-"), (second, ORANGE, "--"))):
            set_line(ax, 2 * k + 2, x.numpy(), curves[name][part].numpy(), style, color=color, linewidth=2)
            set_line(ax, 2 * k + 3, [logit], points[name][part].numpy(), "o", color=color)
        _mark_infinite(ax, label * margin, label, PRINTED in (first, second))
    set_title(figure.axes[0], f"solid: {first}, dashed: {second}")
    set_title(figure.axes[1], f"dotted: the margin, {label * margin:g}")
    words = (f"{name} {_spoken(*points[name])}" for name in dict.fromkeys((first, second)))
    figure.alt = (
        "Two losses of one logit, and their gradients. "
        f"At logit {logit:.2f}, with the margin at {label * margin:g}: {'; '.join(words)}."
    )
    return figure


def _mark_infinite(ax: Axes, edge: float, label: int, infinite: bool) -> None:
    """Shade where a loss is minus infinity, beyond the margin at `edge`, and set a triangle where it begins."""
    ax.patches[0].set(x=edge, width=2 * REACH * label if infinite else 0)
    set_line(ax, 6, [edge], [LIMITS[0] + 0.2 if infinite else math.nan], "v", color="black", markersize=11)
    if not ax.texts:
        ax.text(0, LIMITS[0] + 0.5, "−∞", ha="center", fontsize="x-large")
    ax.texts[0].set(x=edge + 0.35 * label, text="−∞" if infinite else "")


def _spoken(loss: Tensor, gradient: Tensor) -> str:
    """Say a loss and its gradient at one point."""
    if loss.isinf():
        return "minus infinity, without a gradient"
    return f"{loss.item():.2f}, gradient {gradient.item():.2f}"


def loss_explorer() -> Explorer:
    """Choose two losses, move a logit and the margin, and read values and gradients."""
    losses, logits = {name: name for name in NAMES}, steps(-REACH, REACH, 0.05)
    controls = {
        "first": Control("first loss", "hinge", losses, "drawn as a solid line"),
        "second": Control("second loss", "bce", losses, "drawn as a dashed line"),
        "label": Control("pair", 1, {"real": 1, "rendered": -1}, "label 1 for a real pair, -1 for a rendered one"),
        "logit": slider("logit", 0.5, logits, "the discriminator's score of one patch"),
        "margin": slider("margin", 1.0, steps(0.1, 3, 0.1), "where the hinge ends; 1 in the paper"),
    }
    return Explorer(loss_picture, controls, recorded=("logit", logits[::10]))
