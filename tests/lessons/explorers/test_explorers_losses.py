import numpy as np
import pytest
import torch

from hcegan_lib.lessons import explorers
from hcegan_lib.losses import LOSSES


def test_a_logit_is_marked_on_each_loss_and_each_gradient():
    x = torch.linspace(-4, 4, 9)
    curves, points = {"square": (x, x**2, 2 * x)}, {"square": tuple(torch.tensor([k]) for k in (1.5, 2.25, 3.0))}
    figure = explorers.loss_at(curves, points)
    for ax, y, at in zip(figure.axes, (x**2, 2 * x), (2.25, 3)):
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), y)
        assert (*ax.lines[1].get_xdata(), *ax.lines[1].get_ydata()) == (1.5, at)
    assert figure.alt.endswith("At logit 1.50: square 2.25, gradient 3.00.")
    assert explorers.loss_at(curves, points, figure=figure) is figure
    assert len(figure.axes) == 2


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("label", [1, -1])
def test_at_margin_1_each_loss_is_one_half_of_the_library_loss(name, label):
    logits = torch.linspace(-3, 3, 13, dtype=torch.float64)
    _, values, gradients = explorers.margin_losses(logits, margin=1, label=label)[name]
    at = logits.clone().requires_grad_()
    kinds = ("real_logits", "fake_logits") if label == 1 else ("fake_logits", "real_logits")
    for k in range(len(logits)):
        # The other half is constant, so it cancels in a difference.
        still = torch.zeros(1, dtype=torch.float64)
        loss = LOSSES[name].discriminator(**{kinds[0]: at[k : k + 1], kinds[1]: still})
        zero = LOSSES[name].discriminator(**{kinds[0]: still, kinds[1]: still})
        torch.testing.assert_close(values[k] - values[6], loss.detach() - zero)
        torch.testing.assert_close(gradients[k], torch.autograd.grad(loss, at)[0][k])


def test_the_hinge_ends_at_its_margin_for_both_labels():
    logits = torch.tensor([-2.6, -2.4, 0.0, 2.4, 2.6])
    for label, zeros in ((1, [4]), (-1, [0])):
        _, values, gradients = explorers.margin_losses(logits, margin=2.5, label=label)["hinge"]
        assert torch.nonzero(values == 0).flatten().tolist() == zeros
        torch.testing.assert_close(values[2], torch.tensor(2.5))
        assert gradients[2] == -label
