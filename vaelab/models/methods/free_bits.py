"""A VAE whose dimensions may each carry a little information for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vaelab.models.methods.method import MethodSetting, Term
from vaelab.models.methods.vae import Vae
from vaelab.models.registry import register
from vaelab.models.words import Words

if TYPE_CHECKING:
    from torch import Tensor

    from vaelab.config.settings import LossConfig
    from vaelab.models.latent_model import LatentModel
    from vaelab.models.model_config import ModelConfig


class FreeBits(Vae):
    """loss = recon + beta * sum_j max(lambda, mean over the batch of KL_j)."""

    name = "vae-free-bits"
    words = Words(
        "VAE with free bits",
        "Each dimension may carry a few nats without paying for them, so that none is switched off at the start and never comes back.",
        "带自由比特的 VAE",
        "每个维度都有一点免费的信息额度（奈特），不必为它付出 KL 代价，因此不会一开始就被关掉再也回不来。",
    )
    paper = "Kingma et al. 2016, Improving Variational Inference with Inverse Autoregressive Flow, section 2.5 and appendix C.8"
    settings = (
        MethodSetting(
            "free_nats",
            0.5,
            0.0,
            20.0,
            Words(
                "Free nats per dimension",
                "KL that each dimension may have for nothing, in nats: 0 to 20. 0 is the plain VAE.",
                "每维的免费额度（奈特）",
                "每个维度可以免费拥有的 KL，单位奈特：0 到 20。0 就是普通 VAE。",
            ),
        ),
    )
    curves = {  # noqa: RUF012
        "charged": Words(
            "KL charged",
            "The KL term that the loss counts: every dimension at its own KL, or at the allowance where it lies below. Nats per image.",
            "计入损失的 KL",
            "损失里实际计算的 KL：各维取自身的 KL，低于额度时按额度计。单位：奈特/图像。",
        ),
        "within": Words(
            "Dimensions in allowance",
            "How many dimensions have a KL below the allowance, and so no reason to shrink further.",
            "额度以内的维度数",
            "有多少个维度的 KL 低于额度，因而没有理由继续减小。",
        ),
    }
    curve_roles = {"within": "z"}  # noqa: RUF012

    def terms(
        self, model: LatentModel, x: Tensor, y: Tensor | None, eps: Tensor | None, cfg: LossConfig
    ) -> dict[str, Tensor]:
        """The VAE's, and "charged", "within": of the batch, the same for each of its images."""
        from vaelab.models.whole_batch import whole

        terms = super().terms(model, x, y, eps, cfg)
        free = float(model.cfg.value("free_nats"))
        mean = whole(terms["kl_per_dim"]).mean(dim=0)
        terms["charged"] = mean.clamp(min=free).sum().expand(len(x))
        terms["within"] = (mean < free).sum().to(x.dtype).expand(len(x))
        return terms

    def combine(self, cfg: ModelConfig, terms: Mapping[str, Term], beta: float) -> Term:
        """recon + beta * charged."""
        return terms["recon"] + beta * terms["charged"]


register(FreeBits())
