"""The one rule by which an image of any size becomes a square of the model's size; data sets and uploads share it.

| width and height | what happens |
|---|---|
| not square | the centre square is cut out first |
| the asked size | nothing |
| 28 (MNIST, Fashion-MNIST), unless 28, 56 ... is asked for | two rows and columns of zeros on every side make 32, then as below |
| a whole part of the asked size (8, 16, 32) | every pixel is repeated, so that drawn pixels stay sharp |
| a whole multiple of the asked size | every block is averaged |
| anything else | Lanczos resampling, which removes detail that is too fine before it shrinks |
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vaelab.config.errors import DataError
from vaelab.config.settings import IMAGE_SIZES

Pixels = NDArray[np.uint8]

CHANNELS = (1, 3)
LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow's convert("L")
CHUNK = 2048  # images per step of float arithmetic: a bounded peak of memory


def check_size(image_size: int) -> None:
    """Raise DataError unless images of this width and height can be made."""
    if image_size not in IMAGE_SIZES:
        low, high = IMAGE_SIZES[0], IMAGE_SIZES[-1]
        raise DataError(f"image_size must be a multiple of 4 from {low} to {high}, got {image_size!r}")


def centre_square(pixels: Pixels) -> Pixels:
    """The largest centred square. pixels: (..., H, W) -> (..., S, S), S = min(H, W)."""
    height, width = pixels.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[..., top : top + side, left : left + side]


def fit_channels(pixels: Pixels, channels: int) -> Pixels:
    """(N, 1 or 3, H, W) -> (N, channels, H, W): grey is repeated, RGB becomes its luminance (ITU-R BT.601)."""
    if channels not in CHANNELS:
        raise DataError(f"channels must be 1 (grey) or 3 (RGB), got {channels!r}")
    have = pixels.shape[1]
    if have == channels:
        return pixels
    if have == 1:
        return np.repeat(pixels, 3, axis=1)
    grey = np.empty((len(pixels), 1, *pixels.shape[2:]), dtype=np.uint8)
    for start in range(0, len(pixels), CHUNK):
        part = pixels[start : start + CHUNK]
        grey[start : start + CHUNK, 0] = np.rint(np.tensordot(part.astype(np.float32), LUMINANCE, axes=([1], [0])))
    return grey


def _average_blocks(pixels: Pixels, factor: int) -> Pixels:
    """Mean of every factor x factor block, rounded to the nearest. (N, C, H, W) -> (N, C, H / factor, W / factor)."""
    n, c, height, width = pixels.shape
    blocks = pixels.reshape(n, c, height // factor, factor, width // factor, factor)
    total = blocks.sum(axis=(3, 5), dtype=np.uint32)
    mean: Pixels = ((total + factor * factor // 2) // (factor * factor)).astype(np.uint8)
    return mean


def _lanczos(pixels: Pixels, image_size: int) -> Pixels:
    n, c = pixels.shape[:2]
    out = np.empty((n, c, image_size, image_size), dtype=np.uint8)
    for i in range(n):
        for channel in range(c):
            plane = Image.fromarray(np.ascontiguousarray(pixels[i, channel]))
            out[i, channel] = np.asarray(plane.resize((image_size, image_size), Image.Resampling.LANCZOS))
    return out


def fit_size(pixels: Pixels, image_size: int) -> Pixels:
    """(N, C, H, W) uint8 -> (N, C, image_size, image_size) uint8 by the rule at the top. Raises DataError."""
    check_size(image_size)
    pixels = centre_square(pixels)
    if pixels.shape[-1] == 28 and image_size % 28:
        pixels = np.pad(pixels, ((0, 0), (0, 0), (2, 2), (2, 2)))
    side = pixels.shape[-1]
    if side == image_size:
        return pixels
    if side == 0:
        raise DataError(f"an image must have at least one pixel, got the shape {pixels.shape}")
    if image_size % side == 0:
        factor = image_size // side
        return np.repeat(np.repeat(pixels, factor, axis=2), factor, axis=3)
    if side % image_size == 0:
        return _average_blocks(pixels, side // image_size)
    return _lanczos(pixels, image_size)


def fit(pixels: Pixels, image_size: int, channels: int) -> Pixels:
    """(N, C, H, W) uint8 -> (N, channels, image_size, image_size) uint8, contiguous; the given array itself if it fits.

    Raises DataError for a size that is no multiple of 4 from 16 to 256 or channels other than 1 or 3.
    """
    if pixels.shape[1] > channels:  # the cheaper order first: fewer channels before resizing, more after it
        pixels = fit_channels(pixels, channels)
    return np.ascontiguousarray(fit_channels(fit_size(pixels, image_size), channels))
