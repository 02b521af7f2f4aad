"""A network without any fully connected layer: the code is the last feature maps themselves."""

from __future__ import annotations

from itertools import pairwise

from vaelab.models.layers import RELU, SIGMOID, Architecture, Layer, double, halve, halvings
from vaelab.models.networks.network import Network, NetworkShape
from vaelab.models.registry import register
from vaelab.models.words import Words

WIDTHS = (12, 24, 48, 96)  # channels after each halving; any further one keeps 96
LARGEST = 4  # maps are halved four times, and on until they are at most this wide


class Maps(Network):
    """Four halvings to 96 small maps and the same way back."""

    name = "maps"
    words = Words(
        "convolutions only",
        "Four strided convolutions shrink the image to 96 small maps, which are the code: 384 numbers at 32 pixels.",
        "仅卷积",
        "四层步幅为 2 的卷积把图像缩成 96 张小特征图，它们就是编码：32 像素时共 384 个数。",
    )
    channels = (3,)
    takes_label = False

    def layers(self, shape: NetworkShape) -> Architecture:
        """The head is empty: what the last convolution puts out is the code."""
        sides = _sides(shape.image_size)
        widths = (shape.channels, *WIDTHS, *(WIDTHS[-1],) * (len(sides) - 1 - len(WIDTHS)))
        features: list[Layer] = []
        for (a, b), side in zip(pairwise(widths), sides[:-1], strict=True):
            features += [halve(a, b, side), RELU]
        decoder = [Layer("Reshape", shape=(WIDTHS[-1], sides[-1], sides[-1]))]
        for (a, b), side in zip(pairwise(widths[::-1]), sides[-2::-1], strict=True):
            decoder += [double(a, b, side), RELU]
        return Architecture(tuple(features), (), (*decoder[:-1], SIGMOID))

    def latent_dim(self, image_size: int) -> int | None:
        """96 maps: 2x2 at 32 pixels, 4x4 at 64."""
        return int(WIDTHS[-1] * _sides(image_size)[-1] ** 2)


def _sides(image_size: int) -> list[int]:
    return halvings(image_size, LARGEST, at_least=len(WIDTHS))


register(Maps())
