"""A density made of kernels, one Gaussian bump for each point, and how long it can be held up at one place. No torch.

While points are dragged the browser computes the same (ui/components/budget/maths.js), held equal by a test.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def density(points: Array, at: Array, width: float) -> Array:
    """p(x): the mean of N(point, width^2 I) over the points (Parzen 1962). points: (N, 2); at: (M, 2) -> (M,) per square unit."""
    far = ((at[:, None] - points[None]) ** 2).sum(axis=2)
    return np.asarray(np.exp(-0.5 * far / width**2).mean(axis=1) / (2.0 * math.pi * width**2))


def longest(mine: int, line: float, width: float) -> int:
    """How many other points, far away, p(x) can bear at a place before it falls below a line, if all of mine stand there.

    mine of N points give at most mine / N of one bump's peak, 1 / (2 pi width^2), because all bumps share a mass of 1.
    """
    return math.floor(mine / (2.0 * math.pi * width**2 * line) - mine)


def elsewhere(count: int, probe: Array, reach: float, away: float, seed: int) -> Array:
    """Points of a square of half side reach, each at least `away` from the probe. -> (count, 2)."""
    draw = np.random.default_rng(seed)
    drawn = draw.uniform(-reach, reach, (20 * count, 2)).round(2)
    far = drawn[np.hypot(*(drawn - probe).T) >= away]
    return np.asarray(far[:count])
