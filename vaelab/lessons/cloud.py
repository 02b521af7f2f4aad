"""From a point to a distribution: the cloud of codes that an encoder's mu and sigma stand for. No torch.

While a slider moves the browser computes the same in JavaScript (ui/components/cloud/maths.js), held equal by a test.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def codes_around(mu: Array, sigma: Array, eps: Array) -> Array:
    """Draws from N(mu, diag(sigma^2)): z = mu + sigma * eps. mu, sigma: (Z,); eps: (S, Z) from N(0, I) -> (S, Z)."""
    return np.asarray(mu + sigma * eps)


def kl_nats(mu: Array, sigma: Array) -> Array:
    """KL of N(mu, sigma^2) from N(0, 1) in each dimension, nats; infinite for a point (sigma 0).

    Kingma & Welling 2014, app. B.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(0.5 * (mu**2 + sigma**2 - 1.0 - np.log(sigma**2)))


def normal_density(z: Array, mu: float, sigma: float) -> Array:
    """The density of N(mu, sigma^2) at each z."""
    return np.asarray(np.exp(-0.5 * ((z - mu) / sigma) ** 2) / (sigma * math.sqrt(2.0 * math.pi)))
