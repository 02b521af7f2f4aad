"""A residual network: the stronger of the two convolutional ones, for those who can wait for it."""

from __future__ import annotations

from itertools import pairwise

from vaelab.models.layers import LEAKY, SIGMOID, Architecture, Layer, double, halve, halvings, residual
from vaelab.models.networks.network import Network, NetworkShape
from vaelab.models.registry import register
from vaelab.models.words import Words

HIDDEN = 256  # units between the code and the smallest maps, on both sides
LARGEST = 7  # maps are halved until they are at most this wide
# Channels of the maps from the largest to the smallest, by the number of halvings: 16-28 pixels, 32-56, 60-112, 116-224, 228-256.
WIDTHS = {2: (40, 64), 3: (24, 40, 64), 4: (16, 24, 40, 64), 5: (8, 16, 24, 40, 64), 6: (8, 8, 16, 24, 40, 64)}


class ResNet(Network):
    """Any size and channels, an optional label beside z. A residual block at every size of the maps, in the encoder and in the decoder.

    Normalised by group (Wu & He 2018), never over a batch: an image has the same loss in training and in evaluation, whatever else
    is in its batch. Widths are set by the browser, as those of `conv` are.
    """

    name = "resnet"
    words = Words(
        "residual",
        "As the convolutional one, with a residual block at every size: it learns what to add to the maps. Better images for about four times the work.",
        "残差",
        "与卷积网络相同，但每种尺寸的特征图上都有一个残差块，只学习该加上什么。图像更好，计算量约为四倍。",
    )

    def layers(self, shape: NetworkShape) -> Architecture:
        """Halve, then a block, at every size, and a dense layer; z through a dense layer to the smallest maps, then a block and double."""
        sides = halvings(shape.image_size, LARGEST)
        widths = WIDTHS[len(sides) - 1]
        cells = sides[-1] ** 2
        features: list[Layer] = []
        for (a, b), side in zip(pairwise((shape.channels, *widths)), sides[:-1], strict=True):
            features += [halve(a, b, side), *residual(b), LEAKY]
        head = (Layer("Linear", widths[-1] * cells + shape.classes, HIDDEN), LEAKY, Layer("Linear", HIDDEN, shape.head))
        decoder = [
            Layer("Linear", shape.latent_dim + shape.classes, HIDDEN),
            LEAKY,
            Layer("Linear", HIDDEN, widths[-1] * cells),
            Layer("Reshape", shape=(widths[-1], sides[-1], sides[-1])),
        ]
        for (a, b), side in zip(pairwise((*widths[::-1], shape.channels)), sides[-2::-1], strict=True):
            decoder += [*residual(a), LEAKY, double(a, b, side)]
        return Architecture(tuple(features), head, (*decoder, SIGMOID))


register(ResNet())
