"""Wrong answers to the exercises of 07_attention_inits, and the complaint that each gets."""

import pytest
import torch


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


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda gradient, o: (gradient * o).mean((0, 2)), "averages over positions"),
        (lambda gradient, o: (gradient * o).sum(2).mean(0), "averages over photographs"),
        (lambda gradient, o: (gradient * o).sum(), r"expected shape \(4,\), got one number"),
        (lambda gradient, o: gradient.sum((0, 2)), "o is missing"),
        (lambda gradient, o: o.sum((0, 2)), "delta is missing"),
    ],
)
def test_mistakes_in_the_gradient_of_the_gain(answer, complaint, assert_complaint):
    assert_complaint("07.2", answer, complaint)


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
