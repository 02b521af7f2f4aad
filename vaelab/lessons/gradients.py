"""Two ways to differentiate an expectation over z ~ N(mu, sigma^2), and the exact answer beside them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]


@dataclass(frozen=True)
class Cost:
    """A function f of z, and E[f(z)] with its exact derivatives by mu and sigma for z ~ N(mu, sigma^2)."""

    value: Callable[[Tensor], Tensor]
    mean: Callable[[float, float], float]
    exact: Callable[[float, float], tuple[float, float]]


def _bell(x: float) -> float:
    return math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def _wave_exact(mu: float, sigma: float) -> tuple[float, float]:
    shrink = math.exp(-2.0 * sigma**2)  # of the wave, by the blur: E[exp(i 2 z)] = exp(i 2 mu - 2 sigma^2)
    return 2.0 * math.cos(2.0 * mu) * shrink, -4.0 * sigma * math.sin(2.0 * mu) * shrink


COSTS: dict[str, Cost] = {
    "square": Cost(
        lambda z: z**2,
        lambda mu, sigma: mu**2 + sigma**2,
        lambda mu, sigma: (2.0 * mu, 2.0 * sigma),
    ),
    "wave": Cost(
        lambda z: torch.sin(2.0 * z),
        lambda mu, sigma: math.sin(2.0 * mu) * math.exp(-2.0 * sigma**2),
        _wave_exact,
    ),
    "far": Cost(  # the same slope as the square: a constant changes nothing but the score-function estimate's noise
        lambda z: z**2 + 10.0,
        lambda mu, sigma: mu**2 + sigma**2 + 10.0,
        lambda mu, sigma: (2.0 * mu, 2.0 * sigma),
    ),
    "step": Cost(
        lambda z: (z > 0.0) + 0.0 * z,  # torch.heaviside has no derivative to ask for; this one is 0 everywhere
        lambda mu, sigma: 0.5 * (1.0 + math.erf(mu / (sigma * math.sqrt(2.0)))),
        lambda mu, sigma: (_bell(mu / sigma) / sigma, -mu / sigma**2 * _bell(mu / sigma)),
    ),
}


def reparameterized_gradients(cost: Cost, mu: float, sigma: float, eps: Array) -> tuple[Array, Array]:
    """One estimate for each eps of dE[f]/dmu and dE[f]/dsigma, through z = mu + sigma * eps. (S,) each.

    Kingma & Welling 2014, section 2.4; right on average where f has a slope (not at a jump).
    """
    z = torch.from_numpy(mu + sigma * eps).requires_grad_()
    (slope,) = torch.autograd.grad(cost.value(z).sum(), z)  # of f at each z
    return slope.numpy(), slope.numpy() * eps  # dz/dmu = 1, dz/dsigma = eps


def score_function_gradients(
    cost: Cost, mu: float, sigma: float, z: Array, baseline: float = 0.0
) -> tuple[Array, Array]:
    """One estimate for each z of the same two, f(z) - baseline times the derivative of log q(z). (S,) each.

    Williams 1992 (REINFORCE); needs no slope of f. A baseline that the draws have no part in changes no mean, since
    E[d log q] = 0, only the variance.
    """
    value, away = cost.value(torch.from_numpy(z)).numpy() - baseline, (z - mu) / sigma
    return value * away / sigma, value * (away**2 - 1.0) / sigma


def averaged(estimates: Array, size: int) -> Array:
    """Means of consecutive groups of `size` estimates, as a batch of that size would give. (S,) -> (S // size,)."""
    groups = len(estimates) // size
    return np.asarray(estimates[: groups * size].reshape(groups, size).mean(axis=1))
