"""A network whose code is a grid of short vectors, each beside those of its neighbours: made for codes from a codebook."""

from __future__ import annotations

from vaelab.models.layers import LEAKY, SIGMOID, Architecture, Layer, double, halve
from vaelab.models.networks.network import Network, NetworkShape
from vaelab.models.registry import register
from vaelab.models.words import Words

MAPS = 8  # numbers at one place of the grid
WIDTHS = (32, 64)


class CodeGrid(Network):
    """Two halvings to a grid of a quarter of the width, with 8 numbers at each place, and the same way back."""

    name = "code-grid"
    words = Words(
        "grid of codes",
        "Two strided convolutions shrink the image to a grid of a quarter of its width, with 8 numbers at each place; the way back is the same.",
        "编码网格",
        "两层步幅为 2 的卷积把图像缩成宽度为四分之一的网格，每格 8 个数；解码沿原路返回。",
    )
    takes_label = False

    def layers(self, shape: NetworkShape) -> Architecture:
        """The head is empty: the last maps are the code."""
        first, second = WIDTHS
        side = shape.image_size // 4
        features = (
            halve(shape.channels, first),
            LEAKY,
            halve(first, second),
            LEAKY,
            Layer("Conv2d", second, MAPS, kernel=3, padding=1),
        )
        decoder = (
            Layer("Reshape", shape=(MAPS, side, side)),
            Layer("Conv2d", MAPS, second, kernel=3, padding=1),
            LEAKY,
            double(second, first),
            LEAKY,
            double(first, shape.channels),
            SIGMOID,
        )
        return Architecture(features, (), decoder)

    def latent_dim(self, image_size: int) -> int | None:
        """8 maps of (size / 4)^2."""
        return MAPS * (image_size // 4) ** 2


register(CodeGrid())
