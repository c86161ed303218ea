"""Wrong answers to the exercises of 06_self_attention, and the complaint that each gets."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda s: s.softmax(1), "over j: normalize over i"),
        (lambda s: s.softmax(0), "j comes first. Transpose"),
        (lambda s: s.softmax(1).T, "over j, the pixel that looks"),
        (lambda s: s.exp().T, "do not sum to 1"),
        (lambda s: (s / 7**0.5).softmax(0).T, "no square root"),
        (lambda s: s.T, "the values are wrong"),
    ],
)
def test_mistakes_in_the_attention_from_scores(answer, complaint, assert_complaint):
    assert_complaint("06.1", answer, complaint)


def seen(beta, values):
    return torch.einsum("bji,bci->bcj", beta, values.flatten(2)).view(values.shape)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda beta, h, gamma, x: seen(beta.mT, h) * gamma.view(3, 1, 1) + x, r"uses beta\[i, j\]"),
        (lambda beta, h, gamma, x: seen(beta, h) * gamma.view(3, 1, 1), "x is missing"),
        (lambda beta, h, gamma, x: seen(beta, h) + x, "gain is missing"),
        (lambda beta, h, gamma, x: seen(beta, h) + gamma.view(3, 1, 1) * x, "multiplies o, not x"),
        (lambda beta, h, gamma, x: gamma.view(3, 1, 1) * (seen(beta, h) + x), "multiplies only o"),
        (lambda beta, h, gamma, x: seen(beta, x) * gamma.view(3, 1, 1) + x, r"h\(x\), not x"),
        (
            lambda beta, h, gamma, x: gamma.view(3, 1, 1) * (beta @ h.flatten(2).mT).reshape(x.shape) + x,
            "channels and positions are mixed up",
        ),
        (lambda beta, h, gamma, x: gamma * seen(beta, h) + x, "raises RuntimeError"),
    ],
)
def test_mistakes_in_adding_what_is_seen(answer, complaint, assert_complaint):
    assert_complaint("06.2", answer, complaint)


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
    assert_complaint("06.3", answer, complaint)
