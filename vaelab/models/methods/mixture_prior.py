"""A VAE whose prior is a mixture of Gaussians that is learned with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaelab.models.methods.method import MethodSetting
from vaelab.models.methods.sampled_kl import SampledKl
from vaelab.models.registry import register
from vaelab.models.words import Words

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from vaelab.config.settings import LossConfig
    from vaelab.models.latent_model import LatentModel


class MixturePrior(SampledKl):
    """p(z) = sum_k w_k N(mu_k, sigma_k^2); loss = recon + beta (log q(z|x) - log p(z))."""

    name = "mixture-vae"
    words = Words(
        "VAE with a mixture prior",
        "The prior is a learned mixture of Gaussians instead of a single one, so groups of images may have places of their own.",
        "混合先验的 VAE",
        "先验不再是单个高斯，而是学出来的高斯混合，因此不同的图像群可以各有自己的位置。",
    )
    paper = "Tomczak & Welling 2018, VAE with a VampPrior, section 3 (MoG prior); Dilokthanakul et al. 2016"
    standard_prior = False
    mixture_prior = True
    settings = (
        MethodSetting(
            "components",
            10,
            2,
            500,
            Words(
                "Components of the prior",
                "How many Gaussians the prior is made of: 2 to 500.",
                "先验的分量数",
                "先验由多少个高斯组成：2 到 500。",
            ),
        ),
    )
    curves = {  # noqa: RUF012
        "components_used": Words(
            "Components in use",
            "How many components share the codes of a batch: exp of the entropy of their average responsibility, 1 to the number of components.",
            "使用中的分量数",
            "一批编码由多少个分量分担：平均责任的熵取指数，从 1 到分量总数。",
        ),
    }
    curve_roles = {"components_used": "prior"}  # noqa: RUF012

    def extras(self, model: LatentModel) -> dict[str, nn.Module]:
        """prior.mu, prior.logvar: (K, Z); prior.logits: (K,)."""
        from vaelab.models.mixtures import Mixture

        return {"prior": Mixture(int(model.cfg.value("components")), model.cfg.latent_dim)}

    def components(self, model: LatentModel) -> tuple[Tensor, Tensor, Tensor]:
        """mu, logvar (K, Z) and log weights (K,)."""
        import torch

        from vaelab.models.mixtures import Mixture

        prior = model.get_submodule("prior")
        assert isinstance(prior, Mixture)
        return prior.mu, prior.logvar, torch.log_softmax(prior.logits, dim=0)

    def log_parts(self, model: LatentModel, z: Tensor) -> Tensor:
        """log w_k N(z; ...) of each component, (..., K) nats."""
        from vaelab.models.mixtures import log_components

        mu, logvar, log_weights = self.components(model)
        return log_components(z, mu, logvar) + log_weights

    def log_prior(self, model: LatentModel, z: Tensor) -> Tensor:
        """log sum_k w_k N(z; ...), (...) nats."""
        import torch

        return torch.logsumexp(self.log_parts(model, z), dim=-1)

    def terms(
        self, model: LatentModel, x: Tensor, y: Tensor | None, eps: Tensor | None, cfg: LossConfig
    ) -> dict[str, Tensor]:
        """The VAE's, and "components_used" of the batch, the same for each image."""
        import torch

        from vaelab.models.mixtures import used
        from vaelab.models.whole_batch import whole

        assert eps is not None
        q = model.encode(x, y)
        z, log_q = q.draw(eps)
        parts = self.log_parts(model, z)
        kl = log_q - torch.logsumexp(parts, dim=-1)
        return {
            "recon": self.recon(model, model.decode_logits(z, y), x, cfg),
            "kl_per_dim": kl[:, None],
            "components_used": used(whole(parts.detach())).expand(len(x)),
        }

    def draw(
        self, model: LatentModel, n: int, *, generator: torch.Generator | None = None, temperature: float = 1.0
    ) -> Tensor:
        """A component by its weight, then a draw from it, (n, Z)."""
        import torch

        mu, logvar, log_weights = (part.detach() for part in self.components(model))
        chosen = torch.multinomial(log_weights.exp().cpu(), n, replacement=True, generator=generator).to(mu.device)
        eps = torch.randn(n, model.cfg.latent_dim, generator=generator).to(mu.device)
        return mu[chosen] + temperature * torch.exp(0.5 * logvar[chosen]) * eps

    def codes_of_noise(self, model: LatentModel, eps: Tensor, temperature: float = 1.0) -> Tensor:
        """Each row from a component of its own as far as they go, so that a strip shows the prior's whole width."""
        import torch

        from vaelab.models.mixtures import spread_over

        mu, logvar, log_weights = (part.detach() for part in self.components(model))
        chosen = spread_over(eps, log_weights.exp())
        return mu[chosen] + temperature * torch.exp(0.5 * logvar[chosen]) * eps


register(MixturePrior())
