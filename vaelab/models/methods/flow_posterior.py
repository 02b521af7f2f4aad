"""A VAE whose posterior is bent by a flow, so that it need not be an ellipse along the axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaelab.models.methods.method import MethodSetting
from vaelab.models.methods.sampled_kl import SampledKl
from vaelab.models.registry import register
from vaelab.models.words import Words

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vaelab.config.settings import LossConfig
    from vaelab.models.latent_model import LatentModel
    from vaelab.models.posteriors import Posterior


class FlowVae(SampledKl):
    """loss = recon + beta (log q(z_0|x) - sum log |det J| - log p(z_K)), z_K the draw after K steps."""

    name = "flow-vae"
    words = Words(
        "VAE with a flow posterior",
        "Draws from a Gaussian and then bends it in invertible steps, so that the codes that fit an image may lie along a curve and not only in an ellipse.",
        "流后验的 VAE",
        "先从高斯采样，再用可逆的变换一步步弯曲它：适合一张图像的编码可以沿曲线分布，而不只是椭圆。",
    )
    paper = "Rezende & Mohamed 2015, Variational Inference with Normalizing Flows, section 4.1; Kingma et al. 2016, Inverse Autoregressive Flow, section 3; Dinh et al. 2017, Density estimation using Real NVP, section 3"
    head_is_code = False
    settings = (
        MethodSetting(
            "flow",
            "iaf",
            0.0,
            0.0,
            Words(
                "Kind of flow",
                "Planar steps bend along one direction each; inverse autoregressive ones move every dimension by those before it; couplings one half by the other.",
                "流的种类",
                "平面流每步沿一个方向弯曲；逆自回归流让每个维度由它之前的维度来移动；耦合流每步由一半维度来移动另一半。",
            ),
            ("planar", "iaf", "coupling"),
            (("planar", "平面流"), ("inverse autoregressive", "逆自回归流"), ("affine coupling", "仿射耦合流")),
        ),
        MethodSetting(
            "steps",
            4,
            1,
            32,
            Words(
                "Steps of the flow",
                "How many steps the draw goes through: 1 to 32.",
                "流的步数",
                "采样要经过多少步变换：1 到 32。",
            ),
        ),
    )
    curves = {  # noqa: RUF012
        "stretch": Words(
            "Log-volume of the flow",
            "Sum of log |det J| at the draw: above 0 the flow spreads the posterior, below it squeezes it. Nats per image.",
            "流的对数体积",
            "采样处 log |det J| 之和：大于 0 表示流把后验撑开，小于 0 表示压缩。单位：奈特/图像。",
        ),
    }

    def extras(self, model: LatentModel) -> dict[str, nn.Module]:
        """flow.steps.K."""
        from vaelab.models.flows import Flow

        cfg = model.cfg
        return {"flow": Flow(str(cfg.value("flow")), int(cfg.value("steps")), cfg.latent_dim)}

    def initialise(self, model: LatentModel) -> None:
        """The flow begins near the identity."""
        from vaelab.models.flows import Flow

        flow = model.get_submodule("flow")
        assert isinstance(flow, Flow)
        flow.start_near_identity()

    def posterior(self, model: LatentModel, h: Tensor) -> Posterior:
        """The Gaussian of both halves of h, pushed through the flow, which is told h."""
        from vaelab.models.flows import Flow, FlowPosterior
        from vaelab.models.posteriors import GaussianPosterior

        mu, logvar = h.chunk(2, dim=1)
        flow = model.get_submodule("flow")
        assert isinstance(flow, Flow)
        return FlowPosterior(GaussianPosterior(mu, logvar), flow, h)

    def terms(
        self, model: LatentModel, x: Tensor, y: Tensor | None, eps: Tensor | None, cfg: LossConfig
    ) -> dict[str, Tensor]:
        """The VAE's, and "stretch"."""
        from vaelab.models.flows import FlowPosterior

        assert eps is not None
        q = model.encode(x, y)
        assert isinstance(q, FlowPosterior)
        start, log_start = q.start.draw(eps)
        z, log_det = q.flow(start, q.context)
        kl = log_start - log_det - self.log_prior(model, z)
        recon = self.recon(model, model.decode_logits(z, y), x, cfg)
        return {"recon": recon, "kl_per_dim": kl[:, None], "stretch": log_det}


register(FlowVae())
