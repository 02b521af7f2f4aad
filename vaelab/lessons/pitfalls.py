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


def normalized(x: Tensor) -> Tensor:
    """[0, 1] to [-1, 1], the habit from other networks: Normalize(0.5, 0.5)."""
    return 2.0 * x - 1.0


def pixels_wrong(output: Tensor, x: Tensor) -> Tensor:
    """Cross-entropy at targets in [-1, 1]: one below 0 is no probability, and this form does not look. (B, D) -> (B,)."""
    return bce(output, x, reduction="none").sum(dim=1)


def pixels_right(output: Tensor, x: Tensor) -> Tensor:
    """A Gaussian with sigma 0.5 around the output, with no sigmoid, which could not reach -1; without its constant. (B,)."""
    return ((output - x) ** 2 / (2 * 0.5**2)).sum(dim=1)


def refusal(target: float) -> str:
    """What nn.BCELoss, the form that takes probabilities, says to a target outside [0, 1]; nothing where it takes it."""
    try:
        torch.nn.BCELoss()(torch.tensor([0.5]), torch.tensor([target]))
    except RuntimeError as error:
        return str(error)
    return ""


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


def charge_wrong(kl: Tensor) -> Tensor:
    """beta = 4 times the KL term: every dimension is cheapest where it equals the prior. kl: (B, Z) -> scalar."""
    kl = kl.mean(dim=0)
    return 4.0 * kl.sum()


def charge_right(kl: Tensor) -> Tensor:
    """The same beta with free bits: 0.25 nats of each dimension cost nothing more (Kingma et al. 2016, appendix C.8)."""
    kl = kl.mean(dim=0)
    kl = kl.clamp(min=0.25)
    return 4.0 * kl.sum()
