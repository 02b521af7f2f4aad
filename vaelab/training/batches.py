"""The training images on the device, in an order and with noise that depend on the seed and the step alone.

Nothing is drawn from a running generator, so a resumed training sees exactly what the uninterrupted one would have seen.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from vaelab import data
from vaelab.config.errors import ConfigError
from vaelab.models.model_config import ModelConfig


def seed_for(seed: int, purpose: str, index: int = 0) -> int:
    """A seed of its own for every draw. Hashed, because torch's CPU generator looks at the low 32 bits only."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/{index}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big")


class ImageSet:
    """Images of one split on the device. `take` gives x: (B, C, H, W) float in [0, 1] and y: (B,) or None."""

    def __init__(self, images: data.Images, cfg: ModelConfig, device: torch.device) -> None:
        """Raises ConfigError when images or labels do not suit the model."""
        shape = images.pixels.shape[1:]
        if shape != (cfg.channels, cfg.image_size, cfg.image_size):
            raise ConfigError(
                f"the images must be {cfg.channels} x {cfg.image_size} x {cfg.image_size} for this model, got"
                f" {' x '.join(map(str, shape))} (set model.channels and model.image_size to those of the data)"
            )
        # Convolutions run faster channels last (docs/decisions/0002-runs.md); stored so, a batch needs no copy.
        self._channels_last = cfg.built_with.convolutional
        pixels = torch.from_numpy(np.require(images.pixels, requirements=["C", "W"])).to(device)
        self._pixels = pixels.permute(0, 2, 3, 1).contiguous() if self._channels_last else pixels
        chances = images.chances
        self._chances = None if chances is None else torch.from_numpy(np.ascontiguousarray(chances)).to(device)
        self._labels: Tensor | None = None
        if cfg.label is not None:
            labels = data.labels_of(images, cfg.label)
            if len(labels) and int(labels.max()) >= cfg.classes:
                raise ConfigError(
                    f"model.classes must be above every label {cfg.label!r} of the data, got {cfg.classes} with a label"
                    f" {int(labels.max())} (use {int(labels.max()) + 1} or more)"
                )
            self._labels = torch.from_numpy(np.array(labels)).to(device)

    def __len__(self) -> int:
        return len(self._pixels)

    def take(self, rows: Tensor | slice) -> tuple[Tensor, Tensor | None]:
        """Some images. rows: (B,) int64 on the device, or a slice."""
        pixels, y = self._pixels, self._labels
        if isinstance(rows, slice):
            pixels, y = pixels[rows], None if y is None else y[rows]
        else:  # index_select copies whole images; pixels[rows] is ten times slower on a CPU
            pixels, y = pixels.index_select(0, rows), None if y is None else y.index_select(0, rows)
        if self._channels_last:
            pixels = pixels.permute(0, 3, 1, 2)  # (B, H, W, C) -> (B, C, H, W), channels last in memory
        return pixels.float().div_(255.0), y

    def draw(self, rows: Tensor, noise: Noise, step: int, part: slice) -> tuple[Tensor, Tensor | None]:
        """The images of a training's step, in black and white drawn anew where the data set is so. rows: (B,) of the whole batch -> `part` of it."""
        if self._chances is None:
            return self.take(rows[part])
        size, channels = self._chances.shape[-2:], self._pixels.shape[-1 if self._channels_last else 1]
        thresholds = noise.thresholds(step, (len(rows), 1, *size))[part]  # of the whole batch: as one device draws them
        rows = rows[part]
        x = (thresholds * 255.0 < self._chances.index_select(0, rows)).float().expand(-1, channels, -1, -1)
        layout = torch.channels_last if self._channels_last else torch.contiguous_format
        y = None if self._labels is None else self._labels.index_select(0, rows)
        return x.contiguous(memory_format=layout), y

    def mean_image(self) -> Tensor:
        """The average of at most 2,000 images, (C, H, W) in [0, 1]."""
        x, _ = self.take(slice(None, None, max(1, len(self) // 2000)))
        return x.mean(dim=0)


class Shuffle:
    """The order of the images, drawn anew for each epoch from (seed, epoch)."""

    def __init__(self, images: int, seed: int, device: torch.device) -> None:
        self._images, self._seed, self._device = images, seed, device
        self._epoch, self._order = 0, torch.empty(0, dtype=torch.int64)

    def rows(self, epoch: int, part: slice) -> Tensor:
        """The images of one batch, (B,) int64 on the device."""
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(seed_for(self._seed, "order", epoch))
            self._order = torch.randperm(self._images, generator=generator).to(self._device)
            self._epoch = epoch
        return self._order[part]


class Noise:
    """eps ~ N(0, I) for the reparameterization, drawn from (seed, step) on the device itself."""

    def __init__(self, latent_dim: int, seed: int, device: torch.device) -> None:
        self._latent_dim, self._seed = latent_dim, seed
        self._generator = torch.Generator(device)

    def eps(self, step: int, batch: int, purpose: str = "eps") -> Tensor:
        """(B, Z)."""
        return self.draw(step, (batch, self._latent_dim), purpose)

    def draw(self, step: int, shape: tuple[int, ...], purpose: str = "eps") -> Tensor:
        """Noise of any shape."""
        self._generator.manual_seed(seed_for(self._seed, purpose, step))
        return torch.randn(shape, generator=self._generator, device=self._generator.device)

    def thresholds(self, step: int, shape: tuple[int, ...]) -> Tensor:
        """Uniform numbers in [0, 1), of any shape: a pixel is white where its probability is above."""
        self._generator.manual_seed(seed_for(self._seed, "binarise", step))
        return torch.rand(shape, generator=self._generator, device=self._generator.device)

    def of(self, cfg: ModelConfig, step: int, batch: int, purpose: str = "eps") -> Tensor | None:
        """What the method needs for a batch, (B, *noise_shape); None where it draws nothing."""
        shape = cfg.method.noise_shape(cfg)
        return None if shape is None else self.draw(step, (batch, *shape), purpose)
