"""Pictures from the browser that Streamlit has no widget for: drawn, pasted, or a hole painted into one (canvas.js)."""

from __future__ import annotations

import base64
import binascii
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.config.errors import ImageError
from vaelab.images.files import MAX_BYTES, png
from vaelab.ui.components.carrier import FOLDER, component
from vaelab.ui.text import language, strings, t

ENTRY = "canvas/canvas.js"
TEXTS = "canvas"
LARGEST_TEXT = MAX_BYTES * 4 // 3 + 4  # characters of base64

Mask = NDArray[np.bool_]


def drawing(key: str, *, side: int, colourful: bool, ink: str, paper: str) -> bytes | None:
    """A square to draw on; the drawing as a PNG file after each stroke, None before the first.

    side: CSS pixels; ink, paper: #RRGGBB; colourful: whether the ink can be chosen. Raises ImageError.
    """
    spec = {"mode": "draw", "id": f"{key}/{paper}", "side": side, "colourful": colourful, "ink": ink, "paper": paper}
    return _file(_component()(key=key, data=_with_text(spec), on_image_change=_nothing).image)


def pasted(key: str, *, side: int) -> bytes | None:
    """A place that takes a picture from the clipboard or by drop; the image file, None before. Raises ImageError."""
    spec = {"mode": "paste", "id": key, "side": side}
    return _file(_component()(key=key, data=_with_text(spec), on_image_change=_nothing).image)


def hole(key: str, pixels: NDArray[np.uint8], *, side: int) -> Mask:
    """Paint a hole into an image, (C, H, W) uint8 with H = W. -> (H, W), True in the hole: at first a square in the middle."""
    size = pixels.shape[-1]
    picture = base64.b64encode(png(pixels)).decode()
    spec = {"mode": "mask", "id": f"{key}/{size}", "side": side, "size": size, "picture": picture}
    answer = _component()(key=key, data=_with_text(spec), on_mask_change=_nothing).mask
    return read_hole(answer, size)


def read_hole(answer: Any, size: int) -> Mask:
    """The hole that the browser tells; the middle where it has told nothing that fits."""
    bits = answer.get("bits") if isinstance(answer, dict) else None
    if isinstance(bits, str) and len(bits) == size * size and set(bits) <= {"0", "1"}:
        return np.array([bit == "1" for bit in bits]).reshape(size, size)
    return middle(size)


def middle(size: int) -> Mask:
    """A square in the middle, 3/8 of the width, as mask.js draws it at first."""
    low, high = round(size * 0.3125), round(size * 0.6875)
    mask = np.zeros((size, size), dtype=bool)
    mask[low:high, low:high] = True
    return mask


def _file(answer: Any) -> bytes | None:
    """The file in what the browser tells. Raises ImageError for something that is none."""
    text = answer.get("data") if isinstance(answer, dict) else None
    if not text:
        return None
    if not isinstance(text, str) or len(text) > LARGEST_TEXT:
        raise ImageError(f"a picture may have at most {MAX_BYTES // 10**6} MB; take a smaller one")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError("the picture did not arrive whole; paste or draw it again") from error


def _with_text(spec: dict[str, Any]) -> dict[str, Any]:
    return spec | {"text": {**strings("en", TEXTS), **strings(language(), TEXTS)}}


def _nothing() -> None:
    """A change reruns the script; there is nothing to do before."""


@cache
def _component() -> Any:
    """The component, registered once a process."""
    css = "".join((FOLDER / name).read_text(encoding="utf-8") for name in ("shared/button.css", "canvas/canvas.css"))
    return component("vaelab_canvas", ENTRY, t("image.scripts_failed"), css)
