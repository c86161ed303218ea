"""Wrong answers to the exercises of 00_start_here, and the complaint that each gets."""

import pytest
import torch

from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.lessons.exercises import judge
from hcegan_lib.metrics import psnr


def rec709(color):
    return (color * torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)).sum(1, keepdim=True)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda color: color.mean(1, keepdim=True), "plain mean"),
        (rec709, "Rec. 709"),
        (lambda color: luma(color)[:, 0], r"expected shape \(2, 1, 5, 7\), got \(2, 5, 7\)\."),
        (lambda color: luma(color.flip(1)), "red and blue are swapped"),
        (lambda color: 255 * luma(color), "the values are wrong"),
    ],
)
def test_mistakes_in_the_gray_of_a_batch(answer, complaint, assert_complaint):
    assert_complaint("00.1", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda color: color, "so are the colors"),
        (lambda color: gray_to_rgb(luma(color)), "gray copy"),
        (lambda color: color.flip(1), "gray has changed"),
        (lambda color: 3 * color - 2 * luma(color), r"outside \[0, 1\]"),
        (lambda color: luma(color), r"expected shape \(2, 3, 6, 6\), got \(2, 1, 6, 6\)"),
        (lambda color: color.numpy(), "so are the colors"),
        (lambda color: color * torch.nan, "gray has changed"),
        (lambda color: "gray", "expected numbers, got an object of type str"),
    ],
)
def test_mistakes_in_other_colors_of_the_same_gray(answer, complaint, assert_complaint):
    assert_complaint("00.2", answer, complaint)


def test_other_colors_of_the_same_gray_may_be_a_numpy_array_or_a_list():
    assert judge("00.2", lambda color: ((color + luma(color)) / 2).numpy())
    assert judge("00.2", lambda color: ((color + luma(color)) / 2).double().numpy())
    assert judge("00.2", lambda color: ((color + luma(color)) / 2).tolist())


def tinted(gray, tint):
    return gray * tint.view(3, 1, 1)


def pooled_gain(gray, color, tint):
    errors = [(image - color).square().mean() for image in (gray_to_rgb(gray), tinted(gray, tint))]
    return 10 * torch.log10(errors[0] / errors[1])


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda g, c, t: psnr(gray_to_rgb(g), c).mean() - psnr(tinted(g, t), c).mean(), "sign is flipped"),
        (lambda g, c, t: psnr(tinted(g, t), c).mean(), "subtract the score of the gray copies"),
        (lambda g, c, t: psnr(tinted(g, t), c) - psnr(gray_to_rgb(g), c), "one gain per photograph"),
        (lambda g, c, t: psnr(tinted(g, t), c), r"expected one number, got shape \(4,\)"),
        (pooled_gain, "pooled score"),
        (lambda g, c, t: psnr(g * t, c).mean(), "your function raises RuntimeError: The size of tensor"),
    ],
)
def test_mistakes_in_the_gain_of_a_tint(answer, complaint, assert_complaint):
    assert_complaint("00.3", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: "CB", "the other way around"),
        (lambda: "AC", "errors in the luma"),
        (lambda: "AA", "errors in the luma"),
        (lambda: "CC", "no color at all does cost something"),
        (lambda: "BB", "most of the pattern is in the luma"),
        (lambda: "BA", "most of the pattern is in the luma"),
        (lambda: "B", "give two letters out of A, B and C, the first for PSNR, got 'B'"),
        (lambda: "BD", "give two letters"),
        (lambda: 2, "give two letters out of A, B and C, the first for PSNR, got 2"),
    ],
)
def test_mistakes_in_where_the_gray_copy_lies(answer, complaint, assert_complaint):
    assert_complaint("00.4", answer, complaint)


@pytest.mark.parametrize("answer", ["BC", "b, c", ["B", "C"], ("b", "C")])
def test_where_the_gray_copy_lies_may_be_written_in_any_way(answer):
    assert judge("00.4", lambda: answer)
