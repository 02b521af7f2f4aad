"""Handwritten digits at 8x8 pixels as flat vectors: small enough to train several models at once inside a lesson."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vaelab import data

SIDE = 8
PIXELS = SIDE * SIDE


@dataclass(frozen=True)
class SmallImages:
    """Train and test images, (N, 64) float32 in [0, 1], and the test images' classes, (N,)."""

    train: NDArray[np.float32]
    test: NDArray[np.float32]
    labels: NDArray[np.int64]


@lru_cache(maxsize=1)
def small_digits() -> SmallImages:
    """scikit-learn's digits as published: 1,500 to train on, 297 to test."""
    dataset = data.load("digits")  # 32x32, where each of the 8x8 pixels is repeated 4x4 times
    step = dataset.train.pixels.shape[-1] // SIDE
    train, test = (
        (split.pixels[:, 0, ::step, ::step].reshape(len(split), PIXELS) / 255.0).astype(np.float32)
        for split in (dataset.train, dataset.test)
    )
    assert dataset.test.labels is not None
    return SmallImages(train, test, dataset.test.labels)


def as_pixels(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Flat square images in [0, 1] as pictures. (N, D) -> (N, 1, H, W) uint8."""
    levels = np.rint(np.clip(np.nan_to_num(values), 0.0, 1.0) * 255.0)
    side = math.isqrt(values.shape[-1])
    return np.asarray(levels, dtype=np.uint8).reshape(-1, 1, side, side)
