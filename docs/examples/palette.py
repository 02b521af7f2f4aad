"""A network of one's own whose decoder picks the colour of every pixel from a palette that it learns (docs/own-models.md)."""

from vaelab.models.layers import LEAKY, SIGMOID, Architecture, Layer, coupling, double, masked
from vaelab.models.networks.conv import Conv
from vaelab.models.registry import register
from vaelab.models.words import Words

COLOURS, MAPS, PAINTED = 16, 64, 32


class Palette(Conv):
    """Couplings bend the code; a masked convolution paints row by row; an embedding of 16 entries is the palette."""

    name = "palette"
    words = Words(
        "palette",
        "The code is bent by two couplings, and every pixel is one of 16 colours that are learned. For pixel art.",
        "调色板",
        "编码先经过两层耦合变换，每个像素取自学出的 16 种颜色之一。适合像素画。",
    )

    def layers(self, shape):
        usual = super().layers(shape)
        code, side = shape.latent_dim + shape.classes, shape.image_size // 4
        decoder = (
            coupling(code, hidden=32),
            coupling(code, hidden=32),
            Layer("Linear", code, MAPS * side**2),
            LEAKY,
            Layer("Reshape", shape=(MAPS, side, side)),
            double(MAPS, PAINTED),
            LEAKY,
            masked(PAINTED, PAINTED),
            LEAKY,
            Layer("Conv2d", PAINTED, 1, kernel=3, padding=1),
            Layer("Upsample", stride=2),
            Layer("Embedding", COLOURS, shape.channels),
            SIGMOID,
        )
        return Architecture(usual.features, usual.head, decoder)


register(Palette())
