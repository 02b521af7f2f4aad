"""Three ways to new digits, trained side by side: a VAE, a VQ-VAE with a prior over its codes, an autoencoder with a flow over its codes.

They are the lab's own models (models/latent_model.py, methods/, velocity.py) in the shape that a race trains. Digits have 16×16 pixels here,
so that a code may be a grid of 4×4 places.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vaelab.analysis.decoder_facts import numbers, packed_prior
from vaelab.config.settings import LossConfig
from vaelab.lessons.small_images import SIDE, SmallImages, as_pixels, small_digits
from vaelab.lessons.small_vae import Lane, SmallVae, Terms
from vaelab.models.latent_model import LatentModel
from vaelab.models.model_config import ModelConfig
from vaelab.models.posteriors import Posterior
from vaelab.models.velocity import VelocityField, carry, matching_loss

TWICE = 2 * SIDE  # pixels of a side
LATENTS = 8  # numbers of the VAE's code and of the autoencoder's
CODES = 32  # entries of the codebook
PLACES = (TWICE // 4) ** 2  # of the grid of codes
MEMORY = 0.05  # share of the newest batch in what the field knows of the codes' centre and spread
SCORED = LossConfig()


@lru_cache(maxsize=1)
def grown_digits() -> SmallImages:
    """The digits with twice as many pixels on each side, those between mixed from their neighbours."""
    images = small_digits()
    return SmallImages(grown(images.train), grown(images.test), images.labels)


def grown(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 64) -> (N, 256), linearly: a quarter of the way to the next pixel's centre, as image programs do."""
    at = np.clip((np.arange(TWICE) + 0.5) / 2.0 - 0.5, 0, SIDE - 1)
    low = np.minimum(at.astype(int), SIDE - 2)
    mix = np.zeros((TWICE, SIDE), np.float32)
    mix[np.arange(TWICE), low] = 1.0 - (at - low)
    mix[np.arange(TWICE), low + 1] = at - low
    square = flat.reshape(-1, SIDE, SIDE)
    return np.ascontiguousarray((mix @ square @ mix.T).reshape(len(flat), -1), dtype=np.float32)


class Whole(SmallVae):
    """A model of the lab as a contestant: flat images in, flat logits out. field: what carries noise to its codes, where it has no prior."""

    def __init__(self, cfg: ModelConfig, *, flow: bool = False) -> None:
        nn.Module.__init__(self)  # the layers are the lab's
        self.latents, self.variational = cfg.latent_dim, cfg.has_posterior
        self.model = LatentModel(cfg)
        self.field = VelocityField(cfg.latent_dim, cfg.latent_dim) if flow else None
        self.seen: dict[str, Tensor] = {}  # of the step before, for what the method does after it
        self.begun = False

    def encode(self, x: Tensor) -> Posterior:
        """The posterior of z. x: (B, D)."""
        return self.model.encode(as_images(x), None)

    def decode_logits(self, z: Tensor) -> Tensor:
        """Pixels before the sigmoid. z: (B, Z) -> (B, D)."""
        return self.model.decode_logits(z, None).flatten(1)

    def codes_of_noise(self, eps: Tensor) -> Tensor:
        """New codes: from the prior, or along the field. eps: (B, Z) from N(0, I)."""
        if self.field is None:
            return self.model.cfg.method.codes_of_noise(self.model, eps)
        return self.field.codes(carry(self.field, eps, 2)[-1])


def as_images(x: Tensor) -> Tensor:
    """(B, D) -> (B, 1, H, W)."""
    return x.reshape(-1, 1, TWICE, TWICE)


def whole_terms(model: SmallVae, x: Tensor, eps: Tensor, share: float) -> Terms:
    """What the lab itself minimises for this method. x: (B, D); eps: (B, Z). The field learns beside, from codes that do not feel it."""
    assert isinstance(model, Whole)
    inner, method = model.model, model.model.cfg.method
    images = as_images(x)
    if not model.begun:
        method.begin(inner, images, len(images))
        model.begun = True
    if model.seen:
        method.after_step(inner, model.seen)
    found = method.terms(inner, images, None, eps if inner.cfg.has_posterior else None, SCORED)
    model.seen = {name: found[name].detach() for name in ("codes", "vectors") if name in found}
    loss = method.loss(inner.cfg, found, 1.0)
    if model.field is not None:
        loss = loss + flow_terms(model.field, inner.encode(images, None).mean.detach(), eps)
    return Terms(loss, found["recon"].mean(), found["kl_per_dim"].sum(dim=1).mean())


