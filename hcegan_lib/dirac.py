"""The Dirac-GAN of Mescheder, Geiger and Nowozin 2018: the smallest GAN that shows whether training converges.

All real data is the number 0. The generator outputs one number, theta, and the discriminator scores a number x with
psi * x. So real data has the logit 0 for every psi, a generated number has psi * theta, and the equilibrium is
theta = psi = 0. With two parameters, the whole training can be drawn in a plane.
"""

import torch
from torch import Tensor

from hcegan_lib.losses import AdversarialLoss

Numbers = Tensor | float


def vector_field(loss: AdversarialLoss, theta: Numbers, psi: Numbers) -> tuple[Tensor, Tensor]:
    """Compute the direction of gradient descent for both players, at one point or on a grid.

    Parameters
    ----------
    loss
        The losses of both players, from `losses.LOSSES` or written by hand; each a mean over logits.
    theta, psi
        Output of the generator and slope of the discriminator; numbers or tensors that broadcast.

    Returns
    -------
    v_theta, v_psi
        Negative gradients, of the generator's loss with respect to theta and of the discriminator's with respect to
        psi, in float64. Infinite or NaN where the gradient is.

    Notes
    -----
    Mescheder et al. 2018, Sec. 2.1, with the opposite sign of psi: there a positive score means "fake", here "real".
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
    """Run gradient descent from one start, or from several at once.

    Parameters
    ----------
    loss
        The losses of both players; each a mean over logits.
    theta, psi
        The start; numbers or tensors that broadcast.
    learning_rate
        Of both players.
    steps
        Number of updates of each player.
    alternating
        Whether the discriminator moves first and the generator responds to the moved discriminator, as in
        `train.train_step`. Otherwise both move at once.

    Returns
    -------
    thetas, psis
        Shape (steps + 1, ...), float64: the start and the position after each step. Infinite or NaN gradients are
        followed too, so that they can be seen.

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
    numbers = (torch.as_tensor(x, dtype=torch.float64).detach() for x in (theta, psi))
    thetas, psis = torch.broadcast_tensors(*numbers)
    return thetas, psis


# The fake logit is s = psi * theta, so by the chain rule each gradient is the slope of a loss at s times the other
# player. The real logit is 0 for all theta and psi, so it contributes to neither gradient.


def _pull_on_theta(loss: AdversarialLoss, theta: Tensor, psi: Tensor) -> Tensor:
    logits = (psi * theta).requires_grad_()
    return -psi * _slope(loss.generator(fake_logits=logits), logits)


def _pull_on_psi(loss: AdversarialLoss, theta: Tensor, psi: Tensor) -> Tensor:
    logits = (psi * theta).requires_grad_()
    return -theta * _slope(loss.discriminator(real_logits=torch.zeros_like(logits), fake_logits=logits), logits)


def _slope(mean: Tensor, logits: Tensor) -> Tensor:
    """Differentiate the loss at each point; the mean over n points contains 1 / n of it."""
    (gradient,) = torch.autograd.grad(mean, logits)
    return logits.numel() * gradient
