"""What the paper prints: its eight models, its seven data sets, Tables 1-3, and what its text claims of them.

The tables are read from `data/paper/`, where each number stands as it is printed. Only stray spaces are taken out on
the way. A bold mark that does not sit on the best value of its column stays where the page has it. The claims stand
there too, as quotes; their verdicts do not: `claims` computes them from the tables.
"""

import json
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from difflib import get_close_matches
from typing import NamedTuple

import pandas as pd

from hcegan_lib import KIT_ROOT

UNITS = {"psnr": "dB", "ssim": "%"}


class Model(NamedTuple):
    """One row of the paper's tables, as the two choices that make it: attention and adversarial loss."""

    gamma_init: str | None  # how the attention's gamma starts; None means no attention at all
    loss: str  # a key of losses.LOSSES


# Names as printed. SA starts gamma at zero, SA' at draws from N(0, 1), SA'' at draws from U(0, 1) (Sec. 3.2, 4.2).
MODELS: dict[str, Model] = {
    "pix2pix": Model(None, "bce"),
    "pix2pix+SA": Model("zero", "bce"),
    "pix2pix+SA'": Model("normal", "bce"),
    "pix2pix+SA''": Model("uniform", "bce"),
    "SA+Hinge+BCE": Model("zero", "hinge_bce"),
    "SA'+Hinge+BCE": Model("normal", "hinge_bce"),
    "SA''+Hinge+BCE": Model("uniform", "hinge_bce"),
    "SA+Hinge+MSE": Model("zero", "hinge_mse"),
}

# In the order of the tables' columns.
DATASETS: tuple[str, ...] = ("DIV2K", "Lion", "Bird", "Orange", "Dog", "Fish", "Ladybird")


def model(name: str) -> Model:
    """Look up one of the paper's eight models.

    Parameters
    ----------
    name
        A key of `MODELS`, for example "SA'+Hinge+BCE".

    Returns
    -------
    Model
        How its attention starts, and its adversarial loss.

    Raises
    ------
    ValueError
        If the paper has no model of that name.
    """
    if name in MODELS:
        return MODELS[name]
    close = get_close_matches(str(name), MODELS, n=1)
    hint = f' Did you mean "{close[0]}"?' if close else ""
    valid = ", ".join(f'"{valid}"' for valid in MODELS)
    raise ValueError(f"name must be one of the paper's models, got {name!r}.{hint} Valid names: {valid}")


def model_name(gamma_init: str | None, loss: str) -> str:
    """Name a pair as the paper does; the inverse of `model`.

    Parameters
    ----------
    gamma_init
        How the attention's gamma starts, or None for no attention.
    loss
        The adversarial loss.

    Returns
    -------
    str
        A key of `MODELS`, or a plain description such as "gamma=uniform, loss=hinge_mse" for a pair that the paper
        does not have.
    """
    pair = Model(gamma_init, loss)
    names = {known: name for name, known in MODELS.items()}
    return names.get(pair, f"gamma={gamma_init}, loss={loss}")


def table(number: int) -> pd.DataFrame:
    """Read one of the paper's three tables, one row a printed number.

    Parameters
    ----------
    number
        1 (attention), 2 (loss) or 3 (start of the attention's gamma).

    Returns
    -------
    DataFrame
        Columns `table`; `metric`, "psnr" or "ssim"; `unit`, "dB" or "%"; `model`, a key of `MODELS`; `dataset`, one of
        `DATASETS`; `value`; `bold`, whether the paper prints the number in bold; `printed`, the number as it stands on
        the page, stray spaces included. Rows stand in the order of print.

    Raises
    ------
    ValueError
        If the paper has no such table.
    """
    if number not in (1, 2, 3):
        raise ValueError(f"number must be 1, 2 or 3, got {number!r}")
    cells = pd.read_csv(KIT_ROOT / "data" / "paper" / f"table{int(number)}.csv", dtype={"printed": str})
    value = cells["printed"].str.replace(" ", "").astype(float)  # "22.5 51" is printed for 22.551
    cells = cells.assign(table=number, unit=cells["metric"].map(UNITS), value=value)
    return cells[["table", "metric", "unit", "model", "dataset", "value", "bold", "printed"]]


# --- what the text claims ---------------------------------------------------------------------------------------------

HOLDS, ROUNDS_DIFFERENTLY = "holds", "rounds differently"
CONTRADICTS, CANNOT_BE_CHECKED = "contradicts the table", "cannot be checked"
VERDICTS: tuple[str, ...] = (HOLDS, ROUNDS_DIFFERENTLY, CONTRADICTS, CANNOT_BE_CHECKED)

ALMOST_ALL = Decimal("0.9")  # the least share that we let pass for "almost all"

CLAIM_COLUMNS = (
    *("section", "printed", "kind", "table", "metric", "model", "baseline", "dataset"),
    *("claimed", "recomputed", "unit", "finding", "verdict"),
)

Cells = Mapping[tuple[str, str, str], Decimal]  # (metric, model, data set) -> the printed number, to its last digit


