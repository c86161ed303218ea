"""The explorers: a few controls over a plain function that draws.

What an explorer shows depends on its controls alone: it is what the function in `plots` draws for their values. The
figure is laid out once, changed with each move, and sent as a PNG: a move is answered within a blink. No explorer
needs more than ipywidgets, and each can be worked by keyboard: also a position in a photograph, which is picked on a
grid of buttons, since a picture of ipywidgets knows no clicks.
"""

import copy
import html
import io
from collections.abc import Callable, Mapping, Sequence

import ipywidgets as ipw
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from torch import Tensor, nn

from hcegan_lib import dirac
from hcegan_lib.attention import SelfAttention2d, positions
from hcegan_lib.lessons import plots
from hcegan_lib.losses import LOSSES, AdversarialLoss, hinge
from hcegan_lib.models import PatchDiscriminator, UNetGenerator, receptive_box

DPI = 80  # of the pictures that explorers send
GRID = 8  # buttons along a side of the grid that picks a position
STARTS = {"SA: zeros": "zero", "SA': drawn from N(0, 1)": "normal", "SA'': drawn from U(0, 1)": "uniform"}


class Explorer(ipw.VBox):
    """Controls, the picture that they decide, and the picture in words.

    Parameters
    ----------
    draw
        Takes the controls' values by name and `figure`, the figure to draw into; returns it, with its `alt`.
    controls
        Name of an argument -> the widget that holds its value.
    beside
        What else stands between the controls and the picture.

    Attributes
    ----------
    controls
        As given.
    image, words, caught
        The picture, its text alternative, and the errors of callbacks, if there were any.
    """

    def __init__(
        self, draw: Callable[..., plots.Figure], controls: Mapping[str, ipw.Widget], beside: Sequence[ipw.Widget] = ()
    ) -> None:
        self.draw, self.controls = draw, dict(controls)
        self.image, self.words, self.caught = ipw.Image(format="png"), ipw.HTML(), ipw.Output()
        self.canvas, self.waiting = new_canvas(), False
        for control in self.controls.values():
            control.style.description_width = "10em"
            control.layout.width = "28em"
            control.observe(self.redraw, "value")
        rows = ipw.Box(list(self.controls.values()), layout=ipw.Layout(flex_flow="row wrap"))
        super().__init__([rows, *beside, self.image, self.words, self.caught])
        self.redraw()

    def redraw(self, change: object = None) -> None:
        """Draw what the controls say. An error is shown below the picture: else it would end in the kernel's log."""
        if self.waiting:
            return
        with self.caught:
            figure = self.draw(**{name: control.value for name, control in self.controls.items()}, figure=self.figure)
            self.image.value = picture(figure)
            # Not the picture's tooltip: JupyterLab then shows no picture at all.
            self.words.value = f'<p role="status">{html.escape(figure.alt)}</p>'

    @property
    def figure(self) -> plots.Figure:
        """The figure that is drawn into again and again."""
        return self.canvas.figure

    def set(self, **values: object) -> None:
        """Move several controls at once and draw once."""
        self.waiting = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self.waiting = False
        self.redraw()


def new_canvas() -> FigureCanvasAgg:
    """Make an empty figure that no cell of a notebook shows by itself, and what draws it."""
    return FigureCanvasAgg(plots.Figure(dpi=DPI))


def picture(figure: plots.Figure) -> bytes:
    """Draw a figure as PNG bytes; little compressed, since time counts here and size does not."""
    figure.canvas.draw()
    stream = io.BytesIO()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _choice(words: str, options: Mapping[str, object] | Sequence[str], tooltip: str) -> ipw.Dropdown:
    pairs = list(options.items()) if isinstance(options, Mapping) else list(options)
    return ipw.Dropdown(options=pairs, description=words, tooltip=tooltip)


def _number(words: str, start: float, low: float, high: float, step: float, tooltip: str) -> ipw.FloatSlider:
    return ipw.FloatSlider(start, min=low, max=high, step=step, description=words, tooltip=tooltip)


def _count(words: str, start: int, low: int, high: int, tooltip: str) -> ipw.IntSlider:
    return ipw.IntSlider(start, min=low, max=high, description=words, tooltip=tooltip)


# --- a loss and its gradient ------------------------------------------------------------------------------------------


