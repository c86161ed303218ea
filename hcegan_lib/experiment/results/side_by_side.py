"""Tables 1 to 3 in the paper's shape: for each data set the printed and the measured mean, shaded by difference."""

import pandas as pd
from pandas.io.formats.style import Styler

from hcegan_lib import paper
from hcegan_lib.experiment.records import BASELINES
from hcegan_lib.experiment.results.statistics import summary
from hcegan_lib.experiment.results.tables import BASELINE

PAPER, OURS = "paper", "ours"
UP, DOWN = (0, 114, 178), (230, 159, 0)  # blue and orange, which readers with color blindness can tell apart
FULL = {"psnr": 2.0, "ssim": 5.0}  # difference from pix2pix, in dB and percent, that gets the full shade


def side_by_side(number: int, scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Put the printed and the measured means of the paper's table `number` side by side, in dB or percent.

    Returns
    -------
    DataFrame
        One row per model, then the baselines that need no training. Two-level columns: a data set of the paper with
        "paper" and, if its stand-in was measured, "ours"; after them any other measured set with "ours" alone.
    """
    cells = paper.table(number)
    printed = cells[cells["metric"] == metric].pivot(index="model", columns="dataset", values="value")
    means = summary(scores)
    ours = means[means["metric"] == metric].pivot(index="model", columns="data", values="mean")
    columns = {}
    for name, standin in paper.STANDINS.items():
        columns[name, PAPER] = printed[name]
        if standin in ours:
            columns[name, OURS] = ours.pop(standin)
    columns |= {(name, OURS): ours[name] for name in ours}
    rows = [*cells["model"].unique(), *(name for name in BASELINES if name in ours.index)]
    return pd.DataFrame(columns).reindex(rows).rename_axis(columns=["data set", "source"])


def shade(frame: pd.DataFrame, metric: str) -> Styler:
    """Shade a `side_by_side` table by the difference from pix2pix: blue is higher, orange lower; see `FULL`."""
    difference = frame.drop(index=[*BASELINES], errors="ignore") - frame.loc[BASELINE]

    def style(column: pd.Series) -> list[str]:
        return [_color(value / FULL[metric]) for value in difference[column.name].reindex(column.index)]

    lines = [{"selector": f"tr:has(th.row{len(difference)}) > *", "props": "border-top: 1px solid"}]
    styled = frame.style.set_uuid(f"{metric}{len(frame)}")  # the same page each time
    return styled.format("{:.2f}", na_rep="").apply(style).set_table_styles(lines)


def _color(share: float) -> str:
    if not abs(share) > 0.01:  # NaN too
        return ""
    red, green, blue = UP if share > 0 else DOWN
    return f"background-color: rgba({red}, {green}, {blue}, {min(1, abs(share)) * 0.6:.2f})"
