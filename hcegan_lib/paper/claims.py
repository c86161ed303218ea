"""The claims of the paper's text, each judged by the paper's own tables.

`data/paper/claims.json` quotes the claims. Verdicts are computed here and stored nowhere.
"""

import json
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

import pandas as pd

from hcegan_lib.paper.models import DATASETS, MODELS, Model
from hcegan_lib.paper.tables import FOLDER, UNITS, table

HOLDS, ROUNDS_DIFFERENTLY = "holds", "rounds differently"
CONTRADICTS, REFUTED, CANNOT_BE_CHECKED = "contradicts the table", "refuted by the kit", "cannot be checked"
VERDICTS = (HOLDS, ROUNDS_DIFFERENTLY, CONTRADICTS, REFUTED, CANNOT_BE_CHECKED)

ALMOST_ALL = Decimal("0.9")  # the smallest share that we accept as "almost all"

CLAIM_COLUMNS = (
    *("section", "printed", "kind", "table", "metric", "model", "baseline", "dataset"),
    *("claimed", "recomputed", "unit", "finding", "verdict", "measured"),
)


def claims() -> pd.DataFrame:
    """Judge every number and every comparison in the paper's text by the paper's own tables.

    Returns
    -------
    DataFrame
        One row per claim, in the order of print: `section`; `printed`, the sentence word for word; `claimed`, the
        number in it, or the claim in short; `kind`, a key of `JUDGES`, or "marks" for a table's bold marks as a whole;
        `table`, `metric`, `model`, `baseline` and `dataset`, what is compared, with several names joined by ", ";
        `recomputed` and its `unit`: the gain, the difference of the means, the best value, or a count; `finding`, the
        same in words, or why the claim cannot be checked; `verdict`, one of `VERDICTS`; `measured`, the row of the
        scorecard that tests the claim in our runs, or NaN.

    Notes
    -----
    We read words generously. "Improved" and "best" hold if the mean over the table's data sets is higher than that of
    every other model named; "almost all" holds from nine in ten. One run per cell cannot show that a difference is
    "significant".
    """
    sentences = json.loads((FOLDER / "claims.json").read_text(encoding="utf-8"))
    tables = {number: table(number) for number in (1, 2, 3)}
    rows = [
        {"section": sentence["section"], "printed": sentence["printed"], **claim, **row}
        for sentence in sentences
        for claim in sentence["claims"]
        for row in JUDGES[claim["kind"]](claim, tables.get(claim.get("table")))  # a statement has no table
    ]
    return pd.DataFrame(rows, columns=CLAIM_COLUMNS).astype({"table": "Int64", "recomputed": float})


def judge_number(claimed: str, recomputed: str | Decimal) -> str:
    """Compare a printed number, whose digits count ("2.00" claims two decimals, "3.7" one), with the exact one.

    Returns
    -------
    str
        "holds" if the exact number, rounded half up to the claimed digits, is the claimed one; "rounds differently" if
        it is not, but the two differ by less than one unit of the last claimed digit; else "contradicts the table".

    Raises
    ------
    ValueError
        If `recomputed` is a float, because 22.551 - 21.958 is not 0.593 in binary.
    """
    if isinstance(recomputed, float):
        raise ValueError(f"recomputed must be a Decimal or a string of digits, got the float {recomputed!r}")
    printed, exact = Decimal(claimed), Decimal(recomputed)
    unit = Decimal(1).scaleb(printed.as_tuple().exponent)  # of the last printed digit: 0.01 for "2.24"
    if exact.quantize(unit, ROUND_HALF_UP) == printed:
        return HOLDS
    return ROUNDS_DIFFERENTLY if abs(exact - printed) < unit else CONTRADICTS


def exact_cells(cells: pd.DataFrame) -> dict[tuple[str, str, str], Decimal]:
    """Map (metric, model, data set) to the printed number of a `table` as a decimal, so that differences are exact."""
    digits = cells["printed"].str.replace(" ", "").map(Decimal)
    return dict(zip(zip(cells["metric"], cells["model"], cells["dataset"]), digits))


def _holds(true: bool) -> str:
    return HOLDS if true else CONTRADICTS


def _judge_gains(claim: dict, cells: pd.DataFrame) -> Iterator[dict]:
    """Compare each printed gain with the difference of the two printed scores: one row per data set."""
    score, unit = exact_cells(cells), UNITS[claim["metric"]]
    for dataset, claimed in claim["claimed"].items():
        high, low = (score[claim["metric"], name, dataset] for name in (claim["model"], claim["baseline"]))
        yield {
            "dataset": dataset,
            "claimed": claimed,
            "recomputed": high - low,
            "unit": unit,
            "finding": f"{high} − {low} = {high - low} {unit}".replace(" %", "%"),
            "verdict": judge_number(claimed, high - low),
        }


def _judge_means(claim: dict, cells: pd.DataFrame) -> Iterator[dict]:
    """Decide whether the model's mean over the data sets is above all others: one row per metric."""
    score, model, others = exact_cells(cells), claim["model"], claim["others"]
    for metric in claim["metrics"]:
        unit = UNITS[metric]
        means = {name: sum(score[metric, name, d] for d in DATASETS) / len(DATASETS) for name in (model, *others)}
        rival = max(others, key=means.get)
        ahead = sum(all(score[metric, model, d] > score[metric, other, d] for other in others) for d in DATASETS)
        yield {
            "metric": metric,
            "baseline": ", ".join(others),
            "recomputed": means[model] - means[rival],
            "unit": unit,
            "finding": (
                f"mean {means[model]:.3f} {unit}, against {means[rival]:.3f} {unit} for {rival}; "
                f"{'highest' if len(others) > 1 else 'higher'} in {ahead} of {len(DATASETS)} data sets"
            ).replace(" %", "%"),
            "verdict": _holds(means[model] > means[rival]),
        }


