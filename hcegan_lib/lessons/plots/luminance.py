"""What keeping the luma wins, what is left to win, and what vivid colors cost."""

from collections.abc import Mapping

import pandas as pd

from hcegan_lib.lessons.plots.figure import BLUE, ORANGE, STYLES, Figure, make_panels


def coarse_chroma(scores: pd.DataFrame, levels: Mapping[str, float]) -> Figure:
    """Draw the PSNR (dB) and SSIM (%) of true luma under coarse true chroma; `levels` are PSNRs to compare with.

    The columns of `scores` are psnr and ssim, its index the side of the blocks in which chroma is averaged, in pixels.
    """
    figure, [axes] = make_panels(1, 2, width=4.2, height=3)
    for ax, column, unit in zip(axes, ("psnr", "ssim"), ("PSNR (dB)", "SSIM (%)")):
        ax.plot(scores.index, scores[column], "o-", color=BLUE, label="true luma, coarse true chroma")
        ax.set_xscale("log", base=2)
        ax.set(xticks=scores.index, xticklabels=scores.index, xlabel="side of a block of one chroma (px)", ylabel=unit)
    for (name, level), style in zip(levels.items(), STYLES[1:]):
        axes[0].axhline(level, color=ORANGE, linestyle=style, label=name)
    axes[0].legend(fontsize="small")
    ends = f"PSNR falls from {scores['psnr'].iloc[0]:.1f} to {scores['psnr'].iloc[-1]:.1f} dB"
    ends += f", SSIM from {scores['ssim'].iloc[0]:.1f} to {scores['ssim'].iloc[-1]:.1f}%"
    figure.alt = f"Two falling lines over the size of the blocks: {ends}. Lines of comparison: {', '.join(levels)}."
    return figure


def fidelity_and_vividness(games: pd.DataFrame, knob: pd.DataFrame) -> Figure:
    """Draw PSNR (dB) over vividness, colorfulness divided by that of the truth: games as dots, and one knob as a line.

    Both tables have one row per run, with the columns psnr and vividness; `games` has l1_weight, lambda of
    Eq. (8), and `knob` the factor by which the chroma of one model was multiplied.
    """
    figure, [[ax]] = make_panels(1, 1, width=6.2, height=3.8)
    words = []
    for runs, by, color, look, name in (
        (games, "l1_weight", ORANGE, "o", "trained with this λ"),
        (knob, "factor", BLUE, "s-", "L1 alone, chroma times this factor"),
    ):
        mean = runs.groupby(by)[["vividness", "psnr"]].mean()
        ax.plot(runs["vividness"], runs["psnr"], ".", color=color, alpha=0.5, markersize=4)
        ax.plot(mean["vividness"], mean["psnr"], look, color=color, markersize=6, label=name)
        letters = {"textcoords": "offset points", "color": color, "fontsize": 9}
        for k, (value, place) in enumerate(mean.iterrows()):
            left = by == "l1_weight" and k % 2 == 0  # games lie close together, so their labels take turns
            ax.annotate(f"{value:g}", place, (-5, -10) if left else (5, 3), ha="right" if left else "left", **letters)
        ends = [f"{mean.index[k]:g}: {mean['vividness'].iloc[k]:.2f}, {mean['psnr'].iloc[k]:.1f} dB" for k in (0, -1)]
        words.append(f"{name}, from {ends[0]}, to {ends[1]}")
    ax.axvline(1, color="0.6", linestyle=":", linewidth=1)
    ax.set(xlabel="vividness: colorfulness / that of the true photographs", ylabel="PSNR (dB)")
    ax.legend()
    figure.alt = f"PSNR over vividness. {'; '.join(words)}."
    return figure
