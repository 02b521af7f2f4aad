"""A VAE that learns how exact its own pixels are, instead of being told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vaelab.models.methods.vae import Vae
from vaelab.models.registry import register
from vaelab.models.words import Words

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vaelab.config.settings import LossConfig
    from vaelab.models.latent_model import LatentModel

SMALLEST = 1e-3  # a quarter of a grey level: below it a likelihood of pixels means nothing
MEMORY = 0.9  # share of the running average that a step leaves as it was


class SigmaVae(Vae):
    """loss = D / 2 (log(2 pi sigma^2) + 1) + beta * KL, with sigma^2 the batch's mean squared error, the best that one sigma can be."""

    name = "sigma-vae"
    words = Words(
        "VAE with the optimal sigma",
        "Scores pixels by a Gaussian whose sigma is always the best one, the size of its own errors: no weight between the two terms is left to guess.",
        "最优 σ 的 VAE",
        "像素用高斯分布打分，其 σ 始终取最优值，也就是自身误差的大小：两项损失之间不再有要猜的权重。",
    )
    paper = "Rybkin, Daniilidis & Levine 2021, Simple and Effective VAE Training with Calibrated Decoders, section 3.2"
    fixed_likelihood = False
    curves = {  # noqa: RUF012
        "sigma": Words(
            "σ of a pixel (0–1)",
            "How far a pixel lies from its reconstruction, root mean square, on the 0-1 scale. It falls as the images sharpen, and the KL counts less beside it.",
            "像素的 σ（0–1）",
            "像素与重构之间的均方根误差，按 0–1 的刻度。图像越清晰它越小，KL 相对就越轻。",
        ),
    }
    curve_roles = {"sigma": "sigma"}  # noqa: RUF012

    def extras(self, model: LatentModel) -> dict[str, nn.Module]:
        """pixel.sigma, (): the sigma of the last steps, by which images are scored once nothing is learned any more."""
        from vaelab.models.kept import Kept

        return {"pixel": Kept(sigma=1.0)}

    def begin(self, model: LatentModel, x: Tensor, images: int) -> None:
        """Before the first step every reconstruction is the average image."""
        sigma = (x - x.mean(dim=0)).square().mean().sqrt()
        model.get_buffer("pixel.sigma").copy_(sigma.clamp(min=SMALLEST))

    def terms(
        self, model: LatentModel, x: Tensor, y: Tensor | None, eps: Tensor | None, cfg: LossConfig
    ) -> dict[str, Tensor]:
        """The VAE's under sigma, and "sigma", the same for each image: the batch's own while it learns, else the kept one."""
        import torch

        z, kl = self.code_and_kl(model, model.encode(x, y), eps)
        logits = model.decode_logits(z, y)
        sigma = _best_sigma(logits, x) if torch.is_grad_enabled() else model.get_buffer("pixel.sigma")
        return {"recon": _gaussian(logits, x, sigma), "kl_per_dim": kl, "sigma": sigma.expand(len(x))}

    def after_step(self, model: LatentModel, terms: dict[str, Tensor]) -> None:
        """The running average of sigma^2."""
        import torch

        with torch.no_grad():
            kept = model.get_buffer("pixel.sigma")
            square = MEMORY * kept.square() + (1.0 - MEMORY) * terms["sigma"][0].square()
            kept.copy_(square.sqrt())

    def likelihood(self, cfg: LossConfig, tensors: Mapping[str, Any]) -> LossConfig:
        """A Gaussian of the kept sigma, whatever likelihood the config names; of the config's where none is kept, as in a snapshot."""
        return replace(cfg, likelihood="gaussian", sigma=float(tensors.get("pixel.sigma", cfg.sigma)))


def _best_sigma(logits: Tensor, x: Tensor) -> Tensor:
    """(): the sigma under which the batch is likeliest. It is no way for the gradient: there the loss is flat in sigma."""
    import torch

    from vaelab.models.whole_batch import whole

    with torch.no_grad():
        squares = (x - torch.sigmoid(logits)).square().flatten(1).mean(dim=1)  # of each image
        return whole(squares).mean().sqrt().clamp(min=SMALLEST)


def _gaussian(logits: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
    """losses.gaussian_recon for a sigma that stays on the device, (B,) nats."""
    import torch

    from vaelab.models.losses import LOG_2PI

    error = (x - torch.sigmoid(logits)).square().flatten(1).sum(dim=1)
    return error / (2.0 * sigma.square()) + x[0].numel() * (torch.log(sigma) + 0.5 * LOG_2PI)


register(SigmaVae())
