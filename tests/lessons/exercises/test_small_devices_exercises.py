"""Wrong answers to the exercises of 15_small_devices, and the complaint that each gets."""

import numpy as np
import pytest


def stored(values, step, zero):
    return np.clip(np.round(values / step) + zero, 0, 255)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda values, step, zero: step * np.round(values / step), "clip to 0 to 255"),
        (stored, "read back from it"),
        (lambda values, step, zero: step * stored(values, step, zero), "subtract the zero point"),
        (lambda values, step, zero: step * (stored(values - step / 2, step, zero) - zero), "this rounds down"),
        (lambda values, step, zero: np.clip(values, -zero * step, (255 - zero) * step), "nothing is rounded yet"),
        (lambda values, step, zero: values, "nothing is rounded or clipped"),
        (lambda values, step, zero: step * stored(values, step, 0), "negative values are lost"),
    ],
)
def test_mistakes_in_the_way_through_eight_bits(answer, complaint, assert_complaint):
    assert_complaint("15.2", answer, complaint)


@pytest.mark.parametrize(
    ("number", "complaint"),
    [
        (2, "half as many input channels"),
        (8, "keep their 4 x 4 pixels"),
        (16, "does not change"),
        (1 / 4, "share that is left"),
        (1, "fewer kernels"),
        (5, "the values are wrong"),
    ],
)
def test_mistakes_in_the_number_of_weights(number, complaint, assert_complaint):
    answer = lambda: number  # noqa: E731
    assert_complaint("15.1", answer, complaint)


def lost(model, rounding):
    return 10 * np.log10(1 + 10 ** ((model - rounding) / 10))


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda model, rounding: -lost(model, rounding), "a loss is positive"),
        (lambda model, rounding: model - lost(model, rounding), "this is the new PSNR"),
        (lambda model, rounding: model - rounding, "differences of PSNRs"),
        (lambda model, rounding: 2 * lost(model, rounding), "not squared"),
        (lambda model, rounding: 20 * np.log10(1 + 10 ** ((model - rounding) / 20)), "adds the errors themselves"),
        (lambda model, rounding: 1 + 10 ** ((model - rounding) / 10), "the factor of the error"),
    ],
)
def test_mistakes_in_the_lost_decibels(answer, complaint, assert_complaint):
    assert_complaint("15.3", answer, complaint)
