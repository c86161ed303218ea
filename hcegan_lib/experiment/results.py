"""From scores to tables: means over seeds with intervals, paired differences, verdicts, beside the paper's numbers.

A run's score is its mean over the test photographs. Runs that differ in their seed alone are what is independent here,
so n is the number of seeds, not of photographs, and Student's t goes over seeds. Two models are compared by their
differences: seed by seed, on the same photographs. The verdicts of one table share one error rate (Holm 1979).

In tables PSNR stands in dB and SSIM in percent, as the paper prints them.
"""

import html
import itertools
import json
import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from hcegan_lib import metrics, paper
from hcegan_lib.experiment.records import COLUMNS, GRAY_COPY, RESULTS

IN_TABLES = {"psnr": 1, "ssim": 100}  # the paper prints SSIM in percent
RUN = ["data", "model", "seed"]  # what names a run in a table of scores
BASELINE = "pix2pix"  # what every other row of a table is compared with, as in the paper's text
LEVEL = 0.05  # chance that a table holds any wrong "higher" or "lower"
FEWEST_SEEDS = 3  # two seeds give one spread from one number: t would reach 12.7 standard errors to each side
RESAMPLES = 9999  # of the bootstrap


# --- scores -----------------------------------------------------------------------------------------------------------


def recorded() -> list[str]:
    """Name the grids with committed scores; curves and gains lie beside them and are no scores."""
    names = []
    for path in sorted(RESULTS.glob("*.csv")):
        with path.open(encoding="utf-8") as file:
            names += [path.stem] * (file.readline().strip() == ",".join(COLUMNS))
    return names


def measured(grid: str = "laptop") -> pd.DataFrame:
    """Read the committed scores of a grid, in the form of `records.scores_of`.

    Raises
    ------
    ValueError
        If there are none.
    """
    if grid not in recorded():
        raise ValueError(f"no committed results of grid {grid!r}; there are: {', '.join(recorded()) or 'none'}")
    return pd.read_csv(RESULTS / f"{grid}.csv")


def comparable(scores: pd.DataFrame) -> pd.DataFrame:
    """Keep the photographs that every run of a data set has scored, so that all means are over the same ones.

    Parameters
    ----------
    scores
        From `records.scores_of` or `measured`.

    Returns
    -------
    DataFrame
        Its rows without the photographs that some run has not scored; all of them where no run is cut short.

    Raises
    ------
    ValueError
        If there are no scores, a run scores a photograph twice, a score is missing or not finite, or no photograph is
        common to all runs.
    """
    key = [*RUN, "file"]
    if scores.empty:
        raise ValueError("there are no scores: train a model first")
    _refuse_rows(scores, scores[key].isna().any(axis=1), "lacks a part of its name")
    _refuse_rows(scores, scores.duplicated(key), "stands twice in the scores")
    values = scores[list(IN_TABLES)].apply(pd.to_numeric, errors="coerce")
    _refuse_rows(scores, ~np.isfinite(values).all(axis=1), "has no finite PSNR and SSIM")
    runs = scores.drop_duplicates(RUN).groupby("data").size()
    kept = scores[scores.groupby(["data", "file"])["seed"].transform("size") == scores["data"].map(runs)]
    for data in set(runs.index) - set(kept["data"]):
        raise ValueError(f"no test photograph of {data!r} is scored by all of its {runs[data]} runs")
    return kept


def _refuse_rows(scores: pd.DataFrame, wrong: pd.Series, what: str) -> None:
    if wrong.any():
        data, model, seed, file = scores.loc[wrong, [*RUN, "file"]].iloc[0]
        more = f" (and {wrong.sum() - 1} more)" if wrong.sum() > 1 else ""
        raise ValueError(f"{file!r} of model {model!r}, seed {seed}, on {data!r} {what}{more}")


def run_means(scores: pd.DataFrame) -> pd.DataFrame:
    """Average each run over its photographs.

    Parameters
    ----------
    scores
        From `records.scores_of` or `measured`.

    Returns
    -------
    DataFrame
        One row a run: data, model, seed, psnr (dB), ssim (percent).
    """
    means = comparable(scores).groupby(RUN, sort=False)[list(IN_TABLES)].mean()
    return (means * pd.Series(IN_TABLES)).reset_index()


# --- how far chance reaches -------------------------------------------------------------------------------------------