def claims() -> pd.DataFrame:
    """Judge every number and every comparison that the paper's text states, by its own tables.

    Returns
    -------
    DataFrame
        One row a claim, in the order of print:

        * `section`, and `printed`, the sentence word for word; `claimed`, the number in it, or the point of it.
        * `kind`: "gain" (a printed difference), "mean" and "almost all" (comparisons), "change" (two models said to
          differ in one choice), "columns" and "caption" (what a table is said to hold), "marks" and "bold" (bold
          marks), "statement" (no table answers it).
        * `table`, `metric`, `model`, `baseline`, `dataset`: what is compared; several names are joined by ", ".
        * `recomputed` and its `unit`: the gain, the difference of the means, the best value, or a count.
        * `finding`: the same in words, or why it cannot be checked.
        * `verdict`, one of `VERDICTS`. All but "cannot be checked" are computed here and stored nowhere.

    Notes
    -----
    Words are read generously. "Improved" and "best" hold where the mean over the table's data sets is higher than that
    of every other model named; "almost all" where nine in ten are. "Significant" is not computed: one run a cell.
    """
    sentences = json.loads((KIT_ROOT / "data" / "paper" / "claims.json").read_text(encoding="utf-8"))
    tables = {number: table(number) for number in (1, 2, 3)}
    rows = [
        {"section": sentence["section"], "printed": sentence["printed"], **claim, **row}
        for sentence in sentences
        for claim in sentence["claims"]
        for row in _JUDGES[claim["kind"]](claim, tables.get(claim.get("table")))  # a statement has no table
    ]
    return pd.DataFrame(rows, columns=CLAIM_COLUMNS).astype({"table": "Int64", "recomputed": float})


def judge_number(claimed: str, recomputed: str | Decimal) -> str:
    """Say whether a printed number is what the tables give.

    Parameters
    ----------
    claimed
        As printed. Its digits count: "2.00" claims two decimals, "3.7" one.
    recomputed
        The exact number, as a decimal. A float is refused: 22.551 - 21.958 is not 0.593 in binary.

    Returns
    -------
    str
        "holds" if rounding to the claimed digits, halves up, gives the claimed number; "rounds differently" if it does
        not, but less than one unit of the last claimed digit is between them; else "contradicts the table".

    Raises
    ------
    ValueError
        If `recomputed` is a float.
    """
    if isinstance(recomputed, float):
        raise ValueError(f"recomputed must be a Decimal or a string of digits, got the float {recomputed!r}")
    printed, exact = Decimal(claimed), Decimal(recomputed)
    unit = Decimal(1).scaleb(printed.as_tuple().exponent)  # of the last printed digit: 0.01 for "2.24"
    if exact.quantize(unit, ROUND_HALF_UP) == printed:
        return HOLDS
    return ROUNDS_DIFFERENTLY if abs(exact - printed) < unit else CONTRADICTS


def exact_cells(cells: pd.DataFrame) -> Cells:
    """Give the printed numbers of a table as decimals, so that a difference of two is exact.

    Parameters
    ----------
    cells
        From `table`.

    Returns
    -------
    dict
        (metric, model, data set) -> Decimal.
    """
    digits = cells["printed"].str.replace(" ", "").map(Decimal)
    return dict(zip(zip(cells["metric"], cells["model"], cells["dataset"]), digits))


def _holds(true: bool) -> str:
    return HOLDS if true else CONTRADICTS


def _judge_gains(claim: dict, table: pd.DataFrame) -> Iterator[dict]:
    """One row a data set: the printed gain, and the difference of the two printed scores."""
    cells, unit = exact_cells(table), UNITS[claim["metric"]]
    for dataset, claimed in claim["claimed"].items():
        high, low = (cells[claim["metric"], name, dataset] for name in (claim["model"], claim["baseline"]))
        yield {
            "dataset": dataset,
            "claimed": claimed,
            "recomputed": high - low,
            "unit": unit,
            "finding": f"{high} − {low} = {high - low} {unit}",
            "verdict": judge_number(claimed, high - low),
        }


def _judge_means(claim: dict, table: pd.DataFrame) -> Iterator[dict]:
    """One row a metric: whether the model's mean over the data sets is above that of every other."""
    cells, others = exact_cells(table), claim["others"]
    for metric in claim["metrics"]:
        totals = {name: sum(cells[metric, name, data] for data in DATASETS) for name in (claim["model"], *others)}
        rival = max(others, key=totals.get)
        means = {name: total / len(DATASETS) for name, total in totals.items()}
        ahead = sum(all(cells[metric, claim["model"], d] > cells[metric, o, d] for o in others) for d in DATASETS)
        yield {
            "metric": metric,
            "baseline": ", ".join(others),
            "recomputed": means[claim["model"]] - means[rival],
            "unit": UNITS[metric],
            "finding": (
                f"mean {means[claim['model']]:.3f} {UNITS[metric]}, that of {rival} {means[rival]:.3f}; "
                f"{'highest' if len(others) > 1 else 'higher'} in {ahead} of {len(DATASETS)} data sets"
            ),
            "verdict": _holds(totals[claim["model"]] > totals[rival]),
        }


