"""The aggregate posterior q(z), the average of all images' posteriors, against a prior p(z), N(0, I) or a mixture. Numpy alone.

Training pulls each q(z|x) towards the prior, but what generation needs is that their average covers it: a place that
the prior draws from and no image's posterior reaches is a hole, and the decoder has never been there (Makhzani et al.
2015; Hoffman & Johnson 2016).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

IMAGES = 2_000  # whose posteriors are averaged: more change no pixel of a figure
DRAWS = 1_000  # from the prior, to measure holes
AT_ONCE = 100  # places whose density is found together: times K x Z numbers
HOLE = 0.1  # a place is in a hole where q(z) is less than this share of p(z)


@dataclass(frozen=True)
class Gaussians:
    """A prior as a weighted sum of diagonal Gaussians. mu, sigma: (K, Z); weights: (K,), 1 in all."""

    mu: Array
    sigma: Array
    weights: Array

    @classmethod
    def standard(cls, dims: int) -> Gaussians:
        """N(0, I)."""
        return cls(np.zeros((1, dims)), np.ones((1, dims)), np.ones(1))

    def along(self, dims: Sequence[int]) -> Gaussians:
        """What it is in some dimensions, over all values of the others."""
        return Gaussians(self.mu[:, list(dims)], self.sigma[:, list(dims)], self.weights)

    def draw(self, n: int, random: np.random.Generator) -> Array:
        """(n, Z): a Gaussian by its weight, then a draw from it."""
        eps = random.standard_normal((n, self.mu.shape[1]))
        chosen = random.choice(len(self.mu), n, p=self.weights / self.weights.sum())
        return np.asarray(self.mu[chosen] + self.sigma[chosen] * eps)

    def density(self, z: Array) -> Array:
        """p(z). (N, Z) -> (N,)."""
        return density(z, self.mu, self.sigma, self.weights)


def density(z: Array, mu: Array, sigma: Array, weights: Array | None = None) -> Array:
    """The density of a sum of diagonal Gaussians, all of one weight unless weights (K,) are given. (N, Z), (K, Z) -> (N,)."""
    found = np.empty(len(z))
    for start in range(0, len(z), AT_ONCE):
        part = z[start : start + AT_ONCE, None, :]
        each = (normal((part - mu) / sigma) / sigma).prod(axis=2)
        found[start : start + AT_ONCE] = each.mean(axis=1) if weights is None else each @ weights
    return found


def spread(mu: Array, sigma: Array | None, together: int = 1) -> Array:
    """sigma, or for the points of an autoencoder the bandwidth of a kernel density: (N, Z).

    together: how many dimensions the density has, on which the best bandwidth depends (Silverman 1986, eq. 4.14 and table 4.1).
    """
    if sigma is not None:
        return sigma
    factor = (4.0 / (together + 2.0)) ** (1.0 / (together + 4.0)) * len(mu) ** (-1.0 / (together + 4.0))
    return np.broadcast_to(np.maximum(factor * mu.std(axis=0), 1e-3), mu.shape)


def some(mu: Array, sigma: Array) -> tuple[Array, Array]:
    """At most IMAGES rows, evenly spaced."""
    if len(mu) <= IMAGES:
        return mu, sigma
    rows = np.linspace(0, len(mu) - 1, IMAGES).round().astype(int)
    return mu[rows], sigma[rows]


def normal(grid: Array) -> Array:
    """The density of N(0, 1)."""
    return np.asarray(np.exp(-0.5 * grid**2) / math.sqrt(2.0 * math.pi))


def marginal(mu: Array, sigma: Array, grid: Array) -> Array:
    """q(z_k) at each point of a grid: the mean of N(mu_n, sigma_n^2). mu, sigma: (N,), grid: (G,) -> (G,)."""
    return np.asarray((normal((grid[:, None] - mu) / sigma) / sigma).mean(axis=1))


def overlap(q: Array, grid: Array, p: Array | None = None) -> float:
    """The mass that q and p, N(0, 1) unless given, share, 0 to 1: the integral of the smaller density over an even grid."""
    return float(np.minimum(q, normal(grid) if p is None else p).sum() * (grid[1] - grid[0]))


def holes(mu: Array, sigma: Array, prior: Gaussians | None = None, *, seed: int = 0) -> float:
    """The share of the prior's draws, N(0, I)'s unless given, where q(z) < p(z) / 10. mu, sigma: (N, K) for the K dimensions looked at."""
    prior = prior or Gaussians.standard(mu.shape[1])
    z = prior.draw(DRAWS, np.random.default_rng(seed))
    return float((density(z, mu, sigma) < HOLE * prior.density(z)).mean())


def plane_density(points: Array, variances: Array, centre: Array, reach: float, cells: int) -> Array:
    """q on an even grid of a plane, the mean of N(points_n, variances_n): (N, 2), (N, 2), (2,) -> (cells, cells), row by row from below.

    The grid spans reach to every side of the centre. Axes of each posterior are taken to be those of the plane: exact for two
    dimensions of z, and for principal components where the posterior is round.
    """
    along = np.linspace(-reach, reach, cells)
    sigma = np.sqrt(np.maximum(variances, 1e-6))
    x, y = ((normal((along + centre[k] - points[:, k, None]) / sigma[:, k, None]) / sigma[:, k, None]) for k in (0, 1))
    return np.asarray(y.T @ x / len(points))


def ellipses(centres: Array, axes: Array, points: int = 33) -> Array:
    """Outlines of axis-parallel ellipses with a NaN after each, for one line through all. (N, 2), (N, 2) -> (N (points + 1), 2)."""
    turns = np.linspace(0.0, 2.0 * np.pi, points)
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    outlines = np.full((len(centres), points + 1, 2), np.nan)
    outlines[:, :points] = centres[:, None] + axes[:, None] * circle
    return outlines.reshape(-1, 2)
