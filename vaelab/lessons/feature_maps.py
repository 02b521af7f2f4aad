"""Feature maps as one sheet of small squares: every map enlarged by the same whole factor, one scale for the whole layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.images.field_colours import coloured, diverging
from vaelab.images.palette import STOPS, Theme

Pixels = NDArray[np.uint8]
GAP = 2


@dataclass(frozen=True)
class Scale:
    """What the colours mean: from low to high; signed: centred on 0 on the diverging map, else viridis."""

    low: float
    high: float
    signed: bool


def scale_of(maps: NDArray[Any]) -> Scale:
    """The scale of a layer. Values of both signs are shown around 0, others from 0 to the largest."""
    most = max(float(np.abs(maps).max()), 1e-6)
    signed = bool(maps.min() < 0)
    return Scale(-most if signed else 0.0, most, signed)


def colours(values: NDArray[Any], scale: Scale, theme: Theme) -> Pixels:
    """Values as colours. values: (...) -> (..., 3) uint8."""
    if scale.signed:
        return diverging(values, scale.high, theme)
    return coloured(values, STOPS, 0.0, scale.high)


def layout(maps: int, side: int, width: int, height: int) -> tuple[int, int]:
    """(factor, columns): the largest whole factor at which so many squares of `side` pixels fit into width x height."""
    factor = 1
    while True:
        cell = side * (factor + 1) + GAP
        columns = (width + GAP) // cell
        if columns < 1 or -(-maps // columns) * cell - GAP > height:
            break
        factor += 1
    return factor, min(maps, (width + GAP) // (side * factor + GAP))


def sheet(maps: NDArray[Any], theme: Theme, width: int, height: int) -> Pixels:
    """All maps of a layer in rows. maps: (C, H, H) -> (height, width, 4) uint8, transparent between them."""
    count, side = maps.shape[:2]
    factor, columns = layout(count, side, width, height)
    painted = colours(maps, scale_of(maps), theme)
    picture = np.zeros((height, width, 4), dtype=np.uint8)
    step = side * factor + GAP
    for k, one in enumerate(painted):
        top, left = (k // columns) * step, (k % columns) * step
        large = one.repeat(factor, axis=0).repeat(factor, axis=1)
        picture[top : top + side * factor, left : left + side * factor, :3] = large
        picture[top : top + side * factor, left : left + side * factor, 3] = 255
    return picture


def bar(scale: Scale, theme: Theme, width: int = 120, height: int = 8) -> Pixels:
    """The colours from low to high, (height, width, 3) uint8."""
    return np.broadcast_to(colours(np.linspace(scale.low, scale.high, width), scale, theme), (height, width, 3)).copy()
