"""The plain autoencoder: a code is a point, and only the reconstruction counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaelab.models.methods.method import Method
from vaelab.models.registry import register
from vaelab.models.words import Words

if TYPE_CHECKING:
    from torch import Tensor

    from vaelab.models.latent_model import LatentModel
    from vaelab.models.posteriors import Posterior


class Autoencoder(Method):
    """loss = recon. There is no prior, so new images are decoded from draws around the training images' codes."""

    name = "autoencoder"
    words = Words(
        "autoencoder",
        "Encodes an image as one point and learns to draw the image again from it. Nothing says what lies between the points.",
        "自编码器",
        "把图像编码成一个点，再学习由这个点重构图像。点与点之间是什么，没有任何约束。",
    )
    paper = "Hinton & Salakhutdinov 2006, Reducing the Dimensionality of Data with Neural Networks"
    network = "maps"
    has_posterior = False
    has_prior = False

    def posterior(self, model: LatentModel, h: Tensor) -> Posterior:
        """The point h itself."""
        from vaelab.models.posteriors import PointPosterior

        return PointPosterior(h)


register(Autoencoder())
