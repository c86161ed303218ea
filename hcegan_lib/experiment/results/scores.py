"""Read committed scores, check that they can be averaged, and average each run over its photographs.

`scores` is always a table from `records.scores_of` or `measured`: one row per photograph and run.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from hcegan_lib import paper
from hcegan_lib.backend.files import name_file, require_plain_file
from hcegan_lib.experiment import records

IN_TABLES = {"psnr": 1, "ssim": 100}  # factors for tables: dB, and percent as in the paper


def recorded() -> list[str]:
    """Return the names of the grids with committed scores."""
    return [path.stem for path in sorted(records.RESULTS.glob("*.csv")) if _holds_scores(path)]


def _holds_scores(path: Path) -> bool:
    """Check the columns of a file: some hold curves or gains, and a stray one may hold anything."""
    try:
        return {*records.RUN, "file", *IN_TABLES} <= set(pd.read_csv(require_plain_file(path), nrows=0))
    except (OSError, ValueError):
        return False


def measured(grid: str = "laptop") -> pd.DataFrame:
    """Read the committed scores of a grid, in the form of `records.scores_of`, stand-ins in the order of the paper.

    Raises ValueError if there are none, or if the file is damaged.
    """
    if grid not in recorded():
        raise ValueError(f"no committed results of grid {grid!r}; there are: {', '.join(recorded()) or 'none'}")
    path = records.RESULTS / f"{grid}.csv"
    with name_file(path):
        scores = pd.read_csv(path, dtype=dict.fromkeys(IN_TABLES, float) | {"seed": int})
    place = {data: number for number, data in enumerate(paper.STANDINS.values())}
    return scores.sort_values("data", key=lambda names: names.map(place), kind="stable", ignore_index=True)


def comparable(scores: pd.DataFrame) -> pd.DataFrame:
    """Keep the photographs that every run of their data set has scored, so that all means are over the same ones.

    Raises ValueError if there are none, a run scores a photograph twice, or a score is missing, not finite or
    impossible.
    """
    if scores.empty:
        raise ValueError("there are no scores: train a model first")
    _refuse_rows(scores, scores.duplicated([*records.RUN, "file"]), "appears twice in the scores")
    _refuse_rows(scores, ~np.isfinite(scores[list(IN_TABLES)]).all(axis=1), "has no finite PSNR and SSIM")
    _refuse_rows(scores, scores["ssim"].abs() > 1.000001, "has an SSIM beyond 100%")
    runs = scores.drop_duplicates(records.RUN).groupby("data").size()
    kept = scores[scores.groupby(["data", "file"])["seed"].transform("size") == scores["data"].map(runs)]
    for data in set(runs.index) - set(kept["data"]):
        raise ValueError(f"no test photograph of {data!r} is scored by all of its {runs[data]} runs")
    return kept


def _refuse_rows(scores: pd.DataFrame, wrong: pd.Series, what: str) -> None:
    if wrong.any():
        data, model, seed, file = scores.loc[wrong, [*records.RUN, "file"]].iloc[0]
        more = f" (and {wrong.sum() - 1} more)" if wrong.sum() > 1 else ""
        raise ValueError(f"{file!r} of model {model!r}, seed {seed}, on {data!r} {what}{more}")


def run_means(scores: pd.DataFrame) -> pd.DataFrame:
    """Average each run over its photographs: one row per run, with data, model, seed, psnr (dB), ssim (percent)."""
    means = comparable(scores).groupby(records.RUN, sort=False)[list(IN_TABLES)].mean()
    return (means * pd.Series(IN_TABLES)).reset_index()
