"""Loss functions of a score, and the cross-entropy of two outcomes."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from matplotlib.axes import Axes
from scipy import special
from torch import Tensor
from torch.autograd.functional import vjp

from hcegan_lib.lessons.plots.figure import BLUE, COLORS, ORANGE, STYLES, Figure, add_legend, make_panels, mark_zero
from hcegan_lib.losses import hinge


def value_and_gradient(
    losses: Mapping[str, Callable[[Tensor], Tensor]],
    *,
    logits: tuple[float, float] = (-4, 4),
    top: float | None = None,
    steepest: float | None = None,
) -> Figure:
    """Draw elementwise losses from the first to the last of two logits on the left, and their derivatives on the right.

    `top` and `steepest` limit the axes of losses and of derivatives, if some are much larger than the others.
    """
    figure, [axes] = make_panels(1, 2, width=4.2, height=3, sharex=True)
    gradients = _draw_value_and_gradient(axes, losses, logits)
    if top is not None:
        axes[0].set_ylim(-0.03 * top, top)
    if steepest is not None:
        axes[1].set_ylim(-steepest, steepest)
    add_legend(figure, len(losses), frameon=True)
    figure.alt = (
        f"Two panels over logits from {logits[0]:g} to {logits[1]:g}: losses and their derivatives. "
        f"Derivatives at the two ends: {'; '.join(f'{name} {_ends(g)}' for name, g in gradients.items())}."
    )
    return figure


def _draw_value_and_gradient(
    axes: Sequence[Axes], losses: Mapping[str, Callable[[Tensor], Tensor]], logits: tuple[float, float]
) -> dict[str, Tensor]:
    """Draw losses into the first panel and derivatives into the second; return the derivatives by name."""
    x = torch.linspace(*logits, 401, dtype=torch.float64)
    gradients = {}
    for (name, loss), color, style in zip(losses.items(), COLORS, STYLES):
        value, gradients[name] = vjp(loss, x, torch.ones_like(x))
        for ax, y in zip(axes, (value, gradients[name])):
            ax.plot(x.numpy(), y.numpy(), style, color=color, linewidth=2, label=name)
    for ax, what in zip(axes, ("loss", "derivative of the loss")):
        ax.set(xlabel="score (logit)", ylabel=what)
        mark_zero(ax, vertical=True)
    return gradients


def _ends(values: Tensor) -> str:
    return f"{values[0] + 0:.2g} and {values[-1] + 0:.2g}"  # + 0 turns -0 into 0


def hinge_loss(scores: Mapping[str, float], *, label: str, margin: float = 1) -> Figure:
    """Draw Figure 1: the hinge loss of several classes, Eq. (1), and of two classes, Eq. (2), with its derivative.

    `scores` are those of all classes for one input; ValueError if the true class, `label`, is not among them. In the
    first panel, the loss is the total length of the thick bars; `margin` is Delta.
    """
    if label not in scores:
        raise ValueError(f"label must be one of the classes {', '.join(scores)}, got {label!r}")
    figure, [[several, *two]] = make_panels(1, 3, width=3.5, height=3)
    line = scores[label] - margin
    excess = {name: max(0, score - line) for name, score in scores.items() if name != label}
    several.plot(scores.values(), list(scores), "o", color=BLUE, markersize=8)
    several.barh(list(excess), excess.values(), left=line, height=0.25, color=ORANGE, zorder=0)
    several.axvline(line, color="black", linestyle="--", linewidth=1, label="true class's score − Δ")
    several.set(xlabel="score", ylim=(len(scores) + 0.3, -0.7), title=f"several classes: loss {sum(excess.values()):g}")
    several.legend(loc="lower center", fontsize="small")
    _draw_value_and_gradient(two, {"label 1": partial(hinge, label=1), "label −1": partial(hinge, label=-1)}, (-3, 3))
    two[0].set_title("two classes: value")
    two[1].set_title("two classes: gradient")
    two[0].legend()
    figure.alt = (
        f"Three panels. First: the scores of {', '.join(scores)}, and a line {margin:g} below the score of the true "
        f"class, {label}. The other scores exceed the line by {sum(excess.values()):g} in total. Then the hinge loss "
        "of two classes and its derivative: for label 1 it falls with slope -1 to zero at score 1, for label -1 it "
        "rises from score -1 with slope 1."
    )
    return figure


def cross_entropy_parts(p: float) -> Figure:
    """Draw the cross-entropy of two outcomes, the first of probability p, as entropy plus KL divergence, Eq. (6)."""
    figure, [[ax]] = make_panels(1, 1, width=5.5, height=3.2)
    q = np.linspace(0.01, 0.99, 393)
    entropy = float(special.entr(p) + special.entr(1 - p))
    cross_entropy = -special.xlogy(p, q) - special.xlogy(1 - p, 1 - q)
    ax.plot(q, cross_entropy, color=BLUE, linewidth=2, label="cross-entropy H(P, Q)")
    ax.fill_between(q, 0, entropy, color="0.88", label=f"entropy H(P) = {entropy:.2f}")
    ax.fill_between(q, entropy, cross_entropy, color=ORANGE, alpha=0.4, linewidth=0, label="KL divergence")
    ax.axvline(p, color="black", linestyle="--", linewidth=1)
    ax.set(xlabel="predicted probability q of the first outcome", ylabel="nats", ylim=(0, cross_entropy.max()))
    add_legend(figure, 3, frameon=True)
    figure.alt = (
        f"Cross-entropy over the predicted probability q, for the true probability {p:g}: a flat band of height "
        f"{entropy:.2f}, the entropy, and above it the KL divergence, which is zero only at q = {p:g} and grows on "
        "both sides."
    )
    return figure


def sides_of_losses(losses: Mapping[str, Callable[..., Tensor]]) -> Figure:
    """Draw losses of a real and a rendered pair: one column per loss, values above and derivatives below.

    Each loss is elementwise and called as ``loss(scores, label=1)`` for a real pair and with label -1 for a rendered
    one, like `losses.hinge`. Scores at which one of the two is infinite are marked gray.
    """
    reach = {"loss": (-5.5, 4), "derivative": (-4, 4)}
    figure, axes = make_panels(2, len(losses), width=max(2.1, 7 / len(losses)), height=2.2, sharex=True, sharey="row")
    words = []
    for column, (name, loss) in zip(axes.T, losses.items()):
        sides = {"real pair": partial(loss, label=1), "rendered pair": partial(loss, label=-1)}
        gradients = _draw_value_and_gradient(column, sides, (-3, 3))
        x = torch.linspace(-3, 3, 401)
        for side in sides.values():
            column[0].fill_between(x, *reach["loss"], where=torch.isinf(side(x)), color="0.85", linewidth=0)
        column[0].set(xlabel="", title=name)
        words.append(f"{name} {_ends(gradients['real pair'])}")
    for row, (what, limits) in zip(axes, reach.items()):
        for ax in row:
            ax.set(ylabel="", ylim=limits)
        row[0].set_ylabel(what)
    add_legend(figure, 2)
    figure.alt = (
        "One column per loss, over the score of a real and of a rendered pair: values above, derivatives below. "
        f"Derivative for a real pair at -3 and 3: {'; '.join(words)}."
    )
    return figure
