"""Wrong answers to the exercises of 06_self_attention, the complaint that each gets, and right ones in other forms."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from hcegan_lib.lessons.exercises import judge


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: (0.5, 15, 11.1), r"\(a\): one half is what all four"),
        (lambda: (0.125, 15, 11.1), r"\(a\): the denominator changes too"),
        (lambda: (0.75, 15, 11.1), "there are 15"),
        (lambda: (3 / 16, 15, 11.1), "not the number of pixels"),
        (lambda: (0.2, 15, 11.1), "own weight belongs to the sum"),
        (lambda: (0.83, 15, 11.1), "share of the water"),
        (lambda: (0.17, 16, 11.1), r"\(b\): the other pixels are 15"),
        (lambda: (0.17, 45, 11.1), "have the weight 1, not 3"),
        (lambda: (0.17, 9, 11.1), r"\(b\) is wrong"),
        (lambda: (0.17, 15, 65535), "the score is its logarithm"),
        (lambda: (0.17, 15, 4.82), "natural logarithm"),
        (lambda: (0.17, 15, 16), "natural logarithm"),
        (lambda: (0.17, 15, 5.54), "has 65536 positions"),
        (lambda: (0.17, 15, 2.71), "now there are 65536"),
        (lambda: 0.17, r"expected shape \(3,\), got one number"),
    ],
)
def test_mistakes_about_the_lonely_boat(answer, complaint, assert_complaint):
    assert_complaint("06.1", answer, complaint)


@pytest.mark.parametrize("answer", [(1 / 6, 15, math.log(65535)), [0.167, 15.0, 11], np.array([0.17, 15, 11.1])])
def test_two_digits_are_enough_for_the_lonely_boat(answer):
    assert judge("06.1", lambda: answer)


def layer(x, W_f, W_g, W_h, gain, *, beta=lambda S: S.softmax(1).mT):
    X = x.flatten(2)
    S = (W_f @ X).mT @ (W_g @ X)  # s_ij at [b, i, j]
    return (gain.view(-1, 1) * (W_h @ X @ beta(S).mT) + X).view(x.shape)


def reshaped_without_transposing(x, W_f, W_g, W_h, gain):
    X = x.flatten(2)
    beta = ((W_f @ X).mT @ (W_g @ X)).softmax(1).mT
    return gain.view(-1, 1, 1) * (beta @ (W_h @ X).mT).reshape(x.shape) + x


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda *given: layer(*given, beta=lambda S: S.softmax(1)), r"uses beta\[i, j\]"),
        (lambda *given: layer(*given, beta=lambda S: S.softmax(2)), "f and g are swapped"),
        (lambda *given: layer(*given, beta=lambda S: S.softmax(2).mT), "normalizes over j"),
        (lambda *given: layer(*given, beta=lambda S: S.exp().mT), "denominator is missing"),
        (lambda *given: layer(*given, beta=lambda S: (S / 2**0.5).softmax(1).mT), "no square root"),
        (lambda *given: layer(*given) - given[0], "x is missing"),
        (lambda *given: layer(*given[:4], torch.ones(6)), "gain is missing"),
        (lambda *given: layer(*given[:4], torch.ones(6)) + (given[4].view(-1, 1, 1) - 1) * given[0], "o, not x"),
        (lambda *given: layer(*given) + (given[4].view(-1, 1, 1) - 1) * given[0], "multiplies only o"),
        (lambda x, f, g, h, gain: layer(x, f, g, torch.eye(6), gain), r"h\(x\), not x"),
        (reshaped_without_transposing, "channels and positions are mixed up"),
        (lambda *given: layer(*given).flatten(2), r"expected shape \(2, 6, 3, 4\), got \(2, 6, 12\)"),
        (lambda *given: 2 * layer(*given), "the values are wrong"),
    ],
)
def test_mistakes_in_the_layer(answer, complaint, assert_complaint):
    assert_complaint("06.2", answer, complaint)


def in_loops(x, W_f, W_g, W_h, gamma):
    """Follow the formulas position by position in NumPy, in double precision."""
    W_f, W_g, W_h, gamma = (np.asarray(part, float) for part in (W_f, W_g, W_h, gamma))
    y = np.empty(x.shape)
    for b, photo in enumerate(np.asarray(x, float)):
        pixels = photo.reshape(len(photo), -1).T
        for j, looking in enumerate(pixels):
            weights = np.array([math.exp((W_f @ pixel) @ (W_g @ looking)) for pixel in pixels])
            o = W_h @ (weights @ pixels / weights.sum())
            y[b].reshape(len(photo), -1)[:, j] = gamma * o + looking
    return y


def in_sums(x, W_f, W_g, W_h, gamma):
    f, g, h = (torch.einsum("dc,bchw->bdhw", W, x).flatten(2) for W in (W_f, W_g, W_h))
    o = scaled_dot_product_attention(g.mT, f.mT, h.mT, scale=1.0)
    return torch.einsum("c,bnc->bcn", gamma, o).view(x.shape) + x


@pytest.mark.parametrize("answer", [layer, in_loops, in_sums])
def test_the_layer_may_be_written_in_any_way(answer):
    assert all(judge("06.2", answer) for _ in range(3))


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: "BCDA", "begins with the most even"),
        (lambda: "DACB", "3 times the square root of 4"),
        (lambda: "ACDB", "three times as large"),
        (lambda: "ADBC", "spread by 1, however wide"),
        (lambda: "ABDC", "spread by 1"),
        (lambda: "CADB", "three times as large"),
        (lambda: "BADC", "have the same width"),
        (lambda: "AD", "name each of A, B, C and D once, got 'AD'"),
        (lambda: 64, "name each of A, B, C and D once, got 64"),
    ],
)
def test_mistakes_in_the_order_of_sharpness(answer, complaint, assert_complaint):
    assert_complaint("06.3", answer, complaint)


@pytest.mark.parametrize("answer", ["ADCB", "a, d, c, b", list("ADCB"), ("A", "D", "C", "B")])
def test_the_order_of_sharpness_may_be_written_in_any_way(answer):
    assert judge("06.3", lambda: answer)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda f, g, h, rows: (g @ f.T).softmax(1) @ h, "3600 numbers; at most 7 rows of 60, 420 numbers"),
        (lambda f, g, h, rows: scaled_dot_product_attention(g, f, h, scale=1.0), "holds 3600 numbers"),
        (
            lambda f, g, h, rows: torch.cat([(part @ g.T).softmax(1) @ h for part in f.split(rows)]),
            "f and g are swapped",
        ),
        (lambda f, g, h, rows: (f @ g.T).softmax(1).T @ h, "normalizes over j"),
        (lambda f, g, h, rows: torch.cat([part @ f.T @ h for part in g.split(rows)]), "softmax is missing"),
        (lambda f, g, h, rows: (g[:rows] @ f.T).softmax(1) @ h, r"expected shape \(60, 6\), got \(7, 6\)"),
    ],
)
def test_mistakes_in_attending_in_rows(answer, complaint, assert_complaint):
    assert_complaint("06.4", answer, complaint)
