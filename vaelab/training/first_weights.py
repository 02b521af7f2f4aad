"""A model's first weights, before any training step: drawn from the seed alone, and the average image to begin with."""

from __future__ import annotations

import torch

from vaelab.models.latent_model import LatentModel, build, last_weights
from vaelab.models.layer_modules import Embedding
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


CONTRAST = 2.0  # logits that the first colours of an embedding reach to both sides
SHOWN = 2000  # training images that a method may look at before the first step


@torch.no_grad()
def start_from_images(model: LatentModel, images: ImageSet) -> None:
    """What the training images say before the first step: their average, and what the method makes of some of them."""
    start_at_mean_image(model, images)
    x, _ = images.take(slice(None, None, max(1, len(images) // SHOWN)))
    model.cfg.method.begin(model, x, len(images))


@torch.no_grad()
def start_at_mean_image(model: LatentModel, images: ImageSet) -> None:
    """Begin with the average image, logit(mean), instead of grey: the first epochs need not learn it.

    Where an embedding puts out the colours, its entries begin as a row of them from dark to bright about the average one, and the middle
    of the row is picked. Any other last layer begins as it was drawn.
    """
    if model.draws_itself:
        return
    bias = last_weights(model.decoder).bias
    assert isinstance(bias, torch.Tensor)
    mean = images.mean_image()  # (C, H, W)
    colour = mean.mean(dim=(1, 2))
    ends = [layer for layer in model.decoder if list(layer.parameters())][-1]
    if isinstance(ends, Embedding) and ends.embedding_dim == len(colour):
        entries = ends.num_embeddings
        steps = torch.linspace(-CONTRAST, CONTRAST, entries, device=mean.device)
        ends.weight.copy_(torch.logit(colour, eps=1e-3) + steps[:, None])
        bias.fill_((entries - 1) / 2)
    elif len(bias) == mean.numel():
        bias.copy_(torch.logit(mean.flatten(), eps=1e-3))
    elif len(bias) == len(colour):
        bias.copy_(torch.logit(colour, eps=1e-3))
