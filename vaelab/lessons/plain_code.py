"""Two models as one writes them by hand, without the lab's declarations: what lessons 4 and 5 print, and tests hold to the lab's."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Autoencoder(nn.Module):
    """3x32x32 -> 12x16x16 -> 24x8x8 -> 48x4x4 -> 96x2x2 (the code, 384 numbers), and the same way back."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 12, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(12, 24, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(24, 48, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(48, 96, 4, stride=2, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(96, 48, 4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(48, 24, 4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(24, 12, 4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(12, 3, 4, stride=2, padding=1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = self.encoder(x)
        return z, self.decoder(z)


class LinearVae(nn.Module):
    """3072 -> 128 -> 2 x 16 (mu and log-variance); z of 16 -> 128 -> 3072."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3072, 128), nn.ReLU(), nn.Linear(128, 2 * 16))
        self.decoder = nn.Sequential(nn.Linear(16, 128), nn.ReLU(), nn.Linear(128, 3072))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self.encoder(x.flatten(1)).view(-1, 2, 16)  # the same as .chunk(2, dim=1)
        mu, logvar = h[:, 0], h[:, 1]
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        logits = self.decoder(z).view(-1, 3, 32, 32)
        return logits, mu, logvar
