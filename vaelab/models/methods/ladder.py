"""A VAE of two levels: the upper one decides what the lower one then fills in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vaelab.config.errors import ConfigError
from vaelab.models.methods.method import MethodSetting
from vaelab.models.methods.vae import Vae
from vaelab.models.registry import register
from vaelab.models.words import Words

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vaelab.config.settings import LossConfig
    from vaelab.models.latent_model import LatentModel
    from vaelab.models.model_config import ModelConfig
    from vaelab.models.posteriors import Posterior
    from vaelab.models.two_levels import LowerPrior

# Of the prior's layers, under the names that a browser asks for.
LOWER_PRIOR = {"hidden": "0.weight", "hiddenBias": "0.bias", "out": "2.weight", "outBias": "2.bias"}


class LadderVae(Vae):
    """loss = recon + beta (KL(q(u|x) || N(0, I)) + KL(q(l|x, u) || p(l|u))); the decoder is given both levels."""

    name = "ladder-vae"
    words = Words(
        "two-level (ladder) VAE",
        "Has two levels of codes: a few upper numbers decide what the lower ones are likely to be, and the image only corrects that.",
        "两层（阶梯）VAE",
        "编码分两层：少数几个上层数决定下层大概是什么，图像只对它作修正。",
    )
    paper = "Sønderby et al. 2016, Ladder Variational Autoencoders, equations 11 and 17 to 19"
    standard_prior = False
    head_is_code = False
    settings = (
        MethodSetting(
            "upper",
            4,
            1,
            128,
            Words(
                "Numbers of the upper level",
                "How many of the latent numbers form the upper level, the first of them: 1 to 128, fewer than the latent size.",
                "上层的维数",
                "潜变量中最前面的多少个构成上层：1 到 128，且少于潜变量总维数。",
            ),
        ),
    )
    curves = {  # noqa: RUF012
        "upper_kl": Words(
            "KL of the upper level",
            "What the upper level tells of an image, in nats.",
            "上层的 KL",
            "上层携带的图像信息，单位：奈特。",
        ),
        "lower_kl": Words(
            "KL of the lower level",
            "What the lower level adds to what the upper one made likely, in nats.",
            "下层的 KL",
            "在上层已经决定的基础上，下层补充的信息，单位：奈特。",
        ),
    }

    def check(self, cfg: ModelConfig) -> None:
        """The lower level needs a number as well."""
        upper = int(cfg.value("upper"))
        if upper >= cfg.latent_dim:
            raise ConfigError(
                f"model.settings.upper must be below the latent size, {cfg.latent_dim}, got {upper} (the rest is the lower level)"
            )

    def upper_level(self, cfg: ModelConfig) -> int:
        """The setting `upper`."""
        return int(cfg.value("upper"))

    def lower_prior(self, tensors: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Both layers of LowerPrior; a snapshot of a training holds none."""
        found = {name: tensors.get(f"prior.layers.{key}") for name, key in LOWER_PRIOR.items()}
        return None if any(value is None for value in found.values()) else found

    def extras(self, model: LatentModel) -> dict[str, nn.Module]:
        """prior.layers: p(z_lower | z_upper)."""
        from vaelab.models.two_levels import LowerPrior

        upper = int(model.cfg.value("upper"))
        return {"prior": LowerPrior(upper, model.cfg.latent_dim - upper)}

    def initialise(self, model: LatentModel) -> None:
        """The lower level's prior begins near N(0, I)."""
        model.get_parameter("prior.layers.2.weight").data.mul_(0.1)

    def posterior(self, model: LatentModel, h: Tensor) -> Posterior:
        """The upper level's Gaussian, and what the image says of the lower one."""
        from vaelab.models.posteriors import GaussianPosterior
        from vaelab.models.two_levels import TwoLevelPosterior

        upper = int(model.cfg.value("upper"))
        mu, logvar = h.chunk(2, dim=1)
        return TwoLevelPosterior(
            GaussianPosterior(mu[:, :upper], logvar[:, :upper]),
            GaussianPosterior(mu[:, upper:], logvar[:, upper:]),
            _prior(model),
        )

    def code_and_kl(self, model: LatentModel, q: Posterior, eps: Tensor | None) -> tuple[Tensor, Tensor]:
        """The KL of each dimension, the lower level's for the upper level that was drawn."""
        from vaelab.models.two_levels import TwoLevelPosterior

        assert isinstance(q, TwoLevelPosterior)
        z = q.sample(eps)
        return z, q.kl_at(z)

    def log_prior(self, model: LatentModel, z: Tensor) -> Tensor:
        """Both levels', (...) nats."""
        from vaelab.models.two_levels import log_prior

        return log_prior(z, int(model.cfg.value("upper")), _prior(model))

    def terms(
        self, model: LatentModel, x: Tensor, y: Tensor | None, eps: Tensor | None, cfg: LossConfig
    ) -> dict[str, Tensor]:
        """The VAE's, and the KL of each level."""
        terms = super().terms(model, x, y, eps, cfg)
        upper = int(model.cfg.value("upper"))
        kl = terms["kl_per_dim"]
        return terms | {"upper_kl": kl[:, :upper].sum(dim=1), "lower_kl": kl[:, upper:].sum(dim=1)}

    def codes_of_noise(self, model: LatentModel, eps: Tensor, temperature: float = 1.0) -> Tensor:
        """The upper level from N(0, I), then the lower one as it decides."""
        import torch

        upper = temperature * eps[:, : int(model.cfg.value("upper"))]
        below = _prior(model)(upper)
        return torch.cat([upper, below.sample(temperature * eps[:, upper.shape[1] :])], dim=1)


def _prior(model: LatentModel) -> LowerPrior:
    from vaelab.models.two_levels import LowerPrior

    prior = model.get_submodule("prior")
    assert isinstance(prior, LowerPrior)
    return prior


register(LadderVae())
