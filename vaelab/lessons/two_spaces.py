"""One point in two latent spaces: a disc around a face's code, whose edge is made of draws. No torch.

At the centre lies the code of one image; at the edge lie draws from what the model's codes are like: for a VAE from its prior, for an
autoencoder, which has none, from a Gaussian with the mean and spread of its codes, each number kept to the range that codes have.
The browser makes the same codes while the point is dragged (ui/components/twin/maths.js), held equal by a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SIDE = 33  # places along each side of the field of distances


@dataclass(frozen=True)
class Disc:
    """centre: the image's code; mean, spread: of the draws; low, high: the range kept to; across, up: two draws from N(0, I). All (Z,)."""

    centre: Array
    mean: Array
    spread: Array
    low: Array
    high: Array
    across: Array
    up: Array


def disc(codes: Array, image: int, variational: bool, seed: int) -> Disc:
    """The disc around the code of one image. codes: (N, Z), the mu of known images; seed: of the two draws that span it."""
    across, up = np.random.default_rng(seed).standard_normal((2, codes.shape[1]))
    count = codes.shape[1]
    if variational:
        mean, spread, low, high = np.zeros(count), np.ones(count), np.full(count, -np.inf), np.full(count, np.inf)
    else:
        mean, spread, low, high = codes.mean(axis=0), codes.std(axis=0), codes.min(axis=0), codes.max(axis=0)
    return Disc(codes[image], mean, spread, low, high, across, up)


def codes_at(it: Disc, x: Array, y: Array) -> Array:
    """The codes at places of the disc, -1 to 1 on both axes: (N,), (N,) -> (N, Z). Beyond the edge as at the edge.

    cos t * across + sin t * up is a draw from N(0, I) for every angle t, because both are and are independent.
    """
    radius = np.hypot(x, y)
    turned = np.where(radius > 0, 1.0 / np.maximum(radius, 1e-12), 0.0)
    noise = (x * turned)[:, None] * it.across + (y * turned)[:, None] * it.up
    drawn = np.clip(it.mean + it.spread * noise, it.low, it.high)
    share = np.minimum(radius, 1.0)[:, None]
    return np.asarray((1.0 - share) * it.centre + share * drawn)


def nearest(codes: Array, at: Array) -> Array:
    """How far the nearest known code is, each dimension in units of its spread. codes: (N, Z); at: (M, Z) -> (M,)."""
    spread = codes.std(axis=0)
    used = spread > 1e-6  # a number that is the same for all images tells nothing
    known, asked = codes[:, used] / spread[used], at[:, used] / spread[used]
    squared = (asked**2).sum(axis=1)[:, None] + (known**2).sum(axis=1)[None] - 2.0 * asked @ known.T
    return np.asarray(np.sqrt(np.maximum(squared, 0.0).min(axis=1)))


def usual(codes: Array) -> float:
    """The median of how far each known code is from the nearest other one, in the units of `nearest`."""
    rows = range(0, len(codes), max(1, len(codes) // 100))
    return float(np.median([nearest(np.delete(codes, k, axis=0), codes[k : k + 1])[0] for k in rows]))


def strangeness(codes: Array, it: Disc) -> Array:
    """Over the square around the disc, row by row from y = -1: `nearest` in units of `usual`. -> (SIDE, SIDE)."""
    y, x = np.meshgrid(*(np.linspace(-1.0, 1.0, SIDE),) * 2, indexing="ij")
    return nearest(codes, codes_at(it, x.ravel(), y.ravel())).reshape(SIDE, SIDE) / usual(codes)
