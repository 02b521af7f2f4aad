"""What a model draws new codes from, as a density to lay beside its codes: N(0, I), a mixture, or draws where it has no simple form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from vaelab.analysis.latents import Codes
from vaelab.analysis.posterior import Gaussians, some, spread

if TYPE_CHECKING:
    from vaelab.models.latent_model import LatentModel
    from vaelab.models.model_config import ModelConfig

Array = NDArray[Any]
# codes: no prior, but the Gaussian about the codes that stands in for one; inputs: a mixture of the posteriors of images;
# levels: upper numbers decide what lower ones are likely; grid: entries of a codebook; drawn: any other.
Kind = Literal["normal", "codes", "mixture", "inputs", "levels", "grid", "drawn"]

DRAWN = 2_000  # of a prior that is known by its draws


@dataclass(frozen=True)
class OwnPrior:
    """A model's prior. parts: its Gaussians, or, where it is known by its draws alone, one about each of them.

    plane: their (K, Z) sigma where two dimensions are looked at together, for draws, whose best bandwidth depends on that.
    """

    kind: Kind
    parts: Gaussians
    plane: Array | None = None

    @property
    def by_draws(self) -> bool:
        """Whether it is known by its draws alone."""
        return self.plane is not None

    def along(self, dims: Sequence[int]) -> Gaussians:
        """It in one or two dimensions, over all values of the others."""
        whole = self.parts
        if self.plane is not None and len(dims) > 1:
            whole = Gaussians(whole.mu, self.plane, whole.weights)
        return whole.along(dims)


def usual_prior(cfg: ModelConfig) -> OwnPrior | None:
    """N(0, I), for which no weights need to be read; None for a model with another prior or with none."""
    if not (cfg.method.has_prior and cfg.method.standard_prior):
        return None
    return OwnPrior("normal", Gaussians.standard(cfg.latent_dim))


def own_prior(model: LatentModel, known: Codes) -> OwnPrior:
    """What `sample` draws from. Draws beside codes that are points themselves get the codes' bandwidth."""
    import torch

    usual, method = usual_prior(model.cfg), model.cfg.method
    if usual is not None:
        return usual
    with torch.no_grad():
        if not method.has_prior:
            about = model.code_mean[None].double().numpy(), model.code_std[None].double().clamp(min=1e-6).numpy()
            return OwnPrior("codes", Gaussians(*about, np.ones(1)))
        if method.mixture_prior:
            mu, logvar, log_weights = (part.double() for part in method.components(model))
            parts = Gaussians(mu.numpy(), torch.exp(0.5 * logvar).numpy(), log_weights.exp().numpy())
            return OwnPrior("mixture" if method.component_images(model) is None else "inputs", parts)
        drawn = model.sample_z(DRAWN, generator=torch.Generator().manual_seed(0)).double().numpy()
    kind: Kind = "drawn"
    if method.upper_level(model.cfg):
        kind = "levels"
    elif method.codebook(dict(model.state_dict())) is not None:
        kind = "grid"
    line, plane = (_bandwidth(drawn, known, together) for together in (1, 2))
    return OwnPrior(kind, Gaussians(drawn, line, np.full(DRAWN, 1.0 / DRAWN)), plane)


def _bandwidth(drawn: Array, known: Codes, together: int) -> Array:
    """(DRAWN, Z)."""
    if known.sigma is not None:
        return spread(drawn, None, together)
    _, width = some(known.mu, spread(known.mu, None, together))
    return np.broadcast_to(width[:1], drawn.shape)
