"""Densities on planes beside each other, with draws that go through a flow step by step (bent.js): Python hears only where the step stands, for links."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.images.palette import Role
from vaelab.ui.components.widget import widget
from vaelab.ui.text import t

Array = NDArray[Any]
WORDS = ("step", "step_help", "play", "play_help", "stop", "at_start", "at_step", "plane")
RING = 72  # points of a circle
FAINT = 0.4  # power of a density, so that a broad part beside a high peak is seen
RADII = (1.0, 2.0)  # standard deviations of the noise that are drawn as circles


@dataclass(frozen=True)
class Panel:
    """One plane. field: a density, (S, S) from the lowest row up; frames: (F, N, 2) where draws are after each step; rings: (F, R * RING, 2).

    sizes: (N,) how much each draw weighs, at most 1, as its area; marks: (K, 2) places that are marked with a cross.
    """

    title: str
    role: Role
    field: Array | None = None
    frames: Array | None = None
    rings: Array | None = None
    sizes: Array | None = None
    marks: Array | None = None


def circles() -> Array:
    """The noise at RADII standard deviations, (R * RING, 2)."""
    angle = np.linspace(0.0, 2.0 * np.pi, RING)
    return np.concatenate([radius * np.stack([np.cos(angle), np.sin(angle)], axis=1) for radius in RADII])


def bent_view(
    key: str,
    panels: Sequence[Panel],
    reach: float,
    axes: tuple[str, str] = ("z₁", "z₂"),
    centre: tuple[float, float] = (0.0, 0.0),
) -> None:
    """Draw the planes, so far as reach on all sides of their centre. axes: their names. Call it inside a fragment."""
    widget("bent", key, bent_data(panels, reach, axes, centre), keeps=True)


def bent_data(
    panels: Sequence[Panel], reach: float, axes: tuple[str, str], centre: tuple[float, float] = (0.0, 0.0)
) -> dict[str, Any]:
    """What bent.js is given."""
    words = {name: t(f"bent.{name}") for name in WORDS}
    return {
        "panels": [_panel(panel) for panel in panels],
        "reach": reach,
        "centre": list(centre),
        "axes": list(axes),
        "text": words,
    }


def _panel(panel: Panel) -> dict[str, Any]:
    told: dict[str, Any] = {"title": panel.title, "role": panel.role, "ring": RING}
    if panel.field is not None:
        top = float(panel.field.max()) or 1.0
        levels = np.rint(255.0 * np.clip(panel.field / top, 0.0, 1.0) ** FAINT).astype(np.uint8)
        told |= {"field": base64.b64encode(levels.tobytes()).decode(), "side": len(levels)}
    for name, values in (
        ("frames", panel.frames),
        ("rings", panel.rings),
        ("sizes", panel.sizes),
        ("marks", panel.marks),
    ):
        if values is not None:
            numbers = np.ascontiguousarray(values, dtype="<f4")
            told |= {name: base64.b64encode(numbers.tobytes()).decode(), f"{name}_shape": list(numbers.shape)}
    return told
