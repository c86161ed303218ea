"""Three starts of an attention layer side by side: where one position looks, and how much of what it gets is added."""

import copy
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn
from torch.optim import Adam

from hcegan_lib import train
from hcegan_lib.attention import SelfAttention2d, positions
from hcegan_lib.color import luma
from hcegan_lib.data import Photos
from hcegan_lib.lessons.explorers.explorer import (
    FIELD,
    Control,
    Explorer,
    prepare,
    set_image,
    set_line,
    set_title,
    slider,
)
from hcegan_lib.lessons.plots.figure import BLUE, COLORS, Figure, to_pixels
from hcegan_lib.losses import LOSSES
from hcegan_lib.models import UNetGenerator

Moment = Mapping[str, tuple[SelfAttention2d, Tensor]]  # size of a map, "16 x 16" -> layer and its input (B, C, H, W)
Recording = Mapping[str, Mapping[int, Moment]]  # start of the gain -> step of training -> moment
STARTS = {"zero": "SA", "normal": "SA'", "uniform": "SA''"}


@torch.no_grad()
def attended_layers(generator: UNetGenerator, gray: Tensor) -> Moment:
    """Copy the attention layers of a generator together with the maps that go into them, from the largest map on.

    Batch norm uses the statistics of `gray`, (B, 1, S, S) in [0, 1], as in a training step.
    """
    generator, found = copy.deepcopy(generator).train(), {}

    def keep(layer: nn.Module, arguments: tuple[Tensor]) -> None:
        x = arguments[0]
        found[f"{x.shape[2]} x {x.shape[3]}"] = layer.requires_grad_(False), x

    for layer in generator.attention:
        if isinstance(layer, SelfAttention2d):
            layer.register_forward_pre_hook(keep)
    generator(gray)
    return found


def attended_maps(generator: UNetGenerator, gray: Tensor) -> dict[str, Tensor]:
    """Collect the maps that go into a generator's attention layers, as in `attended_layers`; size -> (B, C, H, W)."""
    return {size: x for size, (_, x) in attended_layers(generator, gray).items()}


def record_starts(
    settings: Mapping[str, train.TrainConfig], photos: Photos, gray: Tensor, *, steps: Sequence[int]
) -> dict[str, dict[int, Moment]]:
    """Train one generator per start of the gain, and keep the `attended_layers` of `gray` after some steps.

    `settings` maps each start to the settings of its run; `photos` are for training. `steps` are in ascending order;
    0 is before training. The rate is constant, in float32.
    """
    return {init: _record(one, photos, gray, steps) for init, one in settings.items()}


def _record(settings: train.TrainConfig, photos: Photos, gray: Tensor, steps: Sequence[int]) -> dict[int, Moment]:
    networks, moments = train.build(settings), {}
    optimizers = tuple(Adam(network.parameters(), settings.learning_rate, train.BETAS) for network in networks)
    for step in range(steps[-1] + 1):
        if step in steps:
            moments[step] = attended_layers(networks[0], gray)
        batch = train.batch_of_step(photos, settings, step)
        with train.seeded_dropout(settings.seed, step, "cpu"):
            loss = LOSSES[settings.loss]
            train.train_step(networks, optimizers, *batch, loss=loss, l1_weight=settings.l1_weight)
    return moments


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
) -> Figure:
    """Show where one position of a feature map looks, what it gets, and how much of that is added.

    Five panels: the attention over the gray photograph, (1, S, S) in [0, 1], with a frame around the position that
    looks; three maps on one scale around 0; and the share of channels with each gain, with a line at the gain of the
    channel shown. Gains beyond -3 and 3 are counted at the ends. The other arguments are those that `look` returns.
    """
    figure = prepare(None, 5, width=2.2, height=2.5, bottom=0.17, top=0.88, wspace=0.06)
    seen, *panels, gains = figure.axes
    (H, W), sharpest = beta.shape, beta.numel() * beta.max().item()
    set_image(seen, 0, to_pixels(photo))
    set_image(seen, 1, beta.numpy(), limits=(0, beta.max().item()), cmap="inferno", alpha=0.6)
    _frame(seen, query, beta.shape)
    set_title(seen, f"looks: up to {sharpest:.1f} × uniform")
    largest = max(part.abs().max().item() for part in maps.values())
    for ax, (name, part) in zip(panels, maps.items()):
        set_image(ax, 0, part.numpy(), limits=(-largest, largest), cmap="RdBu_r")
        set_title(ax, name)
    _draw_gains(gains, gamma, channel, BLUE)
    set_title(gains, f"gain γ; this channel: {gamma[channel]:.2f}")
    figure.alt = (
        f"Row {query[0]}, column {query[1]} of a {H} x {W} map looks at one position with {sharpest:.1f} times the "
        f"uniform weight. Then channel {channel} of the maps {', '.join(maps)}, with gain {gamma[channel]:.2f}. Gains "
        f"range from {gamma.min():.2f} to {gamma.max():.2f}; {(gamma < 0).float().mean():.0%} are negative."
    )
    return figure


