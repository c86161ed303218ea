"""The game on points: moments of its training, the best discriminator, and colors that a generator chooses."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from hcegan_lib.color import with_luma
from hcegan_lib.lessons.plots.figure import BLUE, ORANGE, STYLES, Figure, add_legend, make_panels

Film = Mapping[int, tuple[Tensor, Tensor]]  # turn -> fake points (n,) and what the discriminator says at `at`, (m,)


def moments_of_a_game(film: Film, *, real: Tensor, at: Tensor, turns: Sequence[int]) -> Figure:
    """Draw moments of a game on the line side by side: real and fake points, and the discriminator's probability.

    Parameters
    ----------
    film
        Turn -> fake points (n,), and the probability of "real" at the positions `at`, (m,).
    real
        Real points, (n,).
    at
        Positions from left to right, (m,).
    turns
        Turns of the film, one panel each.
    """
    figure, axes = make_panels(1, len(turns), width=2.6, height=2.9, sharey=True)
    for ax, turn in zip(axes[0], turns):
        draw_moment(ax, real, at, *film[turn])
        ax.set_title(f"turn {turn}", fontsize="medium")
    axes[0, 0].set_ylabel("D(y); density of points")
    add_legend(figure, 3)
    means = ", ".join(f"{film[turn][0].mean():.1f} in turn {turn}" for turn in turns)
    figure.alt = (
        f"Panels with histograms and dots of real and fake points, and the discriminator's curve. Mean of the fake "
        f"points: {means}; of the real points: {real.mean():.1f}."
    )
    return figure


def draw_moment(ax: Axes, real: Tensor, at: Tensor, points: Tensor, probabilities: Tensor) -> None:
    """Draw one moment of a game into an empty panel; see `moments_of_a_game`."""
    low, high = at[0].item(), at[-1].item()
    bins = np.linspace(low, high, 37)
    height = np.random.default_rng(0).uniform(-0.04, 0.04, len(real))  # keeps dots apart that would lie on each other
    for name, drawn, color, row in (("real points", real, BLUE, -0.09), ("fake points", points, ORANGE, -0.21)):
        density, _ = np.histogram(drawn.numpy(), bins, density=True)
        ax.stairs(density, bins, fill=True, color=color, alpha=0.45, label=name)
        ax.plot(drawn.numpy(), row + height, ".", color=color, markersize=2)
    ax.plot(at.numpy(), probabilities.numpy(), color="black", linewidth=1.5, label="D(y): probability of real")
    ax.axhline(0.5, color="0.7", linewidth=0.8, linestyle=":", zorder=0)
    ax.set(xlim=(low, high), ylim=(-0.28, 1.03), xlabel="y", yticks=(0, 0.5, 1))


def best_discriminator(at: Tensor, densities: Mapping[str, Tensor], curves: Mapping[str, Tensor]) -> Figure:
    """Draw the densities of real and of fake points above, and discriminators over the same positions below.

    Parameters
    ----------
    at
        Positions, (m,).
    densities
        Name -> density of the real points, then of the fake points, each (m,).
    curves
        Name -> probability of "real", each (m,).
    """
    figure, axes = make_panels(2, 1, width=6.5, height=2, sharex=True)
    above, below = axes[:, 0]
    for (name, density), color in zip(densities.items(), (BLUE, ORANGE)):
        above.fill_between(at.numpy(), density.numpy(), color=color, alpha=0.45, linewidth=0, label=name)
    for (name, curve), color, style in zip(curves.items(), ("black", "0.45"), STYLES):
        below.plot(at.numpy(), curve.numpy(), style, color=color, linewidth=2, label=name)
    above.set(ylabel="density")
    below.set(xlabel="y", ylabel="D(y)", ylim=(-0.03, 1.03))
    for ax in axes[:, 0]:
        ax.legend(fontsize="small", loc="upper right")
    first, *others = curves.values()
    gap = max((other - first).abs().max().item() for other in others)
    figure.alt = (
        f"Above, the densities of {' and '.join(densities)}. Below, the curves of {' and '.join(curves)}, which are at "
        f"most {gap:.2f} apart; they rise from {first.min():.2f} to {first.max():.2f} with the share of real points."
    )
    return figure


def colors_of_a_game(answers: Mapping[str, tuple[Tensor, Tensor]]) -> Figure:
    """Draw chroma over gray, one panel per answer, each dot in its own color from blue (-1) to orange (1).

    `answers` maps a title, of one or more lines, to gray values in [0, 1] and chroma in [-1, 1], each (n,).
    """
    figure, axes = make_panels(1, len(answers), width=2.2, height=2.5, sharey=True)
    words = []
    for ax, (name, (gray, chroma)) in zip(axes[0], answers.items()):
        signed = torch.stack([0.8 * chroma, -chroma]).clamp(-1, 1)[..., None]  # (2, n, 1): orange without blue
        colors = with_luma(signed, (0.25 + 0.5 * gray).view(1, -1, 1))[..., 0].T
        ax.scatter(gray.numpy(), chroma.numpy(), c=colors.numpy(), s=4)
        ax.set(xlim=(0, 1), ylim=(-1, 1), xlabel="gray x", facecolor="0.97")
        ax.set_title(name, fontsize="medium")
        words.append(f"{name.splitlines()[0]} {chroma.abs().mean():.2f}")
    axes[0, 0].set_ylabel("chroma y: blue to orange")
    figure.alt = (
        f"Dots of chroma over gray, one panel each, in their own colors. Mean size of the chroma: {'; '.join(words)}."
    )
    return figure
