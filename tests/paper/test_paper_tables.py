import csv
import re
from itertools import product

import pytest

from hcegan_lib import paper
from hcegan_lib.paper.tables import FOLDER

ROWS = {
    1: ["pix2pix", "pix2pix+SA"],
    2: ["pix2pix", "SA+Hinge+BCE", "SA+Hinge+MSE"],
    3: [
        *("pix2pix", "pix2pix+SA", "pix2pix+SA'", "pix2pix+SA''"),
        *("SA+Hinge+BCE", "SA'+Hinge+BCE", "SA''+Hinge+BCE"),
    ],
}

# The gains over pix2pix in Sec. 4.1 and 4.2, as printed, in the order of paper.DATASETS.
GAINS = {
    (1, "pix2pix+SA", "psnr"): "1.2",
    (1, "pix2pix+SA", "ssim"): "0.35",
    (2, "SA+Hinge+BCE", "psnr"): "1.61 0.51 0.64 0.33 0.69 0.56 0.24",
    (2, "SA+Hinge+BCE", "ssim"): "1.57 2.24 2.74 2.04 2.00 3.7 1.63",
    (3, "SA'+Hinge+BCE", "psnr"): "1.76 0.41 0.67 0.27 0.64 0.44 0.29",
    (3, "SA'+Hinge+BCE", "ssim"): "1.82 2.11 2.47 2.18 1.54 3.73 0.43",
}


def cells(number):
    """Read the CSV without pandas: (metric, model, dataset) -> (printed, bold)."""
    with open(FOLDER / f"table{number}.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {(row["metric"], row["model"], row["dataset"]): (row["printed"], row["bold"] == "true") for row in rows}
    assert len(found) == len(rows), "a cell is there twice"
    return found


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_table_has_each_model_and_data_set_once_per_metric_in_the_order_of_print(number):
    table = paper.table(number)
    expected = [(metric, model, data) for metric in paper.UNITS for model in ROWS[number] for data in paper.DATASETS]
    assert list(zip(table["metric"], table["model"], table["dataset"])) == expected
    assert len(table) == 2 * len(ROWS[number]) * 7


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_table_holds_the_cells_of_its_file(number):
    table = paper.table(number)
    assert list(table) == ["table", "metric", "unit", "model", "dataset", "value", "bold", "printed"]
    assert set(table["table"]) == {number}
    assert dict(zip(table["metric"], table["unit"])) == {"psnr": "dB", "ssim": "%"}
    expected = cells(number)
    for row in table.itertuples():
        printed, bold = expected[row.metric, row.model, row.dataset]
        assert (row.printed, row.bold) == (printed, bold)
        assert f"{row.value:.3f}" == printed.replace(" ", "")


def test_the_tables_cover_exactly_the_eight_models():
    assert {model for rows in ROWS.values() for model in rows} == set(paper.MODELS)


def test_numbers_have_three_decimals_and_four_of_them_a_stray_space():
    slips = {}
    for number in ROWS:
        for cell, (printed, _) in cells(number).items():
            assert re.fullmatch(r"\d\d\.\d ?\d\d", printed), (number, cell, printed)
            if " " in printed:
                slips.setdefault(printed, []).append((number, *cell))
    assert slips == {
        "22.5 51": [(2, "psnr", "SA+Hinge+BCE", "Dog"), (3, "psnr", "SA+Hinge+BCE", "Dog")],
        "22.5 84": [(3, "psnr", "SA'+Hinge+BCE", "Lion")],
        "22.5 94": [(3, "psnr", "SA'+Hinge+BCE", "Dog")],
        "22.5 92": [(3, "psnr", "SA''+Hinge+BCE", "Lion")],
    }


@pytest.mark.parametrize(("one", "other", "shared"), [(1, 2, 1), (1, 3, 2), (2, 3, 2)])
def test_a_cell_in_two_tables_is_the_same_in_both(one, other, shared):
    first, second = cells(one), cells(other)
    common = first.keys() & second.keys()
    assert len(common) == 2 * shared * 7
    assert {cell: first[cell][0] for cell in common} == {cell: second[cell][0] for cell in common}


def test_all_but_two_gains_in_the_text_follow_from_the_tables():
    misfits = {}
    for (number, model, metric), claims in GAINS.items():
        values = paper.table(number).query("metric == @metric").set_index(["model", "dataset"])["value"]
        for dataset, claim in zip(paper.DATASETS, claims.split()):
            gain = values[model, dataset] - values["pix2pix", dataset]
            half_a_digit = 0.5 * 10 ** -len(claim.split(".")[1])
            if abs(gain - float(claim)) > half_a_digit + 1e-9:
                misfits[number, metric, dataset] = (claim, f"{gain:.3f}")
    assert misfits == {(2, "psnr", "Dog"): ("0.69", "0.593"), (3, "psnr", "Lion"): ("0.41", "0.306")}


def test_bold_marks_are_kept_as_printed_even_where_another_value_is_better():
    misplaced = {}
    blocks = [
        (1, ROWS[1]),
        (2, ROWS[2]),
        (3, ROWS[3][:4]),
        (3, ROWS[3][4:]),
    ]  # Table 3 marks pix2pix and Hinge rows separately
    for number, rows in blocks:
        table = cells(number)
        for metric, dataset in product(paper.UNITS, paper.DATASETS):
            values = {model: float(table[metric, model, dataset][0].replace(" ", "")) for model in rows}
            best = max(values, key=values.get)
            marked = [model for model in rows if table[metric, model, dataset][1]]
            if marked != [best]:
                misplaced[number, metric, dataset] = (*marked, best)
    assert misplaced == {
        (3, "psnr", "Dog"): ("SA+Hinge+BCE", "SA'+Hinge+BCE"),
        (3, "ssim", "DIV2K"): ("pix2pix+SA'", "pix2pix+SA''"),
        (3, "ssim", "Dog"): ("pix2pix+SA''", "pix2pix"),
    }


@pytest.mark.parametrize("number", [0, 4, "1", None])
def test_an_unknown_table_number_is_refused(number):
    with pytest.raises(ValueError, match=f"number must be 1, 2 or 3, got {number!r}"):
        paper.table(number)


def test_changing_a_table_does_not_affect_the_next_call():
    table = paper.table(1)
    table["value"] = 0.0
    assert paper.table(1)["value"].iloc[0] == 19.642