def _frame(ax: Axes, query: tuple[int, int], shape: Sequence[int]) -> None:
    """Draw a white frame with a dark edge around one position of a map of a shape (H, W)."""
    down, across = np.array([0, 0, 1, 1, 0]), np.array([0, 1, 1, 0, 0])
    for place, (color, width) in enumerate((("black", 4), ("white", 2))):
        set_line(ax, place, (query[1] + across) / shape[1], (query[0] + down) / shape[0], color=color, linewidth=width)


def _draw_gains(ax: Axes, gamma: Tensor, channel: int, color: str) -> None:
    """Draw the share of channels with each gain, and a line at the gain of one channel."""
    edges = np.linspace(-3, 3, 62)
    shares = np.histogram(gamma.clamp(-3, 3).numpy(), edges)[0] / len(gamma)
    if not ax.patches:
        ax.stairs(shares, edges, fill=True, color=color)
        ax.set_axis_off()  # three numbers are drawn ten times as fast as an axis
        for tick in (-2, 0, 2):
            ax.text(tick, -0.04, f"{tick}", transform=ax.get_xaxis_transform(), ha="center", va="top")
    ax.patches[0].set_data(shares, edges)
    set_line(ax, 0, [-3, 3, np.nan, 0, 0], [0, 0, np.nan, 0, 2], color="0.6", linewidth=1, zorder=0)
    set_line(ax, 1, [gamma[channel].item()] * 2, [0, 2], "--", color="black", linewidth=1)
    ax.set(xlim=(-3, 3), ylim=(0, 1.1 * shares.max()))


# --- the explorer -----------------------------------------------------------------------------------------------------

# Left, top, width and height of the panels of one start, in pixels of a figure of 950 x 362; starts are 319 px apart.
PANELS = {"look": (0, 22, 214, 214), "x": (220, 38, 90, 90), "added": (220, 146, 90, 90), "gain": (4, 262, 304, 66)}
WIDTH, HEIGHT, APART = 950, 362, 319


def attention_picture(
    recording: Recording,
    color: Tensor,
    *,
    row: int,
    column: int,
    step: int = 0,
    photograph: int = 0,
    size: str | None = None,
    channel: int = 0,
    figure: Figure | None = None,
) -> Figure:
    """Draw SA, SA' and SA'' side by side after one step of training: where a position looks, x, gamma o, and the gain.

    `recording` is the result of `record_starts`, and `color`, (B, 3, S, S) in [0, 1], holds its photographs in any
    size. `row` and `column` name a position of the largest map; in a smaller map, the position that covers it looks.
    `size` names the map, such as "16 x 16"; None is the largest. If it has fewer channels, the last one is shown.
    The photograph keeps its color where that position looks most and turns dark gray where it does not look.
    """
    figure = _panels(figure)
    moments = {init: moments[step] for init, moments in recording.items()}
    sizes = {name: x.shape[1:] for name, (_, x) in moments["zero"].items()}  # from the largest on
    largest = next(iter(sizes))
    size = size or largest
    C, H, W = sizes[size]
    figure.stride = sizes[largest][1] // H
    query = row * H // sizes[largest][1], column * W // sizes[largest][2]
    channel = min(channel, C - 1)
    seen = {
        init: look(layer, x[photograph], query=query, channel=channel)
        for init, (layer, x) in ((init, moment[size]) for init, moment in moments.items())
    }
    limit = max(part.abs().max().item() for one in seen.values() for part in _x_and_added(one))
    words = []
    for (init, one), axes, tint in zip(seen.items(), np.reshape(figure.axes, (-1, 4)), COLORS):
        words.append(_draw_start(axes, STARTS[init], one, color[photograph], limit, tint))
    figure.alt = (
        "Three starts side by side: where one position of a photograph looks, x, what is added, and the gain. "
        f"Step {step}, row {query[0]}, column {query[1]} of {size}, channel {channel}. {'; '.join(words)}."
    )
    return figure


