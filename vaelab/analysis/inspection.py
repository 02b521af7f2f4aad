"""Everything that a model says about one image: its code, draws of z, what they decode to, and the terms of the bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from vaelab.analysis import anomaly, inference, uses
from vaelab.config.settings import LossConfig
from vaelab.models.latent_model import LatentModel

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Inspection:
    """One image x through a model. recon, kl, floor in nats, scored as vaelab.analysis.anomaly does; kl is None for an autoencoder.

    mu, logvar: (Z,), logvar None for an autoencoder; z: (S, Z) draws and drawn: (S, C, H, W) their images; x_hat:
    (C, H, W), the image of mu; kl_per_dim: (Z,) nats, None where the KL is one number for the whole code.
    """

    mu: Floats
    logvar: Floats | None
    z: Floats
    drawn: Pixels
    x_hat: Pixels
    recon: float
    kl: float | None
    kl_per_dim: Floats | None
    floor: float

    @property
    def bound(self) -> float:
        """recon + kl, nats; for an autoencoder recon alone."""
        return self.recon + (self.kl or 0.0)

    @property
    def excess(self) -> float:
        """The anomaly score: recon + kl above the smallest recon that any decoder could reach, nats."""
        return self.bound - self.floor


def inspect_image(
    model: LatentModel, pixels: Pixels, y: int | None, loss: LossConfig, *, draws: int = 6, seed: int = 0
) -> Inspection:
    """Ask the model about one image. pixels: (C, H, W) uint8; y: its label if the model is conditional. Raises ConfigError.

    An autoencoder has nothing to draw: z and drawn are empty.
    """
    mu, logvar = uses.encode_image(model, pixels, y)
    z = uses.image_draws(model, pixels, y, draws if logvar is not None else 0, seed=seed)
    drawn = inference.decode(model, z, uses.labels(y, len(z)))
    terms = anomaly.score(model, pixels[None], uses.labels(y), loss)
    per_dim = None
    if logvar is not None and model.cfg.method.kl_by_dimension:
        per_dim = _kl_per_dim(model, pixels, y)
    return Inspection(
        mu=mu,
        logvar=logvar,
        z=z,
        drawn=drawn,
        x_hat=uses.decode_code(model, mu, y),
        recon=float(terms.recon[0]),
        kl=None if logvar is None else float(terms.kl[0]),
        kl_per_dim=per_dim,
        floor=float(terms.floor[0]),
    )


@torch.no_grad()
def _kl_per_dim(model: LatentModel, pixels: Pixels, y: int | None) -> Floats:
    """(Z,) nats of one image, at the mean code where it depends on the draw."""
    x = inference.to_unit(pixels[None], model.code_mean.device)
    label = None if y is None else torch.tensor([y], device=x.device)
    q = model.encode(x, label)
    _, kl = model.cfg.method.code_and_kl(model, q, torch.zeros_like(q.mean))
    answer: Floats = kl[0].cpu().numpy()
    return answer
