"""Exercises of 09_train."""

import numpy as np
import torch

from hcegan_lib.lessons.exercises.checking import Answer, WrongAnswer, as_array, compare, exercise, patch_scores


@exercise(
    "09.1",
    "`(real_logits > 0)` is True where a real patch is judged right; as a float, True is 1.",
    "Take the share of the real patches and the share of the fake patches, and average the two.",
)
def _share_judged_right(answer: Answer) -> None:
    real, fake = patch_scores(15, 20, 25, 40), patch_scores(40, 35, 20, 5)  # no two mistakes give the same result
    right_real, right_fake = (real > 0).float().mean(), (fake < 0).float().mean()
    beyond = torch.cat([real > 1, fake < -1]).float().mean()
    slips = {
        "a fake pair is judged right where its logit is below 0.": (right_real + 1 - right_fake) / 2,
        "this counts only the real pairs.": right_real,
        "this counts only the fake pairs.": right_fake,
        "1 and -1 are the margins of the hinge loss; the verdict changes at 0.": beyond,
        "this is the sum of the two shares; expected their mean.": right_real + right_fake,
    }
    compare(answer(real, fake), (right_real + right_fake) / 2, slips)


@exercise(
    "09.2",
    "Draw the line: it has the value `rate` at step `decay_from * steps`, and the value 0 at step `steps`.",
    "The falling part is `rate` times the steps that are left, divided by the number of steps of the whole fall.",
    "`min` of 1 and that fraction covers both parts of the schedule.",
)
def _rate_at(answer: Answer) -> None:
    for steps, share in ((200, 0.5), (60, 0.25), (120, 0.75)):
        rate, fall = np.random.default_rng().uniform(1, 9), steps * (1 - share)
        # The first two steps, the last of the constant part, one in the middle of the fall, the last of all.
        step = np.array([0, 1, int(steps * share), int(steps * (1 + share) / 2), steps - 1])
        left = steps - step
        slips = {
            "the rate is constant up to step `decay_from * steps`; yours falls from the first step on.": left / steps,
            "the falling line must start at the full rate.": np.where(step <= steps * share, 1, left / steps),
            "the rate never rises above `rate`: take the line only where it is lower.": left / fall,
            "your rate stays constant; it should fall after step `decay_from * steps`.": np.ones(len(step)),
            "steps count from 0, so the last step is `steps - 1`, and its rate is not 0 yet.": np.minimum(
                1, (left - 1) / fall
            ),
        }
        slips = {complaint: rate * slip for complaint, slip in slips.items()}
        compare([answer(k, steps, rate, share) for k in step.tolist()], rate * np.minimum(1, left / fall), slips)


@exercise(
    "09.3",
    "The distance is the sum of the rates of all steps: the area under the curve of the figure.",
    "In (a) the area is a rectangle over the first half and a triangle over the second. In (b) it is a triangle.",
    "In (c) the line falls from 1 to 0 over the second half. Where is it at 0.1?",
)
def _three_shares(answer: Answer) -> None:
    given = as_array(answer(), (3,))
    if given.max() > 1.5:
        raise WrongAnswer("these are percent; return shares from 0 to 1.")
    parts = {
        "a": (
            0.75,
            {0.5: "this counts only the first half; the falling half adds a triangle.", 0.25: "this is what is lost."},
        ),
        "b": (0.5, {1.0: "with `decay_from` = 0 the rate falls from the first step on.", 0.75: "this is (a)."}),
        "c": (
            0.95,
            {
                0.9: "the fall begins at one half, so nine tenths of the fall end later.",
                0.55: "there the rate has fallen by a tenth, not to a tenth.",
                0.45: "this is the share of the fall; add the half before it.",
                0.1: "this is the rate; we ask for the share of the steps.",
            },
        ),
    }
    for share, (part, (expected, slips)) in zip(given, parts.items()):
        if abs(share - expected) > 0.01:
            complaint = next((text for slip, text in slips.items() if abs(share - slip) < 0.01), "wrong.")
            raise WrongAnswer(f"({part}) {complaint}")


@exercise(
    "09.4",
    "Average the errors of the model over the photographs, and those of the gray copy, before you divide.",
    "The skill is 1 minus the quotient of the two means.",
)
def _skill_of_a_set(answer: Answer) -> None:
    source = np.random.default_rng()
    gray = np.sort(source.uniform(0.001, 0.05, 8))
    model = source.uniform(0.2, 1.5, 8) * gray
    slips = {
        "this is the mean of the photographs' skills; photographs with hardly any color rule it.": 1
        - (model / gray).mean(),
        "this is the share of the error that remains; the skill is the share that is removed.": model.sum()
        / gray.sum(),
        "divide by the error of the gray copy, not by that of the model.": 1 - gray.sum() / model.sum(),
        "this is a difference of errors; divide it by the error of the gray copy.": (gray - model).mean(),
        "here is one skill per photograph; expected one number for the set.": 1 - model / gray,
    }
    compare(answer(torch.from_numpy(model), torch.from_numpy(gray)), 1 - model.sum() / gray.sum(), slips)
