"""Layers as plain data, without torch: latent_model.py builds torch modules from them, export/ the browser's bundles and ONNX."""

from __future__ import annotations

import math
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
    "MaskedConv2d",
    "Embedding",
    "Coupling",
    "Own",
]
Shape = tuple[int, ...]
LEAK = 0.1


@dataclass(frozen=True)
class Made:
    """How the weights of a layer come from those of a user's own modules (folding.py does it).

    source: what the names of a linear layer's or a convolution's weights begin with, "" where there is none; bias: whether it has one;
    grown: zeros after its kernel, in both directions, which is what torch's `output_padding` does. norm: the same of the batch
    normalisation that follows and scales and shifts each channel; affine: whether it has weights of its own; eps: beside its variance.
    times: what all of it is multiplied by.
    """

    source: str = ""
    bias: bool = True
    grown: int = 0
    norm: str = ""
    affine: bool = True
    eps: float = 0.0
    times: float = 1.0

    @property
    def name(self) -> str:
        """What the names of the layer's own weights begin with: no module has a + in its name."""
        return f"{self.source}+{self.norm}" + (f"*{self.times:g}" if self.times != 1.0 else "")


@dataclass(frozen=True)
class Layer:
    """One layer. inputs, outputs: features or channels; kernel, stride, padding in pixels; shape for Reshape only.

    LeakyReLU multiplies what is below 0 by `slope`.
    Upsample repeats every pixel stride times in both directions (nearest neighbour).
    GroupNorm brings `groups` groups of an image's channels to mean 0 and variance 1, then scales and shifts each channel (Wu & He 2018,
    eq. 1-6); one group is layer normalisation. It takes maps or a vector, and asks no other image.
    Own is a user's own module, of which only the shape that comes out and its own_params are known (own_module.py).
    Add adds what the layer `back` places before it put out (one place more than there are: what went into the first): a residual sum.
    MaskedConv2d is a Conv2d in which a place sees those before it alone, row by row from the top left, and itself where `centre` (van den Oord
    et al. 2016, Pixel recurrent neural networks, section 3.4: mask B, and mask A without).
    Embedding takes each number as the number of a code and puts the nearest of its `inputs` entries in its place, of `outputs` numbers each: of a
    vector of P numbers outputs * P, those of one entry P apart; of one map as many maps.
    Coupling moves the second half of a vector by what the first says, through `hidden` units: x exp(tanh(s)) + t (Dinh et al. 2017, equations
    7 and 8); then it turns the order round, so that the next one moves the others.
    made is there where a layer that was read from a user's own code has weights that the code has not as they are.
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
    centre: bool = True
    hidden: int = 0
    slope: float = LEAK
    made: Made | None = None

    @property
    def params(self) -> int:
        """Weights and biases, those under a mask among them."""
        return self.own_params + sum(math.prod(shape) for shape in self.tensors.values())

    @property
    def tensors(self) -> dict[str, Shape]:
        """The shapes of its weights by their names, in PyTorch's order: outputs first, except in a transposed convolution."""
        if self.kind == "Embedding":
            return {"weight": (self.inputs, self.outputs)}
        if self.kind == "Coupling":
            return {
                f"{name}.{kind}": shape
                for name, layer in zip(COUPLED, self.inner, strict=True)
                for kind, shape in layer.tensors.items()
            }
        weight: Shape
        if self.kind == "Linear":
            weight = (self.outputs, self.inputs)
        elif self.kind in ("Conv2d", "MaskedConv2d"):
            weight = (self.outputs, self.inputs, self.kernel, self.kernel)
        elif self.kind == "ConvTranspose2d":
            weight = (self.inputs, self.outputs, self.kernel, self.kernel)
        elif self.kind == "GroupNorm":
            weight = (self.outputs,)
        else:
            return {}
        return {"weight": weight, "bias": (self.outputs,)}

    @property
    def taps(self) -> int:
        """Places of a convolution's kernel that are seen."""
        return self.kernel**2 // 2 + self.centre if self.kind == "MaskedConv2d" else self.kernel**2

    @property
    def kept(self) -> int:
        """How many numbers of a Coupling stay as they are."""
        return self.inputs // 2

    @property
    def inner(self) -> tuple[Layer, ...]:
        """The two linear layers within a Coupling, with a LeakyReLU between them: from what stays to s, then t, of what moves."""
        if self.kind != "Coupling":
            return ()
        return Layer("Linear", self.kept, self.hidden), Layer("Linear", self.hidden, 2 * (self.inputs - self.kept))

    def output_shape(self, shape: Shape) -> Shape:
        """The shape that comes out when `shape`, (C, H, W) or (D,), goes in."""
        if self.kind == "Linear":
            return (self.outputs,)
        if self.kind in ("Reshape", "Own"):
            return self.shape
        if self.kind == "Embedding":
            return (self.outputs * shape[0], *shape[1:])
        if self.kind in ("Conv2d", "MaskedConv2d"):
            return (self.outputs, *((s + 2 * self.padding - self.kernel) // self.stride + 1 for s in shape[1:]))
        if self.kind == "ConvTranspose2d":
            return (self.outputs, *((s - 1) * self.stride - 2 * self.padding + self.kernel for s in shape[1:]))
        if self.kind == "Upsample":
            return (shape[0], *(s * self.stride for s in shape[1:]))
        return shape


@dataclass(frozen=True)
class Architecture:
    """features: image to feature maps; head: flat features (and label) to 2 Z numbers; decoder: z (and label) to pixels.

    read: what a user's own decoder does, where its code could be read: layers with the names of their weights, in place of the Own layer.
    """

    features: tuple[Layer, ...]
    head: tuple[Layer, ...]
    decoder: tuple[Layer, ...]
    read: tuple[tuple[str, Layer], ...] = ()

    def named(self, part: Literal["features", "head", "decoder"]) -> tuple[tuple[str, Layer], ...]:
        """The layers of a part, each with what the names of its weights begin with in the model's state dict."""
        if part == "decoder" and self.read:
            return self.read
        return tuple((f"{part}.{i}", layer) for i, layer in enumerate(getattr(self, part)))

    @property
    def params(self) -> int:
        """All weights and biases of the model."""
        return sum(layer.params for layer in (*self.features, *self.head, *self.decoder))


def shapes(layers: tuple[Layer, ...], start: Shape) -> list[Shape]:
    """The shape after each layer when `start` goes in first. Raises ConfigError for a layer whose rule what comes to it breaks."""
    found = [start]
    for at, layer in enumerate(layers):
        if layer.kind == "Add":
            _check_sum(layer, at, found)
        elif layer.kind in _CHECKS:
            _CHECKS[layer.kind](layer, at, found[-1])
        found.append(layer.output_shape(found[-1]))
    return found[1:]


def _check_norm(layer: Layer, at: int, came: Shape) -> None:
    if layer.groups < 1 or layer.inputs % layer.groups or came[0] != layer.inputs:
        raise ConfigError(
            f"layer {at}, a GroupNorm, must take the {came[0]} channels that come to it in groups of equal size,"
            f" got {layer.inputs} channels in {layer.groups} groups"
        )


def _check_mask(layer: Layer, at: int, came: Shape) -> None:
    least = 1 if layer.centre else 3
    whole = layer.kernel >= least and layer.kernel % 2 == 1 and (layer.stride, layer.padding) == (1, layer.kernel // 2)
    if not whole:
        raise ConfigError(
            f"layer {at}, a MaskedConv2d, must have an odd kernel of at least {least}, stride 1 and half the kernel as padding, so that each place"
            f" stays where it is, got kernel {layer.kernel}, stride {layer.stride}, padding {layer.padding}"
        )
    if len(came) != 3 or came[0] != layer.inputs:
        raise ConfigError(f"layer {at}, a MaskedConv2d, must take {layer.inputs} maps, got numbers of shape {came}")


def _check_embedding(layer: Layer, at: int, came: Shape) -> None:
    if layer.inputs < 1 or layer.outputs < 1:
        raise ConfigError(
            f"layer {at}, an Embedding, must have at least one entry of at least one number, got {layer.inputs} entries of {layer.outputs}"
        )
    if len(came) != 1 and came[0] != 1:
        raise ConfigError(
            f"layer {at}, an Embedding, must take a vector or one map of code numbers, got numbers of shape {came}"
        )


def _check_coupling(layer: Layer, at: int, came: Shape) -> None:
    if came != (layer.inputs,) or layer.outputs != layer.inputs or layer.inputs < 2 or layer.hidden < 1:
        raise ConfigError(
            f"layer {at}, a Coupling, must take a vector of at least 2 numbers, put out as many and have hidden units between,"
            f" got {came} for inputs={layer.inputs}, outputs={layer.outputs}, hidden={layer.hidden}"
        )


_CHECKS = {
    "GroupNorm": _check_norm,
    "MaskedConv2d": _check_mask,
    "Embedding": _check_embedding,
    "Coupling": _check_coupling,
}


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


COUPLED = ("first", "second")  # the linear layers within a Coupling
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


def coupling(size: int, hidden: int) -> Layer:
    """An affine coupling of a vector of `size` numbers. Two of them move every number."""
    return Layer("Coupling", size, size, hidden=hidden)


def masked(inputs: int, outputs: int, kernel: int = 3, *, centre: bool = True) -> Layer:
    """A masked convolution that keeps the maps' width."""
    return Layer("MaskedConv2d", inputs, outputs, kernel=kernel, padding=kernel // 2, centre=centre)


def double(inputs: int, outputs: int, side: int = 2) -> Layer:
    """A transposed convolution that doubles height and width. side: width of what comes out; for an odd one, one less than double."""
    odd = side % 2
    return Layer("ConvTranspose2d", inputs, outputs, kernel=3 if odd else 4, stride=2, padding=1)
