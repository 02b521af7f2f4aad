"""An autoencoder whose code is kept sparse by an L1 penalty: an example of a method of one's own (docs/own-models.md)."""

from vaelab.models.methods.autoencoder import Autoencoder
from vaelab.models.methods.method import MethodSetting
from vaelab.models.registry import register
from vaelab.models.words import Words


class SparseAutoencoder(Autoencoder):
    """loss = recon + strength * sum of |z|."""

    name = "sparse-autoencoder"
    words = Words(
        "sparse autoencoder", "Keeps most numbers of the code near 0.", "稀疏自编码器", "让编码里的大多数数接近 0。"
    )
    paper = "Ng 2011, Sparse autoencoder, lecture notes (there with a KL penalty on the activations)"
    network = "conv"
    settings = (
        MethodSetting(
            "strength", 1.0, 0.0, 100.0, Words("Strength", "Weight of |z|: 0 to 100.", "强度", "|z| 的权重：0 到 100。")
        ),
    )
    curves = {"size": Words("Size of the code", "Sum of |z| of an image.", "编码的大小", "一张图像的 |z| 之和。")}  # noqa: RUF012

    def terms(self, model, x, y, eps, cfg):
        z = model.encode(x, y).mean
        recon = self.recon(model, model.decode_logits(z, y), x, cfg)
        return {"recon": recon, "kl_per_dim": z.new_zeros(z.shape), "size": z.abs().sum(dim=1)}

    def combine(self, cfg, terms, beta):
        return terms["recon"] + cfg.value("strength") * terms["size"]


register(SparseAutoencoder())
