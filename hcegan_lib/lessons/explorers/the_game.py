"""A game on the line, turn by turn: play it, or move to any of its turns."""

from torch import Tensor

from hcegan_lib.lessons.explorers.explorer import Explorer, prepare, slider
from hcegan_lib.lessons.plots.figure import Figure
from hcegan_lib.lessons.plots.the_game import Film, draw_moment

STORED = 12  # pictures, about, that are stored with the notebook


def game_picture(film: Film, *, real: Tensor, at: Tensor, turn: int, figure: Figure | None = None) -> Figure:
    """Draw one turn of a game on the line; the arguments are those of `plots.moments_of_a_game`."""
    figure = prepare(figure, 1, width=7, height=3.6, left=0.08, bottom=0.14, top=0.9)
    (ax,) = figure.axes
    ax.clear()
    points, probabilities = film[turn]
    draw_moment(ax, real, at, points, probabilities)
    ax.set_ylabel("D(y); density of points")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)  # no curve reaches it there
    figure.alt = (
        f"Real and fake points and the discriminator in one turn of a game. Turn {turn}: the fake points have mean "
        f"{points.mean():.2f} and standard deviation {points.std():.2f}, the real points {real.mean():.2f} and "
        f"{real.std():.2f}; the discriminator says {probabilities.min():.2f} to {probabilities.max():.2f}."
    )
    return figure


def game_explorer(film: Film, *, real: Tensor, at: Tensor) -> Explorer:
    """Play a recorded game, or move to any of its turns."""
    turns = list(film)
    stored = turns[:: -(-len(turns) // STORED)]
    controls = {"turn": slider("turn", turns[0], turns, "how many turns were played", play=True)}
    return Explorer(lambda **v: game_picture(film, real=real, at=at, **v), controls, recorded=("turn", stored))