def _panels(figure: Figure | None) -> Figure:
    """Make the panels of `attention_picture`, four per start, if there are none."""
    figure = plt.figure(FigureClass=Figure) if figure is None else figure
    if not figure.axes:
        figure.set_size_inches(WIDTH / 80, HEIGHT / 80)
        for start in range(len(STARTS)):
            for name, (left, top, width, height) in PANELS.items():
                place = ((left + start * APART) / WIDTH, 1 - (top + height) / HEIGHT, width / WIDTH, height / HEIGHT)
                figure.add_axes(place, gid=FIELD if name == "look" else name)
    return figure


def _x_and_added(seen: Mapping) -> tuple[Tensor, Tensor]:
    """Take one channel of x and of gamma o from the result of `look`."""
    x, o, _ = seen["maps"].values()
    return x, seen["gamma"][seen["channel"]] * o


def _draw_start(axes: Sequence[Axes], name: str, seen: Mapping, photo: Tensor, limit: float, tint: str) -> str:
    """Draw the four panels of one start, and say in words what they show."""
    look_at, *maps, gain = axes
    beta, gamma = seen["beta"], seen["gamma"]
    times, size, negative = beta.numel() * beta.max().item(), gamma.abs().mean(), (gamma < 0).float().mean()
    set_image(look_at, 0, to_pixels(_lit(photo, beta)), interpolation="nearest")
    _frame(look_at, seen["query"], beta.shape)
    set_title(look_at, f"{name}: up to {times:.1f} × uniform")
    for ax, part, title in zip(maps, _x_and_added(seen), ("x", "γ o")):
        set_image(ax, 0, part.numpy(), limits=(-limit, limit), cmap="RdBu_r", interpolation="nearest")
        set_title(ax, title)
    _draw_gains(gain, gamma, seen["channel"], tint)
    set_title(gain, f"gain γ: mean size {size:.2f}, {negative:.0%} negative")
    return f"{name} looks with up to {times:.1f} times the uniform weight; gain of mean size {size:.2f}"


def _lit(photo: Tensor, beta: Tensor) -> Tensor:
    """Keep the color of a photograph, (3, S, S), where the weight is largest, and make the rest dark and gray."""
    weight = nn.functional.interpolate((beta / beta.max())[None, None], photo.shape[1:])[0]  # (1, S, S)
    return weight * photo + (1 - weight) * 0.4 * luma(photo[None])[0]


def attention_explorer(recording: Recording, color: Tensor, *, channel: int = 0) -> Explorer:
    """Pick a position in a photograph, and compare SA, SA' and SA'' over training; see `attention_picture`."""
    first = next(iter(recording["zero"].values()))
    side, widest = next(iter(first.values()))[1].shape[2], max(x.shape[1] for _, x in first.values())
    recorded = list(recording["zero"])
    controls = {
        "step": slider("step of training", recorded[0], recorded, "after which step of training", play=True),
        "photograph": slider("photograph", 0, range(len(color)), "which test photograph"),
        "size": Control("feature map", next(iter(first)), {size: size for size in first}, "which layer, by its map"),
        "channel": slider("channel", channel, range(widest), "which channel of x and γ o is shown"),
        "row": slider("row", side // 2, range(side), "of the position that looks", kind="place"),
        "column": slider("column", side // 2, range(side), "of the position that looks", kind="place"),
    }
    draw = lambda **values: attention_picture(recording, color, **values)  # noqa: E731
    return Explorer(draw, controls, place="position that looks", recorded=("step", recorded))
