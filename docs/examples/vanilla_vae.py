"""The plain VAE of PyTorch-VAE (github.com/AntixK/PyTorch-VAE, models/vanilla_vae.py), by its names and shapes, for its checkpoints (docs/own-models.md)."""

from itertools import pairwise

from torch import nn

WIDTHS = (32, 64, 128, 256, 512)


class VanillaVAE(nn.Module):
    """The plain VAE of PyTorch-VAE: 64x64 RGB. It sees images in [-1, 1], the lab's are in [0, 1]."""

    channels = (3,)

    def __init__(self, latent_dim=128):
        super().__init__()
        down, up = (3, *WIDTHS), WIDTHS[::-1]
        self.encoder = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.BatchNorm2d(b), nn.LeakyReLU())
                for a, b in pairwise(down)
            )
        )
        self.fc_mu = nn.Linear(WIDTHS[-1] * 4, latent_dim)
        self.fc_var = nn.Linear(WIDTHS[-1] * 4, latent_dim)
        self.decoder_input = nn.Linear(latent_dim, WIDTHS[-1] * 4)
        self.decoder = nn.Sequential(*(self.doubled(a, b) for a, b in pairwise(up)))
        self.final_layer = nn.Sequential(
            *self.doubled(up[-1], up[-1]), nn.Conv2d(up[-1], 3, kernel_size=3, padding=1), nn.Tanh()
        )

    @staticmethod
    def doubled(a, b):
        up = nn.ConvTranspose2d(a, b, kernel_size=3, stride=2, padding=1, output_padding=1)
        return nn.Sequential(up, nn.BatchNorm2d(b), nn.LeakyReLU())

    def encode(self, x):
        h = self.encoder(2 * x - 1).flatten(1)
        return self.fc_mu(h), self.fc_var(h)

    def decode(self, z):
        h = self.decoder_input(z).view(-1, WIDTHS[-1], 2, 2)
        return (self.final_layer(self.decoder(h)) + 1) / 2
