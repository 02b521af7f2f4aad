"""A network without any fully connected layer: the code is the last feature maps themselves."""

from __future__ import annotations

from itertools import pairwise

from vaelab.models.layers import RELU, SIGMOID, Architecture, Layer, double, halve
from vaelab.models.networks.network import Network, NetworkShape
from vaelab.models.registry import register
from vaelab.models.words import Words

WIDTHS = (12, 24, 48, 96)


class Maps(Network):
    """Four halvings to 96 small maps and the same way back."""

    name = "maps"
    words = Words(
        "convolutions only",
        "Four strided convolutions shrink the image to 96 small maps, which are the code: 384 numbers at 32 pixels.",
        "仅卷积",
        "四层步长为 2 的卷积把图像缩成 96 张小特征图，它们就是编码：32 像素时共 384 个数。",
    )
    channels = (3,)
    takes_label = False

    def layers(self, shape: NetworkShape) -> Architecture:
        """The head is empty: what the last convolution puts out is the code."""
        widths = (shape.channels, *WIDTHS)
        features: list[Layer] = []
        for a, b in pairwise(widths):
            features += [halve(a, b), RELU]
        side = shape.image_size // 16
        decoder = [Layer("Reshape", shape=(WIDTHS[-1], side, side))]
        for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True):
            decoder += [double(a, b), RELU]
        return Architecture(tuple(features), (), (*decoder[:-1], SIGMOID))

    def latent_dim(self, image_size: int) -> int | None:
        """96 maps of (size / 16)^2."""
        return WIDTHS[-1] * (image_size // 16) ** 2


register(Maps())
