"""Values over a plane as colours: viridis for sizes, the classes' own colours for probabilities, a diverging scale for differences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vaelab.images import palette
from vaelab.images.palette import Theme

Array = NDArray[np.float64]
Colours = NDArray[np.uint8]


def rgb(code: str) -> Array:
    """#RRGGBB as three numbers in 0-255."""
    return np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float64)


def class_stops(theme: Theme) -> tuple[str, str, str]:
    """The scale of p(B): class A's colour, the page's own at one half, class B's."""
    first, second = palette.class_colours(theme)[:2]
    return first, palette.surface("background", theme), second


def coloured(values: Array, stops: tuple[str, ...], low: float, high: float) -> Colours:
    """Values as colours between evenly spaced stops; beyond low and high the last ones. values: (...) -> (..., 3)."""
    table = np.stack([rgb(code) for code in stops])
    place = np.clip((values - low) / (high - low if high > low else 1.0), 0.0, 1.0) * (len(stops) - 1)
    channels = [np.interp(place, np.arange(len(stops)), table[:, k]) for k in range(3)]
    colours: Colours = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    return colours


def diverging(values: Array, limit: float, theme: Theme) -> Colours:
    """Signed values as colours, 0 in the middle of the scale. values: (...) -> (..., 3) uint8."""
    stops = np.stack([rgb(code) for code in palette.DIVERGING[theme]])
    place = np.clip(values / limit, -1.0, 1.0)
    channels = [np.interp(place, [-1.0, 0.0, 1.0], stops[:, k]) for k in range(3)]
    colours: Colours = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    return colours
