"""A model with two latent numbers and one visible number, whose log p(x) and true posterior are sums over a grid. Numpy alone.

p(x|z) = N(f(z), NOISE^2). The prior is N(0, I) or anything else whose log density is known. With the line everything has a closed form
to compare with: p(x) = N(0, |w|^2 + NOISE^2), and the posterior is a Gaussian that is not parallel to the axes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Curve = Literal["line", "bend", "ring"]
LogDensity = Callable[[Array], Array]  # z (..., 2) -> (...) nats

Family = Literal["diagonal", "full", "planar", "iaf"]  # of q
Shape = Literal["diagonal", "full"]
Prior = Literal["standard", "mixture", "vamp"]

CURVES: tuple[Curve, ...] = ("line", "bend", "ring")
FAMILIES: tuple[Family, ...] = ("diagonal", "full", "planar", "iaf")
FLOWS: tuple[Family, ...] = ("planar", "iaf")
SHAPES: tuple[Shape, ...] = ("diagonal", "full")
PRIORS: tuple[Prior, ...] = ("standard", "mixture", "vamp")
NOISE = 0.35  # sigma of x around f(z)
SLOPE = 0.9  # of the line, along both axes
REACH = 6.0  # standard deviations of the prior on each side: beyond lies 4e-9 of it
POINTS = 401  # on each side: the narrowest ridge, NOISE over the slope of f, is twice as wide as a cell
LOG_2PI = math.log(2.0 * math.pi)


def decode(curve: Curve, z: Any) -> Any:
    """f(z): a plane, whose posteriors are tilted ellipses; a valley, bananas; a bowl, rings. z: (..., 2) of NumPy or torch -> (...)."""
    first, second = z[..., 0], z[..., 1]
    if curve == "line":
        return SLOPE * (first + second)
    if curve == "bend":
        return second + 0.8 * (first**2 - 1.0)
    return first**2 + second**2 - 2.0


def log_likelihood(curve: Curve, x: Any, z: Any) -> Any:
    """log p(x|z) = log N(x; f(z), NOISE^2), nats. x: a number, or (...) as z has it; z: (..., 2) of NumPy or torch -> (...)."""
    return -0.5 * (((x - decode(curve, z)) / NOISE) ** 2 + LOG_2PI) - math.log(NOISE)


def log_standard(z: Any) -> Any:
    """log N(z; 0, I), nats. z: (..., 2) of NumPy or torch -> (...)."""
    return -0.5 * (z**2).sum(-1) - LOG_2PI


@lru_cache(maxsize=8)
def plane(reach: float = REACH, points: int = POINTS) -> tuple[Array, float]:
    """A grid over the plane, (points, points, 2), rows from the lowest z2 up, and log of a cell's area."""
    axis = np.linspace(-reach, reach, points)
    first, second = np.meshgrid(axis, axis)
    return np.stack([first, second], axis=-1), 2.0 * math.log(axis[1] - axis[0])


def log_evidence(curve: Curve, x: float, log_prior: LogDensity = log_standard) -> float:
    """log p(x): p(x|z) p(z) added up over the grid, nats."""
    z, cell = plane()
    return float(np.logaddexp.reduce((log_likelihood(curve, x, z) + log_prior(z)).ravel())) + cell


def posterior(curve: Curve, x: float, z: Array) -> Array:
    """The true p(z|x) under N(0, I) as a density at places z: (..., 2) -> (...)."""
    return np.asarray(np.exp(log_likelihood(curve, x, z) + log_standard(z) - log_evidence(curve, x)))


@dataclass(frozen=True)
class Tilted:
    """The line's posterior in closed form. mean: (2,); covariance: (2, 2); evidence: log p(x), nats."""

    mean: Array
    covariance: Array
    evidence: float


def line_exactly(x: float) -> Tilted:
    """Bishop 2006, equations 2.115 to 2.117, for one visible number and w = (SLOPE, SLOPE)."""
    w = np.array([SLOPE, SLOPE])
    total = float(w @ w) + NOISE**2
    covariance = np.eye(2) - np.outer(w, w) / total
    evidence = -0.5 * (x**2 / total + LOG_2PI + math.log(total))
    return Tilted(w * x / total, covariance, evidence)