def interval(values: pd.Series) -> dict[str, float]:
    """Mean of independent values with its 95 % confidence interval (Student's t).

    Parameters
    ----------
    values
        At least two numbers; in a table, one a seed.

    Returns
    -------
    dict
        mean, low, high, n. `low` and `high` are NaN with fewer than two values.
    """
    n, mean = len(values), float(values.mean())
    half = stats.t.ppf(0.975, n - 1) * float(values.std()) / n**0.5 if n > 1 else float("nan")
    return {"mean": mean, "low": mean - half, "high": mean + half, "n": n}


def seed_spread(scores: pd.DataFrame, metric: str) -> dict[str, float]:
    """Say how far two runs of one model lie apart for no other reason than their seeds.

    Parameters
    ----------
    scores
        From `records.scores_of` or `measured`, with several seeds of at least one trained model.
    metric
        "psnr" (dB) or "ssim" (percent).

    Returns
    -------
    dict
        `std`, the standard deviation over seeds of a run's mean over photographs, pooled over the trained models
        (and data sets); `df`, its degrees of freedom: runs minus models; `least_difference`, the least difference of
        two single runs that a two-sided 5 % t test with this spread calls real: t(0.975, df) * std * sqrt(2).

    Raises
    ------
    ValueError
        If the metric is unknown or no model has two seeds.
    """
    _check_metric(metric)
    runs = run_means(scores)
    runs = runs[runs["model"] != GRAY_COPY]  # no chance in it
    models = runs.groupby(["data", "model"])[metric]
    df = len(runs) - models.ngroups
    if df < 1:
        raise ValueError("scores must hold two seeds of at least one model: one seed says nothing about others")
    std = float(((runs[metric] - models.transform("mean")) ** 2).sum() / df) ** 0.5
    return {"std": std, "df": df, "least_difference": float(stats.t.ppf(0.975, df)) * std * 2**0.5}


