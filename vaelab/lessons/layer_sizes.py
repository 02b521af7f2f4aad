"""Sizes of convolutions by formula: forwards through a stack, why one is impossible, and backwards from a wanted size.

Images are square, so one number is height and width. The formulas are relations 6 and 14 of Dumoulin & Visin 2016.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from vaelab.models.architecture import architecture
from vaelab.models.layers import Layer
from vaelab.models.model_config import ModelConfig

Trouble = Literal["kernel", "fraction", "nothing"]
Setting = tuple[int, int, int]  # kernel, stride, padding

KERNELS, STRIDES, PADDINGS = range(1, 8), range(1, 5), range(0, 4)
IMAGE = 32  # pixels in, and pixels wanted back


@dataclass(frozen=True)
class Row:
    """One layer of a stack. enters, leaves: the size in pixels, None behind a layer that cannot be; trouble: why this one cannot."""

    layer: Layer
    enters: int | None
    leaves: int | None
    trouble: Trouble | None = None


def reference_layers() -> tuple[Layer, ...]:
    """The four convolutions and four transposed ones of the reference autoencoder."""
    model = architecture(ModelConfig(name="autoencoder"))
    return tuple(layer for layer in (*model.features, *model.decoder) if layer.kind in ("Conv2d", "ConvTranspose2d"))


def reference_settings() -> tuple[Setting, ...]:
    """Kernel, stride and padding of each of them."""
    return tuple((layer.kernel, layer.stride, layer.padding) for layer in reference_layers())


def with_settings(settings: Iterable[Setting]) -> tuple[Layer, ...]:
    """The reference layers with other kernels, strides and paddings."""
    pairs = zip(reference_layers(), settings, strict=True)
    return tuple(replace(layer, kernel=k, stride=s, padding=p) for layer, (k, s, p) in pairs)


def exact_size(layer: Layer, size: int) -> Fraction:
    """The size that comes out when `size` goes in; whole only where the last window ends at the edge."""
    if layer.kind == "Conv2d":
        return Fraction(size + 2 * layer.padding - layer.kernel, layer.stride) + 1
    return Fraction((size - 1) * layer.stride - 2 * layer.padding + layer.kernel)


def trouble_with(layer: Layer, size: int) -> Trouble | None:
    """Why a layer cannot take an image of this size: the kernel is larger than it, no whole size, or nothing is left."""
    if layer.kind == "Conv2d" and layer.kernel > size + 2 * layer.padding:
        return "kernel"
    exact = exact_size(layer, size)
    if exact < 1:
        return "nothing"
    return None if exact.denominator == 1 else "fraction"


def walk(layers: Iterable[Layer], size: int = IMAGE) -> list[Row]:
    """Every layer with the size before and after it; behind the first that cannot be, sizes are unknown."""
    rows: list[Row] = []
    now: int | None = size
    for layer in layers:
        trouble = None if now is None else trouble_with(layer, now)
        after = None if now is None or trouble else int(exact_size(layer, now))
        rows.append(Row(layer, now, after, trouble))
        now = after
    return rows


def padding_for(layer: Layer, size: int, wanted: int) -> int | None:
    """Backwards: the padding with which `size` becomes `wanted` exactly, for the layer's kernel and stride; None if there is none.

    The size formula solved for the padding. A padding from the kernel's size on would make windows of nothing but padding.
    """
    if layer.kind == "Conv2d":
        twice = (wanted - 1) * layer.stride + layer.kernel - size
    else:
        twice = (size - 1) * layer.stride + layer.kernel - wanted
    return twice // 2 if twice % 2 == 0 and 0 <= twice // 2 < layer.kernel else None
