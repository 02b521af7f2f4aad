"""Fully connected layers with one hidden layer on each side, the smallest network of all."""

from __future__ import annotations

import math

from vaelab.models.layers import RELU, SIGMOID, Architecture, Layer
from vaelab.models.networks.network import Network, NetworkShape
from vaelab.models.registry import register
from vaelab.models.words import Words

HIDDEN = 128


class Linear(Network):
    """pixels -> 128 -> code -> 128 -> pixels."""

    name = "linear"
    words = Words(
        "fully connected",
        "Every pixel is joined to 128 hidden units, and those to the code. Small and quick; it does not know which pixels are neighbours.",
        "全连接",
        "每个像素都与 128 个隐藏单元相连，隐藏单元再与编码相连。小而快，但不知道哪些像素相邻。",
    )
    channels = (3,)  # as in the tutorial that the lessons follow; grey images are repeated
    takes_label = False
    convolutional = False

    def layers(self, shape: NetworkShape) -> Architecture:
        """No feature maps: the image itself is flat."""
        pixels = math.prod(shape.image)
        head = (Layer("Linear", pixels, HIDDEN), RELU, Layer("Linear", HIDDEN, shape.head))
        decoder = (
            Layer("Linear", shape.latent_dim, HIDDEN),
            RELU,
            Layer("Linear", HIDDEN, pixels),
            Layer("Reshape", shape=shape.image),
            SIGMOID,
        )
        return Architecture((), head, decoder)


register(Linear())