def flow_terms(field: VelocityField, codes: Tensor, eps: Tensor) -> Tensor:
    """The loss of flow matching for codes (B, Z) that move while the autoencoder learns: the field follows their centre and spread."""
    with torch.no_grad():
        field.centre.lerp_(codes.mean(dim=0), MEMORY)
        field.scale.lerp_(codes.std(dim=0).clamp(min=1e-3), MEMORY)
    t = (torch.arange(len(codes)) + 0.5) / len(codes)  # the batch is in no order: times spread evenly over it
    return matching_loss(field, field.standardised(codes), eps, t)


def _config(name: str) -> ModelConfig:
    if name == "codes":
        return ModelConfig(name="vq-vae", image_size=TWICE, channels=1, settings=(("codes", CODES),))
    kind = "conv-vae" if name == "vae" else "autoencoder"
    return ModelConfig(name=kind, network="wide", image_size=TWICE, channels=1, latent_dim=LATENTS)


def _made(lane: Lane, pixels: int) -> SmallVae:
    return Whole(_config(lane.name), flow=lane.name == "flow")


def lanes() -> Sequence[Lane]:
    """The three contestants."""
    return [
        Lane(name, whole_terms, latents=_config(name).latent_dim, variational=name == "vae", make=_made)
        for name in ("vae", "codes", "flow")
    ]


@torch.no_grad()
def quantised(model: Whole) -> dict[str, object]:
    """What a browser must know of the VQ-VAE beside its decoder (decoder/latent.js), as plain JSON."""
    inner = model.model
    tensors = {name: value.numpy() for name, value in inner.state_dict().items()}
    codes = model.encode(torch.from_numpy(grown_digits().test)).mean
    entries = inner.cfg.method.codebook(tensors)
    assert entries is not None
    size = inner.cfg.latent_dim
    return {
        "id": "lesson",
        "name": "vq-vae",
        "size": size,
        "shape": [1, TWICE, TWICE],
        "variational": False,
        "mean": numbers(codes.mean(dim=0).numpy()),
        "std": numbers(codes.std(dim=0).clamp(min=1e-6).numpy()),
        "order": list(range(size)),
        "used": size,
        "classes": [],
        "codebook": [numbers(entry) for entry in entries],
        "codePrior": packed_prior(inner.cfg.method.code_prior(tensors)),
    }


@torch.no_grad()
def drawn_apart(model: Whole, count: int, seed: int = 0) -> Tensor:
    """New codes whose places know nothing of each other: each is the entry that a test image chosen anew has there, (count, Z)."""
    codes = model.encode(torch.from_numpy(grown_digits().test)).mean.reshape(len(grown_digits().test), -1, PLACES)
    rows = torch.randint(len(codes), (count, PLACES), generator=torch.Generator().manual_seed(seed))
    return torch.stack([codes[rows[:, place], :, place] for place in range(PLACES)], dim=2).flatten(1)


@torch.no_grad()
def drawn_in_turn(model: Whole, count: int, seed: int = 0) -> Tensor:
    """New codes from the prior, place after place, (count, Z)."""
    eps = torch.randn(count, model.latents, generator=torch.Generator().manual_seed(seed))
    return model.codes_of_noise(eps)


@torch.no_grad()
def pictures_of(model: Whole, z: Tensor) -> NDArray[np.uint8]:
    """(N, Z) -> (N, 1, H, W) uint8."""
    return as_pixels(torch.sigmoid(model.decode_logits(z)).numpy())


@torch.no_grad()
def noise_to_codes(
    model: Whole, moving: int, frames: int, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Codes (mu) of the test images, (N, Z), and noise on its way to codes, (frames, moving, Z), in the units of the code."""
    assert model.field is not None
    eps = torch.randn(moving, model.latents, generator=torch.Generator().manual_seed(seed))
    path = model.field.codes(carry(model.field, eps, frames))
    return model.encode(torch.from_numpy(grown_digits().test)).mean.numpy(), path.numpy()
