"""The Dirac-GAN of Mescheder, Geiger and Nowozin 2018: the smallest GAN that shows whether a loss lets it settle.

The photographs are one number, 0. The generator renders one number, theta, and the discriminator scores a number x
with psi * x. So a photograph has the logit 0 for every psi, a rendering has psi * theta, and the game is solved at
theta = psi = 0. Both numbers can be drawn on a page, and with them all that training does.
"""

import torch
from torch import Tensor

from hcegan_lib.losses import AdversarialLoss

Numbers = Tensor | float


def vector_field(loss: AdversarialLoss, theta: Numbers, psi: Numbers) -> tuple[Tensor, Tensor]:
    """Say where gradient descent pulls both players, at one point or at all points of a grid.

    Parameters
    ----------
    loss
        The two sides of the game, from `losses.LOSSES` or written by hand; each the mean over its logits.
    theta, psi
        What the generator renders, and the slope of the discriminator; numbers or tensors that broadcast.

    Returns
    -------
    v_theta, v_psi
        The negative gradients, of the generator's loss by theta and of the discriminator's by psi, in the shape of
        the points and in float64. Where a gradient is infinite or NaN, so is the field.

    Notes
    -----
    Mescheder et al. 2018, Sec. 2.1, with the sign of psi turned: there a positive score means "rendered", here it
    means "real".
    """
    theta, psi = _points(theta, psi)
    return _pull_on_theta(loss, theta, psi), _pull_on_psi(loss, theta, psi)


def trajectory(
    loss: AdversarialLoss,
    theta: Numbers,
    psi: Numbers,
    *,
    learning_rate: float,
    steps: int,
    alternating: bool = True,
) -> tuple[Tensor, Tensor]:
    """Follow gradient descent from one start, or from several at once.

    Parameters
    ----------
    loss
        The two sides of the game; each the mean over its logits.
    theta, psi
        The start; numbers or tensors that broadcast.
    learning_rate
        Length of a step, in gradients; the same for both players.
    steps
        How often both players move.
    alternating
        Whether the discriminator moves first and the generator answers the moved one, as `train.train_step` does it.
        If not, both move at once.

    Returns
    -------
    thetas, psis
        Shape (steps + 1, ...): the start, and where it stands after each step, in float64. A run that meets an
        infinite or NaN gradient goes on with it, so that it can be seen.

    Raises
    ------
    ValueError
        If the learning rate is not above 0, or the number of steps is below 1.
    """
    if not learning_rate > 0:
        raise ValueError(f"learning_rate must be above 0, got {learning_rate}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    theta, psi = _points(theta, psi)
    thetas, psis = [theta], [psi]
    for _ in range(steps):
        moved = psi + learning_rate * _pull_on_psi(loss, theta, psi)
        theta = theta + learning_rate * _pull_on_theta(loss, theta, moved if alternating else psi)
        psi = moved
        thetas.append(theta)
        psis.append(psi)
    return torch.stack(thetas), torch.stack(psis)


def _points(theta: Numbers, psi: Numbers) -> tuple[Tensor, Tensor]:
    theta, psi = torch.broadcast_tensors(*(torch.as_tensor(x, dtype=torch.float64).detach() for x in (theta, psi)))
    return theta, psi


# The logit of the rendering is s = psi * theta, so by the chain rule each pull is the slope of a loss by s, times the
# other player. The photograph's logit is 0 wherever the players stand, and pulls at neither.


def _pull_on_theta(loss: AdversarialLoss, theta: Tensor, psi: Tensor) -> Tensor:
    logits = (psi * theta).requires_grad_()
    return -psi * _slope(loss.generator(fake_logits=logits), logits)


def _pull_on_psi(loss: AdversarialLoss, theta: Tensor, psi: Tensor) -> Tensor:
    logits = (psi * theta).requires_grad_()
    return -theta * _slope(loss.discriminator(real_logits=torch.zeros_like(logits), fake_logits=logits), logits)


def _slope(mean: Tensor, logits: Tensor) -> Tensor:
    """Give the slope of each point's own loss: a mean over n points carries 1 / n of it."""
    (gradient,) = torch.autograd.grad(mean, logits)
    return logits.numel() * gradient
