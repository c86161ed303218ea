"""Exercises of 12_reading_critically."""

import numpy as np
from scipy import stats

from hcegan_lib.lessons.exercises.checking import Answer, WrongAnswer, compare, exercise


@exercise(
    "12.1",
    "`Decimal(text)` is exact. `Decimal(1).scaleb(exponent)` is one unit of the last printed digit.",
    "`Decimal(printed).as_tuple().exponent` is -2 for two decimals and -1 for one.",
    "`number.quantize(unit, ROUND_HALF_UP)` rounds to that unit, halves up.",
)
def _judge_a_number(answer: Answer) -> None:
    for whole in range(10):  # try all ten, because floats round some halves up and others down
        for printed, exact, expected, case in (
            ("24", "238", "holds", "that rounds to the printed one"),
            ("2", "238", "holds", "that rounds to the printed one, which has one decimal"),
            ("25", "245", "holds", "exactly halfway, with the higher neighbor printed"),
            ("24", "245", "rounds differently", "exactly halfway, with the lower neighbor printed"),
            ("23", "238", "rounds differently", "that was cut off instead of rounded"),
            ("2", "298", "rounds differently", "that was cut off after one decimal"),
            ("24", "25", "contradicts the table", "exactly one unit of the last printed digit away"),
            ("25", "238", "contradicts the table", "more than one unit of the last printed digit away"),
            ("34", "238", "contradicts the table", "far from the printed one"),
        ):
            verdict = answer(f"{whole}.{printed}", f"{whole}.{exact}")
            if verdict != expected:
                raise WrongAnswer(f"for a number {case}, expected {expected!r}, got {verdict!r}.")


@exercise(
    "12.2",
    "`values.max(axis=0)` is the best value of each column.",
    "`(values * bold).sum(axis=0)` is the bold value of each column, since each column has exactly one.",
)
def _misplaced_marks(answer: Answer) -> None:
    random = np.random.default_rng()
    values = random.permuted(np.arange(28.0)).reshape(4, 7)
    second, best = values.argsort(0)[-2:]
    wrong = random.permutation(np.arange(7) < 3)
    bold = np.arange(4)[:, None] == np.where(wrong, second, best)
    slips = {
        "expected True where the mark is *not* on the best value.": ~wrong,
        "the best score is the highest one; this looks for the lowest.": np.ones(7),
        "this finds no mistake, but three of the seven marks are misplaced.": np.zeros(7),
    }
    compare(answer(values, bold), wrong, slips)


@exercise(
    "12.3",
    "Take the variance of each row, `ddof=1`, and then their mean: that is the pooled variance.",
    "Its degrees of freedom are rows times (columns - 1).",
    "A difference between two runs has twice the variance of one run.",
)
def _least_difference(answer: Answer) -> None:
    random = np.random.default_rng()
    noise = stats.zscore(random.normal(size=(4, 6)), axis=1, ddof=1)  # fixed spreads: each mistake gives its own number
    spreads = random.uniform(0.5, 1) * np.array([[0.2], [0.3], [0.5], [0.6]])
    scores = np.array([[18], [19], [21], [22]]) + spreads * noise
    variance, spread = scores.var(axis=1, ddof=1).mean(), scores.std(axis=1, ddof=1).mean()

    def least(variance: float, df: int = 4 * (6 - 1), level: float = 0.975) -> float:
        return stats.t.ppf(level, df) * (2 * variance) ** 0.5

    one_run, in_total, one_end = least(variance / 2), least(scores.var(ddof=1)), least(variance, level=0.95)
    slips = {
        "this is for one run; the difference between two runs varies more, by the square root of 2.": one_run,
        "this is a sample: divide by n - 1, `ddof=1`.": least(scores.var(axis=1).mean()),
        "this includes the differences between models; take each model's variance, then their mean.": in_total,
        "average the variances, not the standard deviations; then take the square root.": least(spread**2),
        "the pooled variance has the degrees of freedom of all models together: n - 1 for each.": least(variance, 5),
        "each model uses up one degree of freedom, so subtract one per model, not one in total.": least(variance, 23),
        "1.96 is for a known standard deviation; with few runs use Student's t.": 1.96 * (2 * variance) ** 0.5,
        "the 0.95 quantile cuts off 5% at one end; cut off half of that at each end: 0.975.": one_end,
    }
    compare(answer(scores), least(variance), slips)
