"""How far the damage that a denoising autoencoder learned to undo moves the code of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.analysis.latents import Codes
from vaelab.models.latent_model import LatentModel

ARROWS = 200  # more cover each other


@dataclass(frozen=True)
class Arrows:
    """rows: (M,) of the known codes; damaged: (M, Z) codes of the same images, spoilt; length: of the arrow between both, on average.

    length is in units of the codes' standard deviation: the root of the mean squared distance of all known codes from their mean.
    """

    rows: NDArray[np.int64]
    damaged: NDArray[np.float32]
    length: float


def arrows(model: LatentModel, known: Codes, count: int = ARROWS) -> Arrows:
    """Of images evenly spaced among the known ones, with the kind and amount of damage that the model was trained on, always the same."""
    import torch

    from vaelab.analysis import inference

    rows = np.linspace(0, len(known) - 1, min(count, len(known))).round().astype(np.int64)
    with torch.no_grad():
        spoilt = model.cfg.method.shown_input(model, inference.to_unit(known.pixels[rows]))
        assert spoilt is not None  # the method says that it damages its input
        y = None if known.y is None else torch.from_numpy(known.y[rows])
        damaged = model.encode(spoilt, y).mean.numpy()
    return Arrows(rows, damaged, length(damaged, known.mu[rows], known.mu))


def length(damaged: NDArray[Any], clean: NDArray[Any], mu: NDArray[Any]) -> float:
    """The mean distance from damaged to clean codes, (M, Z) each, over the standard deviation of all codes mu, (N, Z)."""
    spread = float(np.sqrt(mu.var(axis=0, dtype=float).sum()))
    return float(np.linalg.norm(damaged - clean, axis=1).mean()) / max(spread, 1e-12)