def margin_losses(logits: Tensor, *, margin: float, label: int) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """Give what one logit costs the discriminator under each loss of the course, with a margin that can be moved.

    Parameters
    ----------
    logits
        Shape (n,).
    margin
        Where the hinge ends, above 0; 1 in Eq. (2), (9) and (10).
    label
        1 for a real pair, -1 for a rendered one.

    Returns
    -------
    dict
        Name, as in `LOSSES` -> logits, losses and gradients, each shape (n,). At margin 1 each loss is the real or the
        fake half of the loss of that name.
    """

    def residual(x: Tensor) -> Tensor:
        return margin * hinge(x / margin, label=label)  # max(0, margin - label * x)

    softplus = nn.functional.softplus
    losses = {
        "bce": lambda x: softplus(-label * x),
        "mse": lambda x: (x - (label + 1) / 2).square(),
        "hinge": residual,
        "hinge_bce": lambda x: softplus(residual(x)),
        "hinge_mse": lambda x: residual(x).square(),
    }
    curves = {}
    for name, loss in losses.items():
        at = logits.detach().clone().requires_grad_()
        values = loss(at)
        (gradients,) = torch.autograd.grad(values.sum(), at)
        curves[name] = logits, values.detach(), gradients
    return curves


def loss_picture(*, logit: float, margin: float, label: int, figure: plots.Figure | None = None) -> plots.Figure:
    """Draw the losses of `margin_losses` over logits from -4 to 4, one logit marked."""
    curves = margin_losses(torch.linspace(-4, 4, 321, dtype=torch.float64), margin=margin, label=label)
    points = margin_losses(torch.tensor([logit], dtype=torch.float64), margin=margin, label=label)
    return plots.loss_at(curves, points, figure=figure)


def loss_explorer() -> Explorer:
    """Slide a logit and the margin, and read each loss and its gradient."""
    controls = {
        "logit": _number("logit", 0.5, -4, 4, 0.05, "the discriminator's score of one patch"),
        "margin": _number("margin", 1.0, 0.1, 3, 0.1, "where the hinge ends; the paper takes 1"),
        "label": _choice("pair", {"real": 1, "rendered": -1}, "which answer is right: real is 1, rendered is -1"),
    }
    return Explorer(loss_picture, controls)


# --- the Dirac-GAN ----------------------------------------------------------------------------------------------------


def dirac_picture(
    *,
    loss: AdversarialLoss,
    rate: float,
    theta: float,
    psi: float,
    steps: int = 60,
    figure: plots.Figure | None = None,
) -> plots.Figure:
    """Draw a loss's vector field on the Dirac-GAN and the walk of gradient descent from one start."""
    psis, thetas = torch.meshgrid(*[torch.linspace(-2, 2, 15, dtype=torch.float64)] * 2, indexing="ij")
    field = thetas, psis, *dirac.vector_field(loss, thetas, psis)
    path = dirac.trajectory(loss, theta, psi, learning_rate=rate, steps=steps)
    return plots.dirac_walk(field, path, figure=figure)


def dirac_explorer(losses: Mapping[str, AdversarialLoss] = LOSSES) -> Explorer:
    """Choose a loss, the learning rate and the start, and see whether the two players settle.

    Parameters
    ----------
    losses
        Name -> the two sides of a game. A notebook can pass its own readings of Eq. (10).
    """
    controls = {
        "loss": _choice("loss", losses, "what both players minimize"),
        "rate": _number("learning rate", 0.2, 0.02, 1, 0.02, "length of a step, in gradients"),
        "theta": _number("start θ", 1.0, -2, 2, 0.1, "what the generator renders at first; the truth is 0"),
        "psi": _number("start ψ", 1.0, -2, 2, 0.1, "the discriminator's slope at first"),
    }
    return Explorer(dirac_picture, controls)


# --- how the attention starts -----------------------------------------------------------------------------------------


@torch.no_grad()
def attended_maps(generator: UNetGenerator, gray: Tensor) -> dict[str, Tensor]:
    """Collect the feature maps that a generator's attention layers are given.

    Parameters
    ----------
    generator
        With attention; it is not changed.
    gray
        Shape (B, 1, S, S), in [0, 1]. Batch norm takes the statistics of this batch, as in a step of training.

    Returns
    -------
    dict[str, Tensor]
        Size, such as "16 x 16" -> the map, (B, C, H, W), from the largest to the smallest.
    """
    generator, maps = copy.deepcopy(generator).train(), {}

    def keep(layer: nn.Module, arguments: tuple[Tensor]) -> None:
        x = arguments[0]
        maps[f"{x.shape[2]} x {x.shape[3]}"] = x

    for layer in generator.attention:
        if isinstance(layer, SelfAttention2d):
            layer.register_forward_pre_hook(keep)
    generator(gray)
    return maps


