"""The fully connected network of pythae 0.1.2 (its Encoder_VAE_MLP and Decoder_AE_MLP), so that its plain VAE can be brought here."""

from __future__ import annotations

from vaelab.models.networks.linear import Linear
from vaelab.models.registry import register
from vaelab.models.words import Words


class LinearWide(Linear):
    """pixels -> 512 -> code -> 512 -> pixels, grey or RGB."""

    name = "linear-512"
    words = Words(
        "fully connected, wide",
        "As fully connected, with 512 hidden units on each side: the network of pythae's plain VAE, whose weights `vaelab import` takes.",
        "全连接（宽）",
        "与全连接相同，每侧 512 个隐藏单元：这是 pythae 普通 VAE 的网络，可用 `vaelab import` 导入其权重。",
    )
    channels = (1, 3)
    hidden = 512


register(LinearWide())
