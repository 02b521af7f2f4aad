"""Strided convolutions to 4x4 and the same way back: the network for most images."""

from __future__ import annotations

from itertools import pairwise

from vaelab.models.layers import LEAKY, SIGMOID, Architecture, Layer, double, halve
from vaelab.models.networks.network import Network, NetworkShape
from vaelab.models.registry import register
from vaelab.models.words import Words


class Conv(Network):
    """Any channels, an optional label beside z.

    Widths are set by the browser: 64 images of a traversal grid must decode within a frame. No batch normalisation,
    so a batch gives the same loss in training and in evaluation.
    """

    name = "conv"
    words = Words(
        "convolutional",
        "Strided convolutions shrink the image to 4x4 maps, one layer turns those into the code, and the way back is the same.",
        "卷积",
        "步长为 2 的卷积把图像缩到 4x4，一层全连接把它们变成编码，解码沿原路返回。",
    )

    def layers(self, shape: NetworkShape) -> Architecture:
        """Three halvings at 32 pixels, four at 64."""
        small = shape.image_size == 32
        down = (shape.channels, 32, 64, 128) if small else (shape.channels, 32, 64, 96, 128)
        up = (96, 48, 24, shape.channels) if small else (96, 48, 24, 16, shape.channels)
        features: list[Layer] = []
        for a, b in pairwise(down):
            features += [halve(a, b), LEAKY]
        head = (Layer("Linear", down[-1] * 16 + shape.classes, shape.head),)
        decoder = [
            Layer("Linear", shape.latent_dim + shape.classes, up[0] * 16),
            LEAKY,
            Layer("Reshape", shape=(up[0], 4, 4)),
        ]
        for a, b in pairwise(up):
            decoder += [double(a, b), LEAKY]
        return Architecture(tuple(features), head, (*decoder[:-1], SIGMOID))


register(Conv())
