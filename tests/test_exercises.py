"""Every exercise against its own solution, its own stub, and the mistakes that people make."""

import math
import re
from itertools import pairwise
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from scipy import stats

from hcegan_lib import exercises
from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.exercises import EXERCISES, check, judge
from hcegan_lib.metrics import psnr

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.fixture(autouse=True)
def no_failures_so_far():
    exercises._failures.clear()


def rec709(color):
    return (color * torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)).sum(1, keepdim=True)


def tinted(gray, tint):
    return gray * tint.view(3, 1, 1)


def decibels(error, peak=1.0):
    return 10 * math.log10(peak**2 / error)


def even_ssim(x, y, C1=0.01**2, C2=0.03**2, ddof=0, luminance=True):
    covariance = np.cov(x.ravel(), y.ravel(), ddof=ddof)
    means = (2 * x.mean() * y.mean() + C1) / (x.mean() ** 2 + y.mean() ** 2 + C1) if luminance else 1
    return means * (2 * covariance[0, 1] + C2) / (covariance[0, 0] + covariance[1, 1] + C2)


# Exercise -> answers that people give, each with a part of the complaint that they should read.
WRONG = {
    "00.1": [
        (lambda color: color.mean(1, keepdim=True), "plain mean"),
        (rec709, "Rec. 709"),
        (lambda color: luma(color)[:, 0], r"the shape is \(2, 5, 7\), and \(2, 1, 5, 7\) is wanted"),
        (lambda color: luma(color.flip(1)), "red and blue have changed places"),
        (lambda color: 255 * luma(color), "values are not the ones wanted"),
    ],
    "00.2": [
        (lambda color: color, "so are the colors"),
        (lambda color: gray_to_rgb(luma(color)), "gray copy"),
        (lambda color: color.flip(1), "gray is no longer the same"),
        (lambda color: 3 * color - 2 * luma(color), r"left \[0, 1\]"),
        (lambda color: luma(color), "the shape is"),
        (lambda color: color.numpy(), "return a tensor"),
    ],
    "00.3": [
        (lambda g, c, t: psnr(gray_to_rgb(g), c).mean() - psnr(tinted(g, t), c).mean(), "sign is turned"),
        (lambda g, c, t: psnr(tinted(g, t), c).mean(), "gray copy is to be taken off"),
        (lambda g, c, t: psnr(tinted(g, t), c) - psnr(gray_to_rgb(g), c), r"\(one number\)"),
        (
            lambda g, c, t: 10 * torch.log10((gray_to_rgb(g) - c).square().mean() / (tinted(g, t) - c).square().mean()),
            "this is pooled",
        ),
        (lambda g, c, t: psnr(g * t, c).mean(), "your function raises RuntimeError: The size of tensor"),
    ],
    "01.1": [
        (lambda x, y: decibels(np.mean((x - y) ** 2), 255), "bytes wrap around"),
        (lambda x, y: decibels(np.mean((x - y).astype(float) ** 2), 255), "bytes wrap around"),
        (lambda x, y: decibels(np.mean((x.astype(float) - y) ** 2)), "bytes go up to 255"),
        (lambda x, y: -decibels(np.mean((x.astype(float) - y) ** 2), 255), "sign is turned"),
        (lambda x, y: 10 * np.log(255**2 / np.mean((x.astype(float) - y) ** 2)), "natural logarithm"),
        (lambda x, y: 10 * np.log10(255 / np.mean((x.astype(float) - y) ** 2)), "peak is squared"),
    ],
    "01.2": [
        (lambda x, y: even_ssim(x, y, ddof=1), "n - 1"),
        (lambda x, y: even_ssim(x, y, 0, 0), "C1 and C2 are missing"),
        (lambda x, y: even_ssim(x, y, 0.03**2, 0.01**2), "changed places"),
        (lambda x, y: even_ssim(x, y, luminance=False), "second factor alone"),
        (
            lambda x, y: (
                even_ssim(x, x)
                * (2 * x.mean() * y.mean() + 1e-4)
                / (x.mean() ** 2 + y.mean() ** 2 + 1e-4)
                * (2 * x.std() * y.std() + 9e-4)
                / (x.var() + y.var() + 9e-4)
            ),
            "product of the standard deviations",
        ),
    ],
    "01.3": [
        (lambda x, y: psnr(x, y).mean(), "mean of the photographs' PSNR"),
        (psnr, "the shape is"),
        (lambda x, y: psnr(x, y).min(), "worst photograph"),
        (lambda x, y: -torch.log((x - y).square().mean()), "values are not the ones wanted"),
    ],
    "01.4": [
        (lambda image, gray: image * (gray / luma(image)), "stretched"),
        (lambda image, gray: gray_to_rgb(gray), "gray copy"),
        (lambda image, gray: (image + gray - luma(image)).clamp(0, 1), "do not clip"),
        (lambda image, gray: image - gray + luma(image), "wrong sign"),
        (lambda image, gray: image + gray, "values are not the ones wanted"),
    ],
    "08.1": [
        (lambda n, batch, epochs: -(-n // batch) * epochs, "whole batches only"),
        (lambda n, batch, epochs: n // batch, "this is one epoch"),
        (lambda n, batch, epochs: n * epochs // batch, "each epoch starts anew"),
    ],
    "08.2": [
        (lambda real, fake: ((real > 0).float().mean() + (fake > 0).float().mean()) / 2, "below 0"),
        (lambda real, fake: (real > 0).float().mean(), "real pairs only"),
        (lambda real, fake: ((real > 1).float().mean() + (fake < -1).float().mean()) / 2, "margins"),
        (lambda real, fake: (real > 0).float().mean() + (fake < 0).float().mean(), "sum of two shares"),
    ],
    "08.3": [
        (lambda x: (x - x.mean((0, 2, 3), True)) / x.std((0, 2, 3), correction=0, keepdim=True), "whole batch"),
        (lambda x: (x - x.mean((2, 3), True)) / x.std((2, 3), keepdim=True), "correction=0"),
        (lambda x: x - x.mean((2, 3), True), "the spread is not 1 yet"),
    ],
    "09.1": [
        (lambda v: stats.t.interval(0.95, len(v) - 1, v.mean(), v.std(ddof=1)), "single photograph"),
        (lambda v: stats.norm.interval(0.95, v.mean(), stats.sem(v)), "Student's t"),
        (lambda v: stats.t.interval(0.95, len(v) - 1, v.mean(), stats.sem(v, ddof=0)), "ddof=1"),
        (lambda v: stats.t.interval(0.90, len(v) - 1, v.mean(), stats.sem(v)), "half of that at each end"),
    ],
    "09.2": [
        (lambda model, base: stats.ttest_rel(base, model).confidence_interval(), "sign is turned"),
        (lambda model, base: stats.ttest_ind(model, base).confidence_interval(), "photograph by photograph"),
    ],
    "09.3": [
        (lambda low, high: "higher" if high > 0 else "lower", "on both sides of 0"),
        (lambda low, high: "lower" if low > 0 else "no difference seen", "above 0"),
    ],
}


def answers(stub):
    """Exercise -> the function that its notebook holds, or what is left of it for students."""
    found = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        names = {}
        exec("\n".join(cell.source for cell in cells[:2]), names)  # parameters and imports
        for cell, following in pairwise(cells):
            if "exercise" in cell.metadata.get("tags", []):
                exec(without_solution(cell.source) if stub else cell.source, names)
                checks = {}
                exec(following.source, {**names, "check": checks.setdefault})
                found |= checks
    return found


def without_solution(source):
    lines, keep = [], True
    for line in source.splitlines():
        keep = keep and "### BEGIN SOLUTION" not in line
        lines += [line] * keep
        keep = keep or "### END SOLUTION" in line
    return "\n".join(lines)


SOLUTIONS = answers(stub=False)
STUBS = answers(stub=True)


@pytest.mark.parametrize("name", SOLUTIONS)
def test_the_solution_in_the_notebook_is_right_each_time(name, capsys):
    assert all(judge(name, SOLUTIONS[name]) for _ in range(5))
    assert set(capsys.readouterr().out.splitlines()) == {f"Exercise {name}: right."}


@pytest.mark.parametrize("name", STUBS)
def test_the_stub_is_not_written_yet_and_gets_the_first_hint(name, capsys):
    assert judge(name, STUBS[name]) is False
    first, *others = EXERCISES[name].hints
    assert capsys.readouterr().out == f"Exercise {name}: not written yet.\n  Hint: {first}\n"
    assert 1 <= len(others) <= 2


@pytest.mark.parametrize(("name", "number"), [(name, k) for name, wrong in WRONG.items() for k in range(len(wrong))])
def test_a_wrong_answer_is_told_what_is_wrong_with_it_each_time(name, number, capsys):
    answer, complaint = WRONG[name][number]
    for _ in range(5):
        assert judge(name, answer) is False
        verdict = capsys.readouterr().out.splitlines()[0]
        assert re.search(complaint, verdict), verdict


def test_every_exercise_is_in_a_notebook_and_has_mistakes_to_catch():
    assert list(SOLUTIONS) == list(EXERCISES) == list(WRONG)
    assert min(map(len, WRONG.values())) >= 2


def test_each_failed_try_shows_one_more_hint_until_all_are_shown(capsys):
    hints = EXERCISES["00.2"].hints
    for shown in (1, 2, 3, 3):
        check("00.2", lambda color: color)
        assert capsys.readouterr().out.splitlines()[1:] == [f"  Hint: {hint}" for hint in hints[:shown]]


def test_a_right_answer_forgets_the_failed_tries_and_no_other_exercise_minds_them(capsys):
    check("00.2", lambda color: color)
    check("00.2", lambda color: color)
    check("00.1", lambda color: color)
    assert capsys.readouterr().out.count("Hint") == 1 + 2 + 1
    check("00.2", SOLUTIONS["00.2"])
    check("00.2", lambda color: color)
    assert capsys.readouterr().out.count("Hint") == 1


@pytest.mark.parametrize("stub", ["return None", "return ...", "raise NotImplementedError", "pass"])
def test_every_kind_of_stub_is_not_written_yet(stub, capsys):
    names = {}
    exec(f"def answer(image, target):\n    {stub}", names)
    assert judge("01.1", names["answer"]) is False
    assert capsys.readouterr().out.startswith("Exercise 01.1: not written yet.\n  Hint: ")


def test_an_error_in_the_answer_is_one_line_with_its_type_and_text(capsys):
    def answer(image, target):
        raise KeyError("no\nsuch key")

    assert judge("01.1", answer) is False
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == r"Exercise 01.1: your function raises KeyError: 'no\nsuch key'"
    assert "Traceback" not in out + err


def test_an_answer_with_too_few_arguments_is_told_so(capsys):
    assert judge("01.1", lambda image: image) is False
    assert "raises TypeError" in capsys.readouterr().out


def test_the_result_in_place_of_the_function_is_noticed(capsys):
    assert judge("00.1", torch.zeros(2, 1, 5, 7)) is False
    assert "pass the function itself, without calling it; this is of type Tensor" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("result", "complaint"), [("text", "object of type str"), ({}, "object of type dict"), (math.nan, "not a number")]
)
def test_what_is_no_number_is_complained_about(result, complaint, capsys):
    assert judge("01.1", lambda image, target: result) is False
    assert complaint in capsys.readouterr().out


def test_an_answer_may_change_its_input_and_cannot_pass_by_it():
    assert judge("00.2", lambda color: color.add_(luma(color)).div_(2))
    assert not judge("00.1", lambda color: color.zero_()[:, :1])


def test_each_try_gets_new_input_and_leaves_the_global_seed_alone():
    seen = []
    before = torch.get_rng_state()
    for _ in range(2):
        check("00.1", lambda color: seen.append(color))
    assert not torch.equal(*seen)
    assert torch.equal(before, torch.get_rng_state())


def test_an_unknown_exercise_is_refused_with_the_names_of_all():
    with pytest.raises(ValueError, match=r"name must be one of the exercises 00\.1, 00\.2.*, got '0\.1'"):
        check("0.1", lambda: None)


def test_check_prints_the_verdict_and_leaves_nothing_for_the_notebook_to_show(capsys):
    assert check("00.1", SOLUTIONS["00.1"]) is None
    assert capsys.readouterr().out == "Exercise 00.1: right.\n"
