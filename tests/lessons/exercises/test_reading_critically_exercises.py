"""Wrong answers to the exercises of 12_reading_critically, and the complaint that each gets."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from scipy import stats


def judged(printed, exact, rounding=ROUND_HALF_UP, unit=None, reach=1):
    printed, exact = Decimal(printed), Decimal(exact)
    unit = Decimal(unit or Decimal(1).scaleb(printed.as_tuple().exponent))
    if exact.quantize(unit, rounding) == printed:
        return "holds"
    return "rounds differently" if abs(exact - printed) < reach * unit else "contradicts the table"


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda printed, exact: judged(printed, f"{float(exact):.2f}"), "exactly halfway|cut off"),
        (lambda printed, exact: judged(printed, exact, ROUND_HALF_EVEN), "exactly halfway"),
        (lambda printed, exact: judged(printed, exact, ROUND_DOWN), "that rounds to the printed one"),
        (lambda printed, exact: judged(printed, exact, unit="0.01"), "one decimal"),
        (lambda printed, exact: judged(printed, exact).replace("rounds differently", "holds"), "exactly halfway"),
        (lambda printed, exact: judged(printed, exact, reach=20), "expected 'contradicts the table', got"),
        (lambda printed, exact: judged(printed, exact, reach=Decimal("1.0001")), "exactly one unit"),
        (lambda printed, exact: None, "not written yet"),
    ],
)
def test_mistakes_in_the_judgment_of_a_number(answer, complaint, assert_complaint):
    assert_complaint("12.1", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda values, bold: (values * bold).sum(0) == values.max(0), "expected True where the mark is"),
        (lambda values, bold: (values * bold).sum(0) != values.min(0), "looks for the lowest"),
        (lambda values, bold: (values * bold).sum(1) != values.max(1), r"expected shape \(7,\), got \(4,\)"),
        (lambda values, bold: bold.sum(0) != 1, "finds no mistake"),
    ],
)
def test_mistakes_in_the_search_for_misplaced_marks(answer, complaint, assert_complaint):
    assert_complaint("12.2", answer, complaint)


def least_difference(scores, ddof=1, df=20, variance=None, quantile=None):
    variance = scores.var(1, ddof=ddof).mean() if variance is None else variance
    return (stats.t.ppf(0.975, df) if quantile is None else quantile) * (2 * variance) ** 0.5


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda scores: least_difference(scores) / 2**0.5, "the square root of 2"),
        (lambda scores: least_difference(scores, ddof=0), "n - 1, `ddof=1`"),
        (lambda scores: least_difference(scores, variance=scores.var(ddof=1)), "differences between models"),
        (lambda scores: least_difference(scores, variance=scores.std(1, ddof=1).mean() ** 2), "average the variances"),
        (lambda scores: least_difference(scores, df=5), "all models together"),
        (lambda scores: least_difference(scores, df=16), "the values are wrong"),  # rows squared
        (lambda scores: least_difference(scores, df=23), "subtract one per model"),
        (lambda scores: least_difference(scores, quantile=1.96), "Student's t"),
        (lambda scores: least_difference(scores, quantile=stats.t.ppf(0.95, 20)), "half of that at each end"),
        (lambda scores: least_difference(scores) * np.ones(4), r"expected one number, got shape \(4,\)"),
    ],
)
def test_mistakes_in_the_least_difference(answer, complaint, assert_complaint):
    assert_complaint("12.3", answer, complaint)
