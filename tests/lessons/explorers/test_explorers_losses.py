import numpy as np
import pytest
import torch

from hcegan_lib.lessons import explorers
from hcegan_lib.losses import LOSSES


def test_a_logit_is_marked_on_each_loss_and_each_gradient():
    figure = explorers.loss_picture(logit=1.5, margin=2.5, label=1)
    for ax, y, at in zip(figure.axes, (lambda x: np.maximum(0, 2.5 - x) ** 2, lambda x: -2 * (2.5 - x)), (1, -2)):
        line, mark = ax.lines[8:10]  # hinge_mse
        x = line.get_xdata()
        np.testing.assert_allclose(line.get_ydata(), np.where(x < 2.5, y(x), 0))
        assert (*mark.get_xdata(), *mark.get_ydata()) == (1.5, at)
    assert figure.alt.endswith("hinge_mse 1.00, gradient -2.00.")
    assert "At logit 1.50: bce 0.20, gradient -0.18; " in figure.alt


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("label", [1, -1])
def test_at_margin_1_each_loss_is_one_half_of_the_library_loss(name, label):
    logits = torch.linspace(-3, 3, 13, dtype=torch.float64)
    values, gradients = explorers.margin_losses(logits, margin=1, label=label)[name]
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
        values, gradients = explorers.margin_losses(logits, margin=2.5, label=label)["hinge"]
        assert torch.nonzero(values == 0).flatten().tolist() == zeros
        torch.testing.assert_close(values[2], torch.tensor(2.5))
        assert gradients[2] == -label
