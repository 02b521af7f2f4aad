"""Directions in latent space that a label points along: the mean code of the images with it minus that of those without.

Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity metric", section 4.2 (visual attribute vectors).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MIN_IMAGES = 5  # on each side; a mean of fewer codes points anywhere


@dataclass(frozen=True)
class Direction:
    """name: what the images on its far end share. vector: (Z,), of length one full difference between the two means.

    having, lacking: images on the two sides. contrast: distance of the means in standard deviations along the vector
    (Cohen's d); about 0.5 is barely seen, 2 separates almost every image.
    """

    name: str
    vector: Floats
    having: int
    lacking: int
    contrast: float


def between_means(codes: Floats, mask: NDArray[np.bool_], name: str) -> Direction | None:
    """The direction from the codes outside the mask to those inside. codes: (N, Z); mask: (N,).

    None where either side has fewer than MIN_IMAGES. Raises ValueError when the lengths differ.
    """
    if len(mask) != len(codes):
        raise ValueError(f"mask must hold one value for each of {len(codes)} codes, got {len(mask)}")
    having, lacking = codes[mask].astype(np.float64), codes[~mask].astype(np.float64)
    if min(len(having), len(lacking)) < MIN_IMAGES:
        return None
    vector = having.mean(axis=0) - lacking.mean(axis=0)
    length = float(np.linalg.norm(vector))
    if length == 0.0:
        return None
    spreads = [((side @ vector) / length).std(ddof=1) for side in (having, lacking)]
    pooled = float(np.sqrt(np.mean(np.square(spreads))))
    contrast = length / pooled if pooled > 0.0 else np.inf
    return Direction(name, vector.astype(np.float32), len(having), len(lacking), float(contrast))


def from_labels(
    codes: Floats, labels: Mapping[str, tuple[NDArray[np.int64], Sequence[str]]], limit: int = 12
) -> list[Direction]:
    """The directions of several labels, the clearest first. codes: (N, Z).

    labels: title -> ((N,) value indices, names of the values). A label of two values gives one direction, to its second
    value; one of more values gives a direction to each value from all others.
    """
    found: list[Direction] = []
    for title, (values, names) in labels.items():
        wanted = [1] if len(names) == 2 else range(len(names))
        for value in wanted:
            direction = between_means(codes, np.asarray(values) == value, f"{title}: {names[value]}")
            if direction is not None:
                found.append(direction)
    return sorted(found, key=lambda direction: -direction.contrast)[:limit]
