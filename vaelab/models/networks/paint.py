"""A decoder for drawn pixels: dense first, then painted at half the width, each pixel repeated twice."""

from __future__ import annotations

from vaelab.models.layers import LEAKY, SIGMOID, Architecture, Layer, double
from vaelab.models.networks.conv import Conv
from vaelab.models.networks.network import NetworkShape
from vaelab.models.registry import register
from vaelab.models.words import Words

HIDDEN, MAPS, PAINTED = 256, 64, 32


class Paint(Conv):
    """The encoder of `conv`; the decoder decides what is drawn with two dense layers before it paints.

    What it reaches on pixel-faces is in docs/measurements.md.
    """

    name = "paint"
    words = Words(
        "paint",
        "Two dense layers decide what is drawn, then one small convolution paints it at half the width and repeats each pixel. For pixel art.",
        "像素绘画",
        "先由两层全连接决定画什么，再用一个小卷积以一半的宽度画出来，每个像素重复两次。适合像素画。",
    )

    def layers(self, shape: NetworkShape) -> Architecture:
        """At 32 pixels: z -> 256 -> 64x8x8 -> 32x16x16 -> 3x16x16, repeated."""
        usual = super().layers(shape)
        side = shape.image_size // 4
        decoder = (
            Layer("Linear", shape.latent_dim + shape.classes, HIDDEN),
            LEAKY,
            Layer("Linear", HIDDEN, MAPS * side**2),
            LEAKY,
            Layer("Reshape", shape=(MAPS, side, side)),
            double(MAPS, PAINTED),
            LEAKY,
            Layer("Conv2d", PAINTED, shape.channels, kernel=3, padding=1),
            Layer("Upsample", stride=2),
            SIGMOID,
        )
        return Architecture(usual.features, usual.head, decoder)


register(Paint())
