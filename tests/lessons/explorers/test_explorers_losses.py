import numpy as np
import pytest
import torch

from hcegan_lib.lessons import explorers
from hcegan_lib.losses import LOSSES, printed_hinge_bce_discriminator


def test_two_losses_and_their_gradients_are_drawn_with_one_logit_marked_on_each():
    figure = explorers.loss_picture(logit=1.5, margin=2.5, label=1, first="bce", second="hinge_mse")
    for ax, y, at in zip(figure.axes, (lambda x: np.maximum(0, 2.5 - x) ** 2, lambda x: -2 * (2.5 - x)), (1, -2)):
        line, mark = ax.lines[4:6]
        x = line.get_xdata()
        np.testing.assert_allclose(line.get_ydata(), np.where(x < 2.5, y(x), 0))
        assert (*mark.get_xdata(), *mark.get_ydata()) == (1.5, at)
    assert figure.alt.endswith("the margin at 2.5: bce 0.20, gradient -0.18; hinge_mse 1.00, gradient -2.00.")


@pytest.mark.parametrize("label", [1, -1])
def test_the_margin_is_drawn_on_the_side_of_the_label(label):
    figure = explorers.loss_picture(logit=0.0, margin=1.5, label=label)
    for ax in figure.axes:
        assert list(ax.lines[1].get_xdata()) == [1.5 * label] * 2


def infinite_part(ax):
    """From where to where a loss is marked as infinite."""
    x, width = ax.patches[0].get_x(), ax.patches[0].get_width()
    return sorted((x, x + width))


@pytest.mark.parametrize("label", [1, -1])
def test_a_loss_is_marked_where_it_is_minus_infinity(label):
    figure = explorers.loss_picture(logit=2.0 * label, margin=1.5, label=label, second=explorers.PRINTED)
    for ax in figure.axes:
        low, high = infinite_part(ax)
        x = torch.linspace(-4, 4, 161, dtype=torch.float64)
        values, _ = explorers.margin_losses(x, margin=1.5, label=label)[explorers.PRINTED]
        inside = (x > low + 1e-6) & (x < high - 1e-6)
        assert torch.equal(inside, values.isneginf() & ((x - 1.5 * label).abs() > 1e-6))
        assert ax.lines[6].get_xdata() == [1.5 * label]
        assert ax.texts[0].get_text() == "−∞"
    assert figure.alt.endswith("Eq. (10) as printed minus infinity, without a gradient.")


def test_without_an_infinite_loss_nothing_is_marked_even_after_one_was():
    figure = explorers.loss_picture(logit=0.0, margin=1.5, label=1, second=explorers.PRINTED)
    figure = explorers.loss_picture(logit=0.0, margin=1.5, label=1, second="hinge", figure=figure)
    for ax in figure.axes:
        assert ax.patches[0].get_width() == 0
        assert np.isnan(ax.lines[6].get_ydata()).all()
        assert ax.texts[0].get_text() == ""


def test_the_printed_loss_is_half_of_that_of_the_library():
    logits = torch.tensor([-2.0, 0.3, 0.9])
    values, _ = explorers.margin_losses(logits, margin=1, label=1)[explorers.PRINTED]
    for k in range(3):
        loss = printed_hinge_bce_discriminator(real_logits=logits[k : k + 1], fake_logits=torch.zeros(1))
        torch.testing.assert_close(values[k], loss)


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
