"""Fully connected layers with two hidden layers of tanh units on each side: the network of many published figures on MNIST."""

from __future__ import annotations

import math
from itertools import pairwise

from vaelab.models.layers import SIGMOID, TANH, Architecture, Layer
from vaelab.models.networks.network import Network, NetworkShape
from vaelab.models.registry import register
from vaelab.models.words import Words


class Tanh(Network):
    """pixels -> 200 -> 200 -> code -> 200 -> 200 -> pixels (Burda et al. 2016, section 5). `hidden`: the units of each layer, from the pixels on."""

    name = "tanh"
    words = Words(
        "two tanh layers",
        "Two hidden layers of 200 tanh units between the pixels and the code, and two on the way back: the network of Burda et al. 2016.",
        "两层 tanh",
        "像素与编码之间有两个隐藏层，每层 200 个 tanh 单元，解码再经过两层：Burda 等人 2016 年所用的网络。",
    )
    convolutional = False
    hidden: tuple[int, ...] = (200, 200)
    activation = TANH

    def layers(self, shape: NetworkShape) -> Architecture:
        """No feature maps: the image itself is flat."""
        pixels, classes = math.prod(shape.image), shape.classes
        head = self._dense((pixels + classes, *self.hidden, shape.head))
        decoder = self._dense((shape.latent_dim + classes, *reversed(self.hidden), pixels))
        return Architecture((), head, (*decoder, Layer("Reshape", shape=shape.image), SIGMOID))

    def _dense(self, units: tuple[int, ...]) -> tuple[Layer, ...]:
        """A layer from each number of units to the next, with the activation between two."""
        found: list[Layer] = []
        for inputs, outputs in pairwise(units):
            found += [Layer("Linear", inputs, outputs), self.activation]
        return tuple(found[:-1])


register(Tanh())
