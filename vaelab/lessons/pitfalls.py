"""Five classic mistakes in a VAE's code, each beside the right line. The lesson trains with these very functions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from vaelab.models.posteriors import GaussianPosterior


def sample_wrong(q: GaussianPosterior, eps: Tensor) -> Tensor:
    """exp(logvar) is the variance; used as the standard deviation it draws with sigma^2. (B, Z)."""
    return q.mu + torch.exp(q.logvar) * eps


def sample_right(q: GaussianPosterior, eps: Tensor) -> Tensor:
    """sigma = exp(logvar / 2) (Kingma & Welling 2014, section 2.4). (B, Z)."""
    return q.mu + torch.exp(0.5 * q.logvar) * eps


def pixels_wrong(x: Tensor) -> Tensor:
    """[0, 1] to [-1, 1], the habit from other networks: a target below 0 is no probability."""
    return 2.0 * x - 1.0


def pixels_right(x: Tensor) -> Tensor:
    """[0, 1], as binary cross-entropy needs it."""
    return x


def recon_wrong(logits: Tensor, x: Tensor) -> Tensor:
    """The mean over images AND pixels: D times too small beside the KL term, so beta is D in truth. (B, D) -> scalar."""
    return bce(logits, x, reduction="mean")


def recon_right(logits: Tensor, x: Tensor) -> Tensor:
    """The sum over pixels, then the mean over images. (B, D) -> scalar, nats per image."""
    each = bce(logits, x, reduction="none")
    return each.sum(dim=1).mean()


def report_wrong(batches: Sequence[float]) -> float:
    """The loss that an epoch prints; the running sum is set to zero inside the loop."""
    for loss in batches:
        running, seen = 0.0, 0
        running += loss
        seen += 1
    return running / seen


def report_right(batches: Sequence[float]) -> float:
    """The loss that an epoch prints: set to zero once, before the loop."""
    running, seen = 0.0, 0
    for loss in batches:
        running += loss
        seen += 1
    return running / seen


def beta_wrong(share: float) -> float:
    """A large weight of the KL term from the first step on. share: of the training that is done, 0 to 1."""
    return 8.0


def beta_right(share: float) -> float:
    """KL warm-up: from 0 to 1 over the first quarter (Bowman et al. 2016). share: 0 to 1."""
    return min(1.0, share / 0.25)
