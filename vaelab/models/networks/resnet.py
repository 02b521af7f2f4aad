"""A residual network: the stronger of the two convolutional ones, for those who can wait for it."""

from __future__ import annotations

from vaelab.models.layers import Architecture, Layer, residual
from vaelab.models.networks.conv import Conv
from vaelab.models.networks.network import NetworkShape
from vaelab.models.registry import register
from vaelab.models.words import Words


class ResNet(Conv):
    """The layers of `conv` with a residual block at every size of the maps, in the encoder and in the decoder.

    Normalised by group (Wu & He 2018), never over a batch: an image has the same loss in training and in evaluation, whatever else is in
    its batch. A block adds nothing at first, so it begins as `conv`, and is half as wide within, for the browser's sake.
    """

    name = "resnet"
    words = Words(
        "residual",
        "As the convolutional one, with a residual block at every size: it learns what to add to the maps. Better images for about two and a half times the work.",
        "残差",
        "与卷积网络相同，但每种尺寸的特征图上都有一个残差块，只学习该加上什么。图像更好，计算量约为两倍半。",
    )

    def layers(self, shape: NetworkShape) -> Architecture:
        """After each halving a block, and before each doubling."""
        usual = super().layers(shape)
        features = [part for layer in usual.features for part in (layer, *_block_after(layer))]
        decoder = [part for layer in usual.decoder for part in (*_block_before(layer), layer)]
        return Architecture(tuple(features), usual.head, tuple(decoder))


def _block_after(layer: Layer) -> tuple[Layer, ...]:
    return residual(layer.outputs, layer.outputs // 2) if layer.kind == "Conv2d" else ()


def _block_before(layer: Layer) -> tuple[Layer, ...]:
    return residual(layer.inputs, layer.inputs // 2) if layer.kind == "ConvTranspose2d" else ()


register(ResNet())
