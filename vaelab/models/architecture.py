"""The layers of the model that a config describes: one declaration, read by torch, the browser's bundles, ONNX and the summary."""

from __future__ import annotations

from vaelab.models.layers import Architecture
from vaelab.models.model_config import ModelConfig
from vaelab.models.networks.network import NetworkShape


def architecture(cfg: ModelConfig) -> Architecture:
    """Encoder and decoder of a config's network, with as many outputs as its method's code needs."""
    shape = NetworkShape(
        channels=cfg.channels,
        image_size=cfg.image_size,
        latent_dim=cfg.latent_dim,
        head=cfg.method.head(cfg.latent_dim),
        classes=cfg.classes,
    )
    return cfg.built_with.layers(shape)
