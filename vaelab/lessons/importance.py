"""The bound that tightens: log p(x) estimated from K draws of q. Numpy; the VAE's decoder is asked through torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from vaelab.lessons.small_vae import SmallVae

Array = NDArray[Any]
LogJoint = Callable[[Array], Array]  # z (..., Z) -> log p(x, z) (...)
LOG_2PI = math.log(2.0 * math.pi)
LARGEST = 5_000  # draws
GRID = 161  # points on each side of the plane that is summed over
WINDOW = 8.0  # standard deviations of q on each side of its mean that are summed finely
REACH = 6.0  # standard deviations of the prior: beyond lies 2e-9 of it


def log_weights(log_joint: LogJoint, mu: Array, sigma: Array, eps: Array) -> Array:
    """log p(x, z) - log q(z) at draws z = mu + sigma * eps from q. mu, sigma: (Z,); eps: (..., Z) -> (...) nats."""
    z = mu + sigma * eps
    log_q = -0.5 * (LOG_2PI + 2.0 * np.log(sigma) + eps**2).sum(axis=-1)
    return np.asarray(log_joint(z) - log_q)


def estimates(weights: Array, draws: int) -> Array:
    """log of the mean of every `draws` weights in turn: so many estimates of log p(x). (N,) logs -> (N // draws,) nats.

    Their expectation grows with the draws towards log p(x); with one it is the ELBO (Burda et al. 2016, theorem 1).
    """
    groups = weights[: len(weights) // draws * draws].reshape(-1, draws)
    largest = groups.max(axis=1, keepdims=True)  # taken out, so that the exponential neither vanishes nor overflows
    return np.asarray(np.log(np.exp(groups - largest).mean(axis=1)) + largest[:, 0])


def effective(weights: Array, draws: int) -> float:
    """How many of every `draws` weights count, on average: (sum w)^2 / sum w^2, from 1 to draws. weights: (N,) logs.

    Kong 1992. Where it is small, a few draws decide, and both the mean of the estimates and its error are not to be trusted.
    """
    groups = weights[: len(weights) // draws * draws].reshape(-1, draws)
    w = np.exp(groups - groups.max(axis=1, keepdims=True))
    return float((w.sum(axis=1) ** 2 / (w**2).sum(axis=1)).mean())


def vae_log_joint(model: SmallVae, x: Array) -> LogJoint:
    """log p(x|z) + log p(z) of a small VAE for one image x: (D,)."""
    import torch
    from torch.nn import functional as F

    target = torch.from_numpy(np.asarray(x, dtype=np.float32))

    @torch.no_grad()
    def answer(z: Array) -> Array:
        logits = model.decode_logits(torch.from_numpy(np.asarray(z, dtype=np.float32)))
        recon = F.softplus(logits).sum(dim=-1) - logits @ target  # the cross-entropy of x under sigmoid(logits)
        prior = 0.5 * (LOG_2PI + np.asarray(z) ** 2).sum(axis=-1)
        return np.asarray(-recon.double().numpy() - prior)

    return answer


def log_evidence_on_grid(log_joint: LogJoint, mu: Array, sigma: Array) -> float:
    """log p(x) of a model with two latent numbers: p(x, z) summed over the plane, finely where q says z lies. Nats.

    mu, sigma: (2,) of q. A posterior may be narrower than the cells of a grid that holds the prior, or lie beyond it.
    """
    inner = [np.linspace(m - WINDOW * s, m + WINDOW * s, GRID) for m, s in zip(mu, sigma, strict=True)]
    reach = max(REACH, *(float(np.abs(axis).max()) for axis in inner))
    outer = [np.linspace(-reach, reach, GRID)] * 2
    fine, coarse = _plane(inner), _plane(outer)
    beyond = (np.abs(coarse - mu) > WINDOW * sigma).any(axis=1)
    parts = [(fine, inner), (coarse[beyond], outer)]
    sums = [np.logaddexp.reduce(log_joint(points)) + _log_cell(axes) for points, axes in parts]
    return float(np.logaddexp(*sums))


def _plane(axes: list[Array]) -> Array:
    return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)


def _log_cell(axes: list[Array]) -> float:
    return sum(math.log(axis[1] - axis[0]) for axis in axes)
