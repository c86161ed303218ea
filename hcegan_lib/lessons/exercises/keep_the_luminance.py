"""Exercises of 13_keep_the_luminance."""

import numpy as np
import torch

from hcegan_lib.color import chroma, luma
from hcegan_lib.lessons.exercises.checking import Answer, compare, exercise, uniform


@exercise(
    "13.1",
    "The cross term is 0, so the mean squared error is the sum of the two parts. Which part is left?",
    "PSNR is 10 log10(1 / error): what does dividing the error by some number add?",
)
def _gain_of_the_true_luma(answer: Answer) -> None:
    slips = {
        "10 log10 of a ratio of squared errors; 20 log10 is for errors that are not squared.": 6.02,
        "this is the ratio of the errors; PSNR takes 10 log10 of it.": 2.0,
        "the logarithm needs its factor of 10.": 0.301,
        "removing an error raises PSNR.": -3.01,
        "one part of the error is gone, so something changes.": 0.0,
    }
    compare(np.round(answer(), 1), 3.0, {text: np.round(value, 1) for text, value in slips.items()})


@exercise(
    "13.2",
    "Undo the division first: R - Y is 0.701 times the first channel, B - Y is 0.886 times the second.",
    "Green follows from the luma: 0.299 R + 0.587 G + 0.114 B = Y.",
)
def _join(answer: Answer) -> None:
    color = 0.35 + 0.3 * uniform(4, 3, 5, 6)  # so dull that no pixel leaves the range
    both, gray = chroma(color), luma(color)
    red, blue = gray + 0.701 * both[:, :1], gray + 0.886 * both[:, 1:]
    green = color[:, 1:2]
    undivided = gray + both[:, :1], gray + both[:, 1:]
    slips = {
        "green is not the luma: it makes up for what red and blue add to it.": torch.cat([red, gray, blue], 1),
        "chroma is divided by its largest value, 0.701 and 0.886: multiply by it first.": torch.cat(
            [undivided[0], (gray - 0.299 * undivided[0] - 0.114 * undivided[1]) / 0.587, undivided[1]], 1
        ),
        "red and blue are swapped: R - Y is the first channel.": torch.cat([blue, green, red], 1),
        "divide by green's weight, 0.587, at the end.": torch.cat([red, gray - 0.299 * red - 0.114 * blue, blue], 1),
    }
    compare(answer(both, gray), color, slips)


@exercise(
    "13.3",
    "Gray is c away from the truth, always. How far is the guess when it is right, and when it is wrong?",
    "Average the squared distances of the right and the wrong guess, each with odds of one half.",
)
def _price_of_a_guess(answer: Answer) -> None:
    slips = {
        "a wrong guess is 2c away, and the square of that is 4 times as large; but half of the guesses are right.": 4.0,
        "this would mean that guessing costs no more than gray.": 1.0,
        "the sign of the comparison is turned around: how many times as large is the guess's error?": 0.5,
        "these are distances; take their squares before you average.": 2**0.5,
    }
    compare(answer(), 2.0, slips)
