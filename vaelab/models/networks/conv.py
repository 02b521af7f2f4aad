"""Strided convolutions to a few small maps and the same way back: the network for most images."""

from __future__ import annotations

from itertools import pairwise

from vaelab.models.layers import LEAKY, SIGMOID, Architecture, Layer, double, halve, halvings
from vaelab.models.networks.network import Network, NetworkShape
from vaelab.models.registry import register
from vaelab.models.words import Words

LARGEST = 7  # maps are halved until they are at most this wide: 4 for 16, 32, 64, 128 and 256 pixels
# Channels after each halving, and before each doubling, by the number of halvings: 16-28 pixels, 32-56, 60-112, 116-224, 228-256.
DOWN = {2: (64, 128), 3: (32, 64, 128), 4: (32, 64, 96, 128), 5: (32, 64, 96, 128, 128), 6: (16, 32, 64, 96, 128, 128)}
UP = {2: (96, 48), 3: (96, 48, 24), 4: (96, 48, 24, 16), 5: (96, 64, 32, 16, 8), 6: (96, 64, 32, 16, 8, 8)}


class Conv(Network):
    """Any size and channels, an optional label beside z.

    Widths are set by the browser: 64 images of a traversal grid must decode within a frame at 32 pixels. No batch
    normalisation, so a batch gives the same loss in training and in evaluation.
    """

    name = "conv"
    words = Words(
        "convolutional",
        "Strided convolutions shrink the image to small maps, one layer turns those into the code, and the way back is the same.",
        "卷积",
        "步幅为 2 的卷积把图像缩成很小的特征图，一层全连接把它们变成编码，解码沿原路返回。",
    )

    def layers(self, shape: NetworkShape) -> Architecture:
        """Three halvings at 32 pixels, four at 64."""
        sides = halvings(shape.image_size, LARGEST)
        down, up = (shape.channels, *DOWN[len(sides) - 1]), (*UP[len(sides) - 1], shape.channels)
        cells = sides[-1] ** 2
        features: list[Layer] = []
        for (a, b), side in zip(pairwise(down), sides[:-1], strict=True):
            features += [halve(a, b, side), LEAKY]
        head = (Layer("Linear", down[-1] * cells + shape.classes, shape.head),)
        decoder = [
            Layer("Linear", shape.latent_dim + shape.classes, up[0] * cells),
            LEAKY,
            Layer("Reshape", shape=(up[0], sides[-1], sides[-1])),
        ]
        for (a, b), side in zip(pairwise(up), sides[-2::-1], strict=True):
            decoder += [double(a, b, side), LEAKY]
        return Architecture(tuple(features), head, (*decoder[:-1], SIGMOID))


register(Conv())
