"""An autoencoder that is shown damaged images and must give back whole ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaelab.models.methods.autoencoder import Autoencoder
from vaelab.models.methods.method import MethodSetting
from vaelab.models.registry import register
from vaelab.models.words import Words

if TYPE_CHECKING:
    from torch import Tensor

    from vaelab.config.settings import LossConfig
    from vaelab.models.latent_model import LatentModel
    from vaelab.models.model_config import ModelConfig

DAMAGES = ("gaussian", "holes", "salt-and-pepper")


class DenoisingAutoencoder(Autoencoder):
    """loss = recon of x from the code of a damaged x. Measured on damaged images as well."""

    name = "denoising-autoencoder"
    words = Words(
        "denoising autoencoder",
        "Is shown damaged images and must draw the whole ones, so it cannot just copy: its code holds what an image is like.",
        "去噪自编码器",
        "输入被破坏的图像，却要画出完好的图像，因此不能照抄：编码必须记住图像本来的样子。",
    )
    paper = "Vincent et al. 2008, Extracting and Composing Robust Features with Denoising Autoencoders, section 2.3"
    network = "conv"
    damages_input = True
    settings = (
        MethodSetting(
            "damage",
            "gaussian",
            0.0,
            0.0,
            Words(
                "Damage",
                "What is done to an image before it is encoded: noise added to every pixel, pixels blacked out, or pixels turned black or white.",
                "破坏方式",
                "编码之前对图像做什么：给每个像素加噪声、把一些像素涂黑，或把一些像素变成黑或白。",
            ),
            DAMAGES,
            (("Gaussian noise", "高斯噪声"), ("blacked-out pixels", "涂黑像素"), ("salt and pepper", "椒盐噪声")),
        ),
        MethodSetting(
            "amount",
            0.3,
            0.0,
            1.0,
            Words(
                "Amount of damage",
                "0 to 1: the noise's standard deviation on the 0-1 scale, or the share of pixels that are spoilt.",
                "破坏程度",
                "0 到 1：噪声的标准差（按 0–1 的刻度），或被破坏像素的比例。",
            ),
        ),
    )
    curves = {  # noqa: RUF012
        "whole": Words(
            "Recon of whole images",
            "The reconstruction term where nothing was damaged, for comparison: nats per image. The loss above it is the price of the damage.",
            "完好图像的重构",
            "输入未被破坏时的重构损失，供比较：奈特/图像。损失高出的部分就是破坏的代价。",
        ),
    }
    curve_roles = {"whole": "decoder"}  # noqa: RUF012

    def noise_shape(self, cfg: ModelConfig) -> tuple[int, ...]:
        """A number for each pixel and channel: (C, H, W)."""
        return cfg.channels, cfg.image_size, cfg.image_size

    def terms(
        self, model: LatentModel, x: Tensor, y: Tensor | None, eps: Tensor | None, cfg: LossConfig
    ) -> dict[str, Tensor]:
        """The autoencoder's on damaged images, and "whole". eps: (B, C, H, W)."""
        import torch

        assert eps is not None
        with torch.no_grad():
            whole = super().terms(model, x, y, None, cfg)["recon"]
        z, kl = self.code_and_kl(model, model.encode(self.damaged(model.cfg, x, eps), y), None)
        return {"recon": self.recon(model, model.decode_logits(z, y), x, cfg), "kl_per_dim": kl, "whole": whole}

    def damaged(self, cfg: ModelConfig, x: Tensor, noise: Tensor) -> Tensor:
        """x spoilt by normal noise; both (B, C, H, W). A spoilt pixel is spoilt in all channels."""
        import torch

        kind, amount = str(cfg.value("damage")), float(cfg.value("amount"))
        if kind == "gaussian":
            return (x + amount * noise).clamp(0.0, 1.0)
        share = torch.special.ndtr(noise[:, :1])  # uniform in (0, 1)
        if kind == "holes":
            return torch.where(share < amount, torch.zeros_like(x), x)
        return torch.where(share < 0.5 * amount, torch.zeros_like(x), torch.where(share > 1.0 - 0.5 * amount, 1.0, x))

    def shown_input(self, model: LatentModel, x: Tensor) -> Tensor:
        """The same images with the same damage at every step."""
        import torch

        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).to(x.device)
        return self.damaged(model.cfg, x, noise)


register(DenoisingAutoencoder())
