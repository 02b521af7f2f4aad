"""A conditional VAE on images: one z, decoded with every label. Sohn et al. 2015."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from vaelab.models.latent_model import LatentModel

Pixels = NDArray[np.uint8]  # (N, C, H, W)
Floats = NDArray[np.float32]


def style_of(model: LatentModel, pixels: Pixels, label: int) -> Floats:
    """The style of an image: the mean of q(z|x, y). pixels: (C, H, W) -> (Z,)."""
    from vaelab.analysis import inference

    mu, _ = inference.encode(model, pixels[None], np.array([label], np.int64))
    style: Floats = mu[0]
    return style


def every_label(model: LatentModel, z: Floats) -> Pixels:
    """The same style with each label in turn: p(x|z, y) for every y. z: (Z,) -> (classes, C, H, W)."""
    from vaelab.analysis import inference

    classes = model.cfg.classes
    return inference.decode(model, np.repeat(z[None], classes, axis=0), np.arange(classes))


def place_and_size(pixels: Pixels) -> NDArray[np.float64]:
    """Where the light of each image is and how much: column and row of its centre (pixels), and area (pixels). (N, C, H, W) -> (N, 3)."""
    light = pixels.max(axis=1) / 255.0
    area = light.sum(axis=(1, 2))
    safe = np.maximum(area, 1e-9)
    rows, columns = np.indices(light.shape[1:])
    return np.stack([(light * columns).sum(axis=(1, 2)) / safe, (light * rows).sum(axis=(1, 2)) / safe, area], axis=1)


def colour_of(pixels: Pixels) -> Pixels:
    """The colour of each image's light, at full brightness: (N, 3, H, W) -> (N, 3) uint8."""
    total = pixels.astype(np.float64).sum(axis=(2, 3))
    colours: Pixels = np.rint(255.0 * total / np.maximum(total.max(axis=1, keepdims=True), 1e-9)).astype(np.uint8)
    return colours
