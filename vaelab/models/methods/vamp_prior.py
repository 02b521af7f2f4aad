"""A VAE whose prior is the average posterior of a few images that it makes up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaelab.models.methods.method import MethodSetting
from vaelab.models.methods.mixture_prior import MixturePrior
from vaelab.models.registry import register
from vaelab.models.words import Words

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vaelab.models.latent_model import LatentModel
    from vaelab.models.mixtures import PseudoInputs

SHOWN = 14  # pseudo-inputs on the page


class VampPrior(MixturePrior):
    """p(z) = mean_k q(z|u_k), with pseudo-inputs u_k that are learned, begun with training images."""

    name = "vamp-vae"
    words = Words(
        "VAE with a VampPrior",
        "The prior is the average posterior of some images that the model makes up itself. They begin as training images and can be watched changing.",
        "VampPrior 的 VAE",
        "先验是模型自己编出的一些图像（伪输入）的平均后验。它们从训练图像开始，可以看着它们变化。",
    )
    paper = "Tomczak & Welling 2018, VAE with a VampPrior, equations 10 and 11"
    settings = (
        MethodSetting(
            "pseudo_inputs",
            50,
            2,
            500,
            Words(
                "Pseudo-inputs",
                "How many images the prior is made of: 2 to 500. All are encoded in every step.",
                "伪输入的数量",
                "先验由多少张图像组成：2 到 500。每一步都要把它们全部编码。",
            ),
        ),
    )
    pictures = {  # noqa: RUF012
        "pseudo_inputs": Words(
            "Pseudo-inputs",
            "Images that the prior is made of: the model learns them, and new images are drawn around their codes.",
            "伪输入",
            "构成先验的图像：由模型学出，新图像就在它们的编码附近采样。",
        ),
    }

    def extras(self, model: LatentModel) -> dict[str, nn.Module]:
        """prior.logits: (K, C, H, W), the pseudo-inputs before the sigmoid."""
        from vaelab.models.mixtures import PseudoInputs

        return {"prior": PseudoInputs(int(model.cfg.value("pseudo_inputs")), model.image_shape)}

    def begin(self, model: LatentModel, x: Tensor, images: int) -> None:
        """The pseudo-inputs begin as training images."""
        _prior(model).start_at(x)

    def components(self, model: LatentModel) -> tuple[Tensor, Tensor, Tensor]:
        """The pseudo-inputs' posteriors, (K, Z) each, all of one weight; in a conditional model they take the labels in turn."""
        import math

        inputs = self.component_images(model)
        q = model.encode(inputs, self.component_labels(model))
        assert q.logvar is not None
        return q.mean, q.logvar, inputs.new_full((len(inputs),), -math.log(len(inputs)))

    def component_images(self, model: LatentModel) -> Tensor:
        """The pseudo-inputs, (K, C, H, W) in (0, 1)."""
        return _prior(model).images()

    def component_labels(self, model: LatentModel) -> Tensor | None:
        """In a conditional model the pseudo-inputs take the labels in turn, (K,)."""
        import torch

        logits = _prior(model).logits  # not get_parameter: a compiled step puts plain tensors in their place
        classes = model.cfg.classes
        return torch.arange(len(logits), device=logits.device) % classes if classes else None

    def shown(self, model: LatentModel) -> dict[str, Tensor]:
        """The first of them."""
        import torch

        return {"pseudo_inputs": torch.sigmoid(_prior(model).logits[:SHOWN])}


def _prior(model: LatentModel) -> PseudoInputs:
    from vaelab.models.mixtures import PseudoInputs

    prior = model.get_submodule("prior")
    assert isinstance(prior, PseudoInputs)
    return prior


register(VampPrior())
