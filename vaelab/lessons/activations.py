"""One image through every layer of an autoencoder: what comes out of each, and how good the way back is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vaelab.analysis.inference import to_uint8, to_unit
from vaelab.config.settings import LossConfig
from vaelab.models.latent_model import LatentModel
from vaelab.models.losses import floor, recon_loss

Maps = NDArray[np.float32]  # (C, H, W)


@dataclass(frozen=True)
class Passage:
    """maps: the image, then what each layer gives, (C, H, W) each; x_hat: (C, H, W) uint8; recon, floor: nats per image."""

    maps: tuple[Maps, ...]
    x_hat: NDArray[np.uint8]
    recon: float
    floor: float


@torch.no_grad()
def layer_by_layer(model: LatentModel, pixels: NDArray[np.uint8]) -> list[Maps]:
    """What comes out of every layer, the image itself first. pixels: (C, H, W) uint8. Layers that only reshape are left out."""
    h = to_unit(pixels[None])
    found = [h[0].numpy()]
    for layer in (*model.features, *model.decoder):
        if isinstance(layer, nn.Unflatten):
            h = layer(h.flatten(1))  # the code, one list of numbers: the models of the lab pass it on as such
        else:
            h = layer(h)
            found.append(h[0].numpy())
    return found


@torch.no_grad()
def passage(model: LatentModel, pixels: NDArray[np.uint8]) -> Passage:
    """All that the lesson shows of one image. pixels: (C, H, W) uint8; the loss is the Bernoulli one."""
    x, loss = to_unit(pixels[None]), LossConfig()
    logits = model.decode_logits(model.encode(x).mean)
    maps = tuple(layer_by_layer(model, pixels))
    x_hat = to_uint8(torch.from_numpy(maps[-1]))
    return Passage(maps, x_hat, float(recon_loss(logits, x, loss)), float(floor(x, loss)))
