"""-log p(x) of many images by importance sampling, as a figure that is there from the first images on and becomes exact with the last."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vaelab.analysis.inference import Pixels, nll, to_unit
from vaelab.config.errors import ConfigError
from vaelab.config.settings import LossConfig
from vaelab.models.latent_model import LatentModel

BATCH = 500  # images of the bound
PART = 50  # images that are measured between two figures: some seconds with 5,000 samples
BOUND_DRAWS = 8  # of z for the bound, which guides only


@dataclass(frozen=True)
class Estimate:
    """nll: of all images, nats per image; error: its standard error, 0 when all are measured; bound: by one draw, of all images."""

    nll: float
    error: float
    images: int  # measured so far
    of: int  # all of them
    bound: float


@torch.no_grad()
def estimates(
    model: LatentModel, pixels: Pixels, loss: LossConfig, samples: int, images: int | None = None, *, seed: int = 0
) -> Iterator[Estimate]:
    """-log p(x) over all the pixels, (N, C, H, W), after each PART of `images` of them, drawn at random; None: every one.

    The bound of all images is cheap; what lies between it and log p(x) varies little, so its mean over some tells that of
    all (a difference estimator: Cochran 1977, section 7.9). The draws depend on the seed alone. Raises ConfigError for an
    autoencoder, a model with a label, or numbers below 1.
    """
    count = len(pixels) if images is None else min(images, len(pixels))
    if count < 1 or samples < 1:
        raise ConfigError(f"images and samples must be at least 1 to measure log p(x), got {count} and {samples}")
    if model.cfg.label is not None:
        raise ConfigError(
            "log p(x) is measured of models without a label, got one with (leave --label out in training)"
        )
    generator = torch.Generator().manual_seed(seed)
    device = model.code_mean.device
    order = torch.randperm(len(pixels), generator=generator)[:count]

    def measured(rows: Tensor, draws: int) -> Tensor:
        x = to_unit(pixels[rows.numpy()], device)
        return nll(model, x, None, loss, draws, generator=generator).double().cpu()

    every = torch.split(torch.arange(len(pixels)), BATCH)
    bounds = torch.stack([torch.cat([measured(rows, 1) for rows in every]) for _ in range(BOUND_DRAWS)]).mean(dim=0)
    gaps = torch.empty(0, dtype=torch.float64)
    for rows in torch.split(order, PART):
        gaps = torch.cat([gaps, bounds[rows] - measured(rows, samples)])
        done = len(gaps)
        spread = float(gaps.std()) if done > 1 else math.inf
        error = spread / math.sqrt(done) * math.sqrt(1.0 - done / len(pixels)) if done < len(pixels) else 0.0
        yield Estimate(float(bounds.mean() - gaps.mean()), error, done, len(pixels), float(bounds.mean()))
