"""Flow matching: a field of velocities that carries noise to codes, learned from pairs of both alone.

z_t = (1 - t) eps + t z stands on the straight way from noise to a code, and its velocity is z - eps. Many ways cross at one place;
what is learned is their average there, v(z_t, t) = E[z - eps | z_t], and following it from t = 0 to 1 turns N(0, I) into the codes'
distribution. Lipman et al. 2023, Flow Matching for Generative Modeling, section 4.1 (the optimal-transport path with sigma_min = 0).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WAVES = 8  # frequencies by which the time is told to the network
LAYERS = 3
WIDTH = 256


class VelocityField(nn.Module):
    """v(z_t, t): a residual network over a code, the time and, of a conditional model, the label.

    It works along K principal directions of the model's codes, each over its spread: ``centre`` (Z,), ``directions`` (K, Z), ``scale`` (K,).
    """

    centre: Tensor
    directions: Tensor
    scale: Tensor

    def __init__(self, dims: int, latent_dim: int, classes: int = 0) -> None:
        super().__init__()
        self.dims, self.classes = dims, classes
        self.first = nn.Linear(dims + 2 * WAVES + classes, WIDTH)
        self.blocks = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(LAYERS))
        self.last = nn.Linear(WIDTH, dims)
        nn.init.zeros_(self.last.weight)  # it begins by moving nothing
        nn.init.zeros_(self.last.bias)
        self.register_buffer("centre", torch.zeros(latent_dim))
        self.register_buffer("directions", torch.eye(dims, latent_dim))
        self.register_buffer("scale", torch.ones(dims))

    def forward(self, z: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        """The velocity at z, (B, K), at the times t, (B,), for labels y, (B,) -> (B, K)."""
        wave = math.pi * t[:, None] * torch.arange(1, WAVES + 1, device=t.device, dtype=t.dtype)
        parts = [z, wave.sin(), wave.cos()]
        if self.classes:
            assert y is not None
            parts.append(F.one_hot(y.long(), self.classes).to(z.dtype))
        h = F.silu(self.first(torch.cat(parts, dim=1)))
        for block in self.blocks:
            h = h + F.silu(block(h))
        velocity: Tensor = self.last(h)
        return velocity

    def standardised(self, z: Tensor) -> Tensor:
        """A model's codes, (..., Z), as the field sees them, (..., K)."""
        turned: Tensor = (z - self.centre) @ self.directions.T / self.scale
        return turned

    def codes(self, z: Tensor) -> Tensor:
        """The way back, (..., K) -> (..., Z): nothing of the directions that were left out."""
        codes: Tensor = (z * self.scale) @ self.directions + self.centre
        return codes


def matching_loss(field: VelocityField, z: Tensor, eps: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
    """The squared distance from the velocities of pairs, () per image, summed over the dimensions. z, eps: (B, K); t: (B,) in [0, 1]."""
    told: Tensor = field((1.0 - t[:, None]) * eps + t[:, None] * z, t, y)
    return (told - (z - eps)).square().sum(dim=1).mean()


@torch.no_grad()
def carry(field: VelocityField, eps: Tensor, frames: int, *, steps: int = 32, y: Tensor | None = None) -> Tensor:
    """Noise carried along the field by Heun's method, (frames, B, K): where it is at times evenly from 0 to 1.

    eps: (B, K) from N(0, I). steps must be a multiple of frames - 1.
    """
    every = steps // (frames - 1)
    z, shown = eps, [eps]
    for step in range(steps):
        t = z.new_full((len(z),), step / steps)
        first = field(z, t, y)
        second = field(z + first / steps, t + 1.0 / steps, y)
        z = z + 0.5 * (first + second) / steps
        if (step + 1) % every == 0:
            shown.append(z)
    return torch.stack(shown)
