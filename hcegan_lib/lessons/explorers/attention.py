"""How an attention layer starts: where one position looks, and how much of what it gets is added."""

import copy
from collections.abc import Mapping

import ipywidgets as ipw
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from hcegan_lib.attention import SelfAttention2d, positions
from hcegan_lib.lessons.explorers.explorer import Explorer, control, prepare, set_image, set_line, set_title
from hcegan_lib.lessons.plots.figure import BLUE, ORANGE, Figure, to_pixels
from hcegan_lib.models import UNetGenerator

GRID = 8  # buttons along each side of the grid on which a pixel is chosen
STARTS = {"SA: zeros": "zero", "SA': drawn from N(0, 1)": "normal", "SA'': drawn from U(0, 1)": "uniform"}


@torch.no_grad()
def attended_maps(generator: UNetGenerator, gray: Tensor) -> dict[str, Tensor]:
    """Collect the feature maps that go into a generator's attention layers, from the largest to the smallest.

    Batch norm uses the statistics of `gray`, (B, 1, S, S) in [0, 1], as in a training step. The result maps each size,
    such as "16 x 16", to the map, (B, C, H, W).
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
    """Make an untrained attention layer whose f, g and h depend on the seed but not on `init`.

    `init` is "zero", "normal" or "uniform"; `scale` is a factor on the drawn gain, 1 in the paper.
    """
    layer = SelfAttention2d(channels, init, generator=torch.Generator().manual_seed(seed)).requires_grad_(False)
    layer.gamma.mul_(scale)
    return layer


@torch.no_grad()
def look(layer: SelfAttention2d, x: Tensor, *, query: tuple[int, int], channel: int) -> dict:
    """Compute the keyword arguments of `attention_looks` for one feature map, (C, H, W).

    For the position j at row and column `query`: beta, row j of Eq. (12), (H, W); maps, one channel of x, o and y of
    Eq. (13), each (H, W); gamma; query and channel as given.
    """
    C, H, W = x.shape
    beta = layer.attention(x[None])  # (1, N, N)
    o = (beta @ positions(layer.h(x[None])))[0, :, channel].view(H, W)
    names = {"x": x[channel], "o": o, "y = γ o + x": layer.gamma[channel] * o + x[channel]}
    row = beta[0, query[0] * W + query[1]].view(H, W)
    return {"beta": row, "maps": names, "gamma": layer.gamma, "query": query, "channel": channel}


def attention_looks(
    photo: Tensor,
    beta: Tensor,
    *,
    query: tuple[int, int],
    maps: Mapping[str, Tensor],
    gamma: Tensor,
    channel: int,
    figure: Figure | None = None,
) -> Figure:
    """Show where one position of a feature map looks, what it gets, and how much of that is added.

    Five panels: the attention over the gray photograph, (1, S, S) in [0, 1], with a frame around the position that
    looks; three maps on one scale around 0; and the share of channels with each gain, with a line at the gain of the
    channel shown. Gains beyond -3 and 3 are counted at the ends. The other arguments are those that `look` returns.
    """
    figure = prepare(figure, 5, width=2.2, height=2.5, bottom=0.17, top=0.88, wspace=0.06)
    seen, *panels, gains = figure.axes
    (H, W), sharpest = beta.shape, beta.numel() * beta.max().item()
    set_image(seen, 0, to_pixels(photo))
    set_image(seen, 1, beta.numpy(), limits=(0, beta.max().item()), cmap="inferno", alpha=0.6)
    down, across = (query[0] + np.array([0, 0, 1, 1, 0])) / H, (query[1] + np.array([0, 1, 1, 0, 0])) / W
    set_line(seen, 0, across, down, color="white", linewidth=2)
    set_title(seen, f"looks: up to {sharpest:.1f} × uniform")
    largest = max(part.abs().max().item() for part in maps.values())
    for ax, (name, part) in zip(panels, maps.items()):
        set_image(ax, 0, part.numpy(), limits=(-largest, largest), cmap="RdBu_r")
        set_title(ax, name)
    _draw_gains(gains, gamma, channel)
    figure.alt = (
        f"Row {query[0]}, column {query[1]} of a {H} x {W} map looks at one position with {sharpest:.1f} times the "
        f"uniform weight. Then channel {channel} of the maps {', '.join(maps)}, with gain {gamma[channel]:.2f}. Gains "
        f"range from {gamma.min():.2f} to {gamma.max():.2f}; {(gamma < 0).float().mean():.0%} are negative."
    )
    return figure


def _draw_gains(ax: Axes, gamma: Tensor, channel: int) -> None:
    """Draw the share of channels with each gain, and a line at the gain of one channel."""
    edges = np.linspace(-3, 3, 25)
    shares = np.histogram(gamma.clamp(-3, 3).numpy(), edges)[0] / len(gamma)
    if not ax.patches:
        ax.stairs(shares, edges, fill=True, color=BLUE)
    ax.patches[0].set_data(shares, edges)
    set_line(ax, 0, [gamma[channel].item()] * 2, [0, 1], "--", color=ORANGE)
    ax.set(xlim=(-3.1, 3.1), ylim=(0, 1.1 * shares.max()), yticks=[], xlabel="gain γ")
    set_title(ax, f"this channel: {gamma[channel]:.2f}")


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
    figure: Figure | None = None,
) -> Figure:
    """Draw what an untrained attention layer does at one pixel of one photograph; see `attention_at_start`.

    `maps`, with key `size`, is the result of `attended_maps` for the photographs `gray`. The position that covers the
    pixel at `row` and `column` of the photograph looks. If the map has fewer channels, the last one is shown.
    """
    C, H, W = maps[size].shape[1:]
    layer = attention_at_start(C, init=init, scale=scale, seed=seed)
    query = row * H // gray.shape[2], column * W // gray.shape[3]
    seen = look(layer, maps[size][photograph], query=query, channel=min(channel, C - 1))
    return attention_looks(gray[photograph], **seen, figure=figure)


def attention_explorer(maps: Mapping[str, Tensor], gray: Tensor) -> Explorer:
    """Choose how an attention layer starts, its input (of `attended_maps`), and the pixel of `gray` that looks."""
    side, widest = gray.shape[-1], max(x.shape[1] for x in maps.values())
    controls = {
        "init": control("start of the gain", "normal", STARTS, "how the diagonal of Eq. (11) is initialized"),
        "scale": control("scale", 1, (0, 2, 0.1), "factor on the drawn gain; 1 in the paper"),
        "seed": control("seed", 0, (0, 20), "seed of f, g, h and the drawn gain"),
        "size": control("feature map", next(iter(maps)), list(maps), "which encoder layer, by the size of its map"),
        "channel": control("channel", 0, (0, widest - 1), "which channel of x, o and y is shown"),
        "photograph": control("photograph", 0, (0, len(gray) - 1), "which test photograph"),
        "row": control("pixel's row", 28, (0, side - 1), "the pixel that looks, from the top"),
        "column": control("pixel's column", 28, (0, side - 1), "the pixel that looks, from the left"),
    }
    grid = _button_grid()
    explorer = Explorer(lambda **values: attention_picture(maps, gray, **values), controls, [grid])

    def follow(change: object = None) -> None:
        with explorer.errors:
            _paint(grid, gray[controls["photograph"].value])
            controls["channel"].max = maps[controls["size"].value].shape[1] - 1

    def pick(button: ipw.Button) -> None:
        with explorer.errors:
            row, column = divmod(grid.children.index(button), GRID)
            explorer.set(row=(2 * row + 1) * side // (2 * GRID), column=(2 * column + 1) * side // (2 * GRID))

    for button in grid.children:
        button.on_click(pick)
    for name in ("photograph", "size"):
        controls[name].observe(follow, "value")
    follow()
    return explorer


def _button_grid() -> ipw.GridBox:
    """Make GRID x GRID buttons: unlike an image widget, they can be clicked and reached by keyboard."""
    cell = ipw.Layout(width="26px", height="26px", margin="0", padding="0")
    places = [divmod(k, GRID) for k in range(GRID**2)]
    buttons = [ipw.Button(tooltip=f"look from row {row}, column {column}", layout=cell) for row, column in places]
    return ipw.GridBox(buttons, layout=ipw.Layout(grid_template_columns=f"repeat({GRID}, 26px)", grid_gap="1px"))


def _paint(grid: ipw.GridBox, photo: Tensor) -> None:
    """Color the buttons like the photograph, (1, S, S) in [0, 1]."""
    mosaic = nn.functional.adaptive_avg_pool2d(photo, GRID).flatten().mul(255).round().int().tolist()
    for button, level in zip(grid.children, mosaic):
        button.style.button_color = f"#{level:02x}{level:02x}{level:02x}"
