"""Exercises of 10_tables."""

import numpy as np
from scipy import stats

from hcegan_lib.lessons.exercises.checking import Answer, WrongAnswer, compare, exercise, mean_interval


@exercise(
    "10.1",
    "The standard error of a mean is the standard deviation over the square root of n.",
    "`stats.t.ppf(0.975, n - 1)` is how many standard errors the interval extends to each side.",
    "`values.std(ddof=1)` is the standard deviation of a sample.",
)
def _interval_of_a_mean(answer: Answer) -> None:
    random = np.random.default_rng()
    values = random.normal(20, 4, random.integers(6, 9))
    single, short = mean_interval(values, values.std(ddof=1)), mean_interval(values, level=0.9)
    slips = {
        "this is the interval of a single run; a mean of n varies less, by the square root of n.": single,
        "1.96 is for a known standard deviation; with few runs use Student's t.": mean_interval(values, df=np.inf),
        "this is a sample: divide by n - 1, `ddof=1`.": mean_interval(values, stats.sem(values, ddof=0)),
        "the 0.95 quantile cuts off 5% at one end; cut off half of that at each end: 0.975.": short,
        "n values have n - 1 degrees of freedom, because the mean uses up one.": mean_interval(values, df=len(values)),
    }
    compare(answer(values), mean_interval(values), slips)


@exercise(
    "10.2",
    "`(model - baseline).mean(axis=1)` is one difference per seed: the mean over its photographs.",
    "Compute the interval of exercise 10.1 for these differences.",
)
def _paired_interval(answer: Answer) -> None:
    random = np.random.default_rng()
    hard, luck = random.normal(20, 4, 12), random.normal(0, 1, (5, 1))  # effects of photographs and of seeds
    baseline, model = (hard + luck + random.normal(mean, 0.3, (5, 12)) for mean in (0, 0.5))
    model += random.permutation(np.linspace(-0.8, 0.8, 5))[:, None]  # effects of runs: only runs are independent

    gains = model - baseline  # (seeds, photographs)
    pooled, across = mean_interval(gains.ravel()), mean_interval(gains.mean(axis=0))
    loose = tuple(stats.ttest_ind(model.mean(axis=1), baseline.mean(axis=1)).confidence_interval(0.95))
    slips = {
        "the sign is flipped: expected model minus baseline.": mean_interval(-gains.mean(axis=1)),
        "this treats all photographs of all runs as independent; only the runs are: average each run first.": pooled,
        "this interval is over photographs and tells about other photographs; expected one over seeds.": across,
        "this ignores that runs of both models with the same seed belong together; subtract seed by seed first.": loose,
    }
    compare(answer(model, baseline), mean_interval(gains.mean(axis=1)), slips)


@exercise(
    "10.3",
    "`order = p.argsort()` sorts: `p[order[0]]` is the smallest.",
    "Multiply by m, m - 1, ..., 1; then apply `np.maximum.accumulate` and `.clip(max=1)`.",
    "Put the values back: `adjusted[order] = ...` writes the sorted values to their original places.",
)
def _holm(answer: Answer) -> None:
    random = np.random.default_rng()
    # The third product is below the second (4 * 0.07 and 5 * 0.06), and the fourth is above 1. Rotating by one of
    # these amounts neither sorts the values nor is its own inverse.
    p = np.roll(np.array([0.004, 0.06, 0.07, 0.4, 0.45, 0.9]) * random.uniform(0.9, 1.0), random.choice([1, 2, 4, 5]))
    order, m = p.argsort(), len(p)
    products = p[order] * np.arange(m, 0, -1)
    increasing = np.maximum.accumulate(products)
    adjusted, backwards = increasing.clip(max=1), np.minimum(p[order] * np.arange(1, m + 1), 1)
    places = order.argsort()  # where each p value is among the sorted ones
    again = adjusted[order]
    slips = {
        "this is Bonferroni: every p times m. Holm multiplies only the smallest by m.": np.minimum(m * p, 1),
        "these are sorted; put each p value back in its original place.": adjusted,
        "this sorts the sorted values again; write to the places in `order` instead of reading from them.": again,
        "a larger p ends up below a smaller one: take the running maximum.": products.clip(max=1)[places],
        "a probability is at most 1.": increasing[places],
        "multiply the smallest by m, the next by m - 1, and so on; this starts at the other end.": backwards[places],
    }
    compare(answer(p), adjusted[places], slips)


@exercise(
    "10.4",
    "Ask two questions: is the effect significant, and does the interval reach the target?",
    "Each comparison with NaN is false: `p < 0.05`, and `p >= 0.05` as well.",
    "A significant effect below 0 contradicts the claim, whatever the target.",
)
def _verdict(answer: Answer) -> None:
    random = np.random.default_rng()
    (mean, half, small, large), nan = random.uniform((0.2, 0.05, 0.001, 0.06), (0.5, 0.15, 0.04, 1)), float("nan")
    below, above = mean + half - 0.01, mean + half + 0.01  # targets that the interval reaches, and does not
    for name, arguments, expected in (
        ("a significant effect whose interval reaches the target", (mean, small, below), "reproduced"),
        ("a significant effect whose interval ends below the target", (mean, small, above), "smaller than printed"),
        ("a significant effect below 0", (-mean, small, below), "contradicted"),
        ("no significance, and an interval that ends below the target", (mean, large, above), "excluded"),
        ("no significance, and an interval that reaches the target", (mean, large, below), "undecided"),
        ("an effect below 0 without significance", (-mean, large, above), "excluded"),
        ("p of exactly 5%", (mean, 0.05, below), "undecided"),
        ("too few runs, so that p is NaN", (mean, nan, above), "undecided"),
    ):
        effect, p, target = arguments
        verdict = answer(effect, effect + half, p, target)
        if verdict != expected:
            raise WrongAnswer(f"for {name}, expected {expected!r}, got {verdict!r}.")
