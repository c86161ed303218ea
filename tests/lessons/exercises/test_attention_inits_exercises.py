"""Wrong answers to the exercises of 07_attention_inits, and the complaint that each gets."""

import pytest
import torch

from hcegan_lib.lessons.exercises import judge


def gained(o, x, gain):
    return (gain @ o if gain.ndim == 2 else gain[:, None] * o if gain.ndim else gain * o) + x


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda o, x, gain: gain * o + x, "a gain belongs to a channel"),
        (lambda o, x, gain: gain * o if gain.ndim == 0 else o, "with a number, gamma times o is right"),
        (lambda o, x, gain: gained(o, x, gain.T if gain.ndim == 2 else gain), "rows and columns are swapped"),
        (lambda o, x, gain: gained(o + x, 0 * x, gain), "with a number, the gain multiplies x too"),
        (lambda o, x, gain: gained(o, x, 2 * gain), "with a number, the values are wrong"),
    ],
)
def test_mistakes_in_the_gain_of_any_size(answer, complaint, assert_complaint):
    assert_complaint("07.1", answer, complaint)


def gradient_of_the_gain(delta, o, gain):
    full = torch.einsum("bcn,bdn->cd", delta, o)
    return {0: full.trace(), 1: full.diag(), 2: full}[gain.ndim]


def only(size, wrong):
    """Answer wrongly for one number of axes of the gain, and rightly for the others."""
    return lambda delta, o, gain: (wrong if gain.ndim == size else gradient_of_the_gain)(delta, o, gain)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (
            lambda delta, o, gain: gradient_of_the_gain(delta, o, gain) / 18,
            "with a number, this averages over positions",
        ),
        (lambda delta, o, gain: gradient_of_the_gain(delta, o, gain) / 3, "averages over photographs"),
        (lambda delta, o, gain: (delta * o).sum((0, 2)).mean(), "averages over channels"),
        (lambda delta, o, gain: (delta * o).sum((0, 2)), r"expected one number, got shape \(4,\)"),
        (only(1, lambda delta, o, gain: (delta * o).sum()), r"expected shape \(4,\), got one number"),
        (only(1, lambda delta, o, gain: delta.sum((0, 2))), "with a diagonal, o is missing"),
        (only(1, lambda delta, o, gain: o.sum((0, 2))), "with a diagonal, delta is missing"),
        (only(2, lambda delta, o, gain: gradient_of_the_gain(delta, o, gain).T), "rows and columns are swapped"),
        (only(2, lambda delta, o, gain: (delta * o).sum((0, 2)).diag()), "beside the diagonal"),
        (only(2, lambda delta, o, gain: torch.einsum("bcn,bdm->cd", delta, o)), "with a matrix, multiply delta and o"),
        (only(2, lambda delta, o, gain: 7 * gradient_of_the_gain(delta, o, gain)), "the values are wrong"),
    ],
)
def test_mistakes_in_the_gradient_of_the_gain(answer, complaint, assert_complaint):
    assert_complaint("07.2", answer, complaint)


def by_autograd(delta, o, gain):
    gain = gain.clone().requires_grad_()
    (gained(o, 0, gain) * delta).sum().backward()
    return gain.grad


@pytest.mark.parametrize("answer", [gradient_of_the_gain, by_autograd])
def test_the_gradient_of_the_gain_may_be_found_in_any_way(answer):
    assert all(judge("07.2", answer) for _ in range(3))


def movement_of_h(layer, x, target, rate, steps, zero_grad=True, maximize=False):
    start = layer.h.weight.detach().clone()
    descent = torch.optim.SGD(layer.parameters(), lr=rate, maximize=maximize)
    for _ in range(steps):
        if zero_grad:
            descent.zero_grad()
        torch.nn.functional.mse_loss(layer(x), target).backward()
        descent.step()
    return (layer.h.weight - start).norm()


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda *arguments: 0.0, "keep the start as a copy"),
        (lambda *arguments: movement_of_h(*arguments, zero_grad=False), "add up"),
        (lambda layer, x, target, rate, steps: movement_of_h(layer, x, target, rate, steps + 1), "one step too many"),
        (lambda *arguments: movement_of_h(*arguments, maximize=True), "uphill"),
    ],
)
def test_mistakes_in_the_movement_of_h(answer, complaint, assert_complaint):
    assert_complaint("07.3", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda weight, gamma: gamma.view(1, -1, 1, 1) * weight, "the input of h"),
        (lambda weight, gamma: gamma * weight[..., 0, 0], r"expected shape \(6, 6, 1, 1\), got \(6, 6\)"),
        (lambda weight, gamma: weight / gamma.view(-1, 1, 1, 1), "divides by the gain"),
        (lambda weight, gamma: gamma.abs().view(-1, 1, 1, 1) * weight, "sign of the gain"),
    ],
)
def test_mistakes_in_the_gain_inside_of_h(answer, complaint, assert_complaint):
    assert_complaint("07.4", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: (0.006, 0.24, "P"), "return them in percent"),
        (lambda: (2, 80, "P"), "the gain times o"),
        (lambda: (6.7, 267, "P"), "multiply them"),
        (lambda: (24, 0.6, "P"), "are swapped"),
        (lambda: (30, 30, "P"), "leave out the gain"),
        (lambda: (0.6, 50, "P"), r"\(b\) is wrong"),
        (lambda: (6, 24, "P"), r"\(a\) is wrong"),
        (lambda: (0.6, 24, "Q"), "these two differ most"),
        (lambda: (0.6, 24, "R"), "different draws"),
        (lambda: (0.6, 24, "SA"), "must be P, Q or R, got 'SA'"),
        (lambda: "P", "expected two numbers and a letter"),
        (lambda: ("a", "b", "P"), "expected numbers"),
    ],
)
def test_mistakes_about_what_attention_adds(answer, complaint, assert_complaint):
    assert_complaint("07.5", answer, complaint)


@pytest.mark.parametrize("answer", [(0.6, 24, "P"), [0.63, 24.0, "p"], (0.5, 25, " P")])
def test_one_digit_is_enough_for_what_attention_adds(answer):
    assert judge("07.5", lambda: answer)
