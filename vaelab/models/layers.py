"""Layers as plain data, without torch: latent_model.py builds torch modules from them, export/ the browser's bundles and ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vaelab.config.errors import ConfigError

LayerKind = Literal[
    "Linear",
    "Conv2d",
    "ConvTranspose2d",
    "Upsample",
    "ReLU",
    "LeakyReLU",
    "Tanh",
    "Sigmoid",
    "Reshape",
    "GroupNorm",
    "Add",
    "Own",
]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """One layer. inputs, outputs: features or channels; kernel, stride, padding in pixels; shape for Reshape only.

    LeakyReLU multiplies what is below 0 by LEAK.
    Upsample repeats every pixel stride times in both directions (nearest neighbour).
    GroupNorm brings `groups` groups of an image's channels to mean 0 and variance 1, then scales and shifts each channel (Wu & He 2018,
    eq. 1-6); one group is layer normalisation. It takes maps or a vector, and asks no other image.
    Own is a user's own module, of which only the shape that comes out and its own_params are known (own_module.py).
    Add adds what the layer `back` places before it put out (one place more than there are: what went into the first): a residual sum.
    """

    kind: LayerKind
    inputs: int = 0
    outputs: int = 0
    kernel: int = 0
    stride: int = 1
    padding: int = 0
    shape: Shape = ()
    groups: int = 1
    back: int = 0
    own_params: int = 0

    @property
    def params(self) -> int:
        """Weights and biases."""
        if self.kind == "Linear":
            return self.inputs * self.outputs + self.outputs
        if self.kind in ("Conv2d", "ConvTranspose2d"):
            return self.inputs * self.outputs * self.kernel**2 + self.outputs
        if self.kind == "GroupNorm":
            return 2 * self.outputs
        return self.own_params

    def output_shape(self, shape: Shape) -> Shape:
        """The shape that comes out when `shape`, (C, H, W) or (D,), goes in."""
        if self.kind == "Linear":
            return (self.outputs,)
        if self.kind in ("Reshape", "Own"):
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
    """The shape after each layer when `start` goes in first. Raises ConfigError for a sum or a normalisation that does not fit."""
    found = [start]
    for at, layer in enumerate(layers):
        if layer.kind == "Add":
            _check_sum(layer, at, found)
        elif layer.kind == "GroupNorm" and (
            layer.groups < 1 or layer.inputs % layer.groups or found[-1][0] != layer.inputs
        ):
            raise ConfigError(
                f"layer {at}, a GroupNorm, must take the {found[-1][0]} channels that come to it in groups of equal size,"
                f" got {layer.inputs} channels in {layer.groups} groups"
            )
        found.append(layer.output_shape(found[-1]))
    return found[1:]


def _check_sum(layer: Layer, at: int, found: list[Shape]) -> None:
    """found: what went into the first layer, and what every layer before this one put out."""
    if not 2 <= layer.back <= len(found):
        raise ConfigError(
            f"layer {at}, an Add, must look back 2 to {len(found)} layers ({len(found)}: to what went in first), got {layer.back}"
        )
    earlier = found[-layer.back]
    if earlier != found[-1]:
        raise ConfigError(
            f"layer {at}, an Add, must add numbers of one shape, got {earlier} from {layer.back} layers back and {found[-1]}"
        )


LEAK = 0.1
NORM_EPS = 1e-5  # added to a group's variance before its root is taken
RELU, LEAKY, TANH, SIGMOID = Layer("ReLU"), Layer("LeakyReLU"), Layer("Tanh"), Layer("Sigmoid")


def halvings(image_size: int, largest: int, at_least: int = 0) -> list[int]:
    """The widths of the maps on the way down: halved, rounded up, until one is at most `largest` wide and `at_least` steps were taken."""
    sides = [image_size]
    while sides[-1] > largest or len(sides) <= at_least:
        sides.append(-(-sides[-1] // 2))
    return sides


def halve(inputs: int, outputs: int, side: int = 2) -> Layer:
    """A convolution that halves height and width. side: width of what comes in; an odd one is rounded up."""
    return Layer("Conv2d", inputs, outputs, kernel=4, stride=2, padding=2 if side % 2 else 1)


def normalise(channels: int, each: int = 8) -> Layer:
    """Group normalisation with `each` channels a group, as far as that divides them; otherwise one group."""
    return Layer("GroupNorm", channels, channels, groups=channels // each if channels % each == 0 else 1)


def residual(channels: int, inner: int) -> tuple[Layer, ...]:
    """A residual block that keeps the maps' shape: twice normalise, activate, 3x3 convolution, with `inner` channels between; then what came in
    is added (He et al. 2016, Identity mappings in deep residual networks, fig. 4e).
    """
    first, second = (
        (normalise(a), LEAKY, Layer("Conv2d", a, b, kernel=3, padding=1))
        for a, b in ((channels, inner), (inner, channels))
    )
    return (*first, *second, Layer("Add", back=7))


def double(inputs: int, outputs: int, side: int = 2) -> Layer:
    """A transposed convolution that doubles height and width. side: width of what comes out; for an odd one, one less than double."""
    odd = side % 2
    return Layer("ConvTranspose2d", inputs, outputs, kernel=3 if odd else 4, stride=2, padding=1)
