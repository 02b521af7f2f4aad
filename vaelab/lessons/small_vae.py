"""A VAE or an autoencoder of four small layers, for trainings that run live inside a lesson."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vaelab.models.losses import bernoulli_recon
from vaelab.models.posteriors import GaussianPosterior, PointPosterior, Posterior

HIDDEN = 128


class SmallVae(nn.Module):
    """pixels -> 128 -> mu (and logvar) | z -> 128 -> pixels; an autoencoder where variational is False."""

    def __init__(self, pixels: int, latents: int, *, variational: bool = True) -> None:
        super().__init__()
        self.latents = latents
        self.variational = variational
        outputs = 2 * latents if variational else latents
        self.decoder = nn.Sequential(nn.Linear(latents, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, pixels))
        self.encoder = nn.Sequential(nn.Linear(pixels, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs))

    def encode(self, x: Tensor) -> Posterior:
        """The posterior of z. x: (B, D)."""
        h = self.encoder(x)
        if not self.variational:
            return PointPosterior(h)
        mu, logvar = h.chunk(2, dim=1)
        return GaussianPosterior(mu, logvar)

    def decode_logits(self, z: Tensor) -> Tensor:
        """Pixels before the sigmoid. z: (..., Z) -> (..., D)."""
        logits: Tensor = self.decoder(z)
        return logits

    def codes_of_noise(self, eps: Tensor) -> Tensor:
        """New codes from N(0, I), as they are: (..., Z)."""
        return eps


@dataclass(frozen=True)
class Terms:
    """What one batch gives: the loss that is differentiated, and both terms as means per image in nats."""

    loss: Tensor
    recon: Tensor
    kl: Tensor


def vae_terms(model: SmallVae, x: Tensor, eps: Tensor, beta: float = 1.0) -> Terms:
    """Reconstruction + beta * KL, both summed per image and averaged over the batch. x: (B, D); eps: (B, Z)."""
    q = model.encode(x)
    logits = model.decode_logits(q.sample(eps))
    recon, kl = bernoulli_recon(logits, x).mean(), q.kl().mean()
    return Terms(recon + beta * kl, recon, kl)


TermsOf = Callable[[SmallVae, Tensor, Tensor, float], Terms]  # model, x (B, D), eps (B, Z), share of the training done
Make = Callable[["Lane", int], SmallVae]  # with the pixels of an image
Measure = Callable[[SmallVae, Tensor], Mapping[str, float]]


def _no_figures(model: SmallVae, x: Tensor) -> Mapping[str, float]:
    return {}


def _small(lane: Lane, pixels: int) -> SmallVae:
    return SmallVae(pixels, lane.latents, variational=lane.variational)


def _as_it_is(x: Tensor) -> Tensor:
    return x


@dataclass(frozen=True)
class Lane:
    """One contestant of a race.

    terms: what it minimises; prepare: what it does to the pixels first; measure: figures of a trained model on test
    images, by name; picture: its decoder's output as pixels in [0, 1]; make: the model, untrained.
    """

    name: str
    terms: TermsOf
    latents: int = 2
    variational: bool = True
    prepare: Callable[[Tensor], Tensor] = _as_it_is
    measure: Measure = _no_figures
    picture: Callable[[Tensor], Tensor] = torch.sigmoid
    make: Make = _small


def build(lane: Lane, pixels: int, seed: int) -> SmallVae:
    """A lane's model with weights drawn from the seed alone: lanes of the same shape start alike."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return lane.make(lane, pixels)
