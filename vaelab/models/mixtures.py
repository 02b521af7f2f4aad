"""Priors that are mixtures of diagonal Gaussians: their components as parameters, or as the posteriors of images that are learned."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vaelab.models.losses import LOG_2PI

CLIP = 0.02  # pixels of a first pseudo-input stay this far from black and white, where a sigmoid no longer learns


class Mixture(nn.Module):
    """K Gaussians with weights, all learned. mu, logvar: (K, Z); logits: (K,)."""

    def __init__(self, components: int, latent_dim: int) -> None:
        super().__init__()
        self.mu = nn.Parameter(torch.randn(components, latent_dim))
        self.logvar = nn.Parameter(torch.zeros(components, latent_dim))
        self.logits = nn.Parameter(torch.zeros(components))


class PseudoInputs(nn.Module):
    """K images that are learned, as logits: (K, C, H, W)."""

    def __init__(self, components: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(components, *shape))

    def images(self) -> Tensor:
        """(K, C, H, W) in (0, 1)."""
        return torch.sigmoid(self.logits)

    @torch.no_grad()
    def start_at(self, x: Tensor) -> None:
        """Begin with images, (N, C, H, W), evenly chosen."""
        rows = torch.linspace(0, len(x) - 1, len(self.logits), device=x.device).round().long()
        self.logits.copy_(torch.logit(x[rows].clamp(CLIP, 1.0 - CLIP)))


def log_components(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """log N(z; mu_k, exp(logvar_k)) of every component. z: (..., Z); mu, logvar: (K, Z) -> (..., K) nats."""
    distance = (z.unsqueeze(-2) - mu).square() * torch.exp(-logvar)
    return -0.5 * (LOG_2PI + logvar + distance).sum(dim=-1)


def used(log_parts: Tensor) -> Tensor:
    """How many components share the codes of a batch, (): exp of the entropy of their average responsibility. log_parts: (B, K)."""
    share = torch.softmax(log_parts, dim=-1).mean(dim=0)
    entropy: Tensor = -torch.special.xlogy(share, share).sum()
    return entropy.exp()


def spread_over(eps: Tensor, weights: Tensor) -> Tensor:
    """Which component each row of noise belongs to, (N,): the rows go through the components in order, each by its weight (K,)."""
    places = (torch.arange(len(eps), device=eps.device) + 0.5) / max(1, len(eps))
    return torch.searchsorted(torch.cumsum(weights, dim=0), places).clamp(max=len(weights) - 1)
