"""The figures of the course, one function each: numbers in, a figure out, nothing saved and nothing shown.

Every figure carries its text alternative. A notebook stores it beside the picture and the HTML page puts it into the
picture's `alt`, so that who cannot see the picture is told what is in it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from scipy import special
from torch import Tensor

from hcegan_lib.color import LUMA_WEIGHTS, luma
from hcegan_lib.dirac import vector_field
from hcegan_lib.losses import AdversarialLoss, hinge
from hcegan_lib.metrics import color_error, colorfulness, error_parts

# Okabe and Ito 2008: told apart by colorblind readers too.
BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
MARKERS = "osD^v"


class Figure(plt.Figure):
    """A figure that knows what it shows, in words."""

    alt: str = ""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple[dict, dict]:
        """Hand the text alternative to the notebook; the picture itself is drawn by IPython, as always."""
        return {}, {"image/png": {"alt": self.alt}}


def _axes(rows: int, columns: int, width: float, height: float, **options: object) -> tuple[Figure, np.ndarray]:
    """Make a figure of equal panels; `width` and `height` are one panel's, in inches."""
    return plt.subplots(
        rows,
        columns,
        figsize=(width * columns, height * rows),
        squeeze=False,
        layout="constrained",
        FigureClass=Figure,
        **options,
    )


def _draw_photo(ax: Axes, image: Tensor) -> None:
    """Draw one photograph, (3, H, W) or (1, H, W) in [0, 1], without ticks: a pixel's number is of no interest."""
    pixels = image.detach().clamp(0, 1).permute(1, 2, 0).numpy()
    # Nearest: the pixels as they are, in a third of the bytes that smoothing them takes.
    ax.imshow(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), interpolation="nearest")
    ax.set(xticks=[], yticks=[])


def photo_grid(rows: Mapping[str, Tensor], *, titles: Sequence[str] = (), alt: str) -> Figure:
    """Lay out photographs in rows, one column a photograph.

    Parameters
    ----------
    rows
        Label of a row -> its photographs, each (N, 3, H, W) or (N, 1, H, W), in [0, 1]. N may differ.
    titles
        What stands above the columns.
    alt
        The text alternative: what is there to be seen.

    Returns
    -------
    Figure
        One panel a photograph.
    """
    columns = max(len(images) for images in rows.values())
    side = min(2, max(1.1, 10.4 / columns))  # a full row is as wide as a notebook's page
    figure, axes = _axes(len(rows), columns, width=side, height=side)
    for row, (label, images) in zip(axes, rows.items()):
        for ax, image in zip(row, images):
            _draw_photo(ax, image)
        for ax in row[len(images) :]:
            ax.set_axis_off()
        row[0].set_ylabel(label)
    for ax, title in zip(axes[0], titles):
        ax.set_title(title, fontsize="medium")
    figure.alt = alt
    return figure


def colors_of_gray(levels: Sequence[float], steps: int = 201) -> Figure:
    """Paint all colors that have the same gray: red to the right, blue upwards, and the green that makes up for both.

    Parameters
    ----------
    levels
        The grays, one panel each, in [0, 1].
    steps
        Pixels along each side.

    Returns
    -------
    Figure
        Above the colors, below the same pixels in gray. Where no green between 0 and 1 fits, the panel is empty.
    """
    figure, axes = _axes(2, len(levels), width=2.4, height=2.4, sharex=True, sharey=True)
    red_weight, green_weight, blue_weight = LUMA_WEIGHTS
    red, blue = np.meshgrid(np.linspace(0, 1, steps), np.linspace(0, 1, steps))
    for (above, below), level in zip(axes.T, levels):
        green = (level - red_weight * red - blue_weight * blue) / green_weight
        there = (green >= 0) & (green <= 1)
        colors = np.stack([red, green.clip(0, 1), blue, there], axis=-1)  # (steps, steps, 4): outside is transparent
        grays = np.stack([np.full_like(red, level)] * 3 + [there], axis=-1)
        for ax, pixels in ((above, colors), (below, grays)):
            ax.imshow(pixels, origin="lower", extent=(0, 1, 0, 1))
        above.set_title(f"gray {level:g}")
        below.set_xlabel("red")
    for ax, what in zip(axes[:, 0], ("in color", "in gray")):
        ax.set_ylabel(f"{what}\nblue")
    names = ", ".join(f"{level:g}" for level in levels)
    figure.alt = (
        f"One panel for each of the grays {names}: a many-sided patch that runs through very different colors, from "
        "green over gray to purple. Below each, the same patch in gray is one even tone."
    )
    return figure


def score_by_colorfulness(scores: pd.DataFrame) -> Figure:
    """Draw the PSNR of each photograph over how colorful the true one is.

    Parameters
    ----------
    scores
        From `metrics.evaluate`: the columns psnr (dB) and true_colorfulness are drawn.

    Returns
    -------
    Figure
        One point a photograph, and a line at the mean PSNR.
    """
    figure, axes = _axes(1, 1, width=5.5, height=3.6)
    ax, mean = axes[0, 0], scores["psnr"].mean()
    ax.scatter(scores["true_colorfulness"], scores["psnr"], color=BLUE, label="one photograph")
    ax.axhline(mean, color=ORANGE, linestyle="--", label=f"mean: {mean:.1f} dB")
    ax.set(xlabel="colorfulness of the true photograph (0-255 scale)", ylabel="PSNR (dB)")
    ax.legend()
    ordered = scores.sort_values("true_colorfulness")["psnr"]
    figure.alt = (
        f"Scatter plot of {len(scores)} photographs. The least colorful has {ordered.iloc[0]:.0f} dB, the most "
        f"colorful {ordered.iloc[-1]:.0f} dB; the mean is {mean:.1f} dB, and the correlation of PSNR and colorfulness "
        f"is {scores['psnr'].corr(scores['true_colorfulness']):.1f}."
    )
    return figure


def ssim_map(image: Tensor, target: Tensor, similarity: np.ndarray) -> Figure:
    """Show where two pictures are alike, and where they are not.

    Parameters
    ----------
    image, target
        The rendered and the true photograph, (3, H, W), in [0, 1].
    similarity
        SSIM of every window, (H - 10, W - 10), mean over channels.

    Returns
    -------
    Figure
        Both photographs and the map, with its scale.
    """
    figure, axes = _axes(1, 3, width=2.7, height=2.5)
    rendered, true, ax = axes[0]
    _draw_photo(rendered, image)
    _draw_photo(true, target)
    H, W = target.shape[-2:]
    edge = (W - similarity.shape[1]) / 2  # a window has its center at least that far inside
    extent = (edge, W - edge, H - edge, edge)
    drawn = ax.imshow(similarity, cmap="cividis", vmin=similarity.min(), vmax=1, extent=extent)
    figure.colorbar(drawn, ax=ax, label="SSIM of the window")
    ax.set(xlim=(0, W), ylim=(H, 0), xticks=[], yticks=[])
    for panel, what in zip(axes[0], ("scored picture", "true photograph", "where they agree")):
        panel.set_xlabel(what)
    figure.alt = (
        f"A picture, the true photograph, and a map of the SSIM of each window, from {similarity.min():.2f} to "
        f"{similarity.max():.2f} with the mean {similarity.mean():.2f}; it is dark where the two differ in structure."
    )
    return figure


def conventions(scores: pd.DataFrame, unit: str = "PSNR (dB)") -> Figure:
    """Compare one measure of the same pictures under several conventions.

    Parameters
    ----------
    scores
        One row a convention, named by the index, and one column a set of pictures. Infinite values are allowed.
    unit
        Name and unit of the measure.

    Returns
    -------
    Figure
        A line a convention, a marker a set of pictures; what is infinite sits at the right edge, with an arrow.
    """
    figure, axes = _axes(1, 1, width=8, height=1.1 + 0.32 * len(scores))
    ax, finite = axes[0, 0], scores.where(np.isfinite(scores))
    edge = finite.max().max() + 0.08 * (finite.max().max() - finite.min().min())
    for name, marker, color in zip(scores, MARKERS, (BLUE, ORANGE, GREEN, PINK)):
        ax.plot(scores[name].clip(upper=edge), scores.index, marker, color=color, label=name)
        for y in np.flatnonzero(np.isposinf(scores[name])):
            ax.annotate("→ infinite", (edge, y), (22, 0), textcoords="offset points", va="center", color=color)
    ax.axvline(scores.iloc[0, 0], color="0.7", linewidth=1, zorder=0)
    ax.set(xlabel=unit, ylim=(len(scores) - 0.5, -0.5))
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(scores.columns), frameon=False)
    ranges = (f"{name} from {finite[name].min():.1f} to {finite[name].max():.1f}" for name in scores)
    infinite = int(np.isinf(scores.to_numpy()).sum())
    figure.alt = (
        f"Dot plot of {unit} under {len(scores)} conventions: {'; '.join(ranges)}"
        f"{f'; {infinite} infinite' if infinite else ''}."
    )
    return figure


