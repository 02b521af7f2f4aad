"""The aggregate posterior q(z), the average of all images' posteriors, against the prior p(z) = N(0, I). Numpy alone.

Training pulls each q(z|x) towards the prior, but what generation needs is that their average covers it: a place that
the prior draws from and no image's posterior reaches is a hole, and the decoder has never been there (Makhzani et al.
2015; Hoffman & Johnson 2016).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

IMAGES = 2_000  # whose posteriors are averaged: more change no pixel of a figure
DRAWS = 1_000  # from the prior, to measure holes
HOLE = 0.1  # a place is in a hole where q(z) is less than this share of p(z)


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


def overlap(q: Array, grid: Array) -> float:
    """The mass that q and N(0, 1) share, 0 to 1: the integral of the smaller density over an even grid."""
    return float(np.minimum(q, normal(grid)).sum() * (grid[1] - grid[0]))


def holes(mu: Array, sigma: Array, *, seed: int = 0) -> float:
    """The share of the prior's draws that fall where q(z) < p(z) / 10. mu, sigma: (N, K) for the K dimensions looked at."""
    z = np.random.default_rng(seed).standard_normal((DRAWS, mu.shape[1]))
    q = np.empty(DRAWS)
    for start in range(0, DRAWS, 100):  # 100 x N x K numbers at once
        part = z[start : start + 100, None, :]
        density = (normal((part - mu) / sigma) / sigma).prod(axis=2)
        q[start : start + 100] = density.mean(axis=1)
    return float((q < HOLE * normal(z).prod(axis=1)).mean())


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
