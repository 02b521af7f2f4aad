"""Ways through a latent space as rows of z: from one code to another, and along one dimension after the other. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vaelab.config.errors import ConfigError

Floats = NDArray[np.float32]
Kind = Literal["spherical", "linear"]

PARALLEL = 1e-6  # sine of an angle below which an arc is its chord


def between(a: Floats, b: Floats, steps: int, kind: Kind = "spherical") -> Floats:
    """steps points from a to b, both ends among them. a, b: (Z,) -> (steps, Z).

    spherical: along the arc, which keeps the distance from the origin that is typical of a prior N(0, I) (Shoemake 1985); the
    line where a and b are parallel. Raises ConfigError for another kind or fewer than two steps.
    """
    if kind not in ("spherical", "linear"):
        raise ConfigError(f"kind must be spherical or linear, got {kind!r}")
    if steps < 2:
        raise ConfigError(f"steps must be 2 or more, so that both ends are there; got {steps}")
    t = np.linspace(0.0, 1.0, steps)[:, None]
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    angle = float(np.arccos(np.clip(np.dot(a, b) / lengths, -1.0, 1.0))) if lengths > 0 else 0.0
    sine = np.sin(angle)
    if kind == "linear" or sine < PARALLEL:
        return np.asarray((1.0 - t) * a + t * b, dtype=np.float32)
    return np.asarray((np.sin((1.0 - t) * angle) * a + np.sin(t * angle) * b) / sine, dtype=np.float32)


def along(z: Floats, dims: Sequence[int], mean: Floats, std: Floats, steps: int, reach: float) -> Floats:
    """z with one dimension after the other moved from -reach to +reach standard deviations. (Z,) -> (len(dims), steps, Z)."""
    rows = np.repeat(np.asarray(z, np.float32)[None, None], len(dims), axis=0).repeat(steps, axis=1)
    for k, dim in enumerate(dims):
        rows[k, :, dim] = mean[dim] + np.linspace(-reach, reach, steps) * std[dim]
    return rows