def opponent_colors(images: Mapping[str, Tensor]) -> Figure:
    """Draw the pixels of pictures in the plane in which colorfulness is measured.

    Parameters
    ----------
    images
        Name -> one picture, (3, H, W), in [0, 1].

    Returns
    -------
    Figure
        A panel a picture: one dot a pixel, in its own color, and a cross at the mean.
    """
    figure, axes = _axes(1, len(images), width=2.7, height=2.9, sharex=True, sharey=True)
    measured = []
    for ax, (name, image) in zip(axes[0], images.items()):
        red, green, blue = 255 * image.detach().clamp(0, 1).flatten(1).numpy()
        across, up = red - green, (red + green) / 2 - blue
        ax.scatter(across, up, c=np.stack([red, green, blue], axis=1) / 255, s=4)
        ax.plot(across.mean(), up.mean(), "+", color="black", markersize=14, markeredgewidth=2)
        measured.append(f"{name} {colorfulness(image[None]).item():.0f}")
        ax.set(title=f"{name}\nM = {measured[-1].split()[-1]}", xlabel="red - green (levels)")
        ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        ax.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    axes[0, 0].set_ylabel("yellow - blue (levels)")
    figure.alt = (
        "Pixels by their differences red minus green and yellow minus blue; the wider the cloud and the farther its "
        f"mean from zero, the more colorful. Colorfulness M: {', '.join(measured)}."
    )
    return figure


def _draw_value_and_gradient(
    axes: Sequence[Axes], losses: Mapping[str, Callable[[Tensor], Tensor]], logits: tuple[float, float]
) -> dict[str, Tensor]:
    """Draw each loss of a logit into the first panel and its derivative, by autograd, into the second.

    Returns the logits and, for each loss, the gradients, for the text alternative.
    """
    x = torch.linspace(*logits, 401, dtype=torch.float64)
    gradients = {}
    for (name, loss), color, style in zip(losses.items(), (BLUE, ORANGE, GREEN, PINK), ("-", "--", "-.", ":")):
        at = x.clone().requires_grad_()
        value = loss(at)
        (gradients[name],) = torch.autograd.grad(value.sum(), at)
        for ax, y in zip(axes, (value.detach(), gradients[name])):
            ax.plot(x.numpy(), y.numpy(), style, color=color, linewidth=2, label=name)
    for ax, what in zip(axes, ("loss", "derivative of the loss")):
        ax.set(xlabel="score (logit)", ylabel=what)
        ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        ax.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    return gradients


def value_and_gradient(
    losses: Mapping[str, Callable[[Tensor], Tensor]],
    *,
    logits: tuple[float, float] = (-4, 4),
    top: float | None = None,
    steepest: float | None = None,
) -> Figure:
    """Draw losses of one logit, and their derivatives, side by side.

    Parameters
    ----------
    losses
        Name -> loss of each logit: any shape in, the same shape out, made of operations that autograd knows.
    logits
        From where to where.
    top, steepest
        Ends of the axes of the losses and of the derivatives, where one curve outgrows the others.

    Returns
    -------
    Figure
        Two panels that share their logits: values, and derivatives by autograd.
    """
    figure, axes = _axes(1, 2, width=4.2, height=3, sharex=True)
    gradients = _draw_value_and_gradient(axes[0], losses, logits)
    if top is not None:
        axes[0, 0].set_ylim(-0.03 * top, top)
    if steepest is not None:
        axes[0, 1].set_ylim(-steepest, steepest)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(losses))
    ends = (f"{name} {g[0] + 0:.2g} and {g[-1] + 0:.2g}" for name, g in gradients.items())  # + 0: no "-0"
    figure.alt = (
        f"Two panels over logits from {logits[0]:g} to {logits[1]:g}: losses, and their derivatives. "
        f"Derivatives at the two ends: {'; '.join(ends)}."
    )
    return figure


def hinge_loss(scores: Mapping[str, float], *, label: str, margin: float = 1) -> Figure:
    """Draw Figure 1: the hinge loss of several classes, Eq. (1), and of two, Eq. (2), with its derivative.

    Parameters
    ----------
    scores
        Class -> its score, for one input.
    label
        The true class.
    margin
        The threshold Delta of Eq. (1).

    Returns
    -------
    Figure
        Three panels. In the first, the loss is the sum of the thick bars: what stands out over the line.

    Raises
    ------
    ValueError
        If the label is none of the classes.
    """
    if label not in scores:
        raise ValueError(f"label must be one of the classes {', '.join(scores)}, got {label!r}")
    figure, axes = _axes(1, 3, width=3.5, height=3)
    several, *two = axes[0]
    line = scores[label] - margin
    excess = {name: max(0, score - line) for name, score in scores.items() if name != label}
    several.plot(scores.values(), list(scores), "o", color=BLUE, markersize=8)
    several.barh(list(excess), excess.values(), left=line, height=0.25, color=ORANGE, zorder=0)
    several.axvline(line, color="black", linestyle="--", linewidth=1, label="true class's score − Δ")
    several.set(xlabel="score", ylim=(len(scores) + 0.3, -0.7), title=f"several classes: loss {sum(excess.values()):g}")
    several.legend(loc="lower center", fontsize="small")
    _draw_value_and_gradient(
        two, {"label 1": lambda x: hinge(x, label=1), "label −1": lambda x: hinge(x, label=-1)}, (-3, 3)
    )
    two[0].set_title("two classes: value")
    two[1].set_title("two classes: gradient")
    two[0].legend()
    figure.alt = (
        f"Three panels. First: the scores of {', '.join(scores)}, and a line {margin:g} below that of the true class, "
        f"{label}; what reaches over the line adds up to {sum(excess.values()):g}. Then the hinge loss of two classes: "
        "for label 1 it falls with slope -1 to zero at score 1, for label -1 it rises from -1 with slope 1."
    )
    return figure


def over_steps(curves: Mapping[str, Sequence[float]], *, ylabel: str, level: float | None = None) -> Figure:
    """Draw what becomes of a number step by step, in several runs.

    Parameters
    ----------
    curves
        Name of a run -> its numbers, the first before any step. The runs may differ in length.
    ylabel
        What the numbers are.
    level
        Where to draw a line across.

    Returns
    -------
    Figure
        One panel, a line a run. Steps are drawn on a logarithmic axis, so the start is left out.
    """
    figure, axes = _axes(1, 1, width=6.5, height=3.2)
    ax = axes[0, 0]
    for (name, values), color, style in zip(curves.items(), (BLUE, ORANGE, GREEN, PINK), ("-", "--", "-.", ":")):
        ax.plot(range(1, len(values)), values[1:], style, color=color, linewidth=2, label=name)
    if level is not None:
        ax.axhline(level, color="0.6", linewidth=1, zorder=0)
    ax.set(xscale="log", xlabel="step", ylabel=ylabel)
    if max(map(len, curves.values())) <= 10:  # within a decade Matplotlib would write 2 x 10^0
        ax.xaxis.set_minor_formatter("{x:g}")
    ax.xaxis.set_major_formatter("{x:g}")
    figure.legend(loc="outside upper center", ncols=len(curves))
    ends = (f"{name} ends at {values[-1]:.2f} after {len(values) - 1} steps" for name, values in curves.items())
    figure.alt = f"Lines of the {ylabel} over training steps: {'; '.join(ends)}."
    return figure


def cross_entropy_parts(p: float) -> Figure:
    """Draw the cross-entropy of two outcomes as its two parts, Eq. (6): entropy below, KL divergence above.

    Parameters
    ----------
    p
        True probability of the first outcome, between 0 and 1.

    Returns
    -------
    Figure
        One panel over the predicted probability q of the first outcome.
    """
    figure, axes = _axes(1, 1, width=5.5, height=3.2)
    ax, q = axes[0, 0], np.linspace(0.01, 0.99, 393)
    entropy = float(special.entr(p) + special.entr(1 - p))
    cross_entropy = -special.xlogy(p, q) - special.xlogy(1 - p, 1 - q)
    ax.plot(q, cross_entropy, color=BLUE, linewidth=2, label="cross-entropy H(P, Q)")
    ax.fill_between(q, 0, entropy, color="0.88", label=f"entropy H(P) = {entropy:.2f}")
    ax.fill_between(q, entropy, cross_entropy, color=ORANGE, alpha=0.4, linewidth=0, label="KL divergence")
    ax.axvline(p, color="black", linestyle="--", linewidth=1)
    ax.set(xlabel="predicted probability q of the first outcome", ylabel="nats", ylim=(0, cross_entropy.max()))
    figure.legend(loc="outside upper center", ncols=3)
    figure.alt = (
        f"Cross-entropy over the predicted probability q, for the true probability {p:g}: a flat band of height "
        f"{entropy:.2f}, the entropy, and above it the KL divergence, zero only at q = {p:g} and growing to both sides."
    )
    return figure


