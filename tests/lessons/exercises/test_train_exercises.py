"""Wrong answers to the exercises of 09_train, and the complaint that each gets."""

import pytest


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
    assert_complaint("09.3", answer, complaint)
