"""The variational autoencoder: a diagonal Gaussian for every image, drawn to N(0, I) by the KL term."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaelab.models.methods.method import Method
from vaelab.models.registry import register
from vaelab.models.words import Words

if TYPE_CHECKING:
    from torch import Tensor

    from vaelab.models.latent_model import LatentModel
    from vaelab.models.posteriors import Posterior


class Vae(Method):
    """loss = recon + beta * KL(q(z|x) || N(0, I)); beta above 1 is the beta-VAE (Higgins et al. 2017)."""

    name = "vae"
    words = Words(
        "variational autoencoder",
        "Encodes an image as a small cloud of codes and draws all clouds towards one prior, so that any draw from it decodes into an image.",
        "变分自编码器",
        "把图像编码成一小团编码，并把所有这些团拉向同一个先验，因此从先验采样的编码都能解码成图像。",
    )
    paper = "Kingma & Welling 2014, Auto-Encoding Variational Bayes, section 2 and appendix B"

    def posterior(self, model: LatentModel, h: Tensor) -> Posterior:
        """N(mu, exp(logvar)), both halves of h."""
        from vaelab.models.posteriors import GaussianPosterior

        mu, logvar = h.chunk(2, dim=1)
        return GaussianPosterior(mu, logvar)


register(Vae())
