"""The components of a prior that is a mixture of Gaussians: where each lies, how far it spreads, its weight, and what the decoder makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.analysis.latents import Codes
from vaelab.analysis.projections import nearest_codes
from vaelab.config.errors import RunError
from vaelab.models.latent_model import LatentModel
from vaelab.runs.store import Run

Array = NDArray[Any]
Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Modes:
    """mu, sigma: (K, Z); weights: (K,), 1 in all; decoded: (K, C, H, W) images of the means; inputs: (K, C, H, W) of a VampPrior, else None.

    y: (K,) the label that each was decoded with, None for a model without one.
    """

    mu: Floats
    sigma: Floats
    weights: Floats
    decoded: Pixels
    inputs: Pixels | None = None
    y: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.mu)


def modes(model: LatentModel, known: Codes) -> Modes:
    """The components of a model whose method says `mixture_prior`.

    Means that come with no label of their own are decoded, in a conditional model, with that of the nearest of the known codes.
    """
    import torch

    from vaelab.analysis import inference

    method = model.cfg.method
    with torch.no_grad():
        mean, logvar, log_weights = method.components(model)
        images, labels = method.component_images(model), method.component_labels(model)
    mu = mean.numpy()
    y = None if labels is None else labels.numpy()
    if y is None and known.y is not None:
        nearest, _ = nearest_codes(mu, known.mu, 1)
        y = known.y[nearest[:, 0]]
    return Modes(
        mu=mu,
        sigma=torch.exp(0.5 * logvar).numpy(),
        weights=log_weights.exp().numpy(),
        decoded=inference.decode(model, mu, y),
        inputs=None if images is None else inference.to_uint8(images),
        y=y,
    )


def decoded_then(run: Run, step: int) -> Pixels:
    """What the decoder of a snapshot makes of the means of that snapshot's prior, (K, C, H, W).

    Raises WeightsError where the snapshot was thinned out, RunError where it holds no components.
    """
    import torch

    from vaelab.analysis import inference

    arrays = run.snapshot(step)
    mu = arrays.get("prior_mu")
    if mu is None:
        raise RunError(f"the snapshot of step {step} of {run.name} holds no components of a prior")
    cfg = run.config().model
    with torch.device("meta"):  # shapes alone: only the decoder gets weights
        model = LatentModel(cfg)
    kept = {n: torch.from_numpy(a).float() for n, a in arrays.items() if n.startswith(("decoder.", "code_"))}
    model.load_state_dict(kept, strict=False, assign=True)
    y = arrays.get("prior_y")
    if y is None and cfg.classes:
        nearest, _ = nearest_codes(mu.astype(np.float32), arrays["probe_mu"], 1)
        y = run.fixed()["probe_y"][nearest[:, 0]]
    return inference.decode(model.eval().requires_grad_(False), mu.astype(np.float32), y)


def covariances(sigma: Array, directions: Array) -> Array:
    """The covariance of each diagonal Gaussian where its numbers are projected on some directions. (K, Z), (D, Z) -> (K, D, D).

    A linear map takes a Gaussian to a Gaussian, so the outline of one standard deviation is an ellipse: this says which, exactly.
    """
    return np.asarray(np.einsum("iz,kz,jz->kij", directions, np.asarray(sigma, dtype=float) ** 2, directions))
