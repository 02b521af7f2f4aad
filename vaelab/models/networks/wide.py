"""Fully connected layers with one wide hidden layer on each side."""

from __future__ import annotations

from vaelab.models.layers import RELU
from vaelab.models.networks.tanh import Tanh
from vaelab.models.registry import register
from vaelab.models.words import Words


class Wide(Tanh):
    """pixels -> 400 -> code -> 400 -> pixels, with ReLU: the network by which pythae reproduces Rezende & Mohamed 2015."""

    name = "wide"
    words = Words(
        "one wide layer",
        "One hidden layer of 400 ReLU units between the pixels and the code, and one on the way back; grey or colour, with a label if wanted.",
        "一个宽层",
        "像素与编码之间有一个隐藏层，共 400 个 ReLU 单元，解码再经过一层；灰度或彩色，可按标签生成。",
    )
    hidden = (400,)
    activation = RELU


register(Wide())
