"""What a caller hands to a model, as the arrays that it takes; what does not fit is told in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vaelab.config.errors import ConfigError


def pixels(images: ArrayLike, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Images as (N, C, H, W) uint8; floats from 0 to 1 are rounded to 8 bits, (C, H, W) is one image. Raises ConfigError."""
    x = np.asarray(images)
    x = x[None] if x.ndim == 3 else x
    if x.ndim != 4 or x.shape[1:] != shape:
        raise ConfigError(f"images must have the shape (N, {', '.join(map(str, shape))}), got {np.shape(images)}")
    if x.dtype == np.uint8:
        return x
    if x.dtype.kind != "f":
        raise ConfigError(f"images must be uint8 from 0 to 255 or floats from 0 to 1, got {x.dtype}")
    if x.size and not (x.min() >= 0.0 and x.max() <= 1.0):  # NaN is refused as well
        raise ConfigError("images of floats must be finite and lie from 0 to 1 (divide by 255)")
    return np.rint(255.0 * x).astype(np.uint8)


def code(z: ArrayLike, size: int, name: str) -> NDArray[np.float32]:
    """One code, (Z,) float32; (1, Z) is taken too. name: of the argument, for the sentence. Raises ConfigError."""
    found = np.asarray(z, dtype=np.float32)
    found = found[0] if found.ndim == 2 and len(found) == 1 else found
    if found.shape != (size,):
        raise ConfigError(f"{name} must be one code of {size} numbers, got shape {np.shape(z)}")
    return found


def labels(labels: ArrayLike | None, names: Sequence[str], count: int) -> NDArray[np.int64] | None:
    """Class numbers, (count,), of numbers or names, one for all or one for each; None for a model without a label.

    names: of the label's values, none for such a model. Raises ConfigError.
    """
    if not names:
        if labels is not None:
            raise ConfigError("labels must be left out: this model takes none")
        return None
    if labels is None:
        raise ConfigError(f"labels must be one of {', '.join(names)}, or one for each image: this model is told them")
    known = {name: k for k, name in enumerate(names)}
    given = np.atleast_1d(np.asarray(labels)).tolist()
    y = np.array([known.get(value, -1) if isinstance(value, str) else value for value in given])
    if y.dtype.kind not in "iu" or y.min(initial=0) < 0 or y.max(initial=0) >= len(names):
        raise ConfigError(f"labels must be 0 to {len(names) - 1} or {', '.join(names)}; got {labels!r}")
    if len(y) not in (1, count):
        raise ConfigError(f"labels must be one, or one for each of {count}; got {len(y)}")
    return np.broadcast_to(y.astype(np.int64), (count,)).copy()