def sides_of_losses(
    losses: Mapping[str, Callable[..., Tensor]],
    *,
    logits: tuple[float, float] = (-3, 3),
    reach: float = 4,
) -> Figure:
    """Draw losses of a real and of a rendered pair, a column a loss: values above, derivatives below.

    Parameters
    ----------
    losses
        Name -> loss of each score, called as ``loss(scores, label=1)`` for a real pair and with label -1 for a
        rendered one, as `losses.hinge` is.
    logits
        From where to where.
    reach
        The vertical axes go from -reach to reach.

    Returns
    -------
    Figure
        Gray marks the scores at which one of the two losses is infinite.
    """
    figure, axes = _axes(2, len(losses), width=max(2.1, 7 / len(losses)), height=2.2, sharex=True, sharey="row")
    words = []
    for column, (name, loss) in zip(axes.T, losses.items()):
        sides = {"real pair": partial(loss, label=1), "rendered pair": partial(loss, label=-1)}
        gradients = _draw_value_and_gradient(column, sides, logits)
        x = torch.linspace(*logits, 401)
        for side in sides.values():
            column[0].fill_between(x, -reach, reach, where=torch.isinf(side(x)), color="0.85", linewidth=0)
        column[0].set(xlabel="", title=name)
        words.append(f"{name} {gradients['real pair'][0]:.2g} to {gradients['real pair'][-1]:.2g}")
    for row, what in zip(axes, ("loss", "derivative")):
        for ax in row:
            ax.set(ylabel="", ylim=(-reach, reach))
        row[0].set_ylabel(what)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    figure.alt = (
        "Columns of losses over the score of a real and of a rendered pair, values above and derivatives below. "
        f"Derivative for a real pair at {logits[0]:g} and {logits[1]:g}: {'; '.join(words)}."
    )
    return figure


