"""A model's first weights, before any training step: drawn from the seed alone, and the average image to begin with."""

from __future__ import annotations

import torch

from vaelab.models.latent_model import LatentModel, build, last_weights
from vaelab.models.model_config import ModelConfig
from vaelab.training.batches import ImageSet, seed_for


def new_model(cfg: ModelConfig, seed: int) -> LatentModel:
    """A model whose first weights depend on the seed alone; torch's global generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "weights"))
        return build(cfg)


def lay_out(model: LatentModel) -> None:
    """Convolutions run faster channels last (docs/decisions/0002-runs.md)."""
    if model.cfg.built_with.convolutional:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


SHOWN = 2000  # training images that a method may look at before the first step


@torch.no_grad()
def start_from_images(model: LatentModel, images: ImageSet) -> None:
    """What the training images say before the first step: their average, and what the method makes of some of them."""
    start_at_mean_image(model, images)
    x, _ = images.take(slice(None, None, max(1, len(images) // SHOWN)))
    model.cfg.method.begin(model, x, len(images))


@torch.no_grad()
def start_at_mean_image(model: LatentModel, images: ImageSet) -> None:
    """Begin with the average image, logit(mean), instead of grey: the first epochs need not learn it."""
    if model.draws_itself:
        return
    bias = last_weights(model.decoder).bias
    assert isinstance(bias, torch.Tensor)
    mean = images.mean_image()  # (C, H, W)
    bias.copy_(torch.logit(mean.flatten() if len(bias) == mean.numel() else mean.mean(dim=(1, 2)), eps=1e-3))
