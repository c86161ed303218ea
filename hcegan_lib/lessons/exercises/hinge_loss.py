"""Exercises of 02_hinge_loss."""

import numpy as np
import torch
from scipy.special import logit
from torch import relu
from torch.nn.functional import multi_margin_loss

from hcegan_lib.lessons.exercises.checking import Answer, as_array, compare, exercise, patch_scores, uniform


@exercise(
    "02.1",
    "Multiply label and score first: is the verdict right, and by how much?",
    "What is missing to the margin 1 is the loss, and a loss is never negative.",
)
def _four_costs(answer: Answer) -> None:
    labels, scores = np.array([1, 1, -1, -1]), np.array([3, 0.4, 0.4, -3])
    signed, expected = labels * scores, np.array([0, 0.6, 1.4, 0])
    slips = {
        "the labels are not used: this treats every label as 1.": np.maximum(0, 1 - scores),
        "a loss is never negative: a score beyond the margin on the right side costs nothing.": 1 - signed,
        "the sign is flipped: right answers cost something, and wrong ones nothing.": np.maximum(0, 1 + signed),
        "the margin is missing: a right answer costs something too if its score is below 1.": np.maximum(0, -signed),
        "this counts wrong verdicts; the hinge loss also asks by how much.": (signed < 0).astype(float),
        "this is how unsure the judge is; (c) is unsure and wrong.": np.maximum(0, 1 - np.abs(scores)),
    }
    given = as_array(answer(), (4,))
    compare(given, expected, slips, otherwise=_wrong_letters(given, expected))


def _wrong_letters(given: np.ndarray, expected: np.ndarray) -> str:
    wrong = [f"({letter})" for letter, bad in zip("abcd", ~np.isclose(given, expected, atol=1e-3)) if bad]
    return f"wrong in {' and '.join(wrong)}."


@exercise(
    "02.2",
    "`scores.gather(1, label[:, None])` is the score of the true class in each row, shape (B, 1).",
    "The term of the true class is always the margin: subtract it from the sum, or leave it out.",
)
def _hinge_of_classes(answer: Answer) -> None:
    scores, label, margin = 2 * uniform(12, 4) - 1, torch.tensor([0, 1, 2, 3, 1, 0]).repeat(2), 0.5

    def total(scores: torch.Tensor, margin: float) -> torch.Tensor:
        return 4 * multi_margin_loss(scores, label, margin=margin, reduction="none")  # PyTorch divides by 4 classes

    losses, swapped = total(scores, margin), total(-scores, margin)
    worst = relu(scores - scores.gather(1, label[:, None]) + margin).scatter(1, label[:, None], 0).amax(1)
    slips = {
        "this is Eq. (1) as printed: the true class against itself, which always gives the margin.": [margin] * 12,
        "the sum includes the true class, which adds the margin to every loss. Leave it out.": losses + margin,
        "PyTorch divides the sum by the number of classes; Eq. (1) does not.": losses / 4,
        "this is the worst class alone; Eq. (1) sums over all of them.": worst,
        "use the argument `margin`; this always uses 1.": total(scores, 1),
        "the scores are swapped: the loss grows when another class comes near or above the true one.": swapped,
    }
    compare(answer(scores, label, margin), losses, slips)


@exercise(
    "02.3",
    "The gradient of a real pair is zero if its score is 1 or higher. When is it zero for a fake pair?",
    "Take the share of the real pairs and the share of the fake pairs, and average the two.",
)
def _silent_share(answer: Answer) -> None:
    real, fake = patch_scores(15, 15, 30, 40), patch_scores(20, 25, 25, 30)  # no two mistakes give the same result
    real_silent, fake_silent = (real >= 1).float().mean(), (fake <= -1).float().mean()
    right = torch.cat([real > 0, fake < 0]).float().mean()
    slips = {
        "this is the share that still teaches; expected the other share.": 1 - (real_silent + fake_silent) / 2,
        "a fake pair is silent at -1 and below.": (real_silent + (fake >= 1).float().mean()) / 2,
        "the verdict changes at 0, but the gradient ends at the margin.": right,
        "this counts only the real pairs.": real_silent,
        "this is the sum of the two shares; expected their mean.": real_silent + fake_silent,
    }
    compare(answer(real, fake), (real_silent + fake_silent) / 2, slips)


@exercise(
    "02.4",
    "The expected loss of a score s is share * max(0, 1 - s) + (1 - share) * max(0, 1 + s).",
    "Try many: `scores = torch.linspace(-3, 3, 601)`, and choose the one with the lowest expected loss.",
    "`scores[loss.argmin()]`",
)
def _best_score(answer: Answer) -> None:
    for share in np.random.default_rng().permutation([0.15, 0.3, 0.45, 0.6, 0.9]).tolist():
        slips = {
            "this is the best score for cross-entropy; the hinge loss has a different one.": logit(share),
            "this is the best score for the squared error; the hinge loss has a different one.": 2 * share - 1,
            "the sign is flipped: if most pairs are real, the score should be above 0.": np.sign(0.5 - share),
            "this is the lowest expected loss; expected the score that reaches it.": 2 * min(share, 1 - share),
        }
        otherwise = "expected the best score to within 0.05. If you try many scores, use steps of 0.05 or less."
        compare(answer(share), np.sign(share - 0.5), slips, tolerance=0.025, otherwise=otherwise)
