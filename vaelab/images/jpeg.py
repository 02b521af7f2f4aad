"""The best JPEG that fits into so many bytes: what a learned code is compared with."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vaelab.config.errors import DataError
from vaelab.images.similarity import psnr

Pixels = NDArray[np.uint8]

QUALITIES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90, 95)
FULL, HALVED = 0, 2  # Pillow's numbers for 4:4:4 and 4:2:0 colour


@dataclass(frozen=True)
class Jpeg:
    """A JPEG and what it decodes to. pixels: (C, H, W); data_bytes: its image data; file_bytes: with headers and tables.

    The tables are the same for every image of one quality, as a decoder's weights are, so data_bytes is what compares.
    """

    pixels: Pixels
    data_bytes: int
    file_bytes: int
    quality: int


def encode(pixels: Pixels, quality: int, subsampling: int = FULL) -> Jpeg:
    """One JPEG of a model's image. pixels: (C, H, W) uint8, C 1 or 3; quality 1 to 95. Raises DataError."""
    if pixels.ndim != 3 or pixels.shape[0] not in (1, 3) or pixels.dtype != np.uint8:
        raise DataError(f"a JPEG needs uint8 pixels (1 or 3, H, W), got {pixels.dtype} {pixels.shape}")
    picture = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, format="JPEG", quality=quality, subsampling=subsampling)
    with Image.open(buffer) as image:
        back = np.asarray(image)
    planes = back[None] if back.ndim == 2 else np.ascontiguousarray(back.transpose(2, 0, 1))
    data = buffer.getvalue()
    return Jpeg(planes, scan_bytes(data), len(data), quality)


def scan_bytes(data: bytes) -> int:
    """Length of a baseline JPEG's entropy-coded data, between its scan header and the end marker (ITU-T T.81, B.1)."""
    start = data.rindex(b"\xff\xda")
    header = int.from_bytes(data[start + 2 : start + 4], "big")
    return len(data) - 2 - (start + 2 + header)


def best_within(pixels: Pixels, budget: int) -> Jpeg:
    """The JPEG with the highest PSNR whose image data fits the budget in bytes; the smallest one where none does."""
    choices = (FULL, HALVED) if len(pixels) == 3 else (FULL,)
    tried = [encode(pixels, quality, subsampling) for quality in QUALITIES for subsampling in choices]
    fitting = [jpeg for jpeg in tried if jpeg.data_bytes <= budget]
    if not fitting:
        return min(tried, key=lambda jpeg: jpeg.data_bytes)
    return max(fitting, key=lambda jpeg: psnr(pixels, jpeg.pixels))
