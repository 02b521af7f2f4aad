"""Bits by which a model with a codebook tells an image exactly: its codes, and the level of every pixel once these are known.

log p(x) >= log p(x|z) + log p(z) for the one z that the encoder chooses (van den Oord et al. 2017, section 3.2), so the sum is a bound from above.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from vaelab.analysis.inference import Pixels, to_unit
from vaelab.config.errors import ConfigError
from vaelab.models.latent_model import LatentModel

LEVELS = 256  # of a pixel
PART = 50  # images that are measured between two figures
SCALES = (1e-3, 1.0)  # between which the scale of a pixel is sought, on the 0-1 scale
SEARCH = 24  # steps, each of which leaves 0.62 of what is left: to 0.01 %


@dataclass(frozen=True)
class Bits:
    """Bits per dimension, which are the C x H x W numbers of an image; means of the images measured.

    pixels: of the levels; codes: of the codes when all are taken for equally likely, log2 K each; codes_by_prior: by the model's own prior.
    """

    pixels: float
    codes: float
    codes_by_prior: float
    error: float  # standard error of the sum, 0 when all are measured
    images: int  # measured so far
    of: int  # all of them
    scale: float  # of a pixel, on the 0-1 scale

    @property
    def total(self) -> float:
        """By equally likely codes, as published."""
        return self.pixels + self.codes

    @property
    def by_prior(self) -> float:
        """By the model's own prior."""
        return self.pixels + self.codes_by_prior


def log_level(mean: Tensor, x: Tensor, scale: float) -> Tensor:
    """log P(level) of pixels, nats, whose probabilities over the 256 levels add up to 1. mean, x: alike, in [0, 1], x a multiple of 1/255.

    A logistic distribution around the mean, cut in the middle between levels; the lowest and the highest take its tails (Salimans et al. 2017,
    section 2.1). By P = sigmoid(b) sigmoid(-a) (1 - exp(a - b)) with a and b the edges, finite where the difference of two sigmoids is 0.
    """
    half = 0.5 / (LEVELS - 1)
    below, above = (x - half - mean) / scale, (x + half - mean) / scale
    inside = math.log(-math.expm1(-2.0 * half / scale))
    lowest, highest = x < half, x > 1.0 - half
    return torch.where(
        lowest,
        logsigmoid(above),
        torch.where(highest, logsigmoid(-below), logsigmoid(above) + logsigmoid(-below) + inside),
    )


@torch.no_grad()
def best_scale(model: LatentModel, pixels: Pixels) -> float:
    """The scale of `log_level` under which images are likeliest, by golden section. pixels: (N, C, H, W), of training: it is one more number that is learned."""
    parts = [to_unit(pixels[at : at + PART], model.code_mean.device) for at in range(0, len(pixels), PART)]
    means = [model.decode(model.encode(x).mean) for x in parts]

    def cost(log_scale: float) -> float:
        return -sum(float(log_level(m, x, math.exp(log_scale)).sum()) for m, x in zip(means, parts, strict=True))

    low, high = map(math.log, SCALES)
    ratio = (math.sqrt(5.0) - 1.0) / 2.0
    inner = [high - ratio * (high - low), low + ratio * (high - low)]
    costs = [cost(at) for at in inner]
    for _ in range(SEARCH):
        if costs[0] < costs[1]:
            high = inner[1]
            inner = [high - ratio * (high - low), inner[0]]
            costs = [cost(inner[0]), costs[0]]
        else:
            low = inner[0]
            inner = [inner[1], low + ratio * (high - low)]
            costs = [costs[1], cost(inner[1])]
    return math.exp(inner[0] if costs[0] < costs[1] else inner[1])


@torch.no_grad()
def of_images(model: LatentModel, x: Tensor, scale: float) -> tuple[Tensor, float, Tensor]:
    """Nats of each image's pixels, (B,); of its codes when all are alike; and of its codes by the model's prior, (B,). x: (B, C, H, W).

    Raises ConfigError for a model whose codes are not entries of a codebook.
    """
    method = model.cfg.method
    entries = method.codebook(model.state_dict())
    if entries is None or model.cfg.label is not None:
        raise ConfigError(
            f"bits per dimension are counted of codes from a codebook, got {model.cfg.name} (take vq-vae, without a label)"
        )
    z, kl = method.code_and_kl(model, model.encode(x), None)
    pixels = -log_level(model.decode(z), x, scale).flatten(1).sum(dim=1)
    codes = z.shape[1] // entries.shape[1] * math.log(len(entries))
    return pixels, codes, kl.sum(dim=1)


def estimates(
    model: LatentModel, pixels: Pixels, scale: float, images: int | None = None, *, seed: int = 0
) -> Iterator[Bits]:
    """Bits per dimension over all pixels, (N, C, H, W) uint8, after each PART of `images` of them, drawn at random; None: every one."""
    count = len(pixels) if images is None else min(images, len(pixels))
    if count < 1:
        raise ConfigError(f"images must be at least 1 to count bits, got {count}")
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(seed))[:count]
    bit = math.log(2.0) * pixels[0].size
    told = torch.empty(0, 2, dtype=torch.float64)  # bits per dimension of pixels and of codes by the prior
    for rows in torch.split(order, PART):
        x = to_unit(pixels[rows.numpy()], model.code_mean.device)
        level, codes, by_prior = of_images(model, x, scale)
        told = torch.cat([told, torch.stack([level, by_prior], dim=1).double().cpu() / bit])
        done = len(told)
        spread = float(told[:, 0].std()) if done > 1 else math.inf
        error = spread / math.sqrt(done) * math.sqrt(1.0 - done / len(pixels)) if done < len(pixels) else 0.0
        mean = told.mean(dim=0).tolist()
        yield Bits(mean[0], codes / bit, mean[1], error, done, len(pixels), scale)
