"""The names under which models are asked for: three presets of a network and a method, and every other method by its own name."""

from __future__ import annotations

from dataclasses import dataclass

from vaelab.config.errors import ConfigError
from vaelab.models import registry
from vaelab.models.words import Words


@dataclass(frozen=True)
class Preset:
    """A method with the network that it is built with unless another is asked for."""

    name: str
    method: str
    network: str
    words: Words


USUAL = "conv-vae"  # where no model is asked for

_NAMED = (
    Preset(
        "autoencoder",
        "autoencoder",
        "maps",
        Words(
            "autoencoder",
            "Convolutional autoencoder: a code of 384 numbers, no distribution.",
            "自编码器",
            "卷积自编码器：384 个数的编码，没有分布。",
        ),
    ),
    Preset(
        "linear-vae",
        "vae",
        "linear",
        Words(
            "linear VAE",
            "Variational autoencoder of fully connected layers, the smallest of the kind.",
            "线性 VAE",
            "全连接层的变分自编码器，同类中最小的一种。",
        ),
    ),
    Preset(
        "conv-vae",
        "vae",
        "conv",
        Words(
            "convolutional VAE",
            "Convolutional variational autoencoder: grey or RGB, 16 to 256 pixels, label if wanted.",
            "卷积 VAE",
            "卷积变分自编码器：灰度或 RGB，16 到 256 像素，可按标签生成。",
        ),
    ),
)


def presets() -> dict[str, Preset]:
    """Every name that a model may be asked for by; a method that no preset stands for has its own, and so has a user's own network."""
    found = {preset.name: preset for preset in _NAMED}
    covered = {preset.method for preset in _NAMED}
    for name in registry.methods():
        if name not in covered:
            method = registry.method(name)
            found[name] = Preset(name, name, method.network, method.words)
    for name in filter(registry.is_own, registry.networks()):
        network = registry.network(name)
        found.setdefault(name, Preset(name, network.method, name, network.words))
    return found


def preset(name: str) -> Preset:
    """One of them. Raises ConfigError for a name that does not exist."""
    known = presets()
    if name not in known:
        raise ConfigError(f"model.name must be one of {', '.join(known)}; got {name!r}")
    return known[name]


def names_where(*, label: bool = False, channels: int = 3) -> tuple[str, ...]:
    """The models that take a label, or images of so many channels, as they are built by default."""
    return tuple(
        name
        for name, known in presets().items()
        if channels in registry.network(known.network).channels
        and (not label or registry.network(known.network).takes_label)
    )
