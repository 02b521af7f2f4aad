"""An autoencoder and a VAE with two latent numbers, trained on the same batches: what becomes of their latent spaces."""

from __future__ import annotations

from torch import Tensor

from vaelab.lessons.small_vae import Lane, SmallVae, Terms, vae_terms
from vaelab.models.losses import bernoulli_recon


def autoencoder_terms(model: SmallVae, x: Tensor, eps: Tensor, share: float) -> Terms:
    """The autoencoder's loss: reconstruction alone; its code is a point, so eps is not used. x: (B, D)."""
    code = model.encode(x).mean
    recon = bernoulli_recon(model.decode_logits(code), x).mean()
    return Terms(recon, recon, recon.new_zeros(()))


def variational_terms(model: SmallVae, x: Tensor, eps: Tensor, share: float) -> Terms:
    """The VAE's loss, the negative ELBO (Kingma & Welling 2014, eq. 10). x: (B, D); eps: (B, Z)."""
    return vae_terms(model, x, eps)


def lanes() -> tuple[Lane, ...]:
    """Both contestants."""
    return (
        Lane("autoencoder", autoencoder_terms, variational=False),
        Lane("vae", variational_terms),
    )
