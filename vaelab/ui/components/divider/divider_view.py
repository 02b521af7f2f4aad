"""Pictures of two models over one another (divider.js): a divider that is dragged uncovers one or the other. Python hears only where it stands, for links."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.ui.components.widget import widget
from vaelab.ui.text import t

WORDS = ("divider", "divider_help", "image", "image_help", "share")


@dataclass(frozen=True)
class Side:
    """One of the two. pixels: (N, C, H, W) uint8; figures: what is told of each picture, (N,) texts, or none."""

    name: str
    pixels: NDArray[np.uint8]
    figures: Sequence[str] = ()


def divider_view(key: str, left: Side, right: Side) -> None:
    """Draw both with the divider between them, the first picture large. Call it inside a fragment."""
    data = {
        "sides": [_side(left), _side(right)],
        "text": {word: t(f"compare.divider_{word}") for word in WORDS},
    }
    widget("divider", key, data, keeps=True)


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "shape": list(side.pixels.shape[1:]),
        "pixels": base64.b64encode(np.ascontiguousarray(side.pixels).tobytes()).decode(),
        "figures": list(side.figures),
    }
