"""Strips of small images, enlarged by whole factors without smoothing, as one picture each.

One picture a strip: an update then replaces one source, and nothing moves.
"""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vaelab.images import palette

Pixels = npt.NDArray[np.uint8]
CELL = 64  # pixels on the screen: 32 x 2 or 64 x 1
GAP = 2


def strip(pixels: Pixels, columns: int, *, cell: int = CELL, gap: int = GAP) -> Pixels:
    """Images in rows of `columns` with a transparent gap. pixels: (N, C, H, W) uint8, C 1 or 3 -> (h, w, 4) uint8.

    Each image is enlarged to the largest whole multiple that fits `cell` pixels; a larger one is shrunk to it, unless
    cell is 1: as they are.
    """
    if pixels.shape[-1] > cell > 1:
        pixels = _shrunk(pixels, cell)
    n, channels, height, width = pixels.shape
    scale = max(1, cell // max(height, width))
    rows = -(-n // columns)
    step_y, step_x = height * scale + gap, width * scale + gap
    sheet = np.zeros((rows * step_y - gap, columns * step_x - gap, 4), dtype=np.uint8)
    for k, image in enumerate(pixels):
        top, left = (k // columns) * step_y, (k % columns) * step_x
        rgb = np.repeat(image, 3, axis=0) if channels == 1 else image
        large = rgb.transpose(1, 2, 0).repeat(scale, axis=0).repeat(scale, axis=1)
        sheet[top : top + height * scale, left : left + width * scale, :3] = large
        sheet[top : top + height * scale, left : left + width * scale, 3] = 255
    return sheet


def _shrunk(pixels: Pixels, side: int) -> Pixels:
    """(N, C, H, W) -> (N, C, side, side), each pixel the average of the area that it stands for."""
    planes = [
        Image.fromarray(plane).resize((side, side), Image.Resampling.BOX)
        for plane in pixels.reshape(-1, *pixels.shape[-2:])
    ]
    return np.stack([np.asarray(plane) for plane in planes]).reshape(*pixels.shape[:2], side, side)


def pairs(above: Pixels, below: Pixels, columns: int, **size: Any) -> Pixels:
    """Originals over what was made of them: two rows of `columns` images. Both (N, C, H, W) uint8."""
    return strip(np.concatenate([above[:columns], below[:columns]]), columns, **size)


def empty_strip(rows: int, columns: int, *, image_size: int = 32, level: int = 128, **size: Any) -> Pixels:
    """A strip of flat faint tiles of the same size as the pictures that will replace it."""
    flat = strip(np.full((rows * columns, 1, image_size, image_size), level, dtype=np.uint8), columns, **size)
    flat[..., 3] = flat[..., 3] // 8
    return flat


def sheet_png(sheet: Pixels) -> bytes:
    """A PNG file of a strip. sheet: (h, w, 4) uint8."""
    packed = io.BytesIO()
    Image.fromarray(sheet).save(packed, "PNG")
    return packed.getvalue()


@lru_cache(maxsize=1)
def favicon() -> str:
    """A bell curve over a row of pixels, 32x32, as a data URL: an icon by name would be fetched from elsewhere, and a picture packed in every run."""
    x = np.linspace(-2.4, 2.4, 8)
    height = np.round(7.0 * np.exp(-0.5 * x**2)).astype(int)
    icon = np.zeros((8, 8, 4), dtype=np.uint8)
    inside = np.arange(8)[:, None] >= 7 - height
    icon[inside] = (*bytes.fromhex(palette.colour("z", "dark")[1:]), 255)
    icon[7] = (*bytes.fromhex(palette.colour("mu", "dark")[1:]), 255)
    large = icon.repeat(4, axis=0).repeat(4, axis=1)
    return f"data:image/png;base64,{base64.b64encode(sheet_png(large)).decode()}"
