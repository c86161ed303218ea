"""Wrong answers to the exercises of 09_train, and the complaint that each gets."""

import pytest
from torch.nn.functional import batch_norm, layer_norm


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda n, batch, epochs: -(-n // batch) * epochs, "only whole batches"),
        (lambda n, batch, epochs: n // batch, "this is one epoch"),
        (lambda n, batch, epochs: n * epochs // batch, "each epoch starts fresh"),
    ],
)
def test_mistakes_in_the_steps_of_a_run(answer, complaint, assert_complaint):
    assert_complaint("09.1", answer, complaint)


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
    assert_complaint("09.2", answer, complaint)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda x: batch_norm(x, None, None, training=True), "whole batch"),
        (lambda x: (x - x.mean((2, 3), True)) / (x.var((2, 3), keepdim=True) + 1e-5).sqrt(), "correction=0"),
        (lambda x: (x - x.mean((2, 3), True)) / x.std((2, 3), correction=0, keepdim=True), "before you take the"),
        (lambda x: (x - x.mean((2, 3), True)) / (x.std((2, 3), correction=0, keepdim=True) + 1e-5), "after the square"),
        (lambda x: (x - x.mean((2, 3), True)) / (x.var((2, 3), correction=0, keepdim=True) + 1e-5), "root of the var"),
        (lambda x: x - x.mean((2, 3), True), "the variance is not 1 yet"),
        (lambda x: layer_norm(x, x.shape[1:]), "do not average over channels"),
    ],
)
def test_mistakes_in_the_normalization_by_own_statistics(answer, complaint, assert_complaint):
    assert_complaint("09.3", answer, complaint)
