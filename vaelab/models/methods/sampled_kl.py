"""What methods share whose KL term has no closed form: it is estimated from the draw, one number for the whole code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaelab.models.methods.vae import Vae

if TYPE_CHECKING:
    from torch import Tensor

    from vaelab.models.latent_model import LatentModel
    from vaelab.models.posteriors import Posterior


class SampledKl(Vae):
    """KL = log q(z|x) - log p(z) at the draw: right on average, and below 0 for a draw now and then."""

    kl_by_dimension = False

    def code_and_kl(self, model: LatentModel, q: Posterior, eps: Tensor | None) -> tuple[Tensor, Tensor]:
        """z (B, Z), and the KL term (B, 1) nats."""
        import torch

        z, log_q = q.draw(torch.randn_like(q.mean) if eps is None else eps)
        return z, (log_q - self.log_prior(model, z))[:, None]
