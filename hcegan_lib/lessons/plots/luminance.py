"""What keeping the luma wins, what is left to win, and what vivid colors cost."""

from collections.abc import Mapping

import pandas as pd

from hcegan_lib.lessons.plots.figure import BLUE, COLORS, MARKERS, ORANGE, STYLES, Figure, make_panels


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


def fidelity_and_vividness(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw PSNR (dB) over vividness for pictures whose saturation is turned up and down; a ring marks factor 1.

    The columns of each table are vividness (colorfulness divided by that of the truth) and psnr; its index is the
    factor by which chroma is multiplied.
    """
    figure, [[ax]] = make_panels(1, 1, width=6.2, height=3.6)
    words = []
    for (name, curve), color, marker in zip(curves.items(), COLORS, MARKERS):
        ax.plot(curve["vividness"], curve["psnr"], color=color)
        ax.plot(*curve.loc[1, ["vividness", "psnr"]], marker, color=color, markersize=8, label=name)
        best = curve["psnr"].idxmax()
        words.append(f"{name} is {curve.loc[1, 'vividness']:.2f} as vivid as the truth and best at factor {best:.2f}")
    ax.axvline(1, color="0.6", linestyle=":", linewidth=1)
    ax.set(xlabel="vividness: colorfulness / that of the true photographs", ylabel="PSNR (dB)")
    ax.legend()
    figure.alt = f"PSNR over vividness, one curve per model. {'; '.join(words)}."
    return figure
