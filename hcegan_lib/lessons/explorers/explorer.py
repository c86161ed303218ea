"""The widget behind every explorer, its controls, and functions that change a figure instead of making a new one."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anywidget
import ipywidgets as ipw
import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from hcegan_lib.lessons.plots.figure import Figure

DPI = 80  # of the pictures that explorers send
FIELD = "field"  # gid of panels in which a place can be picked
COLORS_OF_A_FRAME = 32  # of the stored pictures: enough for lines and text, and small


@dataclass(frozen=True)
class Control:
    """One control: the options in their order, by the text that names them, and the value at first.

    The kinds are "slider", "choice" (a list that drops down) and "place": a row or column that is picked in the
    picture. `play` adds a button that runs through the options of a slider.
    """

    label: str
    start: object
    options: Mapping[str, object]
    help: str
    kind: str = "choice"
    play: bool = False

    def index(self, value: object) -> int:
        """Find the number of an option by its value; raise ValueError if there is no such option."""
        if value not in (values := list(self.options.values())):
            raise ValueError(f"{self.label} must be one of {', '.join(self.options)}, got {value!r}")
        return values.index(value)

    def described(self, name: str) -> dict:
        """Describe the control for the browser."""
        shown = {"name": name, "label": self.label, "texts": list(self.options), "help": self.help}
        return shown | {"kind": self.kind, "play": self.play}


def slider(label: str, start: float, values: Sequence[float], help: str, *, kind: str = "slider", play: bool = False):
    """Make a slider over numbers in ascending order."""
    return Control(label, start, {f"{value:g}": value for value in values}, help, kind, play)


def steps(low: float, high: float, step: float) -> list[float]:
    """List the numbers from `low` to `high`, without errors of rounding."""
    return [round(low + k * step, 9) for k in range(round((high - low) / step) + 1)]


class Panel(anywidget.AnyWidget):
    """A picture and its controls in the browser; `explorer.js` says how they behave."""

    _esm = Path(__file__).with_name("explorer.js")
    _css = Path(__file__).with_name("explorer.css")
    controls = traitlets.List().tag(sync=True)
    place = traitlets.Unicode().tag(sync=True)  # what is picked in the picture, or ""
    chosen = traitlets.Dict().tag(sync=True)  # name of a control -> number of its option, as the reader chose
    shown = traitlets.Dict().tag(sync=True)  # the same for the picture
    image = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    fields = traitlets.List().tag(sync=True)  # left, top, width, height as shares, of the panels to pick a place in
    stride = traitlets.Int(1).tag(sync=True)  # options of the place that look alike, in a coarse picture
    frames = traitlets.List().tag(sync=True)  # recorded pictures, for a page without a kernel


class Explorer(ipw.VBox):
    """A picture, its text alternative, the controls that determine it, and the errors of callbacks.

    Parameters
    ----------
    draw
        Takes the values of the controls by name and `figure`, the figure to change, which is faster than a new one. It
        returns the figure with its `alt` set. The first sentence of `alt` says what the picture is; the rest says what
        it shows now, stands below it, and is read out after each change.
    controls
        Name -> control.
    place
        What the controls "row" and "column" are, such as "position that looks". It is picked in the panels of the
        figure whose gid is FIELD, by a click or by the arrow keys.
    recorded
        Name of a control and values of it whose pictures are stored with the notebook; they are small and have few
        colors. Without a kernel the explorer shows these pictures only.
    """

    def __init__(
        self,
        draw: Callable[..., Figure],
        controls: Mapping[str, Control],
        *,
        place: str = "",
        recorded: tuple[str, Sequence[float]] | None = None,
    ) -> None:
        self.draw, self.controls, self.figure, self.errors = draw, controls, new_figure(), ipw.Output()
        described = [control.described(name) for name, control in controls.items()]
        first = {name: control.index(control.start) for name, control in controls.items()}
        self.panel = Panel(controls=described, place=place, chosen=first)
        super().__init__([self.panel, self.errors])
        if recorded:
            name, values = recorded
            self.panel.frames = [self._frame({**first, name: controls[name].index(value)}) for value in values]
        self.redraw()
        self.panel.observe(self.redraw, "chosen")

    def __repr__(self) -> str:
        """Say what stands here where no widget can, as on a page that shows stored notebooks."""
        return "An explorer: run this notebook to use it. Without a kernel, the figure above stands in for it."

    @property
    def values(self) -> dict:
        """The values of the controls."""
        return self._values(self.panel.chosen)

    def set(self, **values: object) -> None:
        """Change controls, then draw once; raise ValueError for a value that is not among a control's options."""
        self.panel.chosen = self.panel.chosen | {name: self.controls[name].index(v) for name, v in values.items()}

    def redraw(self, change: object = None) -> None:
        """Draw for the current values of the controls, and show any error below the picture."""
        with self.errors:
            chosen = dict(self.panel.chosen)
            figure = self.draw(**self._values(chosen), figure=self.figure)
            with self.panel.hold_sync():
                self.panel.image, self.panel.alt = picture(figure), figure.alt
                self.panel.fields = [_shares(ax) for ax in figure.axes if ax.get_gid() == FIELD]
                self.panel.stride = figure.stride
                self.panel.shown = chosen

    def _values(self, chosen: Mapping[str, int]) -> dict:
        return {name: list(control.options.values())[chosen[name]] for name, control in self.controls.items()}

    def _frame(self, chosen: dict) -> dict:
        figure = self.draw(**self._values(chosen), figure=self.figure)
        return {"chosen": chosen, "image": picture(figure, COLORS_OF_A_FRAME), "alt": figure.alt}


