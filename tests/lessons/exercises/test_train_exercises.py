"""Wrong answers to the exercises of 09_train, and the complaint that each gets."""

import pytest

from hcegan_lib.lessons.exercises import judge


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda real, fake: ((real > 0).float().mean() + (fake > 0).float().mean()) / 2, "below 0"),
        (lambda real, fake: (real > 0).float().mean(), "only the real pairs"),
        (lambda real, fake: (fake < 0).float().mean(), "only the fake pairs"),
        (lambda real, fake: ((real > 1).float().mean() + (fake < -1).float().mean()) / 2, "margins"),
        (lambda real, fake: (real > 0).float().mean() + (fake < 0).float().mean(), "sum of the two shares"),
    ],
)
def test_mistakes_in_the_share_judged_right(answer, complaint, assert_complaint):
    assert_complaint("09.1", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda k, n, rate, share: rate * (n - k) / n, "yours falls from the first step"),
        (lambda k, n, rate, share: rate if k <= n * share else rate * (n - k) / n, "must start at the full rate"),
        (lambda k, n, rate, share: rate * (n - k) / (n - n * share), "never rises above"),
        (lambda k, n, rate, share: rate, "your rate stays constant"),
        (lambda k, n, rate, share: rate * min(1, (n - k - 1) / (n - n * share)), "count from 0"),
        (lambda k, n, rate, share: rate / 2, "the values are wrong"),
    ],
)
def test_mistakes_in_the_rate_of_a_step(answer, complaint, assert_complaint):
    assert_complaint("09.2", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda model, gray: (1 - model / gray).mean(), "mean of the photographs' skills"),
        (lambda model, gray: model.mean() / gray.mean(), "the share that is removed"),
        (lambda model, gray: 1 - gray.mean() / model.mean(), "not by that of the model"),
        (lambda model, gray: (gray - model).mean(), "a difference of errors"),
        (lambda model, gray: 1 - model / gray, "one number for the set"),
    ],
)
def test_mistakes_in_the_skill_of_a_set(answer, complaint, assert_complaint):
    assert_complaint("09.4", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda: (75, 50, 95), "these are percent"),
        (lambda: (0.5, 0.5, 0.95), r"\(a\) this counts only the first half"),
        (lambda: (0.25, 0.5, 0.95), r"\(a\) this is what is lost"),
        (lambda: (0.75, 1, 0.95), r"\(b\) with `decay_from` = 0 the rate falls"),
        (lambda: (0.75, 0.75, 0.95), r"\(b\) this is \(a\)"),
        (lambda: (0.75, 0.5, 0.9), r"\(c\) the fall begins at one half"),
        (lambda: (0.75, 0.5, 0.55), r"\(c\) there the rate has fallen by a tenth"),
        (lambda: (0.75, 0.5, 0.45), "add the half before it"),
        (lambda: (0.75, 0.5, 0.1), "we ask for the share of the steps"),
        (lambda: (0.6, 0.5, 0.95), r"\(a\) wrong"),
        (lambda: 0.75, r"expected shape \(3,\), got one number"),
    ],
)
def test_mistakes_in_the_three_shares(answer, complaint, assert_complaint):
    assert_complaint("09.3", answer, complaint)


@pytest.mark.parametrize("answer", [(0.75, 0.5, 0.95), [3 / 4, 1 / 2, 19 / 20]])
def test_the_three_shares_may_be_any_three_numbers(answer):
    assert judge("09.3", lambda: answer)
