"""The two halves of a user's own nn.Module, as LatentModel holds them: features and decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from vaelab.models.own_module import EPS

if TYPE_CHECKING:
    from vaelab.models.own_module import OwnModule


class OwnEncoder(nn.Module):
    """encode, with mu and logvar side by side. It holds the module without its weights, which are the decoder's."""

    def __init__(self, network: OwnModule, module: nn.Module, *, flat: bool) -> None:
        super().__init__()
        self.network, self.flat = network, flat
        self.held = (module,)  # in a tuple: torch would save the weights a second time

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 2 Z), or (B, Z) of an autoencoder. Raises ConfigError with the line of the user's file."""
        try:
            answer = self.held[0].encode(x.flatten(1) if self.flat else x)  # type: ignore[operator]
        except Exception as error:
            raise self.network.told("encode", error) from error
        parts = answer[:2] if isinstance(answer, tuple | list) else (answer,)
        return torch.cat([part.flatten(1) for part in parts], dim=1)


class OwnDecoder(nn.Module):
    """decode up to the logits, with all weights of the module."""

    def __init__(self, network: OwnModule, module: nn.Module, *, image: tuple[int, int, int], logits: bool) -> None:
        super().__init__()
        self.network, self.image, self.logits = network, image, logits
        self.module = module

    def forward(self, z: Tensor) -> Tensor:
        """(B, Z) -> (B, C, H, W). Raises ConfigError with the line of the user's file."""
        try:
            pixels: Tensor = self.module.decode(z)  # type: ignore[operator]
        except Exception as error:
            raise self.network.told("decode", error) from error
        pixels = pixels.reshape(-1, *self.image)
        return pixels if self.logits else torch.logit(pixels, eps=EPS)
