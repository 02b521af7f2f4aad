"""A data set whose factors are known because we draw it: every combination of six factors, once.

In the spirit of dSprites (Matthey et al. 2017), drawn anew: one antialiased shape of one hue on black.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from vaelab.data.types import Images, Labels

SHAPES = ("square", "ellipse", "heart", "triangle")
HUES = ("red", "orange", "lime", "green", "cyan", "blue", "purple", "pink")  # 45 degrees apart
RADII = (4.5, 6.25, 8.0)  # of the circle around the shape, in pixels of a 32x32 image
STEPS = 6  # positions on each axis
STRIDE = 3  # pixels of a 32x32 image between two positions
PATCH = 17  # pixels: holds the largest shape at any rotation, and (STEPS - 1) * STRIDE + PATCH = 32
TURNS = (0.0, 22.5, 45.0, 67.5)  # degrees; no two leave any of the four shapes unchanged
SUPERSAMPLE = 8  # subpixels on each axis
TEST_IMAGES = 1_536
SPLIT_SEED = 0

FACTORS: Mapping[str, tuple[str, ...]] = {
    "shape": SHAPES,
    "hue": HUES,
    "size": ("small", "medium", "large"),
    "x": tuple(f"{8.5 + STRIDE * i:g} px" for i in range(STEPS)),  # the centre, in pixels of a 32x32 image
    "y": tuple(f"{8.5 + STRIDE * i:g} px" for i in range(STEPS)),
    "rotation": tuple(f"{turn:g}°" for turn in TURNS),
}
COUNT = int(np.prod([len(values) for values in FACTORS.values()]))


def _inside(shape: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points lie in the shape of circumradius 1 around the origin; y points down."""
    inside: NDArray[np.bool_]
    if shape == "square":
        inside = np.maximum(np.abs(x), np.abs(y)) <= np.sqrt(0.5)
    elif shape == "ellipse":
        inside = x**2 + (y / 0.5) ** 2 <= 1.0
    elif shape == "triangle":  # isosceles with its tip at (0, -1), so that no rotation below 360 degrees repeats it
        inside = (y <= 0.7) & (np.abs(x) <= 0.7 * (y + 1.0) / 1.7)
    else:
        u, v = 1.25 * x, -1.25 * y + 0.1  # the heart curve (u^2 + v^2 - 1)^3 = u^2 v^3, scaled into the unit circle
        inside = (u**2 + v**2 - 1.0) ** 3 - u**2 * v**3 <= 0.0
    return inside


def mask(shape: str, radius: float, degrees: float, scale: int) -> NDArray[np.float64]:
    """How much of each pixel the shape covers: (PATCH * scale, PATCH * scale) in 0-1. radius in pixels before scale."""
    side = PATCH * scale
    axis = ((np.arange(side * SUPERSAMPLE) + 0.5) / (scale * SUPERSAMPLE) - PATCH / 2) / radius
    x, y = axis[None, :], axis[:, None]
    turn = np.deg2rad(degrees)
    inside = _inside(shape, np.cos(turn) * x + np.sin(turn) * y, -np.sin(turn) * x + np.cos(turn) * y)
    cover: NDArray[np.float64] = inside.reshape(side, SUPERSAMPLE, side, SUPERSAMPLE).mean(axis=(1, 3))
    return cover


def colours() -> NDArray[np.float64]:
    """RGB of every hue at full saturation and value: (8, 3) in 0-255."""
    return 255 * np.array([colorsys.hsv_to_rgb(i / len(HUES), 1.0, 1.0) for i in range(len(HUES))])


def draw(image_size: int) -> Images:
    """Every combination of the factors in the order of FACTORS: 13,824 images. image_size: a multiple of 32."""
    scale = image_size // 32
    side = PATCH * scale
    sprites = np.array([mask(*spec, scale) for spec in product(SHAPES, RADII, TURNS)])
    painted = np.rint(sprites[:, None, None] * colours()[None, :, :, None, None]).astype(np.uint8)
    painted = painted.reshape(len(SHAPES), len(RADII), len(TURNS), len(HUES), 3, side, side).transpose(
        0, 3, 1, 2, 4, 5, 6
    )
    # Axes: shape, hue, size, x, y, rotation, then the image.
    canvas = np.zeros(
        (len(SHAPES), len(HUES), len(RADII), STEPS, STEPS, len(TURNS), 3, image_size, image_size), np.uint8
    )
    for i, j in product(range(STEPS), range(STEPS)):
        left, top = STRIDE * scale * i, STRIDE * scale * j
        canvas[:, :, :, i, j, :, :, top : top + side, left : left + side] = painted
    grid = np.indices([len(values) for values in FACTORS.values()], dtype=np.int64).reshape(len(FACTORS), -1)
    factors: dict[str, Labels] = dict(zip(FACTORS, grid, strict=True))
    return Images(pixels=canvas.reshape(-1, 3, image_size, image_size), labels=factors["shape"], factors=factors)


@lru_cache(maxsize=1)
def shapes(image_size: int) -> tuple[Images, Images]:
    """(train, test): 12,288 and 1,536 images in one fixed random order, no combination in both; classes: the shape.

    Drawn at the next multiple of 32, to be shrunk to sizes between.
    """
    whole = draw(-(-image_size // 32) * 32)
    order = np.random.default_rng(SPLIT_SEED).permutation(COUNT)
    return whole.take(order[:-TEST_IMAGES]), whole.take(order[-TEST_IMAGES:])
