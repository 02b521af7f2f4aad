"""One image's posterior on its way through the flow that bends it: where draws are after each step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vaelab.analysis import inference, uses
from vaelab.models.flows import FlowPosterior
from vaelab.models.latent_model import LatentModel

Array = NDArray[Any]
Pixels = NDArray[np.uint8]


def flow_posterior(model: LatentModel, pixels: Pixels, y: int | None = None) -> FlowPosterior | None:
    """q(z|x) of an image, (C, H, W); None for a model whose posterior no flow bends. Raises ConfigError."""
    labels = uses.labels(y)
    with torch.no_grad():
        q = model.encode(inference.to_unit(pixels[None]), None if labels is None else torch.from_numpy(labels))
    return q if isinstance(q, FlowPosterior) else None


@torch.no_grad()
def way(q: FlowPosterior, eps: Array) -> Array:
    """Where draws are after each step, the Gaussian's first, (steps + 1, N, Z). eps: (N, Z) from N(0, I)."""
    drawn = torch.from_numpy(np.ascontiguousarray(eps, dtype=np.float32))[:, None]
    return np.asarray(q.way(drawn)[:, :, 0].numpy())


def rings(q: FlowPosterior, circles: Array, across: int, up: int) -> Array:
    """The same of circles of the noise on the plane of two latent numbers, all others at their centre. (N, 2) -> (steps + 1, N, 2)."""
    eps = np.zeros((len(circles), q.start.mu.shape[1]), np.float32)
    eps[:, [across, up]] = circles
    return way(q, eps)[:, :, [across, up]]


def most_bent(places: Array) -> list[int]:
    """The latent numbers, first those that differ most from a Gaussian's: of whose spread no straight map of the first draws tells most.

    places: (steps + 1, N, Z), as `way` answers them.
    """
    first, last = places[0], places[-1] - places[-1].mean(axis=0)
    known = np.column_stack([first, np.ones(len(first))])
    fitted = known @ np.linalg.lstsq(known, last, rcond=None)[0]
    left = (last - fitted).var(axis=0) / np.maximum(last.var(axis=0), 1e-12)
    return [int(dim) for dim in np.argsort(-left, kind="stable")]