def _judge_almost_all(claim: dict, table: pd.DataFrame) -> Iterator[dict]:
    """One row: in how many cells the model is higher, and whether that is almost all."""
    cells, datasets = exact_cells(table), claim["datasets"]
    higher = {
        metric: sum(cells[metric, claim["model"], data] > cells[metric, claim["baseline"], data] for data in datasets)
        for metric in claim["metrics"]
    }
    found, asked = sum(higher.values()), len(higher) * len(datasets)
    by_metric = ", ".join(f"{count} {metric.upper()}" for metric, count in higher.items())
    yield {
        "metric": ", ".join(higher),
        "dataset": ", ".join(datasets),
        "recomputed": found,
        "unit": f"of {asked} cells",
        "finding": f"higher in {found} of {asked} cells: {by_metric}",
        "verdict": _holds(found >= ALMOST_ALL * asked),
    }


def _judge_change(claim: dict, table: pd.DataFrame) -> Iterator[dict]:
    """One row a model: whether the named choice is the only one in which it differs from the baseline."""
    start = MODELS[claim["baseline"]]
    for name in claim["models"]:
        changed = [choice for choice in Model._fields if getattr(MODELS[name], choice) != getattr(start, choice)]
        yield {
            "model": name,
            "recomputed": len(changed),
            "unit": "choices",
            "finding": f"{name} and {claim['baseline']} differ in {' and '.join(changed)}",
            "verdict": _holds(changed == [claim["choice"]]),
        }


def _judge_columns(claim: dict, table: pd.DataFrame) -> Iterator[dict]:
    """One row: whether the table has that many data sets, one left out."""
    others = [data for data in table["dataset"].unique() if data != claim["without"]]
    finding = f"beside {claim['without']}: {', '.join(others)}"
    yield {"recomputed": len(others), "unit": "data sets", "finding": finding} | {
        "dataset": ", ".join(others),
        "verdict": _holds(len(others) == claim["count"]),
    }


def _judge_caption(claim: dict, table: pd.DataFrame) -> Iterator[dict]:
    """One row: whether the table holds any model of the kind that its caption names."""
    models = [name for name in table["model"].unique() if getattr(MODELS[name], claim["choice"]) in claim["values"]]
    finding = f"rows that have it: {', '.join(models) or 'none'}"
    yield {"recomputed": len(models), "unit": "rows", "finding": finding, "verdict": _holds(bool(models))}


def _judge_bold(claim: dict, table: pd.DataFrame) -> Iterator[dict]:
    """One row for the note taken at its word, one mark a column; then one row for each mark, whether it is on the best.

    A block is the rows that share a mark: Table 3 marks its pix2pix rows and its Hinge rows apart.
    """
    marks = table.groupby(["metric", "dataset"])["bold"].sum()
    yield {
        "kind": "marks",
        "claimed": "one mark a column",
        "recomputed": (marks == 1).sum(),
        "unit": f"of {len(marks)} columns",
        "finding": f"one bold number in {(marks == 1).sum()} of {len(marks)} columns; the most in one: {marks.max()}",
        "verdict": _holds((marks == 1).all()),
    }
    for block in claim["blocks"]:
        rows = table[table["model"].isin(block)]
        for (metric, dataset), column in rows.groupby(["metric", "dataset"], sort=False):
            yield {"metric": metric, "dataset": dataset, **_judge_mark(column)}


def _judge_mark(column: pd.DataFrame) -> dict:
    """Compare the model in bold with the best; two that are equally good may share a mark or not."""
    best = column[column["value"] == column["value"].max()]
    marked = column[column["bold"]]
    right = len(marked) > 0 and set(marked["model"]) <= set(best["model"])
    in_bold = " and ".join(f"{row.model} {row.value:.3f}" for row in marked.itertuples()) or "nothing"
    leader = " and ".join(f"{row.model} {row.value:.3f}" for row in best.itertuples())
    return {
        "model": ", ".join(marked["model"]),
        "baseline": ", ".join(name for name in column["model"] if name not in set(marked["model"])),
        "claimed": "the best in bold",
        "recomputed": best["value"].iloc[0],
        "unit": best["unit"].iloc[0],
        "finding": f"in bold {in_bold}" + (", the best" if right else f"; the best is {leader}"),
        "verdict": _holds(right),
    }


def _judge_statement(claim: dict, table: None) -> Iterator[dict]:
    """One row: no number of the tables answers it, and the reason says why."""
    yield {"finding": claim["reason"], "verdict": CANNOT_BE_CHECKED}


_JUDGES = {
    "gain": _judge_gains,
    "mean": _judge_means,
    "almost all": _judge_almost_all,
    "change": _judge_change,
    "columns": _judge_columns,
    "caption": _judge_caption,
    "bold": _judge_bold,
    "statement": _judge_statement,
}
