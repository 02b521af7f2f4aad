"""What a network declares: its layers as plain data, and which images it takes."""

from __future__ import annotations

from dataclasses import dataclass

from vaelab.models.layers import Architecture
from vaelab.models.words import Words


@dataclass(frozen=True, kw_only=True)
class NetworkShape:
    """What a network is built for. head: numbers that the encoder puts out for one image (mu and logvar: 2 Z); classes: 0 without a label."""

    channels: int
    image_size: int
    latent_dim: int
    head: int
    classes: int = 0

    @property
    def image(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self.channels, self.image_size, self.image_size


class Network:
    """One way to arrange layers. A subclass in a file of its own sets the names below and declares `layers`, then calls `register`.

    The decoder's last layer must be a Sigmoid: losses use what comes before it.
    """

    name: str
    words: Words  # its title and one sentence, in both languages
    channels: tuple[int, ...] = (1, 3)  # grey, RGB
    takes_label = True  # whether classes may be above 0
    convolutional = True  # faster with images channels last
    method = "vae"  # how a user's own network learns when it is asked for as a model
    listed = (3, 32)  # channels and size of the images that lists of models count its weights for

    def layers(self, shape: NetworkShape) -> Architecture:
        """Encoder and decoder. features: image to a flat vector; head: that (and a label) to shape.head numbers; decoder: z (and label) to pixels."""
        raise NotImplementedError

    def latent_dim(self, image_size: int) -> int | None:
        """The size of the code where the layers fix it; None where it is free."""
        return None

    @property
    def fixes_code(self) -> bool:
        """Whether the layers leave no choice of the code's size."""
        return self.latent_dim(32) is not None
