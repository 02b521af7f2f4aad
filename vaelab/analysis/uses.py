"""What an autoencoder is good for, on one image: compression, removing noise, filling in, variations.

An image is (C, H, W) uint8, its label y a class index or None, a code z (Z,) float32. A model is never trained here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vaelab.analysis import inference
from vaelab.config.errors import ConfigError
from vaelab.models.latent_model import LatentModel

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]  # (H, W), True where the image is missing

CODE_RANGE = 4.0  # standard deviations of the codes that a quantised number covers on either side
SMALLEST_STD = 1e-6


def labels(y: int | None, n: int = 1) -> NDArray[np.int64] | None:
    """One label for n images, as the models take it."""
    return None if y is None else np.full(n, y, dtype=np.int64)


def encode_image(model: LatentModel, pixels: Pixels, y: int | None = None) -> tuple[Floats, Floats | None]:
    """mu and logvar of one image, (Z,) each; logvar is None for an autoencoder. Raises ConfigError."""
    mu, logvar = inference.encode(model, pixels[None], labels(y))
    return mu[0], None if logvar is None else logvar[0]


def decode_code(model: LatentModel, z: Floats, y: int | None = None) -> Pixels:
    """The image of one code. Raises ConfigError."""
    image: Pixels = inference.decode(model, z[None], labels(y))[0]
    return image


@dataclass(frozen=True)
class Compressed:
    """A code cut to `kept` numbers of `bits` bits. levels: (kept,) int64, what would be stored; z: (Z,) read back from it."""

    levels: NDArray[np.int64]
    z: Floats
    pixels: Pixels
    kept: int
    bits: int

    @property
    def bytes(self) -> int:
        """What the levels take, packed."""
        return math.ceil(self.kept * self.bits / 8)


def compress(
    model: LatentModel, pixels: Pixels, order: NDArray[np.int64], kept: int, bits: int, y: int | None = None
) -> Compressed:
    """Keep the first `kept` dimensions in `order` at `bits` bits each and decode what is left of the code.

    A number is rounded to one of 2^bits levels that are spread evenly over 4 standard deviations of the codes on
    either side of their mean (for a VAE: of the prior); a dimension that is left out takes that mean. `order`, mean and
    spread belong to the model, so that they need no bytes. Raises ConfigError for kept or bits out of range.
    """
    dims = model.cfg.latent_dim
    if not 1 <= kept <= dims:
        raise ConfigError(f"kept must be from 1 to {dims}, got {kept} (the model's latent size is the most)")
    if not 1 <= bits <= 16:
        raise ConfigError(f"bits must be from 1 to 16, got {bits} (8 loses hardly anything)")
    mu, _ = encode_image(model, pixels, y)
    mean, std = model.code_mean.numpy(), np.maximum(model.code_std.numpy(), SMALLEST_STD)
    low, step = mean - CODE_RANGE * std, 2.0 * CODE_RANGE * std / (2**bits - 1)
    chosen = np.asarray(order, dtype=np.int64)[:kept]
    levels = np.clip(np.rint((mu[chosen] - low[chosen]) / step[chosen]), 0, 2**bits - 1).astype(np.int64)
    z = mean.astype(np.float32).copy()
    z[chosen] = (low[chosen] + levels * step[chosen]).astype(np.float32)
    return Compressed(levels, z, decode_code(model, z, y), kept, bits)


def add_noise(pixels: Pixels, std: float, seed: int = 0) -> Pixels:
    """The image with Gaussian noise of this standard deviation on the 0-1 scale, cut off at black and white."""
    noise = np.random.default_rng(seed).standard_normal(pixels.shape)
    noisy: Pixels = np.rint(np.clip(pixels / 255.0 + std * noise, 0.0, 1.0) * 255.0).astype(np.uint8)
    return noisy


def denoise(model: LatentModel, noisy: Pixels, y: int | None = None) -> Pixels:
    """The image that the mean code of a noisy one decodes to."""
    return decode_code(model, encode_image(model, noisy, y)[0], y)


@torch.no_grad()
def fill_in(
    model: LatentModel, pixels: Pixels, hole: Mask, steps: int, y: int | None = None, *, seed: int | None = None
) -> Iterator[Pixels]:
    """Encode and decode again and again, keeping every known pixel: yields the image after 0, 1, ... steps rounds.

    The hole starts as mid-grey and takes the decoder's pixels after each round. With a seed, z is drawn from q(z|x) in
    each round: the Markov chain of Rezende et al. 2014, appendix F, with mean pixels; without, z is the mean.
    Raises ConfigError for a hole of another shape.
    """
    if hole.shape != pixels.shape[1:]:
        raise ConfigError(f"the hole must cover the image, {pixels.shape[1:]} (H, W), got {hole.shape}")
    missing = torch.from_numpy(hole)[None, None]
    known = inference.to_unit(pixels[None])
    label = None if y is None else torch.tensor([y])
    x: Tensor = torch.where(missing, torch.full_like(known, 0.5), known)
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    yield inference.to_uint8(x)[0]
    for _ in range(steps):
        q = model.encode(x, label)
        z = q.mean if generator is None else q.sample(torch.randn(q.mean.shape, generator=generator))
        x = torch.where(missing, model.decode(z, label), known)
        yield inference.to_uint8(x)[0]


def posterior_draws(
    model: LatentModel, mu: Floats, logvar: Floats | None, n: int, temperature: float = 1.0, seed: int = 0
) -> Floats:
    """n codes around an image's: mu + temperature * sigma * eps, (n, Z).

    An autoencoder's code has no sigma; the spread of its codes over the training images takes its place.
    """
    eps = torch.randn(n, len(mu), generator=torch.Generator().manual_seed(seed)).numpy()
    sigma = np.exp(0.5 * logvar) if logvar is not None else model.code_std.numpy()
    z: Floats = (mu + temperature * sigma * eps).astype(np.float32)
    return z


@torch.no_grad()
def image_draws(
    model: LatentModel, pixels: Pixels, y: int | None, n: int, temperature: float = 1.0, seed: int = 0
) -> Floats:
    """n codes around that of one image, (n, Z), as `posterior_draws`, through whatever the method does to its draws. pixels: (C, H, W)."""
    if model.cfg.method.head_is_code or not model.has_posterior:
        return posterior_draws(model, *encode_image(model, pixels, y), n, temperature, seed)
    q = model.encode(inference.to_unit(pixels[None]), None if y is None else torch.tensor([y]))
    eps = torch.randn(n, 1, model.cfg.latent_dim, generator=torch.Generator().manual_seed(seed))
    z: Floats = q.sample(temperature * eps)[:, 0].numpy()
    return z


def variations(
    model: LatentModel, pixels: Pixels, n: int, temperature: float, y: int | None = None, seed: int = 0
) -> Pixels:
    """n images around one: (n, C, H, W). Temperature 0 gives its reconstruction n times, 1 the posterior itself."""
    return inference.decode(model, image_draws(model, pixels, y, n, temperature, seed), labels(y, n))
