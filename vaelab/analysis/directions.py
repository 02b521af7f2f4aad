"""Directions in latent space that a label points along: the mean code of the images with it minus that of those without.

Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity metric", section 4.2 (visual attribute vectors).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MIN_IMAGES = 5  # on each side; a mean of fewer codes points anywhere
_VARIANT = re.compile(r" (\d+|#[0-9a-fA-F]{6})$")


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


def families(values: NDArray[np.int64], names: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """A label whose values that differ only in a number or a colour code are taken together: "long 1", "long 2" -> "long".

    values: (N,) indices into names. -> the same for the families, in order of first appearance.
    """
    stems = [_VARIANT.sub("", name) or name for name in names]
    kinds = tuple(dict.fromkeys(stems))
    return np.array([kinds.index(stem) for stem in stems], np.int64)[np.asarray(values)], kinds


def from_labels(
    codes: Floats,
    labels: Mapping[str, tuple[NDArray[np.int64], Sequence[str]]],
    limit: int = 12,
    words: Callable[[str, str], str] = lambda label, value: f"{label}: {value}" if value else label,
) -> list[Direction]:
    """The directions of several labels, the clearest first. codes: (N, Z).

    labels: name -> ((N,) value indices, names of the values), taken by families. A label with the value "none" gives one
    direction, from "none" to anything else; a label of two values gives one to its second; others one to each value.
    words: makes a direction's name of the label's and the value's, which is empty for the one away from "none".
    """
    found: list[Direction | None] = []
    for label, (values, names) in labels.items():
        values, kinds = families(values, names)
        if "none" in kinds:
            found.append(between_means(codes, values != kinds.index("none"), words(label, "")))
            continue
        wanted = [1] if len(kinds) == 2 else range(len(kinds))
        found += [between_means(codes, values == value, words(label, kinds[value])) for value in wanted]
    return sorted((d for d in found if d is not None), key=lambda direction: -direction.contrast)[:limit]
