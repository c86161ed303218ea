"""Every exercise against its solution and its stub in the notebook, and what `check` does with any answer."""

import math
import re
from pathlib import Path

import nbformat
import pytest
import torch

from hcegan_lib.color import luma
from hcegan_lib.lessons.exercises import EXERCISES, check, judge
from hcegan_lib.lessons.exercises.checking import failures

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"


def answers(tag):
    """Map each exercise to a function in its notebook: the stub, or the solution two cells below."""
    found = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        names = {}
        exec("\n".join(cell.source for cell in cells[:2]), names)  # parameters and imports
        for stub, test, solution in zip(cells, cells[1:], cells[2:]):
            if "exercise" in stub.metadata.get("tags", []):
                exec((stub if tag == "exercise" else solution).source, names)
                checks = {}
                exec(test.source, {**names, "check": checks.setdefault})
                found |= checks
    return found


SOLUTIONS = answers("solution")
STUBS = answers("exercise")


@pytest.mark.parametrize("number", SOLUTIONS)
def test_the_solution_in_the_notebook_is_always_right(number, capsys):
    assert all(judge(number, SOLUTIONS[number]) for _ in range(5))
    assert set(capsys.readouterr().out.splitlines()) == {f"Exercise {number}: right."}


@pytest.mark.parametrize("number", STUBS)
def test_a_stub_is_not_written_yet_which_is_not_a_wrong_try(number, capsys):
    for _ in range(2):
        assert judge(number, STUBS[number]) is False
        assert capsys.readouterr().out == f"Exercise {number}: not written yet.\n"
    assert failures[number] == 0
    assert 2 <= len(EXERCISES[number].hints) <= 3


def test_the_exercises_are_those_of_the_notebooks_in_their_order():
    assert list(EXERCISES) == list(SOLUTIONS)


def test_every_exercise_is_tested_with_wrong_answers():
    tests = "\n".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*_exercises.py"))
    assert sorted(re.findall(r'assert_complaint\("(\d\d\.\d)", answer', tests)) == list(EXERCISES)


def test_each_failed_try_shows_one_more_hint_until_all_are_shown(capsys):
    hints = EXERCISES["00.2"].hints
    for shown in (1, 2, 3, 3):
        check("00.2", lambda color: color)
        assert capsys.readouterr().out.splitlines()[1:] == [f"  Hint: {hint}" for hint in hints[:shown]]


def test_a_right_answer_resets_the_hints_and_exercises_count_separately(capsys):
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
    assert capsys.readouterr().out == "Exercise 01.1: not written yet.\n"


def test_an_error_in_the_answer_is_one_line_with_its_type_and_text(capsys):
    def answer(image, target):
        raise KeyError("no\nsuch key")

    assert judge("01.1", answer) is False
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == r"Exercise 01.1: your function raises KeyError: 'no\nsuch key'"
    assert "Traceback" not in out + err


def test_an_answer_with_too_few_parameters_raises_type_error(capsys):
    assert judge("01.1", lambda image: image) is False
    assert "raises TypeError" in capsys.readouterr().out


def test_passing_the_result_instead_of_the_function_is_noticed(capsys):
    assert judge("00.1", torch.zeros(2, 1, 5, 7)) is False
    assert "pass the function itself, without calling it; got an object of type Tensor" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("result", "complaint"),
    [
        ("text", "expected numbers, got an object of type str"),
        ({}, "expected numbers, got an object of type dict"),
        (math.nan, "some of the values are infinite or NaN"),
        ([1, 2], r"expected one number, got shape \(2,\)"),
    ],
)
def test_a_result_that_is_not_one_finite_number_gets_its_complaint(result, complaint, assert_complaint):
    assert_complaint("01.1", lambda image, target: result, complaint)


def test_a_result_may_carry_a_gradient():
    assert judge("00.1", lambda color: luma(color.requires_grad_()))


def test_an_answer_may_change_its_input_but_cannot_cheat_that_way():
    assert judge("00.2", lambda color: color.add_(luma(color)).div_(2))
    assert not judge("00.1", lambda color: color.zero_()[:, :1])


def test_each_try_gets_new_input_and_leaves_the_global_seed_alone():
    seen = []
    before = torch.get_rng_state()
    for _ in range(2):
        check("00.1", lambda color: seen.append(color))
    assert not torch.equal(*seen)
    assert torch.equal(before, torch.get_rng_state())


def test_an_unknown_exercise_is_refused_with_all_valid_numbers():
    with pytest.raises(ValueError, match=r"number must be one of the exercises 00\.1, 00\.2.*, got '0\.1'"):
        check("0.1", lambda: None)


def test_check_prints_the_verdict_and_returns_nothing_for_the_notebook_to_show(capsys):
    assert check("00.1", SOLUTIONS["00.1"]) is None
    assert capsys.readouterr().out == "Exercise 00.1: right.\n"
