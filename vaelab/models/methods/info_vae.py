"""A VAE that compares all codes together with the prior, beside each image's own."""

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

KERNELS = ("multiquadric", "gaussian")


class InfoVae(Vae):
    """loss = recon + (1 - alpha) beta KL + (alpha + lambda - 1) MMD(q(z), p(z)); alpha = 1 is the Wasserstein autoencoder (WAE-MMD)."""

    name = "info-vae"
    words = Words(
        "InfoVAE (MMD)",
        "Pulls the cloud of all codes to the prior as a whole, by a distance between samples, so that a single image may keep a sharp code.",
        "InfoVAE（MMD）",
        "用样本之间的距离把所有编码的整体分布拉向先验，单张图像因此可以保留精确的编码。",
    )
    paper = (
        "Zhao, Song & Ermon 2019, InfoVAE, equation 6; Tolstikhin et al. 2018, Wasserstein Auto-Encoders, algorithm 2"
    )
    settings = (
        MethodSetting(
            "alpha",
            0.5,
            0.0,
            1.0,
            Words(
                "α: share of the KL taken out",
                "0 keeps the whole KL term, 1 leaves none of it: then only the MMD holds the codes to the prior (WAE-MMD).",
                "α：去掉多少 KL",
                "0 保留全部 KL 项，1 完全去掉，这时只有 MMD 把编码拉向先验（WAE-MMD）。",
            ),
        ),
        MethodSetting(
            "mmd_weight",
            100.0,
            0.0,
            1e6,
            Words(
                "λ: weight of the MMD",
                "Weight of the distance between all codes and the prior: 0 to 1,000,000. More holds the cloud closer, and makes learning slower: the estimate is noisy.",
                "λ：MMD 的权重",
                "全部编码与先验之间距离的权重：0 到 1000000。越大，编码的整体越贴近先验，但估计有噪声，学习也越慢。",
            ),
        ),
        MethodSetting(
            "kernel",
            "multiquadric",
            0.0,
            0.0,
            Words(
                "Kernel of the MMD",
                "What counts as near: the inverse multiquadric also sees codes that lie far out, the Gaussian only those nearby.",
                "MMD 的核函数",
                "怎样算“相近”：逆多二次核也能看到很远的编码，高斯核只看附近的。",
            ),
            KERNELS,
            (("inverse multiquadric", "逆多二次核"), ("Gaussian", "高斯核")),
        ),
        MethodSetting(
            "bandwidth",
            1.0,
            0.01,
            100.0,
            Words(
                "Width of the kernel",
                "1 is the usual squared distance of two draws from the prior, 2 Z. Less sees finer differences: 0.01 to 100.",
                "核的宽度",
                "1 表示先验中两个样本的平均平方距离 2Z；越小越能看出细微差别：0.01 到 100。",
            ),
        ),
    )
    curves = {  # noqa: RUF012
        "mmd": Words(
            "MMD to the prior",
            "Squared maximum mean discrepancy between a batch of codes and as many draws from the prior. No unit; 0 where both are alike, and around it by chance.",
            "与先验的 MMD",
            "一批编码与同样多的先验样本之间的平方最大均值差异。无单位；两者一致时在 0 附近波动。",
        ),
    }
    curve_roles = {"mmd": "z"}  # noqa: RUF012

    def noise_shape(self, cfg: ModelConfig) -> tuple[int, ...]:
        """eps, and a draw from the prior to compare with: (2, Z)."""
        return 2, cfg.latent_dim

    def terms(
        self, model: LatentModel, x: Tensor, y: Tensor | None, eps: Tensor | None, cfg: LossConfig
    ) -> dict[str, Tensor]:
        """The VAE's, and "mmd" of the batch, the same for each image; 0 for a single one, which is no sample. eps: (B, 2, Z)."""
        from vaelab.models.aggregate import mmd
        from vaelab.models.whole_batch import whole

        assert eps is not None
        z, kl = self.code_and_kl(model, model.encode(x, y), eps[:, 0])
        kind, width = str(model.cfg.value("kernel")), float(model.cfg.value("bandwidth"))
        codes, prior = whole(z), whole(eps[:, 1])
        distance = mmd(codes, prior, kind, width) if len(codes) > 1 else z.new_zeros(())
        recon = self.recon(model, model.decode_logits(z, y), x, cfg)
        return {"recon": recon, "kl_per_dim": kl, "mmd": distance.expand(len(x))}

    def combine(self, cfg: ModelConfig, terms: Mapping[str, Term], beta: float) -> Term:
        """As the class says."""
        alpha, weight = float(cfg.value("alpha")), float(cfg.value("mmd_weight"))
        return terms["recon"] + (1.0 - alpha) * beta * terms["kl"] + (alpha + weight - 1.0) * terms["mmd"]


register(InfoVae())
