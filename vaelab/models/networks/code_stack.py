"""A wide residual network whose code is ten grids of short vectors, one behind the other: what VQ-VAE was measured with on CIFAR-10."""

from __future__ import annotations

from vaelab.models.layers import RELU, SIGMOID, Architecture, Layer, double, halve
from vaelab.models.networks.network import Network, NetworkShape
from vaelab.models.registry import register
from vaelab.models.words import Words

WIDTH = 256  # maps
BLOCKS = 2  # each way
DEEP, NUMBERS = 10, 8  # codes at one place of the grid, and numbers of each


class CodeStack(Network):
    """Two halvings, two residual blocks and as much on the way back, all 256 maps wide (van den Oord et al. 2017, section 4.1).

    The code is their 8 x 8 x 10 at 32 pixels (section 3.2), of 8 numbers each, which the paper does not tell.
    """

    name = "code-stack"
    words = Words(
        "ten grids of codes",
        "Two strided convolutions and two residual blocks, 256 maps wide, and ten codes at each place of the grid: the network of van den Oord et al. 2017. For a graphics card.",
        "十层编码网格",
        "两层步幅为 2 的卷积和两个残差块，宽 256 张特征图，网格每处十个编码：van den Oord 等人 2017 年所用的网络，适合显卡。",
    )
    takes_label = False

    def layers(self, shape: NetworkShape) -> Architecture:
        """The head is empty: the last maps are the code. Convolutions of 1x1 lead to it and back."""
        maps, side = DEEP * NUMBERS, shape.image_size // 4
        features = (
            halve(shape.channels, WIDTH),
            RELU,
            halve(WIDTH, WIDTH),
            *BLOCKS * _block(),
            RELU,
            Layer("Conv2d", WIDTH, maps, kernel=1),
        )
        decoder = (
            Layer("Reshape", shape=(maps, side, side)),
            Layer("Conv2d", maps, WIDTH, kernel=1),
            *BLOCKS * _block(),
            RELU,
            double(WIDTH, WIDTH),
            RELU,
            double(WIDTH, shape.channels),
            SIGMOID,
        )
        return Architecture(features, (), decoder)

    def latent_dim(self, image_size: int) -> int | None:
        """80 maps of (size / 4)^2."""
        return DEEP * NUMBERS * (image_size // 4) ** 2


def _block() -> tuple[Layer, ...]:
    """ReLU, 3x3 convolution, ReLU, 1x1 convolution; then what came in is added."""
    wide, narrow = (Layer("Conv2d", WIDTH, WIDTH, kernel=kernel, padding=kernel // 2) for kernel in (3, 1))
    return RELU, wide, RELU, narrow, Layer("Add", back=5)


register(CodeStack())
