"""What an encoder says of an image: a distribution over codes, or a point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from vaelab.models.losses import kl_divergence, kl_per_dim, log_normal


class Posterior(Protocol):
    """The code of a batch of images. A distribution has a logvar, each dimension's log-variance; a point has None."""

    @property
    def mean(self) -> Tensor:
        """The code that stands for the image, (B, Z)."""

    @property
    def logvar(self) -> Tensor | None:
        """(B, Z); None for a point."""

    def sample(self, eps: Tensor | None = None, *, generator: torch.Generator | None = None) -> Tensor:
        """z for noise eps, (..., B, Z) from N(0, I), drawn here if absent."""

    def draw(self, eps: Tensor) -> tuple[Tensor, Tensor]:
        """z and its log density under q(z|x): (..., B, Z) -> (..., B, Z), (..., B) nats."""

    def kl(self) -> Tensor:
        """KL from N(0, I), per image, (B,) nats."""

    def kl_per_dim(self) -> Tensor:
        """KL from N(0, 1) in each dimension, (B, Z) nats."""


@dataclass(frozen=True)
class GaussianPosterior:
    """q(z|x) = N(mu, exp(logvar)), a diagonal Gaussian. mu, logvar: (B, Z). Kingma & Welling 2014, section 2.4."""

    mu: Tensor
    logvar: Tensor

    @property
    def mean(self) -> Tensor:
        """(B, Z)."""
        return self.mu

    @property
    def sigma(self) -> Tensor:
        """Standard deviation, (B, Z). The half matters: exp(logvar) is the variance."""
        return torch.exp(0.5 * self.logvar)

    def sample(self, eps: Tensor | None = None, *, generator: torch.Generator | None = None) -> Tensor:
        """z = mu + sigma * eps, the reparameterization trick. eps: (B, Z) from N(0, I), drawn here if absent."""
        if eps is None:
            eps = torch.randn(self.mu.shape, generator=generator, device=self.mu.device, dtype=self.mu.dtype)
        return self.mu + self.sigma * eps

    def draw(self, eps: Tensor) -> tuple[Tensor, Tensor]:
        """z for noise eps, and log q(z|x). eps: (..., B, Z) -> (..., B, Z), (..., B) nats."""
        z = self.sample(eps)
        return z, log_normal(z, self.mu, self.logvar)

    def kl(self) -> Tensor:
        """KL from the prior N(0, I), per image. (B,) nats."""
        return kl_divergence(self.mu, self.logvar)

    def kl_per_dim(self) -> Tensor:
        """KL from the prior in each dimension. (B, Z) nats."""
        return kl_per_dim(self.mu, self.logvar)


@dataclass(frozen=True)
class PointPosterior:
    """The code of a plain autoencoder: one point, no spread, no KL term. mu: (B, Z)."""

    mu: Tensor

    @property
    def mean(self) -> Tensor:
        """(B, Z)."""
        return self.mu

    def sample(self, eps: Tensor | None = None, *, generator: torch.Generator | None = None) -> Tensor:
        """The point itself: there is nothing to draw."""
        return self.mu

    @property
    def logvar(self) -> None:
        """A point has no spread."""

    def draw(self, eps: Tensor) -> tuple[Tensor, Tensor]:
        """The point, and 0 in place of a density that it does not have."""
        return self.mu, self.mu.new_zeros(len(self.mu))

    def kl(self) -> Tensor:
        """Zeros, (B,)."""
        return self.mu.new_zeros(len(self.mu))

    def kl_per_dim(self) -> Tensor:
        """Zeros, (B, Z)."""
        return torch.zeros_like(self.mu)
