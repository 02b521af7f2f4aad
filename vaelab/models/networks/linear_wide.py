"""The fully connected network of pythae 0.1.2 (its Encoder_VAE_MLP and Decoder_AE_MLP), so that its plain VAE can be brought here."""

from __future__ import annotations

from vaelab.models.networks.wide import Wide
from vaelab.models.registry import register
from vaelab.models.words import Words


class LinearWide(Wide):
    """pixels -> 512 -> code -> 512 -> pixels, with ReLU."""

    name = "linear-512"
    words = Words(
        "one layer of 512",
        "One hidden layer of 512 ReLU units on each side: the network of pythae's plain VAE, whose weights `vaelab import` takes.",
        "一层 512",
        "每侧一个隐藏层，共 512 个 ReLU 单元：这是 pythae 普通 VAE 的网络，可用 `vaelab import` 导入其权重。",
    )
    hidden = (512,)


register(LinearWide())
