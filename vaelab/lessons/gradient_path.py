"""Where a gradient goes and where it stops, asked of torch itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from vaelab.lessons.gradients import Cost


@dataclass(frozen=True)
class GradientPath:
    """What torch says after one pass: the draw, the loss, whether each knows where it came from, and the gradients."""

    z: float
    loss: float
    z_knows: bool
    loss_knows: bool
    mu_grad: float | None
    sigma_grad: float | None

    @property
    def flows(self) -> bool:
        """Whether anything but nought arrives at mu or sigma."""
        return any(grad for grad in (self.mu_grad, self.sigma_grad))


Draw = Literal["with", "normal", "without"]
DRAWS: tuple[Draw, ...] = ("with", "normal", "without")  # z = mu + sigma * eps, torch.normal, Normal.sample


def follow_gradient(cost: Cost, mu_value: float, sigma_value: float, eps: Tensor, draw: Draw) -> GradientPath:
    """One draw of z, one loss f(z), one backward pass. eps: a number from N(0, 1), which "with" alone uses."""
    mu = torch.tensor(mu_value, requires_grad=True)
    sigma = torch.tensor(sigma_value, requires_grad=True)
    if draw == "with":
        z = mu + sigma * eps
    elif draw == "normal":
        z = torch.normal(mu, sigma)  # knows where it came from, and its gradient is written to be 0
    else:
        z = torch.distributions.Normal(mu, sigma).sample()  # type: ignore[no-untyped-call]  # forgets how it came about
    loss = cost.value(z)
    if loss.requires_grad:
        torch.autograd.backward(loss)
    grads = [None if leaf.grad is None else leaf.grad.item() for leaf in (mu, sigma)]
    return GradientPath(z.item(), loss.item(), z.requires_grad, loss.requires_grad, grads[0], grads[1])
