"""Three VAEs alike but for what they minimise: the KL term alone, the reconstruction alone, and their sum, the ELBO."""

from __future__ import annotations

from torch import Tensor

from vaelab.lessons.small_vae import Lane, SmallVae, Terms, vae_terms


def kl_only(model: SmallVae, x: Tensor, eps: Tensor, share: float) -> Terms:
    """Nothing asks the code to say anything about the image. x: (B, D); eps: (B, Z)."""
    terms = vae_terms(model, x, eps)
    return Terms(terms.kl, terms.recon, terms.kl)


def recon_only(model: SmallVae, x: Tensor, eps: Tensor, share: float) -> Terms:
    """Nothing asks the codes to look like the prior. x: (B, D); eps: (B, Z)."""
    terms = vae_terms(model, x, eps)
    return Terms(terms.recon, terms.recon, terms.kl)


def both(model: SmallVae, x: Tensor, eps: Tensor, share: float) -> Terms:
    """The negative ELBO, reconstruction + KL (Kingma & Welling 2014, eq. 10). x: (B, D); eps: (B, Z)."""
    return vae_terms(model, x, eps)


def lanes() -> tuple[Lane, ...]:
    """The three contestants."""
    return Lane("kl_only", kl_only), Lane("recon_only", recon_only), Lane("both", both)
