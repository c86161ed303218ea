"""Wrong answers to the exercises of 10_tables, and the complaint that each gets."""

import numpy as np
import pytest
from scipy import stats

from hcegan_lib.experiment import results
from hcegan_lib.experiment.results.verdicts import judge


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda v: stats.t.interval(0.95, len(v) - 1, v.mean(), v.std(ddof=1)), "single run"),
        (lambda v: stats.norm.interval(0.95, v.mean(), stats.sem(v)), "Student's t"),
        (lambda v: (v.mean() - 1.96 * stats.sem(v), v.mean() + 1.96 * stats.sem(v)), "Student's t"),
        (lambda v: stats.t.interval(0.95, len(v) - 1, v.mean(), stats.sem(v, ddof=0)), "ddof=1"),
        (lambda v: stats.t.interval(0.90, len(v) - 1, v.mean(), stats.sem(v)), "half of that at each end"),
        (lambda v: stats.t.interval(0.95, len(v), v.mean(), stats.sem(v)), "n - 1 degrees of freedom"),
        (lambda v: stats.t.interval(0.95, 4, v.mean(), stats.sem(v)), "the values are wrong"),  # n is not always 5
    ],
)
def test_mistakes_in_the_interval_of_a_mean(answer, complaint, assert_complaint):
    assert_complaint("10.1", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda m, b: stats.ttest_rel(b.mean(1), m.mean(1)).confidence_interval(), "sign is flipped"),
        (lambda m, b: stats.ttest_rel(m.ravel(), b.ravel()).confidence_interval(), "only the runs are"),
        (lambda m, b: stats.ttest_rel(m.mean(0), b.mean(0)).confidence_interval(), "over photographs"),
        (lambda m, b: stats.ttest_ind(m.mean(1), b.mean(1)).confidence_interval(), "the same seed"),
    ],
)
def test_mistakes_in_the_paired_interval(answer, complaint, assert_complaint):
    assert_complaint("10.2", answer, complaint)


def without_a_limit(p):
    return np.array([max((7 - rank) * q for q, rank in zip(p, stats.rankdata(p)) if q <= value) for value in p])


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda p: np.minimum(len(p) * p, 1), "Bonferroni"),
        (lambda p: np.sort(results.holm(p)), "original place"),
        (lambda p: np.sort(results.holm(p))[p.argsort()], "instead of reading from them"),
        (lambda p: np.minimum(p * (len(p) + 1 - stats.rankdata(p)), 1), "running maximum"),
        (without_a_limit, "at most 1"),
        (lambda p: np.minimum(p * stats.rankdata(p), 1), "starts at the other end"),
    ],
)
def test_mistakes_in_the_correction_of_holm(answer, complaint, assert_complaint):
    assert_complaint("10.3", answer, complaint)


def judged(mean, high, p, target):
    return judge({"mean": mean, "high": high, "p": p, "target": target})


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda mean, high, p, target: "reproduced" if p < 0.05 else "undecided", "interval ends below the target"),
        (lambda mean, high, p, target: judged(abs(mean), high, p, target), "below 0, expected 'contradicted'"),
        (lambda mean, high, p, target: judged(mean, mean, p, target), "whose interval reaches the target"),
        (lambda mean, high, p, target: judged(mean, high, p - 1e-9, target), "p of exactly 5%"),
        (lambda mean, high, p, target: "undecided" if p >= 0.05 else judged(mean, high, p, target), "'excluded'"),
        (lambda mean, high, p, target: "contradicted" if mean < 0 else judged(mean, high, p, target), "without signif"),
        (lambda mean, high, p, target: "excluded" if p != p else judged(mean, high, p, target), "too few runs"),
        (lambda mean, high, p, target: 1, "expected 'reproduced', got 1"),
    ],
)
def test_mistakes_in_the_verdict(answer, complaint, assert_complaint):
    assert_complaint("10.4", answer, complaint)
