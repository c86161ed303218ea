"""Exercises of 15_small_devices."""

import numpy as np

from hcegan_lib.lessons.exercises.checking import Answer, compare, exercise


@exercise(
    "15.1",
    "A convolution has one kernel for each pair of an input channel and an output channel.",
    "Both numbers of channels are halved.",
)
def _fewer_weights(answer: Answer) -> None:
    slips = {
        "half as many output channels would be 2; each of them also reads half as many input channels.": 2.0,
        "the kernels keep their 4 x 4 pixels; only the channels are halved, on both sides.": 8.0,
        "the size of the kernel is 16, and it does not change.": 16.0,
        "this is the share that is left; how many times fewer is that?": 0.25,
        "fewer channels are fewer kernels.": 1.0,
    }
    compare(answer(), 4.0, slips, tolerance=0.05)


@exercise(
    "15.2",
    "Divide by the step, round, add the zero point, and clip to 0 to 255: that is what is stored.",
    "To read it back, subtract the zero point and multiply by the step.",
)
def _through_eight_bits(answer: Answer) -> None:
    random = np.random.default_rng()
    low, high = -random.uniform(0.3, 0.9), random.uniform(1.1, 1.9)
    values = random.uniform(low - 0.5, high + 0.5, (6, 8))  # some values outside the range
    step = (high - low) / 255
    zero = round(-low / step)
    whole = np.round(values / step) + zero
    stored = whole.clip(0, 255)
    slips = {
        "values outside the range do not fit into 8 bits: clip to 0 to 255.": step * (whole - zero),
        "this is what is stored; return the values that are read back from it.": stored,
        "subtract the zero point before you multiply by the step.": step * stored,
        "round to the nearest whole number; this rounds down.": step
        * ((np.floor(values / step) + zero).clip(0, 255) - zero),
        "nothing is rounded yet.": values.clip(-zero * step, (255 - zero) * step),
        "nothing is rounded or clipped yet.": values,
        "this keeps no zero point: negative values are lost.": step * np.round(values / step).clip(0, 255),
    }
    compare(answer(values, step, zero), step * (stored - zero), slips)


@exercise(
    "15.3",
    "PSNR is -10 log10 of the mean squared error; turn both PSNRs into errors first.",
    "Errors that do not depend on each other add as squares. How much lower is the PSNR of the sum?",
)
def _lost_decibels(answer: Answer) -> None:
    random = np.random.default_rng()
    model, rounding = random.uniform(18, 24), random.uniform(26, 34)
    errors = 10 ** (-model / 10), 10 ** (-rounding / 10)
    lost = model + 10 * np.log10(sum(errors))
    slips = {
        "a loss is positive here: the old PSNR minus the new one.": -lost,
        "this is the new PSNR; subtract it from the old one.": model - lost,
        "these are differences of PSNRs; add the squared errors, then take the logarithm.": model - rounding,
        "10 log10 of squared errors; 20 log10 is for errors that are not squared.": 2 * lost,
        "this adds the errors themselves; independent errors add as squares.": 20
        * np.log10(1 + (errors[1] / errors[0]) ** 0.5),
        "this is the factor of the error; give it in dB, as 10 log10.": sum(errors) / errors[0],
    }
    compare(answer(model, rounding), lost, slips)
