"""The ELBO's two terms and their kin. Everything is per image, summed over pixels or dimensions, in nats.

Average over the batch once, at the end: that is the only reduction in the project (docs/decisions/0001-losses.md).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from vaelab.config.settings import LossConfig

LOG_2PI = math.log(2.0 * math.pi)


def bernoulli_recon(logits: Tensor, x: Tensor) -> Tensor:
    """Binary cross-entropy of x under sigmoid(logits). logits, x: (B, C, H, W), x in [0, 1] -> (B,) nats.

    Works on logits, so it stays finite where log(sigmoid) would be log(0). Kingma & Welling 2014, app. C.1.
    """
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(dim=1)


def gaussian_recon(logits: Tensor, x: Tensor, sigma: float) -> Tensor:
    """Negative log density of x under N(sigmoid(logits), sigma^2). logits, x: (B, C, H, W) -> (B,) nats."""
    error = (x - torch.sigmoid(logits)).square().flatten(1).sum(dim=1)
    pixels = x[0].numel()
    return error / (2.0 * sigma**2) + pixels * (math.log(sigma) + 0.5 * LOG_2PI)


def recon_loss(logits: Tensor, x: Tensor, cfg: LossConfig) -> Tensor:
    """The reconstruction term -log p(x|z). logits, x: (B, C, H, W) -> (B,) nats."""
    if cfg.likelihood == "gaussian":
        return gaussian_recon(logits, x, cfg.sigma)
    return bernoulli_recon(logits, x)


def kl_per_dim(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL of N(mu, exp(logvar)) from N(0, 1) in each dimension. mu, logvar: (B, Z) -> (B, Z) nats.

    Kingma & Welling 2014, app. B.
    """
    return 0.5 * (mu.square() + logvar.exp() - 1.0 - logvar)


def kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL of N(mu, exp(logvar)) from N(0, I). mu, logvar: (B, Z) -> (B,) nats."""
    return kl_per_dim(mu, logvar).sum(dim=1)


def floor(x: Tensor, cfg: LossConfig) -> Tensor:
    """The smallest reconstruction term that any decoder could reach. x: (B, C, H, W) in [0, 1] -> (B,) nats.

    For Bernoulli it is the entropy of the pixels themselves, reached at x_hat = x; for a Gaussian the log normaliser.
    """
    if cfg.likelihood == "gaussian":
        pixels = x[0].numel()
        return x.new_full((len(x),), pixels * (math.log(cfg.sigma) + 0.5 * LOG_2PI))
    entropy: Tensor = -(torch.special.xlogy(x, x) + torch.special.xlogy(1.0 - x, 1.0 - x))
    return entropy.flatten(1).sum(dim=1)


def log_normal(z: Tensor, mu: Tensor | float = 0.0, logvar: Tensor | float = 0.0) -> Tensor:
    """Log density of N(mu, exp(logvar)) at z, summed over the last axis. z: (..., Z) -> (...) nats."""
    logvar = torch.as_tensor(logvar, dtype=z.dtype, device=z.device)
    return (-0.5 * (LOG_2PI + logvar + (z - mu).square() * torch.exp(-logvar))).sum(dim=-1)


def active_units(mu: Tensor, threshold: float = 0.01) -> int:
    """How many dimensions carry information: variance of mu over images above the threshold. mu: (N, Z).

    Burda et al. 2016, section 5.2 (Cov(E[u]) > 0.01).
    """
    return int((mu.var(dim=0, unbiased=False) > threshold).sum())