def _check_metric(metric: str) -> None:
    if metric not in IN_TABLES:
        raise ValueError(f"metric must be one of {', '.join(IN_TABLES)}, got {metric!r}")


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Average scores over photographs, then over seeds, a row for each model and metric.

    Parameters
    ----------
    scores
        From `records.scores_of` or `measured`.

    Returns
    -------
    DataFrame
        data, model, metric, mean, low, high (95 %, over seeds) and seeds, in dB and percent. No interval with one seed,
        and none for the gray copy: no chance is in it.
    """
    rows = []
    for (data, model), runs in run_means(scores).groupby(["data", "model"], sort=False):
        for metric in IN_TABLES:
            row = interval(runs[metric])
            seeds = row.pop("n") if model != GRAY_COPY else 0
            rows.append({"data": data, "model": model, "metric": metric, **row, "seeds": seeds})
    return pd.DataFrame(rows)


# --- differences ------------------------------------------------------------------------------------------------------


def differences(scores: pd.DataFrame, model: str, baseline: str, metric: str) -> pd.DataFrame:
    """Subtract a baseline's scores from a model's, seed by seed and photograph by photograph.

    Parameters
    ----------
    scores
        From `records.scores_of` or `measured`, of one data set.
    model, baseline
        Names in its column `model`. The gray copy, which has no seed, is set against each seed of the other one.
    metric
        "psnr" (dB) or "ssim" (percent).

    Returns
    -------
    DataFrame
        A row a common seed, a column a common photograph. No row when the two have no seed in common.

    Raises
    ------
    ValueError
        If a model or metric is not there, or the scores are of several data sets.
    """
    _check_metric(metric)
    if scores["data"].nunique() != 1:
        raise ValueError(f"scores must be of one data set, got {', '.join(map(repr, scores['data'].unique()))}")
    for name in (model, baseline):
        if name not in set(scores["model"]):
            raise ValueError(f"no scores of {name!r}; there are: {', '.join(scores['model'].unique())}")
    kept = comparable(scores)
    ours, theirs = (
        kept[kept["model"] == name].pivot(index="seed", columns="file", values=metric) * IN_TABLES[metric]
        for name in (model, baseline)
    )
    if model == GRAY_COPY:
        return ours.iloc[0] - theirs
    if baseline == GRAY_COPY:
        return ours - theirs.iloc[0]
    seeds = ours.index.intersection(theirs.index)
    return ours.loc[seeds] - theirs.loc[seeds]


def paired_difference(scores: pd.DataFrame, model: str, baseline: str, metric: str) -> dict[str, float]:
    """Mean difference of two models, with two intervals that answer two questions.

    Parameters
    ----------
    scores, model, baseline, metric
        As for `differences`.

    Returns
    -------
    dict
        `mean`; `low` and `high`, 95 % over seeds (Student's t): what other seeds would give on these photographs;
        `n`, the number of seeds; `p`, of the two-sided t test that belongs to this interval, NaN with fewer than
        `FEWEST_SEEDS`; `photographs low` and `photographs high`, 95 % over photographs (bootstrap, BCa): what other
        photographs of this kind would give with these very networks.

    Raises
    ------
    ValueError
        As `differences`.
    """
    cells = differences(scores, model, baseline, metric)
    seeds = cells.mean(axis=1)  # one number a seed: a run's score minus the other run's
    low, high = bootstrap_interval(cells.mean(axis=0)) if len(cells) else (float("nan"),) * 2
    return interval(seeds) | {"p": p_value(seeds), "photographs low": low, "photographs high": high}


def p_value(values: pd.Series) -> float:
    """Probability, if the true mean were 0, of a mean at least so far from 0 (two-sided t test); NaN with too few."""
    if len(values) < FEWEST_SEEDS:
        return float("nan")
    if np.ptp(values) == 0:  # no spread, so no test: a model against itself, or made-up scores
        return float(values.iloc[0] == 0)
    return float(stats.ttest_1samp(values, 0).pvalue)


def bootstrap_interval(values: pd.Series) -> tuple[float, float]:
    """95 % interval of a mean that takes no normal distribution for granted: draw the values anew (Efron's BCa)."""
    if np.ptp(values) == 0:
        return (float(values.iloc[0]),) * 2
    random = np.random.default_rng(0)  # fixed: a table is the same each time
    drawn = stats.bootstrap((values.to_numpy(),), np.mean, n_resamples=RESAMPLES, random_state=random, method="BCa")
    return tuple(map(float, drawn.confidence_interval))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Adjust the p values of several comparisons, so that all of them together are wrong with one probability.

    Parameters
    ----------
    p_values
        m numbers in [0, 1]. They may depend on each other, as those of one baseline do.

    Returns
    -------
    ndarray
        Shape (m,): the k-th smallest times m - k + 1, at least its predecessor's, at most 1. Where one is below 5 %,
        the comparison holds at 5 % for the whole list (Holm 1979).

    Raises
    ------
    ValueError
        If one is no probability.
    """
    p = np.asarray(p_values, float)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p_values must be numbers in [0, 1], got {', '.join(map(str, p_values))}")
    order = p.argsort(kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return adjusted


def verdict(difference: float, adjusted_p: float, seeds: int) -> str:
    """Say what a cell of a table shows.

    Parameters
    ----------
    difference
        Mean difference to the baseline.
    adjusted_p
        After Holm's correction over the table.
    seeds
        How many the two have in common.

    Returns
    -------
    str
        "too few runs" below `FEWEST_SEEDS`; "no difference seen", which is not "equal", where p is `LEVEL` or more;
        else "higher" or "lower".
    """
    if seeds < FEWEST_SEEDS:
        return "too few runs"
    if not adjusted_p < LEVEL:
        return "no difference seen"
    return "higher" if difference > 0 else "lower"


# --- tables -----------------------------------------------------------------------------------------------------------


def table(number: int, scores: pd.DataFrame) -> pd.DataFrame:
    """Set one of the paper's tables beside what was measured, cell by cell.

    Parameters
    ----------
    number
        1, 2 or 3.
    scores
        From `records.scores_of` or `measured`.

    Returns
    -------
    DataFrame
        One row a metric ("psnr" in dB, "ssim" in percent) and model, the gray copy first. Columns, for each of the
        paper's data sets D: `paper D`, as printed, and `paper D difference`, to pix2pix. For each measured data set D:
        `D mean`, `D low`, `D high` and `D seeds`, from `summary`; `D difference` to pix2pix with `low`, `high`, the
        interval over `photographs` and the number of `seeds`, from `paired_difference`; `D p`, `D p Holm` and
        `D verdict`. NaN where there is no number. Holm's correction goes over all p values of the table.
    """
    cells = paper.table(number)
    models = [GRAY_COPY, *cells["model"].unique()]
    rows = pd.MultiIndex.from_product([IN_TABLES, models], names=["metric", "model"])
    printed = cells.pivot(index=["metric", "model"], columns="dataset", values="value").reindex(rows)
    gains = printed.sub(printed.xs(BASELINE, level="model"), level="metric").round(3)  # as many decimals as printed
    gains.loc[(slice(None), BASELINE), :] = float("nan")
    columns = {}
    for data in paper.DATASETS:
        columns |= {f"paper {data}": printed[data], f"paper {data} difference": gains[data]}
    for data, compared in comparisons(models, scores).groupby("data", sort=False):
        compared = compared.set_index(["metric", "model"]).drop(columns="data")
        columns |= {f"{data} {name}": compared[name] for name in compared}
    return pd.DataFrame(columns, index=rows).reset_index()


def comparisons(models: Iterable[str], scores: pd.DataFrame) -> pd.DataFrame:
    """Compare models with pix2pix on each measured data set, and judge all comparisons together.

    Parameters
    ----------
    models
        Names, as in the scores; those that were not measured have "too few runs".
    scores
        From `records.scores_of` or `measured`.

    Returns
    -------
    DataFrame
        One row a data set, metric and model; the columns that `table` describes.
    """
    rows = [
        {"data": data, "metric": metric, "model": model} | _to_baseline(some, model, metric)
        for data, some in scores.groupby("data", sort=False)
        for metric in IN_TABLES
        for model in models
    ]
    compared = summary(scores).merge(pd.DataFrame(rows), on=["data", "metric", "model"], how="right")
    compared["seeds"] = compared["seeds"].fillna(0).astype(int)
    tested = compared["p"].notna()
    compared.loc[tested, "p Holm"] = holm(compared.loc[tested, "p"])
    cells = zip(compared["difference"], compared["p Holm"], compared["difference seeds"])
    compared["verdict"] = [verdict(*cell) for cell in cells]
    compared.loc[compared["model"] == BASELINE, "verdict"] = "baseline"
    return compared


def _to_baseline(scores: pd.DataFrame, model: str, metric: str) -> dict[str, float]:
    """Compare a model with pix2pix, if there are both; names as in `table`."""
    nan = float("nan")
    row = dict.fromkeys(("mean", "low", "high", "photographs low", "photographs high", "p"), nan) | {"n": 0}
    if model != BASELINE and {model, BASELINE} <= set(scores["model"]):
        row = paired_difference(scores, model, BASELINE, metric)
    ends = {f"difference {end}": row[end] for end in ("low", "high", "photographs low", "photographs high")}
    return {"difference": row["mean"], **ends, "difference seeds": row["n"], "p": row["p"], "p Holm": nan}


# --- as text ----------------------------------------------------------------------------------------------------------


def written(number: int, grid: str = "laptop", form: str = "md") -> str:
    """Write a table of the paper beside what a grid measured: what `hcegan table` prints and notebook 10 shows.

    Parameters
    ----------
    number
        1, 2 or 3.
    grid
        Name of committed results.
    form
        A key of `FORMS`: "csv" holds all columns of `table` and every digit, the others are to be read.

    Returns
    -------
    str
        The table; with a caption, except in "csv". "latex" needs the package graphicx and is for a page in landscape.

    Raises
    ------
    ValueError
        If there is no such table, grid or form.
    """
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, got {form!r}")
    scores = measured(grid)
    frame = table(number, scores)
    return FORMS[form](frame, caption(number, frame, scores, manifest(grid)))


def manifest(grid: str) -> dict:
    """Read what made the committed scores of a grid: "grid", "runs" with their settings, and "failed" ones.

    Raises
    ------
    ValueError
        If there is none.
    """
    path = RESULTS / f"{grid}.json"
    if not path.exists():
        raise ValueError(f"no manifest of grid {grid!r}: {path.name} is not beside its scores")
    return json.loads(path.read_text(encoding="utf-8"))


def caption(number: int, frame: pd.DataFrame, scores: pd.DataFrame, made_by: dict) -> str:
    """Say what stands in a table: data, size, epochs, seeds, convention and statistics, none of it by heart.

    Parameters
    ----------
    number
        Of the table.
    frame
        From `table`.
    scores
        What it was made from.
    made_by
        From `manifest`.

    Returns
    -------
    str
        Sentences.

    Raises
    ------
    ValueError
        If a run has scores and is not in the manifest: nobody could say what made its numbers.
    """
    named = {(run["data"]["name"], run["model"], run["settings"]["seed"]) for run in made_by["runs"]}
    trained = scores.loc[scores["model"] != GRAY_COPY, RUN].drop_duplicates().itertuples(index=False, name=None)
    for data, model, seed in set(trained) - named:
        raise ValueError(f"the manifest does not name the run of {model!r}, seed {seed}, on {data!r}")
    tested = int(frame.filter(regex=" p Holm$").notna().sum().sum())
    sentences = [
        f"The paper's Table {number} as printed, with the difference to {BASELINE} in parentheses, and as measured.",
        *(_data_sentence(data, rows, made_by["runs"]) for data, rows in scores.groupby("data", sort=False)),
        "Measured: mean over photographs, then over seeds, with its 95 % interval over seeds (Student's t);",
        f"the gray copy has no seed. Minus {BASELINE}: seed by seed, on the same photographs.",
        f"Verdicts: at 5 % for the whole table, p after Holm's correction over its {tested} comparisons.",
        "PSNR in dB, SSIM in percent; RGB, data range 1,",
        f"SSIM with a Gaussian window of {metrics.WINDOW} pixels, sigma {metrics.SIGMA}.",
        f"Grid {made_by['grid']}, {_values(made_by['runs'], _commit)}.",
    ]
    if made_by["failed"]:
        sentences.append(f"{len(made_by['failed'])} runs failed and are missing.")
    return " ".join(sentences)


def _data_sentence(data: str, scores: pd.DataFrame, runs: list[dict]) -> str:
    """Say of one data set what it is, how large, and how it was trained on."""
    runs = [run for run in runs if run["data"]["name"] == data]
    size, epochs, batch = (
        _values(runs, lambda run, name=name: run["settings"][name]) for name in ("image_size", "epochs", "batch_size")
    )
    seeds = scores[scores["model"] != GRAY_COPY].groupby("model")["seed"].nunique()
    used, all_files = comparable(scores)["file"].nunique(), scores["file"].nunique()
    left_out = f" ({all_files - used} left out: not every run has scored them)" if used < all_files else ""
    trained = _values(runs, lambda run: run["data"]["train"])
    return (
        f"{data}: {used} test photographs{left_out} at {size} px; {_range(seeds)} runs a model, "
        f"each with its own seed, on {trained} training photographs for {epochs} epochs with batches of {batch}."
    )


def _values(runs: list[dict], value: Callable[[dict], object]) -> str:
    """Name what all runs have in common, or each of the values that there are."""
    return " or ".join(map(str, sorted({value(run) for run in runs})))


def _commit(run: dict) -> str:
    commit, dirty, _ = (run["environment"]["commit"] or "unknown").partition("-dirty")
    return f"commit {commit[:7]}{dirty}"


def _range(counts: pd.Series) -> str:
    low, high = counts.min(), counts.max()
    return str(low) if low == high else f"{low} to {high}"


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn a table's numbers into text, an interval into one cell; empty where there is no number.

    Parameters
    ----------
    frame
        From `table`.

    Returns
    -------
    DataFrame
        metric, model, the paper's data sets with the difference to pix2pix in parentheses, then four columns for each
        measured data set: mean, difference, p after Holm's correction, verdict.
    """
    text = {"metric": frame["metric"].map({"psnr": "PSNR (dB)", "ssim": "SSIM (%)"}), "model": frame["model"]}
    for data in paper.DATASETS:
        forms = {f"paper {data}": "{:.3f}", f"paper {data} difference": " ({:+.2f})"}
        text[f"paper {data}"] = _joined(frame, forms)
    for data in measured_sets(frame):
        forms = {f"{data} mean": "{:.2f}", f"{data} low": " [{:.2f},", f"{data} high": " {:.2f}]"}
        text[f"{data} measured"] = _joined(frame, forms)
        minus = f"{data} difference"
        text[f"{data} minus {BASELINE}"] = _joined(
            frame, {minus: "{:+.2f}", f"{minus} low": " [{:+.2f},", f"{minus} high": " {:+.2f}]"}
        )
        text[f"{data} p"] = _joined(frame, {f"{data} p Holm": "{:.3f}"}).replace("0.000", "<0.001")
        text[f"{data} verdict"] = frame[f"{data} verdict"]
    return pd.DataFrame(text)


def measured_sets(frame: pd.DataFrame) -> list[str]:
    """Name the measured data sets of a table."""
    return [column.removesuffix(" verdict") for column in frame if column.endswith(" verdict")]


def _joined(frame: pd.DataFrame, forms: dict[str, str]) -> pd.Series:
    """Write several columns into one, each in its form; a missing number is left out."""
    parts = [frame[column].map(form.format).where(frame[column].notna(), "") for column, form in forms.items()]
    return sum(parts[1:], start=parts[0])


def to_csv(frame: pd.DataFrame, caption: str) -> str:
    """Write all columns with every digit; there is no place for a caption."""
    return frame.to_csv(index=False, lineterminator="\n")


def to_markdown(frame: pd.DataFrame, caption: str) -> str:
    """Write a table in Markdown that stands in columns on a terminal too."""
    head, *rows = _text_rows(frame, lambda cell: cell.replace("|", r"\|"))
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    rule = ["-" * width for width in widths]
    lines = (" | ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in (head, rule, *rows))
    return "".join(f"| {line} |\n" for line in lines) + f"\n{caption}\n"


def to_latex(frame: pd.DataFrame, caption: str) -> str:
    """Write a table in LaTeX, as wide as the line."""
    head, *rows = (" & ".join(row) + r" \\" for row in _text_rows(frame, _latex))
    half = len(rows) // 2  # PSNR above, SSIM below
    lines = [
        "% \\usepackage{graphicx}, on a page in landscape",
        r"\begin{table}",
        rf"\caption{{{_latex(caption)}}}",
        r"\resizebox{\linewidth}{!}{%",
        rf"\begin{{tabular}}{{ll{'r' * (head.count(' & ') - 1)}}}",
        *(r"\hline", head, r"\hline", *rows[:half], r"\hline", *rows[half:], r"\hline"),
        r"\end{tabular}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex(text: str) -> str:
    """Escape what LaTeX would take for a command; SA'' gets two primes, not a closing quote."""
    text = re.sub(r"[&%$#_{}]", r"\\\g<0>", text)
    return re.sub(r"'+(?!s\b)|[<>]|(?<![\w-])-(?=\d)", r"$\g<0>$", text)


def to_html(frame: pd.DataFrame, caption: str) -> str:
    """Write a table element that needs nothing around it: no style sheet, no script, ASCII alone."""
    (_, *head), *rows = _text_rows(frame, _html)
    names = _tags("th", head, ' scope="col"')
    lines = [
        '<table style="font-size: 85%">',
        f'<caption style="text-align: left">{_html(caption)}</caption>',
        f"<thead><tr>{names}</tr></thead>",
    ]
    for metric, group in itertools.groupby(rows, key=lambda row: row[0]):
        lines.append(
            f'<tbody><tr><th scope="rowgroup" colspan="{len(head)}" style="text-align: left">{metric}</th></tr>'
        )
        lines += (f'<tr><th scope="row">{model}</th>{_tags("td", cells)}</tr>' for _, model, *cells in group)
        lines.append("</tbody>")
    return "\n".join([*lines, "</table>"]) + "\n"


def _tags(tag: str, cells: Iterable[str], options: str = "") -> str:
    return "".join(f"<{tag}{options}>{cell}</{tag}>" for cell in cells)


def _html(text: str) -> str:
    """Escape a cell; with a minus sign in front of a number, and an interval that is not broken into two lines."""
    text = re.sub(r"(?<![\w-])-(?=\d)", "\N{MINUS SIGN}", html.escape(text))
    text = re.sub(r"\[[^]]*\]", lambda interval: interval[0].replace(" ", "\N{NO-BREAK SPACE}"), text)
    return text.encode("ascii", "xmlcharrefreplace").decode()


def _text_rows(frame: pd.DataFrame, escape: Callable[[str], str]) -> list[list[str]]:
    """Give the names and the cells of a table to be read, escaped."""
    text = readable(frame)
    return [[escape(cell) for cell in row] for row in (text.columns, *text.itertuples(index=False))]


FORMS = {"md": to_markdown, "csv": to_csv, "latex": to_latex, "html": to_html}
