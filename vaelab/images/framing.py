"""Which part of a picture a model is shown, and in which colours: what a person adjusts before an upload is encoded."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vaelab.config.errors import ImageError
from vaelab.images.files import to_pixels

MAX_ZOOM = 8.0


@dataclass(frozen=True)
class Frame:
    """A square window and what is done to its colours.

    zoom: 1 is the largest square inside the picture, 8 an eighth of it. x, y: where the window lies, 0 (left, top) to
    1 (right, bottom). whole: the whole picture on a square of its corner's colour instead. mirror: left for right.
    invert: light for dark. grey: without colour. contrast: 1 leaves it, 0 is flat grey.
    """

    zoom: float = 1.0
    x: float = 0.5
    y: float = 0.5
    whole: bool = False
    mirror: bool = False
    invert: bool = False
    grey: bool = False
    contrast: float = 1.0

    def __post_init__(self) -> None:
        if not (1.0 <= self.zoom <= MAX_ZOOM and 0.0 <= self.x <= 1.0 and 0.0 <= self.y <= 1.0):
            raise ImageError(
                f"the window must have a zoom of 1 to {MAX_ZOOM:g} and lie at 0 to 1, got {self.zoom:g} at {self.x:g}, {self.y:g}"
            )

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The window in a picture of this size: left, top, right, bottom in pixels, at least one pixel wide."""
        side = max(1, round(min(width, height) / self.zoom))
        left, top = int((width - side) * self.x), int((height - side) * self.y)
        return left, top, left + side, top + side


def apply(image: Image.Image, frame: Frame, image_size: int, channels: int) -> NDArray[np.uint8]:
    """What the model sees of an RGB picture: (channels, image_size, image_size) uint8.

    With the default frame it is vaelab.images.files.to_pixels, so that an image of a data set gives the data set's own pixels.
    """
    if frame.whole:
        side = max(image.size)
        square = Image.new("RGB", (side, side), image.getpixel((0, 0)))
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        image, frame = square, replace(frame, whole=False)
    image = image.crop(frame.box(*image.size))
    if frame.mirror:
        image = ImageOps.mirror(image)
    if frame.grey:
        image = ImageOps.grayscale(image).convert("RGB")
    if frame.invert:
        image = ImageOps.invert(image)
    pixels = to_pixels(image, image_size, channels)
    if frame.contrast != 1.0:
        stretched = (pixels.astype(np.float32) - 127.5) * frame.contrast + 127.5
        pixels = np.rint(np.clip(stretched, 0.0, 255.0)).astype(np.uint8)
    return pixels


def outline(image: Image.Image, frame: Frame, side: int, colour: str) -> Image.Image:
    """The picture at most `side` pixels wide or high, with the window drawn on it in #RRGGBB."""
    scale = side / max(image.size)
    small = image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BILINEAR
    )
    box = (0, 0, *image.size) if frame.whole else frame.box(*image.size)
    left, top, right, bottom = (round(edge * scale) for edge in box)
    shown = small.copy()
    for inset in range(3):
        ring = (left + inset, top + inset, max(left + inset + 1, right - inset), max(top + inset + 1, bottom - inset))
        shown.paste(colour, (ring[0], ring[1], ring[2], ring[1] + 1))
        shown.paste(colour, (ring[0], ring[3] - 1, ring[2], ring[3]))
        shown.paste(colour, (ring[0], ring[1], ring[0] + 1, ring[3]))
        shown.paste(colour, (ring[2] - 1, ring[1], ring[2], ring[3]))
    return shown
