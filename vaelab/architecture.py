"""The layers of every model as plain data, without torch.

models.py builds torch modules from it, export.py the browser's bundles, cli.py the summary: one declaration, three readers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from vaelab.config import ModelConfig

LayerKind = Literal["Linear", "Conv2d", "ConvTranspose2d", "Upsample", "ReLU", "LeakyReLU", "Sigmoid", "Reshape"]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """One layer. inputs, outputs: features or channels; kernel, stride, padding in pixels; shape for Reshape only.

    LeakyReLU multiplies what is below 0 by LEAK.
    Upsample repeats every pixel stride times in both directions (nearest neighbour).
    """

    kind: LayerKind
    inputs: int = 0
    outputs: int = 0
    kernel: int = 0
    stride: int = 1
    padding: int = 0
    shape: Shape = ()

    @property
    def params(self) -> int:
        """Weights and biases."""
        if self.kind == "Linear":
            return self.inputs * self.outputs + self.outputs
        if self.kind in ("Conv2d", "ConvTranspose2d"):
            return self.inputs * self.outputs * self.kernel**2 + self.outputs
        return 0

    def output_shape(self, shape: Shape) -> Shape:
        """The shape that comes out when `shape`, (C, H, W) or (D,), goes in."""
        if self.kind == "Linear":
            return (self.outputs,)
        if self.kind == "Reshape":
            return self.shape
        if self.kind == "Conv2d":
            return (self.outputs, *((s + 2 * self.padding - self.kernel) // self.stride + 1 for s in shape[1:]))
        if self.kind == "ConvTranspose2d":
            return (self.outputs, *((s - 1) * self.stride - 2 * self.padding + self.kernel for s in shape[1:]))
        if self.kind == "Upsample":
            return (shape[0], *(s * self.stride for s in shape[1:]))
        return shape


@dataclass(frozen=True)
class Architecture:
    """features: image to feature maps; head: flat features (and label) to 2 Z numbers; decoder: z (and label) to pixels."""

    features: tuple[Layer, ...]
    head: tuple[Layer, ...]
    decoder: tuple[Layer, ...]

    @property
    def params(self) -> int:
        """All weights and biases of the model."""
        return sum(layer.params for layer in (*self.features, *self.head, *self.decoder))


def shapes(layers: tuple[Layer, ...], start: Shape) -> list[Shape]:
    """The shape after each layer when `start` goes in first."""
    found: list[Shape] = []
    for layer in layers:
        start = layer.output_shape(start)
        found.append(start)
    return found


LEAK = 0.1
RELU, LEAKY, SIGMOID = Layer("ReLU"), Layer("LeakyReLU"), Layer("Sigmoid")


def _halve(inputs: int, outputs: int) -> Layer:
    return Layer("Conv2d", inputs, outputs, kernel=4, stride=2, padding=1)


def _double(inputs: int, outputs: int) -> Layer:
    return Layer("ConvTranspose2d", inputs, outputs, kernel=4, stride=2, padding=1)


def _autoencoder(cfg: ModelConfig) -> Architecture:
    widths = (cfg.channels, 12, 24, 48, 96)
    features: list[Layer] = []
    for a, b in pairwise(widths):
        features += [_halve(a, b), RELU]
    side = cfg.image_size // 16
    decoder = [Layer("Reshape", shape=(96, side, side))]
    for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True):
        decoder += [_double(a, b), RELU]
    return Architecture(tuple(features), (), (*decoder[:-1], SIGMOID))


def _linear_vae(cfg: ModelConfig) -> Architecture:
    shape = (cfg.channels, cfg.image_size, cfg.image_size)
    pixels = math.prod(shape)
    head = (Layer("Linear", pixels, 128), RELU, Layer("Linear", 128, 2 * cfg.latent_dim))
    decoder = (
        Layer("Linear", cfg.latent_dim, 128),
        RELU,
        Layer("Linear", 128, pixels),
        Layer("Reshape", shape=shape),
        SIGMOID,
    )
    return Architecture((), head, decoder)


def _conv_vae(cfg: ModelConfig) -> Architecture:
    """Our default: strided convolutions to 4x4 and the same way back, any channels, an optional label beside z.

    Widths are set by the browser: 64 images of a traversal grid must decode within a frame. No batch normalisation,
    so a batch gives the same loss in training and in evaluation.
    """
    down = (cfg.channels, 32, 64, 128) if cfg.image_size == 32 else (cfg.channels, 32, 64, 96, 128)
    up = (96, 48, 24, cfg.channels) if cfg.image_size == 32 else (96, 48, 24, 16, cfg.channels)
    features: list[Layer] = []
    for a, b in pairwise(down):
        features += [_halve(a, b), LEAKY]
    head = (Layer("Linear", down[-1] * 16 + cfg.classes, 2 * cfg.latent_dim),)
    decoder = [
        Layer("Linear", cfg.latent_dim + cfg.classes, up[0] * 16),
        LEAKY,
        Layer("Reshape", shape=(up[0], 4, 4)),
    ]
    for a, b in pairwise(up):
        decoder += [_double(a, b), LEAKY]
    return Architecture(tuple(features), head, (*decoder[:-1], SIGMOID))


_BUILDERS = {"autoencoder": _autoencoder, "linear-vae": _linear_vae, "conv-vae": _conv_vae}


def architecture(cfg: ModelConfig) -> Architecture:
    """The layers of the model that a config describes."""
    return _BUILDERS[cfg.name](cfg)