def _shares(ax: Axes) -> list[float]:
    """Compute where the image of a panel lies in its figure: left, top, width, height, as shares from 0 to 1."""
    size = ax.figure.bbox.size
    (left, top), (right, bottom) = ax.transData.transform([(0, 0), (1, 1)]) / size
    return [left, 1 - top, right - left, top - bottom]


def new_figure() -> Figure:
    """Make an empty figure outside pyplot, so that a notebook cell does not show it a second time."""
    figure = Figure(dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def picture(figure: Figure, colors: int | None = None) -> bytes:
    """Render a figure as PNG bytes: quickly, or, if it is to have few colors, small."""
    figure.canvas.draw()
    stream = io.BytesIO()
    image = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3])
    if colors:
        image.quantize(colors, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    else:
        image.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


# --- drawing into the same figure again ------------------------------------------------------------------------------


def prepare(figure: Figure | None, columns: int, *, width: float, height: float, **edges: float) -> Figure:
    """Take a figure to draw into, or make a new one, and give it panels if it has none.

    Functions that draw set all limits and heights of titles, so that the result does not depend on earlier drawings.
    """
    figure = plt.figure(FigureClass=Figure) if figure is None else figure
    if not figure.axes:
        figure.set_size_inches(width * columns, height)
        figure.subplots(1, columns)
        figure.subplots_adjust(**{"left": 0.01, "right": 0.99, "bottom": 0.04, "top": 0.9, "wspace": 0.08, **edges})
    return figure


def set_image(ax: Axes, place: int, pixels: np.ndarray, *, limits: tuple = (0, 1), **look: object) -> None:
    """Draw a panel's image number `place`, 1 unit wide, or change it if it exists."""
    if len(ax.images) <= place:
        ax.imshow(pixels, extent=(0, 1, 1, 0), **look)
        ax.set(xticks=[], yticks=[])
        ax.set_axis_off()  # drawing an axis takes time even without ticks
    ax.images[place].set(data=pixels, clim=limits)


def set_line(ax: Axes, place: int, x: Sequence[float], y: Sequence[float], *style: str, **look: object) -> None:
    """Draw a panel's line number `place`, or change it if it exists."""
    if len(ax.lines) <= place:
        ax.plot(x, y, *style, **look)
    ax.lines[place].set_data(x, y)


def set_title(ax: Axes, title: str) -> None:
    """Write a title at a fixed height, since finding a free height takes time."""
    ax.set_title(title, fontsize="medium", y=1.02)
