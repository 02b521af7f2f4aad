"""A model with one latent number z and one visible number x, exact on a grid: p(x|z) = N(f(z), sigma^2), p(z) = N(0, 1).

On a grid every integral is a sum over its points times their distance. The linear decoder has closed forms to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Decoder = Literal["line", "wave", "fold"]
DECODERS: tuple[Decoder, ...] = ("line", "wave", "fold")


@dataclass(frozen=True)
class Five:
    """The five distributions as densities. prior: p(z), (n,); likelihood: p(x|z), (n, m); joint: p(x, z), (n, m);
    marginal: p(x), (m,); posterior: p(z|x), (m, n). zs: (n,) and xs: (m,) are the grid's points.
    """

    zs: Array
    xs: Array
    prior: Array
    likelihood: Array
    joint: Array
    marginal: Array
    posterior: Array


def normal(at: Array, mean: Array | float, sigma: float) -> Array:
    """The density of N(mean, sigma^2)."""
    density: Array = np.exp(-0.5 * ((at - mean) / sigma) ** 2) / (sigma * np.sqrt(2.0 * np.pi))
    return density


def decode(kind: Decoder, z: Array, weight: float) -> Array:
    """The decoder f(z): a line, a wave on a line, or a fold, in which two z give the same x."""
    if kind == "line":
        return weight * z
    if kind == "wave":
        return weight * (0.6 * z + 0.8 * np.sin(2.0 * z))
    return weight * (z**2 - 1.0)


def five(kind: Decoder, weight: float, sigma: float, zs: Array, xs: Array) -> Five:
    """All five from the two that define the model: p(z) and p(x|z). sigma: of x around f(z)."""
    prior = normal(zs, 0.0, 1.0)
    likelihood = normal(xs[None, :], decode(kind, zs, weight)[:, None], sigma)
    joint = likelihood * prior[:, None]
    marginal = joint.sum(axis=0) * (zs[1] - zs[0])
    posterior = joint.T / np.maximum(marginal, 1e-300)[:, None]
    return Five(zs, xs, prior, likelihood, joint, marginal, posterior)


def draw_pairs(kind: Decoder, weight: float, sigma: float, count: int, seed: int = 0) -> Array:
    """Generation: z from p(z), then x from p(x|z). -> (count, 2) pairs (z, x)."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal(count)
    x = decode(kind, z, weight) + sigma * rng.standard_normal(count)
    return np.stack([z, x], axis=1)


def posterior_at(kind: Decoder, weight: float, sigma: float, x: float, zs: Array) -> tuple[Array, float]:
    """Inference for one x: p(z|x), (n,), and the evidence p(x), both from the joint along this x."""
    slice_ = normal(np.array(x), decode(kind, zs, weight), sigma) * normal(zs, 0.0, 1.0)
    evidence = float(slice_.sum() * (zs[1] - zs[0]))
    return slice_ / max(evidence, 1e-300), evidence


def moments(density: Array, at: Array) -> tuple[float, float]:
    """Mean and standard deviation of a density on a grid."""
    step = at[1] - at[0]
    mean = float((density * at).sum() * step)
    return mean, float(np.sqrt(max(0.0, (density * (at - mean) ** 2).sum() * step)))


@dataclass(frozen=True)
class Closed:
    """The linear decoder in closed form: p(x) = N(0, marginal_sigma^2), p(z|x) = N(mean, sigma^2)."""

    evidence: float
    mean: float
    sigma: float
    marginal_sigma: float


def linear_gaussian(weight: float, sigma: float, x: float) -> Closed:
    """Marginal N(0, w^2 + s^2) and posterior N(w x / (w^2 + s^2), s^2 / (w^2 + s^2)). Bishop 2006, equations 2.115-2.117."""
    total = weight**2 + sigma**2
    return Closed(
        evidence=float(normal(np.array(x), 0.0, float(np.sqrt(total)))),
        mean=weight * x / total,
        sigma=float(np.sqrt(sigma**2 / total)),
        marginal_sigma=float(np.sqrt(total)),
    )
