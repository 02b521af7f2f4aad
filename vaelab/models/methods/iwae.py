"""A VAE trained on a tighter bound, from several draws for each image."""

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


class Iwae(Vae):
    """loss = -log mean_k [p(x, z_k) / q(z_k|x)] + (beta - 1) KL; K = 1 is the VAE with a KL term that is estimated from its draw."""

    name = "iwae"
    words = Words(
        "importance-weighted autoencoder",
        "Draws several codes for each image and weighs them by how well they explain it. The more draws, the closer the bound comes to log p(x).",
        "重要性加权自编码器",
        "每张图像采样多个编码，按它们对图像的解释力加权。采样越多，下界越接近 log p(x)。",
    )
    paper = "Burda, Grosse & Salakhutdinov 2016, Importance Weighted Autoencoders, equations 8 and 14"
    settings = (
        MethodSetting(
            "draws",
            5,
            1,
            100,
            Words(
                "K: draws per image",
                "How many codes are drawn for each image in a step: 1 to 100. A step takes about K times as long to decode.",
                "K：每张图像的采样数",
                "每一步为每张图像采样多少个编码：1 到 100。解码一步的时间约为 K 倍。",
            ),
        ),
    )
    curves = {  # noqa: RUF012
        "bound": Words(
            "Bound with K draws",
            "Least -log p(x) that the K draws prove, on average: nats per image. At β = 1 it is what is minimised.",
            "K 次采样的界",
            "K 次采样平均给出的 -log p(x) 上界：奈特/图像。β = 1 时它就是优化目标。",
        ),
        "bound_one": Words(
            "Bound with one draw",
            "The same with a single draw, which is the plain VAE's: recon + KL, nats per image.",
            "1 次采样的界",
            "只采样一次的界，也就是普通 VAE 的：重构 + KL，单位奈特/图像。",
        ),
        "effective": Words(
            "Draws that count",
            "Effective sample size, 1 / sum of squared weights: 1 where a single draw holds all the weight, K where all weigh alike.",
            "有效采样数",
            "有效样本量 1 / Σ w²：权重全在一个样本上时为 1，全部相等时为 K。",
        ),
    }
    curve_roles = {"bound": "total", "bound_one": "total", "effective": "z"}  # noqa: RUF012

    def noise_shape(self, cfg: ModelConfig) -> tuple[int, ...]:
        """(K, Z)."""
        return int(cfg.value("draws")), cfg.latent_dim

    def terms(
        self, model: LatentModel, x: Tensor, y: Tensor | None, eps: Tensor | None, cfg: LossConfig
    ) -> dict[str, Tensor]:
        """recon: the mean over the draws; "kl_per_dim": in closed form; and the bounds. eps: (B, K, Z)."""
        import math

        import torch

        assert eps is not None
        q = model.encode(x, y)
        z, log_q = q.draw(eps.transpose(0, 1))  # (K, B, Z), (K, B)
        recon = self._recon_of_draws(model, z, x, y, cfg)
        log_weight = self.log_prior(model, z) - recon - log_q
        bound = math.log(len(z)) - torch.logsumexp(log_weight, dim=0)
        return {
            "recon": recon.mean(dim=0),
            "kl_per_dim": q.kl_per_dim(),
            "bound": bound,
            "bound_one": -log_weight.mean(dim=0),
            "effective": 1.0 / torch.softmax(log_weight.detach(), dim=0).square().sum(dim=0),
        }

    def _recon_of_draws(self, model: LatentModel, z: Tensor, x: Tensor, y: Tensor | None, cfg: LossConfig) -> Tensor:
        """(K, B) nats. Learning decodes all draws at once; a measurement one after the other, for the sake of memory."""
        import torch

        if not torch.is_grad_enabled():
            return torch.stack([self.recon(model, model.decode_logits(row, y), x, cfg) for row in z])
        k, batch, dims = z.shape
        logits = model.decode_logits(z.reshape(k * batch, dims), None if y is None else y.repeat(k))
        return self.recon(model, logits, x.repeat(k, 1, 1, 1), cfg).reshape(k, batch)

    def combine(self, cfg: ModelConfig, terms: Mapping[str, Term], beta: float) -> Term:
        """As the class says."""
        return terms["bound"] + (beta - 1.0) * terms["kl"]


register(Iwae())
