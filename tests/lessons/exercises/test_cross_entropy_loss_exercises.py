"""Wrong answers to the exercises of 03_cross_entropy_loss, and the complaint that each gets."""

import numpy as np
import pytest
import torch.nn.functional as F
from scipy import stats

from hcegan_lib.lessons.exercises import judge


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda p: stats.entropy(p), "in nats"),
        (lambda p: -stats.entropy(p, base=2), "sign is flipped"),
        (lambda p: -np.log2(p).sum(), "weight each outcome's information"),
        (lambda p: np.mean(-p * np.log2(p)), "without a mean"),
        (lambda p: -np.sum(p * np.log2(p)), r"0 \* log2\(0\) is NaN"),
    ],
)
def test_mistakes_in_the_entropy(answer, complaint, assert_complaint):
    assert_complaint("03.1", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda p, q: F.kl_div(p.log(), q, reduction="batchmean"), "p and q are swapped"),
        (lambda p, q: (p * (p / q).log()).mean(), "all entries"),
        (lambda p, q: F.kl_div(q.log(), p, reduction="sum"), "sum over the batch"),
        (lambda p, q: F.kl_div(q, p, reduction="batchmean"), "expects logarithms"),
        (lambda p, q: F.kl_div(q.log(), p, reduction="none").sum(1), r"expected one number, got shape \(6,\)"),
        (lambda p, q: -(p * q.log()).sum(1).mean(), "subtract the entropy of P"),
    ],
)
def test_mistakes_in_the_mean_divergence(answer, complaint, assert_complaint):
    assert_complaint("03.2", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda s, t: -t * F.logsigmoid(s), "one half is missing"),
        (lambda s, t: t * F.softplus(s) + (1 - t) * F.softplus(-s), "swapped"),
        (lambda s, t: F.binary_cross_entropy_with_logits(s, t), r"expected shape \(3, 4\), got one number"),
        (lambda s, t: -F.binary_cross_entropy_with_logits(s, t, reduction="none"), "sign is flipped"),
        (lambda s, t: -t * s.sigmoid().log() - (1 - t) * (1 - s.sigmoid()).log(), "the exponential overflows"),
        (lambda s, t: t * (1 + (-s).exp()).log() + (1 - t) * (1 + s.exp()).log(), "the exponential overflows"),
        (lambda s, t: F.binary_cross_entropy(s.sigmoid(), t, reduction="none"), "cut off at 100"),
    ],
)
def test_mistakes_in_the_cross_entropy_of_logits(answer, complaint, assert_complaint):
    assert_complaint("03.3", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: "BADC", "begins with the slowest"),
        (lambda: "CDBA", r"factor q \(1 - q\)"),
        (lambda: "CABD", "Adam divides by its size"),
        (lambda: "DABC", "does not vanish at -8"),
        (lambda: "ACDB", r"How large is 2 \(s - 1\)"),
        (lambda: "CADB", "Adam's estimate lags behind"),
        (lambda: "DCAB", "slope of 18"),
        (lambda: "CDA", "name each of A, B, C and D once, got 'CDA'"),
        (lambda: 4, "name each of A, B, C and D once, got 4"),
    ],
)
def test_mistakes_in_the_order_of_the_neurons(answer, complaint, assert_complaint):
    assert_complaint("03.4", answer, complaint)


@pytest.mark.parametrize("answer", ["CDAB", "c, d, a, b", list("CDAB"), ("C", "D", "A", "B")])
def test_the_order_of_the_neurons_may_be_written_in_any_way(answer):
    assert judge("03.4", lambda: answer)
