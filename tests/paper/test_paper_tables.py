import csv
import re

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


@pytest.mark.parametrize("number", [0, 4, "1", None])
def test_an_unknown_table_number_is_refused(number):
    with pytest.raises(ValueError, match=f"number must be 1, 2 or 3, got {number!r}"):
        paper.table(number)


def test_changing_a_table_does_not_affect_the_next_call():
    table = paper.table(1)
    table["value"] = 0.0
    assert paper.table(1)["value"].iloc[0] == 19.642
