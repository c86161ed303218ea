"""A game on the line, turn by turn: play it, or move to any of its turns."""

import ipywidgets as ipw
from torch import Tensor

from hcegan_lib.lessons.explorers.explorer import Explorer, prepare
from hcegan_lib.lessons.plots.figure import Figure
from hcegan_lib.lessons.plots.the_game import Film, draw_moment

PACE = 120  # milliseconds per picture while it plays


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
        f"Real and fake points and the discriminator in turn {turn}. Fake points: mean {points.mean():.2f}, standard "
        f"deviation {points.std():.2f}; real points: {real.mean():.2f} and {real.std():.2f}. The discriminator says "
        f"{probabilities.min():.2f} to {probabilities.max():.2f}."
    )
    return figure


def game_explorer(film: Film, *, real: Tensor, at: Tensor) -> Explorer:
    """Play a recorded game, or move to any turn; the turns of the film are equally far apart."""
    first, second, *_, last = film
    turns = {"min": first, "max": last, "step": second - first}
    slider = ipw.IntSlider(first, **turns, description="turn", tooltip="how many turns were played")
    play = ipw.Play(value=first, **turns, interval=PACE, tooltip="play the recorded turns")
    ipw.jslink((play, "value"), (slider, "value"))  # in the browser, so that a slow kernel cannot hold it up
    return Explorer(lambda **values: game_picture(film, real=real, at=at, **values), {"turn": slider}, beside=[play])
