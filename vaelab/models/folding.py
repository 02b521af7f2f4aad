"""Weights of layers that stand for several of a user's own modules, in numpy: a batch normalisation in evaluation is a scale and a shift of each channel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.config.errors import WeightsError
from vaelab.models.layers import Layer

Array = NDArray[Any]


def with_made(layers: Iterable[tuple[str, Layer]], tensors: Mapping[str, Array]) -> dict[str, Array]:
    """The tensors, and beside them those of layers whose weights are made of others. layers: each with its name.

    Raises WeightsError where one is missing.
    """
    found = dict(tensors)
    for name, layer in layers:
        if layer.made is not None:
            weight, bias = _folded(layer, tensors)
            for key, array in (("weight", weight), ("bias", bias)):
                found[f"{name}.{key}"] = (layer.made.times * array).astype(np.float32)
    return found


def _folded(layer: Layer, tensors: Mapping[str, Array]) -> tuple[Array, Array]:
    """The layer's weight and bias: W x + b, normalised, is (s W) x + s (b - mean) + shift with s = scale / sqrt(variance + eps)."""
    made, outputs = layer.made, layer.outputs
    assert made is not None
    if made.source:
        weight = _of(tensors, f"{made.source}.weight")
        bias = _of(tensors, f"{made.source}.bias") if made.bias else np.zeros(outputs)
    else:  # each channel alone
        weight, bias = np.eye(outputs), np.zeros(outputs)
        if layer.kind == "Conv2d":
            weight = weight[:, :, None, None]
    if made.grown:
        weight = np.pad(weight, ((0, 0), (0, 0), (0, made.grown), (0, made.grown)))
    if not made.norm:
        return weight, bias
    scale = 1.0 / np.sqrt(_of(tensors, f"{made.norm}.running_var") + made.eps)
    shift = np.zeros(outputs)
    if made.affine:
        scale, shift = scale * _of(tensors, f"{made.norm}.weight"), _of(tensors, f"{made.norm}.bias")
    along = (1, -1, 1, 1) if layer.kind == "ConvTranspose2d" else (-1, *(1,) * (weight.ndim - 1))
    return weight * scale.reshape(along), (bias - _of(tensors, f"{made.norm}.running_mean")) * scale + shift


def _of(tensors: Mapping[str, Array], name: str) -> Array:
    if name not in tensors:
        raise WeightsError(f"the weights lack the tensor {name}: they belong to another model")
    return np.asarray(tensors[name], dtype=np.float64)
