"""Exercises of 00_start_here."""

import torch

from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.lessons.exercises.checking import TOLERANCE, Answer, WrongAnswer, as_array, compare, exercise, uniform
from hcegan_lib.metrics import psnr


@exercise(
    "00.1",
    "`color[:, 0:1]` is the red channel with its axis; `color[:, 0]` drops the axis.",
    "Gray is 0.299 red + 0.587 green + 0.114 blue.",
)
def _gray_of_a_batch(answer: Answer) -> None:
    color = uniform(2, 3, 5, 7)
    rec709 = (color * torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)).sum(1, keepdim=True)
    slips = {
        "this is the plain mean of the channels, but green looks brighter than blue to the eye.": color.mean(1, True),
        "these are the weights of Rec. 709; the course uses those of Rec. 601.": rec709,
        "red and blue are swapped.": luma(color.flip(1)),
    }
    compare(answer(color), luma(color), slips)


@exercise(
    "00.2",
    "The gray copy of a photograph has the same gray as the photograph.",
    "Gray is a weighted sum, so the gray of a mixture of two images is the mixture of their grays.",
    "Mix the photograph with its gray copy, half and half.",
)
def _other_colors_of_the_same_gray(answer: Answer) -> None:
    color = uniform(2, 3, 6, 6)
    other = torch.from_numpy(as_array(answer(color), tuple(color.shape))).float()
    compare(luma(other), luma(color), otherwise="the gray has changed.")
    if other.min() < -TOLERANCE or other.max() > 1 + TOLERANCE:
        raise WrongAnswer("the gray is the same, but some values are outside [0, 1].")
    if (other - color).abs().amax(dim=(1, 2, 3)).min() < 0.01:
        raise WrongAnswer("the gray is the same, but so are the colors; change them.")
    if (other - gray_to_rgb(luma(color))).abs().max() < 0.01:
        raise WrongAnswer("this is the gray copy: the gray is the same, but no color is left. Keep some.")


@exercise(
    "00.3",
    "`gray * tint.view(3, 1, 1)` has three channels.",
    "`metrics.psnr` returns one number per photograph; `.mean()` averages them.",
    "The gain is the mean PSNR of the tinted images minus the mean PSNR of the gray copies.",
)
def _gain_of_a_tint(answer: Answer) -> None:
    color, tint = uniform(4, 3, 8, 8), 0.7 + 0.3 * uniform(3)
    gray = luma(color)
    strength = torch.tensor([0.1, 0.4, 0.7, 1.0]).view(4, 1, 1, 1)
    color = gray + strength * (color - gray)  # a tint harms faded photographs more, so the pooled score differs
    images = gray * tint.view(3, 1, 1), gray_to_rgb(gray)
    tinted, copied = (psnr(image, color) for image in images)
    tinted_error, copied_error = ((image - color).square().mean() for image in images)
    slips = {
        "the sign is flipped: the gain is positive if the tint helps.": copied.mean() - tinted.mean(),
        "this is the score of the tinted images; subtract the score of the gray copies.": tinted.mean(),
        "this is one gain per photograph; return their mean.": tinted - copied,
        "this is the pooled score: score each photograph, then average.": 10 * torch.log10(copied_error / tinted_error),
    }
    compare(answer(gray, color, tint), tinted.mean() - copied.mean(), slips)


@exercise(
    "00.4",
    "A model that paints red, green and blue has to paint the luma, too. The gray copy has it exactly right.",
    "For PSNR, weigh the colors that the gray copy lacks against the luma errors of a painted picture.",
    "SSIM compares patterns, and the gray copy has the pattern of the photograph in every channel.",
)
def _where_the_gray_copy_lies(answer: Answer) -> None:
    given = answer()
    letters = "".join(letter for letter in str(given).upper() if letter.isalpha())
    if len(letters) != 2 or set(letters) - set("ABC"):
        raise WrongAnswer(f"give two letters out of A, B and C, the first for PSNR, got {given!r}.")
    if letters == "CB":
        raise WrongAnswer("the other way around: which of the two measures compares patterns?")
    complaints = {
        "A": "PSNR: pix2pix has more color than the gray copy, but it also has errors in the luma.",
        "C": "PSNR: no color at all does cost something, and the best model gains more than that.",
    }
    if letters[0] in complaints:
        raise WrongAnswer(complaints[letters[0]])
    if letters[1] != "C":
        raise WrongAnswer("SSIM: most of the pattern is in the luma. Which of the three has the luma right?")
