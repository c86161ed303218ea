"""Five losses of one logit, with a margin that can be moved."""

import torch
from torch import Tensor
from torch.autograd.functional import vjp
from torch.nn.functional import softplus

from hcegan_lib.lessons.explorers.explorer import Explorer, control, prepare, set_line
from hcegan_lib.lessons.plots.figure import COLORS, STYLES, Figure, mark_zero
from hcegan_lib.losses import hinge


def margin_losses(logits: Tensor, *, margin: float, label: int) -> dict[str, tuple[Tensor, Tensor]]:
    """Compute the discriminator's loss of each logit, (n,), and its gradient, for each loss of the course.

    `margin` is where the hinge ends, above 0; it is 1 in Eq. (2), (9) and (10). `label` is 1 for a real pair, -1 for a
    rendered one. The result maps each name in `LOSSES` to losses and gradients, (n,) each. At margin 1, each loss is
    the real or the fake half of the loss of that name.
    """

    def residual(x: Tensor) -> Tensor:
        return margin * hinge(x / margin, label=label)  # max(0, margin - label * x)

    losses = {
        "bce": lambda x: softplus(-label * x),
        "mse": lambda x: (x - (label + 1) / 2).square(),
        "hinge": residual,
        "hinge_bce": lambda x: softplus(residual(x)),
        "hinge_mse": lambda x: residual(x).square(),
    }
    return {name: vjp(loss, logits, torch.ones_like(logits)) for name, loss in losses.items()}


def loss_picture(*, logit: float, margin: float, label: int, figure: Figure | None = None) -> Figure:
    """Draw the losses of `margin_losses` over logits from -4 to 4, and their gradients, with one logit marked."""
    figure = prepare(figure, 2, width=4.6, height=3.2, left=0.07, bottom=0.15, top=0.93, wspace=0.2)
    logits, point = torch.linspace(-4, 4, 321, dtype=torch.float64), torch.tensor([logit], dtype=torch.float64)
    curves, points = (margin_losses(x, margin=margin, label=label) for x in (logits, point))
    styles = zip((*COLORS, "0.4"), (*STYLES, (0, (6, 1))))
    for k, (name, (color, style)) in enumerate(zip(curves, styles)):
        for ax, y, at in zip(figure.axes, curves[name], points[name]):
            set_line(ax, 2 * k, logits.numpy(), y.numpy(), linestyle=style, color=color, label=name)
            set_line(ax, 2 * k + 1, point.numpy(), at.numpy(), "o", color=color)
    if figure.axes[0].get_legend() is None:
        figure.axes[0].legend(loc="upper right", fontsize="small")
        for ax, what, limits in zip(figure.axes, ("loss", "gradient"), ((-0.3, 6), (-4, 4))):
            ax.set(xlabel="logit", ylabel=what, xlim=(-4, 4), ylim=limits)
            mark_zero(ax)
    words = (f"{name} {loss.item():.2f}, gradient {slope.item():.2f}" for name, (loss, slope) in points.items())
    figure.alt = f"Losses of one logit, and their gradients. At logit {logit:.2f}: {'; '.join(words)}."
    return figure


def loss_explorer() -> Explorer:
    """Move a logit and the margin, and read each loss and its gradient."""
    controls = {
        "logit": control("logit", 0.5, (-4, 4, 0.05), "the discriminator's score of one patch"),
        "margin": control("margin", 1, (0.1, 3, 0.1), "where the hinge ends; 1 in the paper"),
        "label": control("pair", 1, {"real": 1, "rendered": -1}, "label 1 for a real pair, -1 for a rendered one"),
    }
    return Explorer(loss_picture, controls)
