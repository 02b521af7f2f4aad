"""What the ELBO is derived from, on one axis: the KL divergence of two Gaussians, Jensen's gap, and log p(x) = ELBO + gap."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Gaussian = tuple[float, float]  # mean, standard deviation
LOG_2PI = math.log(2.0 * math.pi)


def log_density(q: Gaussian, z: Array) -> Array:
    """log q(z), nats per unit of z."""
    mean, sigma = q
    return np.asarray(-0.5 * ((z - mean) / sigma) ** 2 - math.log(sigma) - 0.5 * LOG_2PI)


def divergence(q: Gaussian, p: Gaussian) -> float:
    """KL(q || p) = E_q[log q(z) - log p(z)] in nats: never negative, 0 only where they are the same, and not symmetric."""
    (m, s), (mean, sigma) = q, p
    return math.log(sigma / s) + (s**2 + (m - mean) ** 2) / (2.0 * sigma**2) - 0.5


def summand(q: Gaussian, p: Gaussian, z: Array) -> Array:
    """q(z) (log q(z) - log p(z)), whose area is KL(q || p). It may be negative in places; the area never is."""
    at = log_density(q, z)
    return np.asarray(np.exp(at) * (at - log_density(p, z)))


def jensen(first: float, second: float, share: float) -> tuple[float, float]:
    """(log of the mean, mean of the logs) of two weights, the first with this share. The log of the mean is never the smaller."""
    return (
        math.log(share * first + (1.0 - share) * second),
        share * math.log(first) + (1.0 - share) * math.log(second),
    )


def line_evidence(x: float, sigma: float) -> float:
    """log p(x) of the model p(z) = N(0, 1), p(x|z) = N(z, sigma^2): p(x) = N(0, 1 + sigma^2). Nats."""
    return float(log_density((0.0, math.hypot(1.0, sigma)), np.array(x)))


def line_posterior(x: float, sigma: float) -> Gaussian:
    """p(z|x) of the same model: mean x / (1 + sigma^2), variance sigma^2 / (1 + sigma^2)."""
    return x / (1.0 + sigma**2), sigma / math.hypot(1.0, sigma)


def line_elbo(q: Gaussian, x: float, sigma: float) -> tuple[float, float]:
    """(E_q[log p(x|z)], KL(q || p(z))) of the same model: the ELBO is the first minus the second. It does not ask for p(x)."""
    m, s = q
    fit = -0.5 * LOG_2PI - math.log(sigma) - ((x - m) ** 2 + s**2) / (2.0 * sigma**2)
    return fit, divergence(q, (0.0, 1.0))
