"""The widget behind every explorer, its controls, and functions that change a figure instead of making a new one."""

import html
import io
from collections.abc import Callable, Mapping, Sequence

import ipywidgets as ipw
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from hcegan_lib.lessons.plots.figure import Figure

DPI = 80  # of the pictures that explorers send


class Explorer(ipw.VBox):
    """Controls, the picture that their values determine, its text alternative, and the errors of callbacks.

    `draw` takes the values of the controls by name and `figure`, the figure to change, which is faster than a new one;
    it returns the figure with its `alt` set. The widgets `beside` stand between the controls and the picture.
    """

    def __init__(
        self, draw: Callable[..., Figure], controls: Mapping[str, ipw.Widget], beside: Sequence[ipw.Widget] = ()
    ) -> None:
        self.draw, self.controls, self.figure, self.paused = draw, controls, new_figure(), False
        self.image, self.alt, self.errors = ipw.Image(format="png"), ipw.HTML(), ipw.Output()
        for control in controls.values():
            control.style.description_width = "10em"
            control.layout.width = "28em"
            control.observe(self.redraw, "value")
        rows = ipw.Box(list(controls.values()), layout=ipw.Layout(flex_flow="row wrap"))
        super().__init__([rows, *beside, self.image, self.alt, self.errors])
        self.redraw()

    def redraw(self, change: object = None) -> None:
        """Draw for the current values of the controls, and show any error below the picture."""
        if self.paused:
            return
        with self.errors:
            figure = self.draw(**{name: control.value for name, control in self.controls.items()}, figure=self.figure)
            self.image.value = picture(figure)
            # The text stands below the picture because JupyterLab does not show an image with a tooltip.
            self.alt.value = f'<p role="status">{html.escape(figure.alt)}</p>'

    def set(self, **values: object) -> None:
        """Change several controls, then draw once."""
        self.paused = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self.paused = False
        self.redraw()


def new_figure() -> Figure:
    """Make an empty figure outside pyplot, so that a notebook cell does not show it a second time."""
    figure = Figure(dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def picture(figure: Figure) -> bytes:
    """Render a figure as PNG bytes, with little compression because speed matters more than size here."""
    figure.canvas.draw()
    stream = io.BytesIO()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def control(label: str, start: object, options: tuple | list | Mapping, tooltip: str) -> ipw.Widget:
    """Make a slider of (lowest, highest) or (lowest, highest, step), or a dropdown of names, or of names and values."""
    widget = ipw.interactive.widget_from_abbrev(options)
    widget.value, widget.description, widget.tooltip = start, label, tooltip
    return widget


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
