"""A VAE whose KL term is taken apart, so that only what ties the dimensions together is charged more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vaelab.models.methods.method import MethodSetting, Term
from vaelab.models.methods.vae import Vae
from vaelab.models.registry import register
from vaelab.models.words import Words

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vaelab.config.settings import LossConfig
    from vaelab.models.latent_model import LatentModel
    from vaelab.models.model_config import ModelConfig


def _weight(name: str, default: float, title: str, title_zh: str) -> MethodSetting:
    helped = f"Weight of {title} in the loss: 0 to 1000, times β. 1 is the plain VAE's."
    helped_zh = f"损失中{title_zh}的权重：0 到 1000，再乘以 β。1 与普通 VAE 相同。"
    words = Words(f"Weight of {title}", helped, f"{title_zh}的权重", helped_zh)
    return MethodSetting(name, default, 0.0, 1000.0, words)


class BetaTcVae(Vae):
    """loss = recon + beta * (alpha * information + tc * total correlation + gamma * per-dimension KL)."""

    name = "beta-tcvae"
    words = Words(
        "β-TCVAE",
        "Splits the KL into what the code tells of the image, what ties its dimensions together, and each dimension's distance from the prior, and charges the second more.",
        "β-TCVAE",
        "把 KL 拆成三部分：编码包含的图像信息、维度之间的相互依赖、各维与先验的距离，并对第二部分收取更高的代价。",
    )
    paper = "Chen et al. 2018, Isolating Sources of Disentanglement in Variational Autoencoders, equations 2 and 4, appendix C"
    settings = (
        _weight("tc", 6.0, "the total correlation", "总相关"),
        _weight("alpha", 1.0, "the index-code information", "索引与编码的互信息"),
        _weight("gamma", 1.0, "the KL of single dimensions", "各维 KL"),
    )
    curves = {  # noqa: RUF012
        "information": Words(
            "Information I(z; n)",
            "How much a code tells which image it came from, estimated from the batch. At most log of the number of images. Nats.",
            "互信息 I(z; n)",
            "编码包含多少“它来自哪张图像”的信息，由批次估计，不超过图像数的对数。单位：奈特。",
        ),
        "correlation": Words(
            "Total correlation",
            "How far the codes of all images are from having independent dimensions: KL(q(z) || product of q(z_j)), estimated from the batch. Nats.",
            "总相关",
            "全部编码离“各维相互独立”有多远：KL(q(z) || ∏ q(z_j))，由批次估计。单位：奈特。",
        ),
        "dimensions": Words(
            "Per-dimension KL",
            "How far each dimension's codes of all images are from N(0, 1), summed, estimated from the batch. Nats. The three parts add up to the KL term.",
            "各维 KL 之和",
            "每个维度上全部编码与 N(0, 1) 的距离之和，由批次估计。单位：奈特。三部分之和等于 KL 项。",
        ),
    }

    def extras(self, model: LatentModel) -> dict[str, nn.Module]:
        """data.images, (): how many training images there are."""
        from vaelab.models.kept import Kept

        return {"data": Kept(images=1.0)}

    def begin(self, model: LatentModel, x: Tensor, images: int) -> None:
        """Count them."""
        model.get_buffer("data.images").fill_(float(images))

    def terms(
        self, model: LatentModel, x: Tensor, y: Tensor | None, eps: Tensor | None, cfg: LossConfig
    ) -> dict[str, Tensor]:
        """The VAE's, and the three parts of one draw's log q(z|x) - log p(z)."""
        from vaelab.models.aggregate import kl_split
        from vaelab.models.whole_batch import first_image, whole

        q = model.encode(x, y)
        assert q.logvar is not None
        z = q.sample(eps)
        recon = self.recon(model, model.decode_logits(z, y), x, cfg)
        parts = kl_split(z, whole(q.mean), whole(q.logvar), model.get_buffer("data.images"), first_image())
        return {"recon": recon, "kl_per_dim": q.kl_per_dim()} | dict(zip(self.curves, parts, strict=True))

    def combine(self, cfg: ModelConfig, terms: Mapping[str, Term], beta: float) -> Term:
        """recon and the weighted parts."""
        alpha, tc, gamma = (beta * float(cfg.value(name)) for name in ("alpha", "tc", "gamma"))
        return terms["recon"] + alpha * terms["information"] + tc * terms["correlation"] + gamma * terms["dimensions"]


register(BetaTcVae())
