"""Exercises of 09_train."""

import numpy as np
import torch
from torch.nn.functional import batch_norm, instance_norm, layer_norm

from hcegan_lib.lessons.exercises.checking import Answer, compare, exercise, patch_scores, uniform


@exercise(
    "09.1",
    "How many whole batches are in one epoch? `//` divides and drops the remainder.",
    "Multiply the batches per epoch by the number of epochs.",
)
def _steps_of_a_run(answer: Answer) -> None:
    for batches, batch_size, epochs in np.random.default_rng().integers((10, 2, 2), (80, 12, 60), (5, 3)).tolist():
        photographs = (batches + 1) * batch_size - 1  # the largest possible remainder
        slips = {
            "count only whole batches; the last, smaller batch of an epoch is dropped.": (batches + 1) * epochs,
            "this is one epoch; multiply by the number of epochs.": batches,
            "each epoch starts fresh, so remainders do not add up to more batches.": photographs * epochs // batch_size,
        }
        compare(answer(photographs, batch_size, epochs), batches * epochs, slips)


@exercise(
    "09.2",
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
    "09.3",
    "`x.mean(dim=(2, 3), keepdim=True)` is one mean per photograph and channel.",
    "Subtract the mean, then divide by the square root of the variance plus 1e-5.",
    "`x.var(dim=(2, 3), keepdim=True, correction=0)` is the variance that batch norm uses.",
)
def _own_statistics(answer: Answer) -> None:
    x = 5 * uniform(3, 2, 4, 5) * torch.tensor([1, 0.002]).view(1, 2, 1, 1)  # so small that the 1e-5 matters
    centered = x - x.mean(dim=(2, 3), keepdim=True)
    variance, of_a_sample = (x.var(dim=(2, 3), keepdim=True, correction=correction) for correction in (0, 1))
    whole_batch, sample = batch_norm(x, None, None, training=True), centered / (of_a_sample + 1e-5).sqrt()
    slips = {
        "these are the statistics of the whole batch; each photograph needs its own.": whole_batch,
        "use `correction=0` for the variance: these are all the pixels, not a sample of them.": sample,
        "divide by the standard deviation, the square root of the variance.": centered / (variance + 1e-5),
        "add 1e-5 to the variance before you take the square root.": centered / variance.sqrt(),
        "this adds 1e-5 after the square root; add it to the variance.": centered / (variance.sqrt() + 1e-5),
        "the mean is 0, but the variance is not 1 yet.": centered,
        "each channel has its own statistics; do not average over channels.": layer_norm(x, x.shape[1:]),
    }
    compare(answer(x), instance_norm(x), slips)
