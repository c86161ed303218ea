"""Five losses of one logit, with a margin that can be moved."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.autograd.functional import vjp
from torch.nn.functional import softplus

from hcegan_lib.lessons.explorers.explorer import Explorer, control, prepare, set_line
from hcegan_lib.lessons.plots.figure import COLORS, STYLES, Figure, mark_zero
from hcegan_lib.losses import hinge


def margin_losses(logits: Tensor, *, margin: float, label: int) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """Compute the discriminator's loss of each logit, (n,), and its gradient, for each loss of the course.

    `margin` is where the hinge ends, above 0; it is 1 in Eq. (2), (9) and (10). `label` is 1 for a real pair, -1 for a
    rendered one. The result maps each name in `LOSSES` to logits, losses and gradients, each (n,). At margin 1, each
    loss is the real or the fake half of the loss of that name.
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
    return {name: (logits, *vjp(loss, logits, torch.ones_like(logits))) for name, loss in losses.items()}


def loss_at(
    curves: Mapping[str, Sequence[Tensor]], points: Mapping[str, Sequence[Tensor]], figure: Figure | None = None
) -> Figure:
    """Draw losses over the logit on the left and their gradients on the right, with one logit marked.

    `curves` and `points`, the marked logit, are results of `margin_losses`.
    """
    figure = prepare(figure, 2, width=4.6, height=3.2, left=0.07, bottom=0.15, top=0.93, wspace=0.2)
    styles = zip((*COLORS, "0.4"), (*STYLES, (0, (6, 1))))
    for k, ((name, (logits, *drawn)), (color, style)) in enumerate(zip(curves.items(), styles)):
        for ax, y, at in zip(figure.axes, drawn, points[name][1:]):
            set_line(ax, 2 * k, logits.numpy(), y.numpy(), linestyle=style, color=color, label=name)
            set_line(ax, 2 * k + 1, points[name][0].numpy(), at.numpy(), "o", color=color)
    if figure.axes[0].get_legend() is None:
        figure.axes[0].legend(loc="upper right", fontsize="small")
        for ax, what, limits in zip(figure.axes, ("loss", "gradient"), ((-0.3, 6), (-4, 4))):
            ax.set(xlabel="logit", ylabel=what, xlim=(-4, 4), ylim=limits)
            mark_zero(ax)
    logit = next(iter(points.values()))[0].item()
    words = (f"{name} {loss.item():.2f}, gradient {slope.item():.2f}" for name, (_, loss, slope) in points.items())
    figure.alt = f"Losses of one logit, and their gradients. At logit {logit:.2f}: {'; '.join(words)}."
    return figure


def loss_picture(*, logit: float, margin: float, label: int, figure: Figure | None = None) -> Figure:
    """Draw the losses of `margin_losses` over logits from -4 to 4, with one logit marked."""
    curves = margin_losses(torch.linspace(-4, 4, 321, dtype=torch.float64), margin=margin, label=label)
    points = margin_losses(torch.tensor([logit], dtype=torch.float64), margin=margin, label=label)
    return loss_at(curves, points, figure=figure)


def loss_explorer() -> Explorer:
    """Move a logit and the margin, and read each loss and its gradient."""
    controls = {
        "logit": control("logit", 0.5, (-4, 4, 0.05), "the discriminator's score of one patch"),
        "margin": control("margin", 1, (0.1, 3, 0.1), "where the hinge ends; 1 in the paper"),
        "label": control("pair", 1, {"real": 1, "rendered": -1}, "label 1 for a real pair, -1 for a rendered one"),
    }
    return Explorer(loss_picture, controls)