def attention_at_start(channels: int, *, init: str, scale: float = 1.0, seed: int = 0) -> SelfAttention2d:
    """Draw an attention layer as it stands before training; f, g and h depend on the seed, and not on `init`.

    Parameters
    ----------
    channels
        C of the feature map.
    init
        "zero", "normal" or "uniform".
    scale
        Factor on the drawn gain; 1 in the paper.
    seed
        Decides all that is drawn.
    """
    layer = SelfAttention2d(channels, init, generator=torch.Generator().manual_seed(seed)).requires_grad_(False)
    layer.gamma.mul_(scale)
    return layer


@torch.no_grad()
def look(layer: SelfAttention2d, x: Tensor, *, query: tuple[int, int], channel: int) -> dict:
    """Work out what `plots.attention_looks` draws of one layer and one feature map.

    Parameters
    ----------
    layer
        The attention.
    x
        One feature map, (C, H, W).
    query
        Row and column of the position j that looks.
    channel
        Which channel of the maps is wanted.

    Returns
    -------
    dict
        beta: row j of Eq. (12) as (H, W); maps: that channel of x, o and y of Eq. (13), each (H, W); gamma; and query
        and channel as given.
    """
    C, H, W = x.shape
    beta = layer.attention(x[None])  # (1, N, N)
    o = (beta @ positions(layer.h(x[None])))[0, :, channel].view(H, W)
    names = {"x": x[channel], "o": o, "y = γ o + x": layer.gamma[channel] * o + x[channel]}
    row = beta[0, query[0] * W + query[1]].view(H, W)
    return {"beta": row, "maps": names, "gamma": layer.gamma, "query": query, "channel": channel}


def attention_picture(
    maps: Mapping[str, Tensor],
    gray: Tensor,
    *,
    init: str,
    scale: float = 1.0,
    seed: int = 0,
    size: str = "16 x 16",
    photograph: int = 0,
    row: int = 28,
    column: int = 28,
    channel: int = 0,
    figure: plots.Figure | None = None,
) -> plots.Figure:
    """Draw what an attention layer does at its start, for one photograph and one of its pixels.

    Parameters
    ----------
    maps, gray
        From `attended_maps`, and the photographs that were given to it.
    init, scale, seed
        How the layer starts; see `attention_at_start`.
    size
        Which of the maps.
    photograph
        Number of the photograph.
    row, column
        Pixel of the photograph; the position of the map that covers it looks.
    channel
        Which channel is shown; the last one where there are fewer.
    figure
        An earlier result of this function, to be changed; None: a new figure.
    """
    C, H, W = maps[size].shape[1:]
    layer = attention_at_start(C, init=init, scale=scale, seed=seed)
    query = row * H // gray.shape[2], column * W // gray.shape[3]
    seen = look(layer, maps[size][photograph], query=query, channel=min(channel, C - 1))
    return plots.attention_looks(gray[photograph], **seen, figure=figure)


