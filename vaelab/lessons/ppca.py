"""A linear-Gaussian VAE, where everything is known exactly: probabilistic PCA. Numpy alone.

z ~ N(0, I), x|z ~ N(W z + m, s2 I). Tipping & Bishop 1999, "Probabilistic principal component analysis".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
LOG_2PI = math.log(2.0 * math.pi)


@dataclass(frozen=True)
class LinearGaussian:
    """weights: W, (D, Z); mean: m, (D,); noise: s2, the variance of every pixel given z."""

    weights: Array
    mean: Array
    noise: float


def fit_ppca(x: Array, latents: int) -> LinearGaussian:
    """The W and s2 of greatest likelihood, in closed form (Tipping & Bishop 1999, eq. 7 and 8). x: (N, D).

    The covariance is divided by N - 1, as scikit-learn does, where the paper divides by N.
    """
    mean = x.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(x.T))
    values, vectors = values[::-1], vectors[:, ::-1]
    noise = float(values[latents:].mean())
    weights = vectors[:, :latents] * np.sqrt(values[:latents] - noise)
    return LinearGaussian(weights, mean, noise)


def log_likelihood(model: LinearGaussian, x: Array) -> Array:
    """log p(x) = log N(x; m, W W' + s2 I), nats (Tipping & Bishop 1999, eq. 4). x: (N, D) -> (N,)."""
    pixels = len(model.mean)
    covariance = model.weights @ model.weights.T + model.noise * np.eye(pixels)
    _, log_det = np.linalg.slogdet(covariance)
    centred = x - model.mean
    distance = (centred * np.linalg.solve(covariance, centred.T).T).sum(axis=1)
    return np.asarray(-0.5 * (pixels * LOG_2PI + log_det + distance))


def exact_posterior(model: LinearGaussian, x: Array) -> tuple[Array, Array]:
    """Mean and covariance of p(z|x) (Tipping & Bishop 1999, eq. 6). x: (N, D) -> (N, Z), (Z, Z)."""
    inverse = np.linalg.inv(model.weights.T @ model.weights + model.noise * np.eye(model.weights.shape[1]))
    return (x - model.mean) @ model.weights @ inverse.T, model.noise * inverse


def log_joint(model: LinearGaussian, x: Array, z: Array) -> Array:
    """log p(x|z) + log p(z), nats. x: (D,); z: (..., Z) -> (...)."""
    away = x - model.mean
    # |away - W z|^2 multiplied out: thousands of z then cost Z numbers each instead of D
    error = (
        away @ away - 2.0 * z @ (model.weights.T @ away) + ((z @ (model.weights.T @ model.weights)) * z).sum(axis=-1)
    )
    pixels, latents = model.weights.shape
    constant = pixels * (LOG_2PI + math.log(model.noise)) + latents * LOG_2PI
    return np.asarray(-0.5 * (error / model.noise + (z**2).sum(axis=-1) + constant))


def exact_elbo(model: LinearGaussian, x: Array, mu: Array, sigma: Array) -> Array:
    """The bound for q = N(mu, diag(sigma^2)), in closed form: E_q[log p(x|z)] - KL(q, prior). x: (N, D) -> (N,) nats."""
    pixels = len(model.mean)
    missed = ((x - model.mean - mu @ model.weights.T) ** 2).sum(axis=1)
    blurred = (sigma**2 * (model.weights**2).sum(axis=0)).sum(axis=-1)
    recon = 0.5 * (pixels * (LOG_2PI + math.log(model.noise)) + (missed + blurred) / model.noise)
    kl = 0.5 * (mu**2 + sigma**2 - 1.0 - np.log(sigma**2)).sum(axis=-1)
    return np.asarray(-recon - kl)


def kl_to_posterior(mu: Array, sigma: Array, mean: Array, covariance: Array) -> Array:
    """KL of q = N(mu, diag(sigma^2)) from p(z|x) = N(mean, covariance), nats. mu, mean: (N, Z); sigma: (Z,) -> (N,)."""
    inverse = np.linalg.inv(covariance)
    _, log_det = np.linalg.slogdet(covariance)
    away = mean - mu
    distance = np.einsum("nk,kl,nl->n", away, inverse, away)
    spread = (np.diag(inverse) * sigma**2).sum()
    return np.asarray(0.5 * (spread + distance - len(sigma) + log_det - np.log(sigma**2).sum()))
