"""What a data set is made of: plain numpy arrays and the words that describe them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
Labels: TypeAlias = NDArray[np.int64]
Origin = Literal["embedded", "drawn", "download", "folder"]


@dataclass(frozen=True, kw_only=True)
class Images:
    """One split. pixels: (N, C, H, W) uint8 in 0-255; labels: (N,) or None; factors: name to (N,) value indices.

    files: (N,) the paths of a user's own images below their folder, empty for every other set. chances: (N, 1, H, W) uint8, of a
    set that is drawn anew at each step of a training: the probability that a pixel is white, times 255; pixels are one such draw.
    """

    pixels: Pixels
    labels: Labels | None = None
    factors: Mapping[str, Labels] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    chances: Pixels | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: slice | Labels) -> Images:
        """The images of some rows, with their labels and factors."""
        return Images(
            pixels=self.pixels[rows],
            labels=None if self.labels is None else self.labels[rows],
            factors={name: values[rows] for name, values in self.factors.items()},
            files=self._files_of(rows),
            chances=None if self.chances is None else self.chances[rows],
        )

    def _files_of(self, rows: slice | Labels) -> tuple[str, ...]:
        if not self.files or isinstance(rows, slice):
            return self.files[rows] if isinstance(rows, slice) else ()
        return tuple(self.files[row] for row in rows)


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """What is known about a data set without loading its images."""

    name: str
    title: str
    description: str
    channels: int  # as published: 1 (grey) or 3 (RGB)
    native_size: int  # width and height in pixels before fitting; 0 where images differ in size
    train_images: int
    test_images: int
    classes: tuple[str, ...] = ()
    factors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # factor to the names of its values
    licence: str
    source: str
    download_mb: float = 0.0  # size of the download in 10^6 bytes; 0 where nothing is downloaded
    origin: Origin
    held_out_from: tuple[str, ...] = ()  # sub-folders of a user's own images that are held out; empty: a share of all


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A loaded data set. skipped: the names of a folder's files that could not be read as images."""

    info: DatasetInfo
    train: Images
    test: Images
    skipped: tuple[str, ...] = ()