def _judge_almost_all(claim: dict, cells: pd.DataFrame) -> Iterator[dict]:
    """Count the cells in which the model is higher, and decide whether they are almost all: one row."""
    score, datasets = exact_cells(cells), claim["datasets"]
    higher = {
        metric: sum(score[metric, claim["model"], data] > score[metric, claim["baseline"], data] for data in datasets)
        for metric in claim["metrics"]
    }
    found, total = sum(higher.values()), len(higher) * len(datasets)
    by_metric = ", ".join(f"{count} {metric.upper()}" for metric, count in higher.items())
    yield {
        "metric": ", ".join(higher),
        "dataset": ", ".join(datasets),
        "recomputed": found,
        "unit": f"of {total} cells",
        "finding": f"higher in {found} of {total} cells: {by_metric}",
        "verdict": _holds(found >= ALMOST_ALL * total),
    }


def _judge_change(claim: dict, cells: pd.DataFrame) -> Iterator[dict]:
    """Decide whether a model differs from the baseline in the named choice: one row per model; others are listed."""
    baseline = MODELS[claim["baseline"]]
    for name in claim["models"]:
        changed = [choice for choice in Model._fields if getattr(MODELS[name], choice) != getattr(baseline, choice)]
        yield {
            "model": name,
            "recomputed": len(changed),
            "unit": "choices",
            "finding": f"{name} and {claim['baseline']} differ in {' and '.join(changed)}",
            "verdict": _holds(claim["choice"] in changed),
        }


def _judge_columns(claim: dict, cells: pd.DataFrame) -> Iterator[dict]:
    """Count the data sets of a table, one left out: one row."""
    others = [data for data in cells["dataset"].unique() if data != claim["without"]]
    yield {
        "dataset": ", ".join(others),
        "recomputed": len(others),
        "unit": "data sets",
        "finding": f"besides {claim['without']}: {', '.join(others)}",
        "verdict": _holds(len(others) == claim["count"]),
    }


def _judge_caption(claim: dict, cells: pd.DataFrame) -> Iterator[dict]:
    """Look for models of the kind that the caption names among a table's rows: one row."""
    models = [name for name in cells["model"].unique() if getattr(MODELS[name], claim["choice"]) in claim["values"]]
    finding = f"rows with it: {', '.join(models) or 'none'}"
    yield {"recomputed": len(models), "unit": "rows", "finding": finding, "verdict": _holds(bool(models))}


def _judge_bold(claim: dict, cells: pd.DataFrame) -> Iterator[dict]:
    """Take the note literally, one mark per column: one row. Then judge each mark within its block: one row per mark.

    A block is a group of rows with its own marks: Table 3 marks its pix2pix rows and its Hinge rows separately.
    """
    marks = cells.groupby(["metric", "dataset"])["bold"].sum()
    single = (marks == 1).sum()
    yield {
        "kind": "marks",
        "claimed": "one mark per column",
        "recomputed": single,
        "unit": f"of {len(marks)} columns",
        "finding": f"one bold number in {single} of {len(marks)} columns; at most {marks.max()} in a column",
        "verdict": _holds(single == len(marks)),
    }
    for block in claim["blocks"]:
        rows = cells[cells["model"].isin(block)]
        for (metric, dataset), column in rows.groupby(["metric", "dataset"], sort=False):
            yield {"metric": metric, "dataset": dataset, **_judge_mark(column)}


def _judge_mark(column: pd.DataFrame) -> dict:
    """Decide whether only the best value is in bold; of equally good ones, any may be."""
    best, marked = column[column["value"] == column["value"].max()], column[column["bold"]]
    right = len(marked) > 0 and set(marked["model"]) <= set(best["model"])
    return {
        "model": ", ".join(marked["model"]),
        "baseline": ", ".join(column["model"][~column["bold"]]),
        "claimed": "the best in bold",
        "recomputed": best["value"].iloc[0],
        "unit": best["unit"].iloc[0],
        "finding": f"in bold {_listed(marked)}" + (", the best" if right else f"; the best is {_listed(best)}"),
        "verdict": _holds(right),
    }


def _listed(rows: pd.DataFrame) -> str:
    return " and ".join(f"{row.model} {row.value:.3f}" for row in rows.itertuples()) or "nothing"


def _judge_statement(claim: dict, cells: None) -> Iterator[dict]:
    """Hand on the reason why no table can decide it, or what a notebook of the course counts instead: one row."""
    if "notebook" in claim:
        yield {"finding": f"{claim['reason']} (notebook {claim['notebook']})", "verdict": REFUTED}
    else:
        yield {"finding": claim["reason"], "verdict": CANNOT_BE_CHECKED}


# A judge yields one or more rows for an entry of claims.json, given the table that the entry names.
JUDGES = {
    "gain": _judge_gains,
    "mean": _judge_means,
    "almost all": _judge_almost_all,
    "change": _judge_change,
    "columns": _judge_columns,
    "caption": _judge_caption,
    "bold": _judge_bold,
    "statement": _judge_statement,
}
