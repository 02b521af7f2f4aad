"""A code of two levels: the upper one has a standard prior, the lower one a prior that the upper one decides."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vaelab.models.losses import kl_per_dim, log_normal
from vaelab.models.posteriors import GaussianPosterior

HIDDEN = 64


class LowerPrior(nn.Module):
    """p(z_lower | z_upper) = N(mu, exp(logvar)), both from one hidden layer."""

    def __init__(self, upper: int, lower: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(upper, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2 * lower))

    def forward(self, upper: Tensor) -> GaussianPosterior:
        """upper: (..., U) -> mu, logvar (..., L)."""
        mu, logvar = self.layers(upper).chunk(2, dim=-1)
        return GaussianPosterior(mu, logvar)


class TwoLevelPosterior:
    """q(z_upper|x) q(z_lower|x, z_upper). z is both beside each other, the upper level first: (B, U + L).

    upper: (B, U); evidence: (B, L), what the image says of the lower level; prior: what the upper level says of it. The two
    are weighed by their precisions. Sonderby et al. 2016, equations 17 to 19.
    """

    def __init__(self, upper: GaussianPosterior, evidence: GaussianPosterior, prior: LowerPrior) -> None:
        self.upper, self.evidence, self.prior = upper, evidence, prior

    def lower(self, upper: Tensor) -> tuple[GaussianPosterior, GaussianPosterior]:
        """The lower level's posterior and prior for an upper level, (..., B, U) -> (..., B, L) each."""
        prior = self.prior(upper)
        logvar = -torch.logaddexp(-self.evidence.logvar, -prior.logvar)
        told = self.evidence.mu * torch.exp(-self.evidence.logvar) + prior.mu * torch.exp(-prior.logvar)
        return GaussianPosterior(torch.exp(logvar) * told, logvar), prior

    @property
    def mean(self) -> Tensor:
        """Both levels' means, the lower one for the upper one's mean, (B, Z)."""
        return torch.cat([self.upper.mu, self.lower(self.upper.mu)[0].mu], dim=-1)

    @property
    def logvar(self) -> Tensor:
        """As the means, (B, Z)."""
        return torch.cat([self.upper.logvar, self.lower(self.upper.mu)[0].logvar], dim=-1)

    def sample(self, eps: Tensor | None = None, *, generator: torch.Generator | None = None) -> Tensor:
        """eps: (..., B, Z) from N(0, I), drawn here if absent."""
        if eps is None:
            shape = len(self.upper.mu), self.upper.mu.shape[1] + self.evidence.mu.shape[1]
            eps = torch.randn(shape, generator=generator, device=self.upper.mu.device)
        return self.draw(eps)[0]

    def draw(self, eps: Tensor) -> tuple[Tensor, Tensor]:
        """z and log q(z|x): (..., B, Z), (..., B) nats."""
        split = self.upper.mu.shape[-1]
        upper, log_upper = self.upper.draw(eps[..., :split])
        lower, log_lower = self.lower(upper)[0].draw(eps[..., split:])
        return torch.cat([upper, lower], dim=-1), log_upper + log_lower

    def kl_at(self, z: Tensor) -> Tensor:
        """KL of each dimension, the lower level's given the upper level of a draw z. (B, Z) -> (B, Z) nats."""
        lower, prior = self.lower(z[..., : self.upper.mu.shape[-1]])
        shift, scale = lower.mu - prior.mu, torch.exp(-0.5 * prior.logvar)
        below = kl_per_dim(shift * scale, lower.logvar - prior.logvar)
        return torch.cat([self.upper.kl_per_dim(), below], dim=-1)

    def kl_per_dim(self) -> Tensor:
        """At the upper level's mean, (B, Z) nats."""
        return self.kl_at(self.mean)

    def kl(self) -> Tensor:
        """At the upper level's mean, (B,) nats."""
        return self.kl_per_dim().sum(dim=1)


def log_prior(z: Tensor, upper: int, prior: LowerPrior) -> Tensor:
    """log p(z_upper) + log p(z_lower | z_upper). z: (..., Z) -> (...) nats."""
    below = prior(z[..., :upper])
    return log_normal(z[..., :upper]) + log_normal(z[..., upper:], below.mu, below.logvar)
