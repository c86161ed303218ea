"""Wrong answers to the exercises of 08_networks, the complaint that each gets, and right answers in other forms."""

import numpy as np
import pytest

from hcegan_lib.lessons.exercises import judge


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: ("BDCA", "ABDC"), "two orders are swapped"),
        (lambda: ("CDBA", "ACDB"), "begin with the fewest"),
        (lambda: ("BDCA", "BDCA"), "the size of the map plays no part"),
        (lambda: ("CDBA", "BDCA"), "the size of the map plays no part"),
        (lambda: ("BADC", "BDCA"), "the first order is wrong"),
        (lambda: ("ABDC", "ABDC"), "A uses each weight once"),
        (lambda: ("ABDC", "BCDA"), "D has six times the weights"),
        (lambda: ("ABDC", "BDAC"), "at one position, not at 16384"),
        (lambda: ("ABDC", "DBCA"), "the second order is wrong"),
        (lambda: "ABDC", "expected two orders that name each of A, B, C and D once, got 'ABDC'"),
        (lambda: ("ABD", "BDCA"), "expected two orders"),
        (lambda: 4, "expected two orders"),
    ],
)
def test_mistakes_in_the_weights_and_the_work(answer, complaint, assert_complaint):
    assert_complaint("08.1", answer, complaint)


@pytest.mark.parametrize("answer", [("ABDC", "BDCA"), ["a, b, d, c", "b d c a"], [list("ABDC"), tuple("BDCA")]])
def test_the_orders_may_be_written_in_any_way(answer):
    assert judge("08.1", lambda: answer)


def rows_back(layers, row):
    first = last = row
    for kernel, stride, padding in layers:
        first, last = first * stride - padding, last * stride - padding + kernel - 1
    return first, last


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda layers, row: rows_back(layers, row), "last layer comes first"),
        (lambda layers, row: rows_back([(k, s, 0) for k, s, _ in reversed(layers)], row), "padding is missing"),
        (lambda layers, row: rows_back([(k + 1, s, p) for k, s, p in reversed(layers)], row), "one row too far"),
        (
            lambda layers, row: (rows_back(layers[::-1], row)[0], 1 - np.subtract(*rows_back(layers[::-1], row))),
            "number of rows",
        ),
        (lambda layers, row: np.add(rows_back(layers[::-1], row), (0, 1)), "return the last row itself"),
        (lambda layers, row: row, r"expected shape \(2,\), got one number"),
        (lambda layers, row: rows_back([(4, s, 1) for _, s, _ in reversed(layers)], row), "not for other layers"),
        (lambda layers, row: np.maximum(rows_back(layers[::-1], row), 0), "rows below 0 are padding"),
    ],
)
def test_mistakes_in_the_rows_seen(answer, complaint, assert_complaint):
    assert_complaint("08.2", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda patch: [2, 2, 2, 1, 1], "a score of that network sees 70 pixels"),
        (lambda patch: ["a"], "expected numbers, got an object of type list"),
        (lambda patch: [4] * 3, "expected strides of 1 and 2"),
        (lambda patch: [1] * ((patch - 1) // 3), r"it uses \d+ layers, but \d are enough"),
        (lambda patch: [], "expected strides of 1 and 2"),
    ],
)
def test_mistakes_in_the_strides(answer, complaint, assert_complaint):
    assert_complaint("08.3", answer, complaint)
