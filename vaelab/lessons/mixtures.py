"""What a mixture of Gaussians answers in closed form: the mass in a box, and one coordinate given the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vaelab.lessons.kinds import Kinds, Mixture

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A mixture of Gaussians on a line. weights, means, variances: (K,)."""

    weights: Array
    means: Array
    variances: Array

    def density(self, at: Array) -> Array:
        """at: (N,) -> (N,) per plane unit."""
        spread = np.sqrt(2.0 * np.pi * self.variances)
        each = np.exp(-0.5 * (at[:, None] - self.means) ** 2 / self.variances) / spread
        total: Array = each @ self.weights
        return total

    @property
    def mean(self) -> float:
        """Mean of the whole mixture."""
        return float(self.weights @ self.means)

    @property
    def sigma(self) -> float:
        """Standard deviation of the whole mixture."""
        return float(np.sqrt(self.weights @ (self.variances + self.means**2) - self.mean**2))


def plane(reach: float, side: int) -> Array:
    """The middles of side x side equal cells of a square around the origin, row by row from the top. -> (side * side, 2)."""
    middles = (np.arange(side) + 0.5) / side * 2.0 * reach - reach
    x, y = np.meshgrid(middles, middles[::-1])
    return np.stack([x.ravel(), y.ravel()], axis=1)


@lru_cache(maxsize=64)  # a mixture that was fitted is not fitted again
def mass_inside(mixture: Mixture, reach: float, side: int = 160) -> float:
    """The integral of the density over the square [-reach, reach]^2: densities at the cells' middles times their area."""
    cells = plane(reach, side)
    return float(np.exp(mixture.score_samples(cells)).sum() * (2.0 * reach / side) ** 2)


@lru_cache(maxsize=64)
def mass_outside(mixture: Mixture, reach: float) -> float:
    """1 minus the distribution function over the same square, from SciPy: no sum over cells, so the two check each other."""
    from scipy.stats import multivariate_normal

    corner = np.full(2, reach)
    inside = [
        weight * multivariate_normal.cdf(corner, mean, covariance, lower_limit=-corner, rng=0)
        for weight, mean, covariance in zip(mixture.weights_, mixture.means_, mixture.covariances_, strict=True)
    ]
    return float(1.0 - np.sum(inside))


def missing(mixture: Mixture, first: float) -> tuple[Line, float]:
    """p(x2|x1) and log p(x1) in nats, of a mixture over the plane: each Gaussian conditioned, then weighted by how well it
    explains x1. Bishop 2006, equations 2.81, 2.82 and 2.98.
    """
    a, b = mixture.means_.T
    aa, ab, bb = (mixture.covariances_[:, i, j] for i, j in ((0, 0), (0, 1), (1, 1)))
    scores = np.log(mixture.weights_) - 0.5 * ((first - a) ** 2 / aa + np.log(2.0 * np.pi * aa))
    evidence = float(np.logaddexp.reduce(scores))
    return Line(np.exp(scores - evidence), b + ab / aa * (first - a), bb - ab**2 / aa), evidence


def class_given_first(kinds: Kinds, first: float) -> Array:
    """p(y|x1) when x2 is missing: Bayes' rule with each class's p(x1|y). -> (C,)."""
    scores = np.array([missing(part, first)[1] for part in kinds.conditional]) + np.log(kinds.priors)
    shares: Array = np.exp(scores - np.logaddexp.reduce(scores))
    return shares


def mass_near(mixture: Mixture, centre: Array, radius: float, reach: float, side: int = 80) -> float:
    """The integral of the density over the part of a disc that lies in the square [-reach, reach]^2. centre: (2,).

    Densities times areas, at the middles of cells that fill the box around that part.
    """
    return _mass_near(mixture, (float(centre[0]), float(centre[1])), radius, reach, side)


@lru_cache(maxsize=64)
def _mass_near(mixture: Mixture, place: tuple[float, float], radius: float, reach: float, side: int) -> float:
    centre = np.array(place)
    low, high = np.maximum(centre - radius, -reach), np.minimum(centre + radius, reach)
    width = (high - low) / side
    x, y = (low[axis] + (np.arange(side) + 0.5) * width[axis] for axis in (0, 1))
    cells = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    inside = cells[((cells - centre) ** 2).sum(axis=1) <= radius**2]
    return float(np.exp(mixture.score_samples(inside)).sum() * width.prod()) if len(inside) else 0.0