def attention_explorer(maps: Mapping[str, Tensor], gray: Tensor) -> Explorer:
    """Choose how an attention layer starts, what it is given, and which pixel looks.

    Parameters
    ----------
    maps, gray
        From `attended_maps`, and the photographs that were given to it.
    """
    side, widest = gray.shape[-1], max(x.shape[1] for x in maps.values())
    controls = {
        "init": _choice("start of the gain", STARTS, "how the diagonal of Eq. (11) is filled"),
        "scale": _number("scale", 1.0, 0, 2, 0.1, "factor on the drawn gain; 1 in the paper"),
        "seed": _count("seed", 0, 0, 20, "decides f, g, h and the drawn gain"),
        "size": _choice("feature map", list(maps), "which layer of the encoder: the size of its map"),
        "channel": _count("channel", 0, 0, widest - 1, "which channel of x, o and y is shown"),
        "photograph": _count("photograph", 0, 0, len(gray) - 1, "which test photograph"),
        "row": _count("pixel's row", 28, 0, side - 1, "the pixel that looks, from the top"),
        "column": _count("pixel's column", 28, 0, side - 1, "the pixel that looks, from the left"),
    }
    controls["init"].value = "normal"
    grid = pixel_grid()
    explorer = Explorer(lambda **values: attention_picture(maps, gray, **values), controls, [grid])

    def follow(change: object = None) -> None:
        with explorer.caught:  # an error outside of it would end in the kernel's log
            paint(grid, gray[controls["photograph"].value])
            widest = maps[controls["size"].value].shape[1] - 1
            controls["channel"].max = widest

    def pick(button: ipw.Button) -> None:
        with explorer.caught:
            row, column = divmod(grid.children.index(button), GRID)
            explorer.set(row=(2 * row + 1) * side // (2 * GRID), column=(2 * column + 1) * side // (2 * GRID))

    for button in grid.children:
        button.on_click(pick)
    for name in ("photograph", "size"):
        controls[name].observe(follow, "value")
    follow()
    return explorer


def pixel_grid() -> ipw.GridBox:
    """Make GRID x GRID buttons, each with its place as its name: a photograph that keyboard and mouse can pick from."""
    cell = ipw.Layout(width="26px", height="26px", margin="0", padding="0")
    places = [divmod(k, GRID) for k in range(GRID**2)]
    buttons = [ipw.Button(tooltip=f"look from row {row}, column {column}", layout=cell) for row, column in places]
    return ipw.GridBox(buttons, layout=ipw.Layout(grid_template_columns=f"repeat({GRID}, 26px)", grid_gap="1px"))


def paint(grid: ipw.GridBox, photo: Tensor) -> None:
    """Give the buttons the gray of the photograph, (1, S, S) in [0, 1], below them."""
    mosaic = nn.functional.adaptive_avg_pool2d(photo, GRID).flatten().mul(255).round().int().tolist()
    for button, level in zip(grid.children, mosaic):
        button.style.button_color = f"#{level:02x}{level:02x}{level:02x}"


# --- what the discriminator sees --------------------------------------------------------------------------------------


def patch_picture(
    discriminator: PatchDiscriminator, image: Tensor, *, row: int, column: int, figure: plots.Figure | None = None
) -> plots.Figure:
    """Frame what one score sees of a photograph, (3, S, S) in [0, 1]."""
    box = receptive_box(discriminator, row, column)
    return plots.patch_seen(image, box, edge=box[2] // 2, figure=figure)


@torch.no_grad()
def patch_explorer(discriminator: PatchDiscriminator, image: Tensor) -> Explorer:
    """Move from score to score of a discriminator, and see which patch of the photograph each one judges.

    Parameters
    ----------
    discriminator
        The PatchGAN.
    image
        A color photograph, (3, S, S), in [0, 1]; at 256 pixels most patches lie inside.
    """
    pair = torch.zeros(1, 4, *image.shape[1:])
    rows, columns = copy.deepcopy(discriminator).eval()(pair).shape[2:]
    controls = {
        "row": _count("score's row", rows // 2, 0, rows - 1, "which of the discriminator's scores, from the top"),
        "column": _count("score's column", columns // 2, 0, columns - 1, "which of its scores, from the left"),
    }
    return Explorer(lambda **values: patch_picture(discriminator, image, **values), controls)


# --- results ----------------------------------------------------------------------------------------------------------


def gallery_picture(
    pictures: Mapping[str, Tensor],
    *,
    left: str,
    right: str,
    photograph: int = 0,
    share: float = 0.5,
    figure: plots.Figure | None = None,
) -> plots.Figure:
    """Lay two versions of one photograph over each other; see `gallery` for `pictures`."""
    one, other = pictures[left][photograph], pictures[right][photograph]
    return plots.before_after(one, other, share, titles=(left, right), figure=figure)


def gallery(pictures: Mapping[str, Tensor]) -> Explorer:
    """Compare versions of the same photographs, one laid over the other.

    Parameters
    ----------
    pictures
        Name -> photographs, (N, 3, S, S) or (N, 1, S, S), in [0, 1]: the gray ones, renderings, the true ones. At
        least two names; where N differs, the first photographs are taken.
    """
    first, *_, last = pictures
    controls = {
        "photograph": _count("photograph", 0, 0, min(map(len, pictures.values())) - 1, "which photograph"),
        "share": _number("before / after", 0.5, 0, 1, 0.02, "where one version ends and the other begins"),
        "left": _choice("left", list(pictures), "what is shown on the left of the line"),
        "right": _choice("right", list(pictures), "what is shown on the right of the line"),
    }
    controls["left"].value, controls["right"].value = first, last
    return Explorer(lambda **values: gallery_picture(pictures, **values), controls)