def discriminators_in_training(logs: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw how the discriminators of several runs fare, infinite losses too.

    Parameters
    ----------
    logs
        Run -> its log, with the columns step, d_loss, gradient (its norm), real and fake (mean logits).

    Returns
    -------
    Figure
        Three panels: loss, with a triangle at the lower edge for minus infinity; norm of the gradient; and the mean
        logit of real pairs minus that of rendered ones.
    """
    figure, axes = _axes(1, 3, width=3.3, height=2.7)
    loss, gradient, gap = axes[0]
    finite = pd.concat([log["d_loss"] for log in logs.values()])
    finite = finite[np.isfinite(finite)]
    floor = finite.min() - 0.12 * (finite.max() - finite.min() + 1)
    words = []
    for (name, log), color, style in zip(logs.items(), (BLUE, ORANGE, GREEN, PINK), ("-", "--", "-.", ":")):
        infinite = log["step"][np.isneginf(log["d_loss"])]
        loss.plot(log["step"], log["d_loss"].where(np.isfinite(log["d_loss"])), style, color=color, label=name)
        loss.plot(infinite, np.full(len(infinite), floor), "v", color=color, markersize=5)
        gradient.semilogy(log["step"], log["gradient"], style, color=color, label=name)
        gap.plot(log["step"], log["real"] - log["fake"], style, color=color, label=name)
        words.append(f"{name}: {len(infinite)} infinite losses, last gap {(log['real'] - log['fake']).iloc[-1]:.1f}")
    panels = ("discriminator's loss (▼ minus infinity)", "norm of its gradient", "real minus rendered, mean logit")
    for ax, what in zip(axes[0], panels):
        ax.set(xlabel="step", title=what)
        ax.title.set_fontsize("medium")
    loss.legend(fontsize="small")
    gap.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    figure.alt = (
        "Three panels over training steps: the discriminator's loss, the norm of its gradient, and by how much it "
        f"scores real pairs above rendered ones. {'; '.join(words)}."
    )
    return figure


def dirac_games(
    games: Mapping[str, AdversarialLoss],
    paths: Mapping[str, Mapping[str, tuple[Tensor, Tensor]]],
    *,
    reach: float = 2.2,
    columns: int = 4,
) -> Figure:
    """Draw the vector fields of Dirac-GANs, and what gradient descent does in each.

    Parameters
    ----------
    games
        Name -> the losses of both sides; the field is taken from `dirac.vector_field`.
    paths
        Name of a game -> name of a run -> its thetas and psis, each shape (steps + 1,), from `dirac.trajectory`.
    reach
        Both axes go from -reach to reach; what leaves them is cut off.
    columns
        Panels in a row.

    Returns
    -------
    Figure
        A panel a game: arrows of one length in the field's direction, a line a run from its start (circle) to its
        end (square), and a dotted line at the margin, where the rendering scores -1.
    """
    figure, axes = _axes(-(-len(games) // columns), columns, width=2.5, height=2.6, sharex=True, sharey=True)
    for ax in axes.flat[len(games) :]:
        ax.set_axis_off()
    grid = torch.linspace(-0.95 * reach, 0.95 * reach, 15)
    margin = np.linspace(1 / reach, reach, 50)
    words = []
    for ax, (name, game) in zip(axes.flat, games.items()):
        pull = torch.stack(vector_field(game, grid[None], grid[:, None]))
        pull = torch.nan_to_num(pull / pull.norm(dim=0)).numpy()
        ax.quiver(grid, grid, *pull, color="0.68", pivot="mid", scale=20, width=0.007, headwidth=3.5)
        for side in (margin, -margin):
            ax.plot(side, -1 / side, ":", color="0.5", linewidth=1)
        ends = []
        for (run, path), color, style in zip(paths[name].items(), (BLUE, ORANGE), ("-", "--")):
            thetas, psis = (part.numpy() for part in path)
            ax.plot(thetas, psis, style, color=color, linewidth=1, label=run)
            ax.plot(thetas[:1], psis[:1], "o", color="black", markersize=5)
            ax.plot(thetas[-1:], psis[-1:], "s", color=color, markersize=5)
            ends.append(f"{np.hypot(thetas[-1], psis[-1]):.1f}")
        words.append(f"{name} {' and '.join(ends)}")
        ax.plot(0, 0, "+", color="black", markersize=9)
        ax.set(title=name, xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        ax.title.set_fontsize("medium")
    for ax in axes[:, 0]:
        ax.set_ylabel("ψ (discriminator)")
    for column in axes.T:
        [ax for ax in column if ax.axison][-1].set_xlabel("θ (generator)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    runs = " and ".join(next(iter(paths.values())))
    figure.alt = f"Planes of arrows with paths. Distance from the solution at the end, {runs}: {'; '.join(words)}."
    return figure


def feature_maps(rows: Mapping[str, Mapping[str, Tensor]]) -> Figure:
    """Draw channels of feature maps, all on one scale around 0.

    Parameters
    ----------
    rows
        Label of a row -> name of a map -> the map, (H, W). All rows hold the same names.

    Returns
    -------
    Figure
        One panel a map, and the scale.
    """
    names = list(next(iter(rows.values())))
    largest = max(part.abs().max().item() for maps in rows.values() for part in maps.values())
    figure, axes = _axes(len(rows), len(names), width=2, height=1.9)
    for row, (label, maps) in zip(axes, rows.items()):
        for ax, part in zip(row, maps.values()):
            drawn = ax.imshow(part.numpy(), cmap="RdBu_r", vmin=-largest, vmax=largest)
            ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(label)
    for ax, name in zip(axes[0], names):
        ax.set_title(name, fontsize="medium")
    figure.colorbar(drawn, ax=axes, label="value")
    figure.alt = (
        f"Maps {', '.join(names)} in rows, {', '.join(rows)}, red above and blue below zero; the largest value is "
        f"{largest:.1f}."
    )
    return figure


def gains_over_training(log: pd.DataFrame, *, learning_rate: float, window: int) -> Figure:
    """Draw the gain of the attention over training, and whether the pictures come sooner for it.

    Parameters
    ----------
    log
        Columns model, seed, step, gain (mean of |γ|) and l1, of several seeds a model.
    learning_rate
        Of Adam: about the most that a weight moves in a step.
    window
        Steps of the running mean of L1; one epoch evens out which photographs a step took.

    Returns
    -------
    Figure
        Three panels of lines, means over seeds in a band from the smallest to the largest: the gain; the same, near
        0, with the line of full speed; and L1.
    """
    figure, axes = _axes(1, 3, width=3.3, height=2.9)
    gain, near_zero, l1 = axes[0]
    for (model, runs), color, style in zip(log.groupby("model", sort=False), (BLUE, ORANGE, GREEN), ("-", "--", "-.")):
        gains = runs.pivot(index="step", columns="seed", values="gain")
        distances = runs.pivot(index="step", columns="seed", values="l1").rolling(window).mean()
        for ax, lines in ((gain, gains), (near_zero, gains), (l1, distances)):
            ax.fill_between(lines.index, lines.min(axis=1), lines.max(axis=1), color=color, alpha=0.3, linewidth=0)
            ax.plot(lines.index, lines.mean(axis=1), style, color=color, linewidth=1.5, label=model)
    last = log["step"].max()
    near_zero.plot([0, last], [0, learning_rate * last], ":", color="black", label="full speed")
    near_zero.set(ylim=(0, 0.05))
    for ax, what in zip(axes[0], ("gain, mean |γ|", "the same, near 0", "L1 distance (−1 to 1)")):
        ax.set(xlabel="step", ylabel=what)
    gain.legend(fontsize="small", loc="center right", bbox_to_anchor=(1, 0.3))
    near_zero.legend(handles=near_zero.lines[-1:], fontsize="small", loc="lower right")
    ends = log[log["step"].isin((0, last))].groupby(["model", "step"], sort=False)["gain"].mean().unstack()
    words = (f"{model} from {row[0]:.2f} to {row[last]:.2f}" for model, row in ends.iterrows())
    figure.alt = (
        f"Lines over {last} steps with bands over seeds. The gain: {'; '.join(words)}. Full speed would bring it "
        f"to {learning_rate * last:.2f}. The L1 distances of all models fall and their bands overlap."
    )
    return figure


def _box(ax: Axes, x: float, y: float, text: str, color: str = "0.92") -> None:
    """Write a word into a box."""
    around = {"boxstyle": "round,pad=0.35", "facecolor": color, "edgecolor": "0.3"}
    ax.text(x, y, text, ha="center", va="center", bbox=around, fontsize="small")


def _arrow(ax: Axes, *path: tuple[float, float], label: tuple[float, str] = (0, "")) -> None:
    """Draw a line through points, with its head at the last; a label stands above the last but one."""
    xs, ys = zip(*path)
    ax.plot(xs[:-1], ys[:-1], color="0.3", linewidth=1, zorder=0)
    look = {"arrowstyle": "-|>", "color": "0.3", "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", path[-1], path[-2], arrowprops=look, zorder=0)
    ax.text(label[0], path[-2][1] + 0.05, label[1], ha="center", va="bottom", fontsize="x-small", color=BLUE)


def self_attention_module(shapes: Mapping[str, Sequence[int]]) -> Figure:
    """Draw the self-attention module with the shapes that a real one had: the paper's Figure 2.

    Parameters
    ----------
    shapes
        Shape of "x", "f", "g", "h", "beta", "o", "gamma" and "y", without the batch.

    Returns
    -------
    Figure
        Boxes are what is done, arrows are what flows, and numbers along them are its shape.
    """
    figure, axes = _axes(1, 1, width=10, height=3.7)
    ax, shape = axes[0, 0], {name: " × ".join(map(str, numbers)) for name, numbers in shapes.items()}
    for name, up in (("f", 2), ("g", 1), ("h", 0)):
        _arrow(ax, (0, 1), (1, 1), (1, up), (1.5, up))
        _box(ax, 2, up, f"${name}(x) = W_{name}\\,x$\n1 × 1 convolution", "#cfe3f1")
    _arrow(ax, (2, 2), (3.6, 2), (3.6, 1.62), label=(3.1, shape["f"]))
    _arrow(ax, (2, 1), (3.6, 1), (3.6, 1.38), label=(3.1, shape["g"]))
    _arrow(ax, (3.6, 1.5), (4.35, 1.5))
    _arrow(ax, (4.7, 1.5), (6.6, 1.5), (6.6, 0.95), label=(5.75, "β: " + shape["beta"]))
    _arrow(ax, (2, 0), (6.6, 0), (6.6, 0.55), label=(4.7, shape["h"]))
    _arrow(ax, (6.6, 0.75), (8, 0.75), label=(7.6, shape["o"]))
    _arrow(ax, (8.2, 0.75), (9.05, 0.75))
    _arrow(ax, (9.2, 0.75), (9.85, 0.75))
    _arrow(ax, (0, 1), (0, -0.65), (9.2, -0.65), (9.2, 0.63), label=(4.7, "$x$ itself"))
    for name, left in (("x", 0), ("y", 10.4)):
        _box(ax, left, 1 if name == "x" else 0.75, f"${name}$\n{shape[name]}")
    _box(ax, 3.6, 1.5, "$f^T g$")
    _box(ax, 4.7, 1.5, "softmax\nover $i$", "#fbe3b5")
    _box(ax, 6.6, 0.75, "weighted sum\nover $i$")
    _box(ax, 8.2, 0.75, f"× γ\n{shape['gamma']}", "#fbe3b5")
    _box(ax, 9.2, 0.75, "+")
    ax.set(xlim=(-0.6, 11), ylim=(-0.95, 2.4))
    ax.set_axis_off()
    figure.alt = (
        f"A map x of {shape['x']} goes into three 1 x 1 convolutions: f gives {shape['f']}, g {shape['g']}, h "
        f"{shape['h']}. The dot products of f and g pass a softmax over i and become beta, {shape['beta']}, which "
        f"weighs h into o, {shape['o']}. It is multiplied by gamma, {shape['gamma']}, and x is added: y, {shape['y']}."
    )
    return figure


def where_positions_look(
    image: Tensor, queries: Sequence[tuple[int, int]], maps: Mapping[str, Tensor], *, marks: str = "123456"
) -> Figure:
    """Show where single positions of a photograph look.

    Parameters
    ----------
    image
        The photograph, (3, S, S), in [0, 1].
    queries
        Row and column of each position that looks.
    maps
        Name -> attention map of all positions, beta of shape (N, N) with N = S * S.
    marks
        A letter for each query.

    Returns
    -------
    Figure
        A row a map: the photograph with the queries, then, for each, what it looks at, bright is much. Each panel has
        its own scale, and says how many times the even share 1 / N its brightest position gets.
    """
    S = image.shape[-1]
    figure, axes = _axes(len(maps), 1 + len(queries), width=2.1, height=2.3)
    words = []
    for row, (name, beta) in zip(axes, maps.items()):
        _draw_photo(row[0], image)
        row[0].set_ylabel(name)
        for ax, (down, across), mark in zip(row[1:], queries, marks):
            looks = beta[down * S + across].view(S, S)
            times = beta.shape[1] * looks.max().item()
            ax.imshow(looks.numpy(), cmap="inferno", vmin=0)
            ax.plot(across, down, "+", color="white", markersize=10, markeredgewidth=2)
            ax.set(xticks=[], yticks=[], xlabel=f"pixel {mark}: up to {times:.1f} × even")
            place = {"xytext": (0, 0), "textcoords": "offset points", "ha": "center", "va": "center", "color": "white"}
            row[0].annotate(mark, (across, down), **place, bbox={"boxstyle": "circle", "facecolor": "black"})
            words.append(f"{name}, pixel {mark}: {times:.1f}")
    figure.alt = (
        f"A photograph with {len(queries)} marked pixels, and for each a map of where it looks. The brightest position "
        f"gets this many times the even share: {'; '.join(words)}."
    )
    return figure


def attention_cost(costs: pd.DataFrame) -> Figure:
    """Draw time and memory of attention over the number of positions.

    Parameters
    ----------
    costs
        One row a measurement: form (a name), N, seconds, bytes.

    Returns
    -------
    Figure
        Two panels with both axes logarithmic, a line a form. A slope of 2 is a cost that grows with the square of N.
    """
    figure, axes = _axes(1, 2, width=4.4, height=3)
    words = []
    for (name, rows), color, marker in zip(costs.groupby("form", sort=False), (ORANGE, BLUE, GREEN), MARKERS):
        for ax, values in zip(axes[0], (1e3 * rows["seconds"], rows["bytes"] / 1e6)):
            ax.loglog(rows["N"], values, marker + "-", color=color, label=name)
        words.append(f"{name} to {rows['bytes'].max() / 1e6:.0f} MB")
    for ax, unit in zip(axes[0], ("time, forward and backward (ms)", "peak extra memory (MB)")):
        ticks = sorted(costs["N"].unique())
        ax.set(xlabel="positions N", ylabel=unit, xticks=ticks, xticklabels=ticks)
        ax.xaxis.minorticks_off()
        ax.grid(color="0.9")
    axes[0, 0].legend()
    figure.alt = (
        f"Time and peak extra memory over the number of positions, from {costs['N'].min()} to {costs['N'].max()}, on "
        f"logarithmic axes. Memory at the right end: {', '.join(words)}."
    )
    return figure


def generator_structure(layers: pd.DataFrame) -> Figure:
    """Draw the layers of a U-Net with attention, as they are: the paper's Figure 3.

    Parameters
    ----------
    layers
        One row a convolution in the order of the forward pass: part ("encoder" or "decoder"), channels and side of what
        it gives, attention (whether it stands in front), skip (whether what it gives is also passed across).

    Returns
    -------
    Figure
        A bar a convolution, the taller the larger its map (logarithmic), with its channels and side in pixels; orange
        is attention on its input, a line is a skip connection.
    """
    figure, axes = _axes(1, 1, width=10, height=3.8)
    ax, tall = axes[0, 0], 0.5 + np.log2(layers["side"].to_numpy())
    colors = {"encoder": "#56B4E9", "decoder": BLUE}
    for x, (height, layer) in enumerate(zip(tall, layers.itertuples())):
        ax.bar(x, height, 0.42, bottom=-height / 2, color=colors[layer.part])
        ax.text(x, -height / 2 - 0.15, f"{layer.channels}\n{layer.side}²", ha="center", va="top", fontsize="x-small")
        if layer.attention:
            ax.bar(x - 0.38, height + 1, 0.16, bottom=-height / 2 - 0.5, color=ORANGE)  # its map is the layer's input
    passed = layers[layers["skip"] & (layers["part"] == "encoder")]
    for x, side in zip(passed.index, passed["side"]):
        (end,) = layers.index[(layers["part"] == "decoder") & (layers["side"] == side)]
        ax.plot([x + 0.21, end - 0.21], [0.45 * tall[x]] * 2, color="0.4", linewidth=1)
    for label, color in (("attention", ORANGE), ("convolution", colors["encoder"]), ("deconvolution", BLUE)):
        ax.bar(0, 0, color=color, label=label)
    ax.plot([], [], color="0.4", linewidth=1, label="skip connection")
    ax.legend(loc="upper center", ncols=4, frameon=False)
    ax.set(xlim=(-0.9, len(layers) - 0.4), ylim=(-tall.max() / 2 - 1.6, tall.max() / 2 + 1.2))
    ax.set_axis_off()
    counts = layers["part"].value_counts()
    figure.alt = (
        f"{counts['encoder']} convolutions whose maps shrink from {layers['side'].iloc[0]} to {layers['side'].min()} "
        f"pixels a side, then {counts['decoder']} deconvolutions that grow to {layers['side'].iloc[-1]}. Attention "
        f"stands in front of {layers['attention'].sum()} convolutions; {len(passed)} skip connections cross."
    )
    return figure


def growing_patches(image: Tensor, boxes: Mapping[str, tuple[int, int, int]], gradient: Tensor) -> Figure:
    """Frame what one score of the discriminator sees, layer by layer, beside what its gradient says.

    Parameters
    ----------
    image
        The photograph, (3, S, S), in [0, 1].
    boxes
        Name of a layer -> top, left and side, in pixels, of what it sees; the last is the score's.
    gradient
        Size of the score's gradient at each pixel, (S, S), 0 or more.

    Returns
    -------
    Figure
        The photograph with the last frame, its surroundings with all frames, and there the gradient on a logarithmic
        scale.
    """
    figure, axes = _axes(1, 3, width=3.5, height=3.3)
    photo, near, slope = axes[0]
    *_, (first, start, widest) = boxes.values()
    for ax, what in zip((photo, near), ("the photograph", "from near: what each layer sees")):
        _draw_photo(ax, image)
        ax.set_xlabel(what)
    logarithm = np.log10(np.where(gradient > 0, gradient / gradient.max(), np.nan))
    drawn = slope.imshow(logarithm, cmap="cividis", vmin=-2, vmax=0)
    figure.colorbar(drawn, ax=slope, label="gradient, log10, of the largest", shrink=0.8)
    slope.set(xticks=[], yticks=[], xlabel="where the gradient is not 0")
    for ax in (near, slope):
        edge = widest / 7
        ax.set(xlim=(start - edge, start + widest + edge), ylim=(first + widest + edge, first - edge))
    for k, (top, left, side) in enumerate(boxes.values(), 1):
        last = k == len(boxes)
        for ax in (photo, near, slope) if last else (near,):
            frame = {"fill": False, "edgecolor": ORANGE if last else "white", "linewidth": 2}
            ax.add_patch(plt.Rectangle((left - 0.5, top - 0.5), side, side, **frame))
        _, around, wide = list(boxes.values())[min(k, len(boxes) - 1)]  # the next larger frame
        x, ha = (left - 1.8, "right") if left - around > around + wide - left - side else (left + side + 0.8, "left")
        on_dark = {"facecolor": "black", "alpha": 0.6, "linewidth": 0, "pad": 1}
        near.text(x, top + side / 2 - 0.5, side, color="white", fontsize="small", va="center", ha=ha, bbox=on_dark)
    sides = ", ".join(str(side) for *_, side in boxes.values())
    figure.alt = (
        f"A photograph with square frames inside each other, {sides} pixels wide, and beside it the gradient of one "
        f"score: it is zero outside of the largest frame and strongest near its middle."
    )
    return figure


def losses_over_training(logs: Mapping[str, pd.DataFrame], window: int = 25) -> Figure:
    """Draw the losses of several runs, smoothed.

    Parameters
    ----------
    logs
        Model -> its log, with the columns step, d_loss, g_loss and l1.
    window
        Steps of the running mean.

    Returns
    -------
    Figure
        Three panels: discriminator, generator without L1, and L1. Adversarial losses of different models have
        different scales; L1 can be compared.
    """
    panels = {"d_loss": "discriminator's loss", "g_loss": "generator's adversarial loss", "l1": "L1 distance (−1 to 1)"}
    figure, axes = _axes(1, 3, width=3.3, height=2.6)
    for ax, (column, label) in zip(axes[0], panels.items()):
        for (name, log), color in zip(logs.items(), (BLUE, ORANGE, GREEN, PINK)):
            ax.plot(log["step"], log[column].rolling(window, min_periods=1).mean(), color=color, label=name)
        ax.set(xlabel="step", ylabel=label)
    axes[0, 0].legend()
    ends = (
        f"{name} from {log['l1'].head(5).mean():.2f} to {log['l1'].tail(50).mean():.2f}" for name, log in logs.items()
    )
    figure.alt = f"Three panels of losses over training steps. The L1 distance falls: {'; '.join(ends)}."
    return figure


SCORES = {"psnr": "PSNR (dB)", "ssim": "SSIM (%)"}


def means_with_intervals(summary: pd.DataFrame) -> Figure:
    """Draw the mean scores of models with their intervals.

    Parameters
    ----------
    summary
        From `results.summary`: model, metric ("psnr" in dB, "ssim" in percent), mean, low, high.

    Returns
    -------
    Figure
        A panel a metric, a row a model: a dot at the mean, a bar from low to high. A dashed line goes through the first
        row, which all others are to be read against.
    """
    models = list(dict.fromkeys(summary["model"]))
    figure, axes = _axes(1, 2, width=4.2, height=0.9 + 0.4 * len(models), sharey=True)
    words = []
    for ax, (metric, unit) in zip(axes[0], SCORES.items()):
        rows = summary[summary["metric"] == metric].set_index("model").loc[models]
        _bars(ax, np.arange(len(models)), rows, fmt="o", color=BLUE)
        ax.axvline(rows["mean"].iloc[0], color="0.5", linestyle="--", linewidth=1, zorder=0)
        _one_row_each(ax, models)
        ax.set_xlabel(unit)
        words.append(f"{unit}: " + ", ".join(f"{model} {mean:.1f}" for model, mean in rows["mean"].items()))
    figure.alt = f"Dots with bars, one row a model. Means, {'; '.join(words)}."
    return figure


def _bars(ax: Axes, y: np.ndarray, rows: pd.DataFrame, **look: object) -> None:
    """Draw the column `mean` as dots and `low` to `high` as bars; a row without an interval is a dot alone."""
    around = np.stack([rows["mean"] - rows["low"], rows["high"] - rows["mean"]])
    ax.errorbar(rows["mean"], y, xerr=around, capsize=3, **look)


def _one_row_each(ax: Axes, names: Sequence[str]) -> None:
    """Name the rows of a panel, the first one on top."""
    ax.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)


def differences_to_baseline(table: pd.DataFrame, data: str, baseline: str = "pix2pix") -> Figure:
    """Draw by how much each row of a table scores above the baseline, as the paper prints it and as it was measured.

    Parameters
    ----------
    table
        From `results.table`.
    data
        The measured data set to draw.
    baseline
        The row that the differences are to; it is the line at 0.

    Returns
    -------
    Figure
        A panel a metric, a row a model. Above, a ring for each of the paper's data sets; below, a dot at the measured
        mean and a bar over its 95 % interval; at the right, the verdict.
    """
    table = table[table["model"] != baseline]
    models = list(dict.fromkeys(table["model"]))
    figure, axes = _axes(1, 2, width=4.9, height=1.2 + 0.5 * len(models), sharey=True)
    names = {f"{data} difference{end}": label for end, label in (("", "mean"), (" low", "low"), (" high", "high"))}
    y, words = np.arange(len(models)), []
    for ax, (metric, unit) in zip(axes[0], SCORES.items()):
        rows = table[table["metric"] == metric].set_index("model").loc[models]
        printed = rows.filter(regex="^paper .* difference$").to_numpy()  # (models, 7)
        rings = np.broadcast_to(y[:, None] - 0.16, printed.shape)
        ax.plot(printed.ravel(), rings.ravel(), "o", color=ORANGE, fillstyle="none", label="paper, seven data sets")
        _bars(ax, y + 0.16, rows.rename(columns=names), fmt="s", color=BLUE, label=f"measured on {data}, 95 %")
        ax.axvline(0, color="0.5", linewidth=1, zorder=0)
        _one_row_each(ax, models)
        ax.set_xlabel(f"{unit} minus {baseline}")
        for row, verdict in enumerate(rows[f"{data} verdict"]):
            ax.text(1.01, row, verdict, transform=ax.get_yaxis_transform(), va="center", fontsize="small")
        judged = rows.groupby(f"{data} verdict", sort=False).groups.items()
        words.append(f"{unit}: " + "; ".join(f"{verdict} for {', '.join(group)}" for verdict, group in judged))
    axes[0, 0].legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize="small", frameon=False)
    figure.alt = (
        f"Differences to {baseline}, one row a model: the paper's as rings, ours with bars. {'. '.join(words)}."
    )
    return figure


def two_intervals(table: pd.DataFrame, data: str, baseline: str = "pix2pix") -> Figure:
    """Draw each measured difference with its two intervals: over seeds and over photographs.

    Parameters
    ----------
    table
        From `results.table`.
    data
        The measured data set to draw.
    baseline
        The row that the differences are to.

    Returns
    -------
    Figure
        A panel a metric, a row a model: a bar over seeds, and below it a bar over photographs. Rows without a
        difference are left out.
    """
    table = table.dropna(subset=f"{data} difference")
    models = list(dict.fromkeys(table["model"]))
    figure, axes = _axes(1, 2, width=4.2, height=1.1 + 0.42 * len(models), sharey=True)
    kinds = {"over seeds": ("", BLUE, "s", -0.13), "over photographs": (" photographs", GREEN, "D", 0.13)}
    words = []
    for ax, (metric, unit) in zip(axes[0], SCORES.items()):
        rows = table[table["metric"] == metric].set_index("model").loc[models]
        for label, (kind, color, marker, shift) in kinds.items():
            ends = rows[[f"{data} difference", *(f"{data} difference{kind} {end}" for end in ("low", "high"))]]
            ends = ends.set_axis(["mean", "low", "high"], axis=1)
            _bars(ax, np.arange(len(models)) + shift, ends, fmt=marker, color=color, markersize=4, label=label)
            off = ((ends["low"] > 0) | (ends["high"] < 0)).sum()
            words.append(f"{unit} {label}: {off} of {len(models)}")
        ax.axvline(0, color="0.5", linewidth=1, zorder=0)
        _one_row_each(ax, models)
        ax.set_xlabel(f"{unit} minus {baseline}")
    axes[0, 0].legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize="small", frameon=False)
    figure.alt = f"Two bars a row, one row a model. Bars that do not reach 0: {'; '.join(words)}."
    return figure


def holm_steps(p_values: Sequence[float], level: float = 0.05) -> Figure:
    """Draw p values in their order, and the limit that Holm's rule sets to each.

    Parameters
    ----------
    p_values
        Of the comparisons of one table, in any order.
    level
        Chance of any false alarm in the whole table.

    Returns
    -------
    Figure
        Dots, the smallest p at the left, on a logarithmic axis; steps at level / m, level / (m - 1), ..., level. Dots
        count as real from the left up to the first one that is not below its step.
    """
    p = np.sort(np.asarray(p_values, float))
    limits = level / np.arange(len(p), 0, -1)
    below = np.logical_and.accumulate(p < limits)
    places = np.arange(1, len(p) + 1)
    figure, axes = _axes(1, 1, width=6.5, height=3)
    ax = axes[0, 0]
    ax.step(places, limits, where="mid", color="0.3", label=f"limit: {level:g} / (m − k + 1)")
    ax.axhline(level, color="0.6", linestyle=":", label=f"limit of a single comparison: {level:g}")
    ax.plot(places[below], p[below], "o", color=BLUE, label="counts as real")
    ax.plot(places[~below], p[~below], "o", color=ORANGE, fillstyle="none", label="does not")
    ax.set(xlabel="rank k of the comparison, smallest p first", ylabel="p value", yscale="log", xticks=places)
    ax.legend(fontsize="small")
    figure.alt = (
        f"{len(p)} p values in ascending order, and a line of limits that rises from {limits[0]:.4f} to {level:g}. "
        f"{below.sum()} of the values lie below their limits from the left on; {(p < level).sum()} are below {level:g}."
    )
    return figure


# --- where the color is wrong, and how steadily a model came there ---------------------------------------------------


def _draw_map(ax: Axes, values: Tensor, limits: tuple[float, float], cmap: str) -> AxesImage:
    """Draw a map, (H, W), pixel by pixel and without ticks."""
    ax.set(xticks=[], yticks=[])
    return ax.imshow(values.numpy(), cmap=cmap, vmin=limits[0], vmax=limits[1], interpolation="nearest")


def parts_of_errors(target: Tensor, versions: Mapping[str, Tensor]) -> Figure:
    """Show the errors of several versions of a photograph, luminance and color apart.

    Parameters
    ----------
    target
        The true photograph, (3, H, W), in [0, 1].
    versions
        Name -> the photograph as it was rendered, of the same shape.

    Returns
    -------
    Figure
        A row a version: the true photograph, the version, the error of its luminance (red: too bright) and its color
        error, both in levels and each on one scale for all rows.
    """
    figure, axes = _axes(len(versions), 4, width=2.4, height=2)
    lumas = {name: 255 * error_parts(image, target)[0][0] for name, image in versions.items()}
    colors = {name: color_error(image, target) for name, image in versions.items()}
    largest, widest = (max(part.abs().max().item() for part in parts.values()) for parts in (lumas, colors))
    for row, (name, image) in zip(axes, versions.items()):
        _draw_photo(row[0], target)
        _draw_photo(row[1], image)
        luminance = _draw_map(row[2], lumas[name], (-largest, largest), "RdBu_r")
        color = _draw_map(row[3], colors[name], (0, widest), "inferno")
        row[0].set_ylabel(name)
    for ax, title in zip(axes[0], ("true", "as rendered", "luminance error", "color error")):
        ax.set_title(title, fontsize="medium")
    figure.colorbar(luminance, ax=axes[:, 2], label="levels of 0–255")
    figure.colorbar(color, ax=axes[:, 3], label="levels of 0–255")
    words = (f"{name} {lumas[name].square().mean().sqrt():.1f} and {colors[name].mean():.1f}" for name in versions)
    figure.alt = (
        "A photograph as it is and as rendered, a row a version, with maps of the luminance error and of the color "
        f"error. Root mean square of the one and mean of the other, in levels: {'; '.join(words)}."
    )
    return figure


def _panels(blocks: int, columns: int, across: int) -> tuple[Figure, np.ndarray]:
    """Make empty panels, two rows for each block, with room for a scale on the right.

    The layout is laid down here: to find one for so many panels takes matplotlib seconds.
    """
    shares = (([1] * columns + [0.15]) * across)[:-1]  # a narrow column parts the blocks that stand side by side
    side, gap = min(1.4, 8.8 / sum(shares)), 0.22
    width, height = 1.06 * side * sum(shares) + 1.1, 2 * blocks * (side + gap) + 0.4
    edges = {"left": 0.01, "right": 1 - 1.1 / width, "bottom": 0.05 / height, "top": 1 - 0.4 / height}
    layout = {"width_ratios": shares, "wspace": 0.06, "hspace": gap / side, **edges}
    figure = plt.figure(figsize=(width, height), FigureClass=Figure)
    axes = figure.subplots(2 * blocks, len(shares), squeeze=False, gridspec_kw=layout)
    for ax in axes.flat:
        ax.set_axis_off()
    return figure, axes


def renderings_with_errors(
    targets: Tensor,
    versions: Mapping[str, Tensor],
    *,
    scores: Mapping[str, Sequence[str]],
    names: Sequence[str],
    across: int = 1,
) -> Figure:
    """Lay out photographs and their renderings, below each its score and where its color is wrong.

    Parameters
    ----------
    targets
        The true photographs, (N, 3, H, W), in [0, 1].
    versions
        Name -> the photographs as it renders them, of the same shape.
    scores
        Name -> what to write below each rendering, N texts.
    names
        What to write below each true photograph, N texts.
    across
        How many photographs stand side by side, each with all its versions.

    Returns
    -------
    Figure
        Two rows of panels for each row of photographs. All maps share one scale, in levels; it ends where half a
        percent of the pixels lie beyond.
    """
    columns = 1 + len(versions)
    figure, axes = _panels(-(-len(targets) // across), columns, across)
    errors = {name: color_error(images, targets) for name, images in versions.items()}  # (N, H, W) each
    top = np.quantile(torch.stack(list(errors.values())).numpy(), 0.995)
    for k, target in enumerate(targets):
        row, first = 2 * (k // across), k % across * (columns + 1)
        photo, *panels = axes[row, first : first + columns]
        _draw_photo(photo, target)
        photo.set_xlabel(names[k], fontsize="x-small")
        for ax, below, (name, images) in zip(panels, axes[row + 1, first + 1 :], versions.items()):
            _draw_photo(ax, images[k])
            ax.set_xlabel(scores[name][k], fontsize="x-small")
            drawn = _draw_map(below, errors[name][k], (0, top), "inferno")
        for ax, title in zip((photo, *panels), ("true", *versions)):
            ax.set_axis_on()
            ax.set_title(title.replace("+Hinge", "+\nHinge") if row == 0 else "", fontsize="small")
    scale = figure.add_axes((1 - 0.9 / figure.get_figwidth(), 0.15, 0.13 / figure.get_figwidth(), 0.7))
    figure.colorbar(drawn, cax=scale, label="color error (levels of 0–255)", extend="max")
    words = ", ".join(f"{name} {error.mean():.0f}" for name, error in errors.items())
    figure.alt = (
        f"{len(targets)} photographs, true and in {len(versions)} versions, and below each version a map, the brighter "
        f"the more its color is wrong. Mean color error in levels: {words}."
    )
    return figure


def curves_over_seeds(curves: pd.DataFrame, rows: Sequence[Sequence[str]]) -> Figure:
    """Draw the losses and the gain of models over training, each as a band over its seeds.

    Parameters
    ----------
    curves
        From `records.curves_of`, of one data set: model, seed, epoch, d_loss, g_loss, l1, gain.
    rows
        The models of each row of panels, at most four; losses of different rows may be different functions.

    Returns
    -------
    Figure
        A row of panels for each of `rows`: discriminator's loss, generator's adversarial loss, L1 and gain. A line is
        the mean over seeds, its band goes from the lowest seed to the highest. A model without attention has no gain.
    """
    panels = {"d_loss": "discriminator's loss", "g_loss": "generator's loss", "l1": "L1 distance (−1 to 1)"}
    panels["gain"] = "gain, mean |γ|"
    figure, axes = _axes(len(rows), len(panels), width=2.6, height=2.3, sharex=True)
    for first, *others in axes.T[2:]:
        for ax in others:
            ax.sharey(first)  # L1 and gain mean the same in all rows; losses may not
    for row, models in zip(axes, rows):
        for model, color, style in zip(models, (PINK, BLUE, ORANGE, GREEN), (":", "-", "--", "-.")):
            for ax, column in zip(row, panels):
                lines = curves[curves["model"] == model].pivot(index="epoch", columns="seed", values=column)
                ax.fill_between(lines.index, lines.min(axis=1), lines.max(axis=1), color=color, alpha=0.25, linewidth=0)
                ax.plot(lines.index, lines.mean(axis=1), style, color=color, linewidth=1.5, label=model)
        row[-1].legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    for ax, title in zip(axes[0], panels.values()):
        ax.set_title(title, fontsize="medium")
    for ax in axes[-1]:
        ax.set_xlabel("epoch")
    shown = curves[curves["model"].isin([model for models in rows for model in models])]
    ends = shown[shown["epoch"] == shown["epoch"].max()].groupby("model", sort=False)["l1"].mean()
    figure.alt = (
        f"Bands over seeds of both losses, the L1 distance and the gain, over {shown['epoch'].max()} epochs. Mean "
        f"L1 of the last epoch: {', '.join(f'{model} {value:.2f}' for model, value in ends.items())}."
    )
    return figure


def stability(runs: pd.DataFrame, rows: Mapping[str, str]) -> Figure:
    """Draw how far the losses of each model swing, how often they jump, and how far apart its seeds end.

    Parameters
    ----------
    runs
        One row a finished run: model, loss (name of its adversarial loss), seed, d_swing and g_swing (the losses'
        standard deviation within an epoch, mean over some epochs), d_worst and g_worst (of the worst of them), jumps
        (share of epochs, 0 to 1) and psnr (dB, mean over photographs).
    rows
        Model -> what to write beside its row. A model of which no run has finished has an empty row.

    Returns
    -------
    Figure
        Four panels that share their rows, a color a loss. A dot is a run, a cross its worst epoch, a black stroke the
        mean over runs.
    """
    figure, axes = _axes(1, 4, width=2.6, height=1.3 + 0.28 * len(rows), sharey=True)
    panels = (
        ("discriminator's loss:\nstd within an epoch", runs["d_swing"], runs["d_worst"]),
        ("generator's loss:\nstd within an epoch", runs["g_swing"], runs["g_worst"]),
        ("epochs whose mean\njumps (%)", 100 * runs["jumps"], None),
        ("PSNR of each run (dB),\nmean over photographs", runs["psnr"], None),
    )
    at = runs["model"].map({model: y for y, model in enumerate(rows)})
    for ax, (label, values, worst) in zip(axes[0], panels):
        for (loss, of_loss), color in zip(runs.groupby("loss", sort=False).groups.items(), (BLUE, ORANGE, PINK, GREEN)):
            if worst is not None:
                ax.plot(worst[of_loss], at[of_loss], "x", color=color, markersize=5, alpha=0.7)
            ax.plot(values[of_loss], at[of_loss], "o", color=color, markersize=5, alpha=0.6, label=loss)
        means = values.groupby(at).mean()
        ax.plot(means, means.index, "|", color="black", markersize=13, markeredgewidth=2)
        ax.set(xlabel=label, ylim=(len(rows) - 0.5, -0.5), yticks=range(len(rows)), yticklabels=rows.values())
        ax.grid(axis="x", color="0.9")
        ax.set_axisbelow(True)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    means = runs.groupby("model", sort=False)[["g_swing", "psnr"]].mean()
    words = (f"{model} {row.g_swing:.2f} and {row.psnr:.1f}" for model, row in means.iterrows())
    figure.alt = (
        "Dots of all runs, a row a model: swings of both losses, jumps, PSNR. Means of the generator's swing and of "
        f"PSNR (dB): {'; '.join(words)}."
    )
    return figure


def differences_of_single_runs(differences: pd.DataFrame, least: Mapping[str, float]) -> Figure:
    """Draw printed differences to a baseline over a band that seeds alone can reach.

    Parameters
    ----------
    differences
        One row a cell: metric ("psnr" in dB, "ssim" in percent), model, gamma_init, loss, dataset, difference.
    least
        Metric -> the least difference of two single runs that a test calls real; the band's half width.

    Returns
    -------
    Figure
        A panel a metric, a row a data set. Color and height within the row say the loss, the marker says how the
        attention starts.
    """
    colors = dict(zip(differences["loss"].unique(), (BLUE, ORANGE, GREEN)))
    markers = dict(zip(differences["gamma_init"].unique(), MARKERS))
    places = {name: y for y, name in enumerate(differences["dataset"].unique())}
    figure, axes = _axes(1, len(least), width=4.6, height=1.6 + 0.42 * len(places), sharey=True)
    words = []
    for ax, (metric, half) in zip(axes[0], least.items()):
        rows = differences[differences["metric"] == metric]
        ax.axvspan(-half, half, color="0.9", label="no more than our seeds do")
        ax.axvline(0, color="0.5", linewidth=1)
        for model, cells in rows.groupby("model", sort=False):
            loss, start = cells[["loss", "gamma_init"]].iloc[0]
            shift = 0.22 * (list(colors).index(loss) - (len(colors) - 1) / 2)  # losses apart, so that dots do not hide
            style = {"color": colors[loss], "marker": markers[start], "label": model}
            ax.plot(cells["difference"], cells["dataset"].map(places) + shift, linestyle="", alpha=0.8, **style)
        unit = {"psnr": "PSNR (dB)", "ssim": "SSIM (%)"}[metric]
        ax.set(xlabel=f"difference in {unit}", ylim=(len(places) - 0.5, -0.5), yticks=range(len(places)))
        ax.set_yticklabels(places)
        beyond = (rows["difference"].abs() >= half).sum()
        words.append(f"{beyond} of {len(rows)} differences in {unit} leave its band of ±{half:.2f}")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.alt = f"Dots over a gray band, a row a data set, a panel a metric. {'; '.join(words)}."
    return figure


# --- the explorers' figures: drawn once, then changed ----------------------------------------------------------------


def _reused(figure: Figure | None, columns: int, *, width: float, height: float, **around: float) -> Figure:
    """Take a figure to draw into, or a new one, and give it panels if it has none.

    To lay out a figure takes far longer than to change what is in it. So an explorer hands the same figure back with
    each move. Limits are set by hand, since what is drawn must depend on the numbers alone and not on what was there
    before; and so is the height of titles, since to find room for one means to lay out all that is near.
    """
    figure = plt.figure(FigureClass=Figure) if figure is None else figure
    if not figure.axes:
        figure.set_size_inches(width * columns, height)
        figure.subplots(1, columns)
        figure.subplots_adjust(**{"left": 0.01, "right": 0.99, "bottom": 0.04, "top": 0.9, "wspace": 0.08, **around})
    return figure


def _picture(ax: Axes, place: int, pixels: np.ndarray, *, limits: tuple = (0, 1), **look: object) -> None:
    """Draw a panel's picture number `place`, 1 unit wide, or change it where it is there already."""
    if len(ax.images) <= place:
        ax.imshow(pixels, extent=(0, 1, 1, 0), **look)
        ax.set(xticks=[], yticks=[])
        ax.set_axis_off()  # an axis without ticks takes its time all the same
    ax.images[place].set(data=pixels, clim=limits)


def _line(ax: Axes, place: int, x: Sequence[float], y: Sequence[float], *style: str, **look: object) -> None:
    """Draw a panel's line number `place`, or change it where it is there already."""
    if len(ax.lines) <= place:
        ax.plot(x, y, *style, **look)
    ax.lines[place].set_data(x, y)


def _rgb(image: Tensor) -> np.ndarray:
    """Turn (3, H, W) or (1, H, W) in [0, 1] into pixels, (H, W, 3)."""
    pixels = image.detach().clamp(0, 1).permute(1, 2, 0).numpy()
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def loss_at(
    curves: Mapping[str, Sequence[Tensor]], points: Mapping[str, Sequence[Tensor]], figure: Figure | None = None
) -> Figure:
    """Draw losses over the logit with their gradients, and mark one logit on each.

    Parameters
    ----------
    curves
        Name -> logits, losses and gradients, each shape (n,); at most five names.
    points
        The same for the one logit that is marked, each shape (1,).
    figure
        An earlier result of this function, to be changed; None: a new figure.

    Returns
    -------
    Figure
        Two panels that share their logits: losses and gradients.
    """
    figure = _reused(figure, 2, width=4.6, height=3.2, left=0.07, bottom=0.15, top=0.93, wspace=0.2)
    styles = zip((BLUE, ORANGE, GREEN, PINK, "0.4"), ("-", "--", "-.", ":", (0, (6, 1))))
    for k, ((name, (logits, *drawn)), (color, style)) in enumerate(zip(curves.items(), styles)):
        for ax, y, at in zip(figure.axes, drawn, points[name][1:]):
            _line(ax, 2 * k, logits.numpy(), y.numpy(), linestyle=style, color=color, label=name)
            _line(ax, 2 * k + 1, points[name][0].numpy(), at.numpy(), "o", color=color)
    if figure.axes[0].get_legend() is None:
        figure.axes[0].legend(loc="upper right", fontsize="small")
        for ax, what, limits in zip(figure.axes, ("loss", "gradient"), ((-0.3, 6), (-4, 4))):
            ax.set(xlabel="logit", ylabel=what, xlim=(-4, 4), ylim=limits)
            ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    logit = next(iter(points.values()))[0].item()
    words = (f"{name} {loss.item():.2f}, gradient {slope.item():.2f}" for name, (_, loss, slope) in points.items())
    figure.alt = f"Losses of one logit, and their gradients. At logit {logit:.2f}: {'; '.join(words)}."
    return figure


def dirac_walk(
    field: Sequence[Tensor], path: Sequence[Tensor], *, title: str = "", figure: Figure | None = None
) -> Figure:
    """Draw the vector field of a Dirac-GAN, and a walk through it.

    Parameters
    ----------
    field
        theta, psi, and the pull on either, each of the same shape: from `dirac.vector_field` on a grid.
    path
        The walk's theta and psi, each shape (steps + 1,): from `dirac.trajectory`.
    title
        What stands above.
    figure
        An earlier result of this function, to be changed; None: a new figure.

    Returns
    -------
    Figure
        The plane of both players, arrows of one length in the field's direction; and the distance from the solution
        (0, 0) over the steps.
    """
    figure = _reused(figure, 2, width=4.3, height=3.7, left=0.08, bottom=0.14, top=0.91, wspace=0.25)
    plane, distance = figure.axes
    theta, psi, *pull = (part.numpy() for part in field)
    length = np.maximum(np.hypot(*pull), 1e-12)
    if not plane.collections:
        plane.quiver(theta, psi, theta, psi, color="0.7", pivot="mid", scale=22, width=0.004)
        distance.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    plane.collections[0].set_UVC(*(np.nan_to_num(part / length) for part in pull))
    thetas, psis = (part.numpy() for part in path)
    _line(plane, 0, thetas, psis, ".-", color=BLUE, markersize=3, linewidth=1)
    _line(plane, 1, thetas[:1], psis[:1], "o", color=ORANGE, markersize=8)
    _line(plane, 2, [0], [0], "+", color="black", markersize=10)
    away = np.hypot(thetas, psis)
    _line(distance, 1, np.arange(len(away)), away, color=BLUE)
    edge = np.abs(theta).max()
    plane.set(xlim=(-edge, edge), ylim=(-edge, edge), xlabel="θ (generator)", ylabel="ψ (discriminator)")
    plane.set_title(title, fontsize="medium", y=1.02)
    distance.set(xlim=(0, len(away) - 1), ylim=(-0.05, 2 * edge), xlabel="step", ylabel="distance from the solution")
    figure.alt = (
        f"A plane of arrows and a path from theta {thetas[0]:.1f}, psi {psis[0]:.1f}, and a line of its distance "
        f"from the solution: {away[0]:.2f} at the start, {away[-1]:.2f} after {len(away) - 1} steps."
    )
    return figure


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

    Parameters
    ----------
    photo
        Gray photograph, (1, S, S), in [0, 1].
    beta
        How much the position looks at each, (H, W), sum 1.
    query
        Row and column of the position that looks.
    maps
        Name -> one channel of a feature map, (H, W); three of them.
    gamma
        The gain of all channels, (C,); the axis ends at -3 and 3, and what lies beyond is counted there.
    channel
        Which channel `maps` shows.
    figure
        An earlier result of this function, to be changed; None: a new figure.

    Returns
    -------
    Figure
        Five panels: the attention over the photograph, with a frame around the position that looks; the maps, on one
        scale around 0; and the share of channels with each gain, the shown channel's marked.
    """
    figure = _reused(figure, 5, width=2.2, height=2.5, bottom=0.17, top=0.88, wspace=0.06)
    seen, *panels, gains = figure.axes
    (H, W), sharpest = beta.shape, beta.numel() * beta.max().item()
    _picture(seen, 0, _rgb(photo))
    _picture(seen, 1, beta.numpy(), limits=(0, beta.max().item()), cmap="inferno", alpha=0.6)
    down, across = (query[0] + np.array([0, 0, 1, 1, 0])) / H, (query[1] + np.array([0, 1, 1, 0, 0])) / W
    _line(seen, 0, across, down, color="white", linewidth=2)
    seen.set_title(f"looks: up to {sharpest:.1f} × even", fontsize="medium", y=1.02)
    largest = max(part.abs().max().item() for part in maps.values())
    for ax, (name, part) in zip(panels, maps.items()):
        _picture(ax, 0, part.numpy(), limits=(-largest, largest), cmap="RdBu_r")
        ax.set_title(name, fontsize="medium", y=1.02)
    _draw_gains(gains, gamma, channel)
    figure.alt = (
        f"Row {query[0]}, column {query[1]} of a {H} x {W} map looks up to {sharpest:.1f} times the even share. Then "
        f"channel {channel} of the maps {', '.join(maps)}, with gain {gamma[channel]:.2f}. Over all channels the gain "
        f"goes from {gamma.min():.2f} to {gamma.max():.2f}; {(gamma < 0).float().mean():.0%} are negative."
    )
    return figure


def _draw_gains(ax: Axes, gamma: Tensor, channel: int) -> None:
    """Draw the share of channels with each gain, and mark one channel's."""
    edges = np.linspace(-3, 3, 25)
    shares = np.histogram(gamma.clamp(-3, 3).numpy(), edges)[0] / len(gamma)
    if not ax.patches:
        ax.stairs(shares, edges, fill=True, color=BLUE)
    ax.patches[0].set_data(shares, edges)
    _line(ax, 0, [gamma[channel].item()] * 2, [0, 1], "--", color=ORANGE)
    ax.set(xlim=(-3.1, 3.1), ylim=(0, 1.1 * shares.max()), yticks=[], xlabel="gain γ")
    ax.set_title(f"this channel's: {gamma[channel]:.2f}", fontsize="medium", y=1.02)


def patch_seen(image: Tensor, box: tuple[int, int, int], *, edge: int, figure: Figure | None = None) -> Figure:
    """Frame what one score of the discriminator sees of a photograph.

    Parameters
    ----------
    image
        Shape (3, H, H) or (1, H, H), in [0, 1].
    box
        Top, left and side in pixels, as `models.receptive_box` gives them; may reach over the photograph's edge.
    edge
        How far the drawing goes beyond the photograph, in pixels.
    figure
        An earlier result of this function, to be changed; None: a new figure.

    Returns
    -------
    Figure
        One panel. What lies outside the photograph is the zeros that the convolutions pad it with.
    """
    figure = _reused(figure, 1, width=4, height=4, top=0.98, bottom=0.02, left=0.02, right=0.98)
    (ax,) = figure.axes
    (top, left, side), size = box, image.shape[-1]
    _picture(ax, 0, _rgb(image))
    down, across = (top + side * np.array([0, 0, 1, 1, 0])) / size, (left + side * np.array([0, 1, 1, 0, 0])) / size
    _line(ax, 0, across, down, color="black", linewidth=4)
    _line(ax, 1, across, down, color=ORANGE, linewidth=2)
    ax.set(xlim=(-edge / size, 1 + edge / size), ylim=(1 + edge / size, -edge / size))
    figure.set_facecolor("0.85")
    rows, columns = (max(0, min(start + side, size) - max(start, 0)) for start in (top, left))
    figure.alt = (
        f"A photograph of {size} by {size} pixels and a frame of {side} by {side} around what one score sees, its top "
        f"left corner at row {top}, column {left}; {rows * columns / side**2:.0%} of it is photograph."
    )
    return figure


def before_after(
    left: Tensor, right: Tensor, share: float, *, titles: tuple[str, str], figure: Figure | None = None
) -> Figure:
    """Lay one picture over another, up to a line.

    Parameters
    ----------
    left, right
        Two pictures of one size, (3, H, W) or (1, H, W), in [0, 1].
    share
        How much of the left one is shown, from 0 to 1.
    titles
        What the two are.
    figure
        An earlier result of this function, to be changed; None: a new figure.

    Returns
    -------
    Figure
        One panel: `left` on the left of the line, `right` on its right.
    """
    figure = _reused(figure, 1, width=4, height=4.2, bottom=0.02)
    (ax,) = figure.axes
    one, other = _rgb(left), _rgb(right)
    line = round(share * one.shape[1])
    _picture(ax, 0, np.concatenate([one[:, :line], other[:, line:]], axis=1))
    _line(ax, 0, [line / one.shape[1]] * 2, [0, 1], color="white", linewidth=2)
    ax.set(xlim=(0, 1), ylim=(1, 0))
    ax.set_title(f"{titles[0]}  |  {titles[1]}", fontsize="medium", y=1.02)
    figure.alt = f"One photograph twice: up to {share:.0%} of its width {titles[0]}, from there on {titles[1]}."
    return figure
