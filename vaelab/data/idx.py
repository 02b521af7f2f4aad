"""MNIST and Fashion-MNIST from their idx files, raw or gzipped, with numpy alone.

torchvision reads the same files, but importing it costs seconds that a starting training does not have.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from vaelab.config.errors import DataError
from vaelab.data.types import Images, Pixels

MAX_VALUES = 60_000 * 28 * 28  # the largest published file: no header may ask for more


def read_idx(path: Path, limit: int | None = None) -> Pixels:
    """Read one idx file of unsigned bytes: (N,) labels or (N, H, W) images, at most `limit` of the N.

    Raises DataError when the file is cut short, is not idx or is larger than any published one. Format: big-endian,
    two zero bytes, type 8, number of axes, one 32-bit length an axis, then the values (yann.lecun.com/exdb/mnist).
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:3] != b"\x00\x00\x08" or not 1 <= head[3] <= 3:
                raise DataError(f"{path.name} must be an idx file of bytes and is not; delete it and download again")
            lengths = np.frombuffer(file.read(4 * head[3]), dtype=">u4")
            shape = [int(n) for n in lengths]
            if len(shape) != head[3] or np.prod(shape, dtype=float) > MAX_VALUES:
                raise DataError(f"{path.name} has a broken header; delete it and download the data set again")
            if limit is not None:
                shape[0] = min(shape[0], limit)
            count = int(np.prod(shape))
            values = np.frombuffer(file.read(count), dtype=np.uint8)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path.name} could not be read ({error}); delete it and download the data set again"
        ) from error
    if len(values) != count:
        raise DataError(
            f"{path.name} is cut short: it must hold {count:,} values and holds {len(values):,}; "
            "delete it and download the data set again"
        )
    return values.reshape(shape)


def _path(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def is_present(folder: Path) -> bool:
    """Whether all four files of MNIST or Fashion-MNIST lie in the folder, raw or gzipped."""
    return all(
        _path(folder, f"{prefix}-{kind}") is not None
        for prefix in ("train", "t10k")
        for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
    )


def read_split(folder: Path, prefix: str, limit: int | None = None) -> Images:
    """One split of 28x28 grey digits or clothes: pixels (N, 1, 28, 28), labels (N,) in 0-9.

    prefix: "train" or "t10k". Raises DataError for an absent or broken file.
    """
    arrays = []
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        path = _path(folder, f"{prefix}-{kind}")
        if path is None:
            raise DataError(f"{prefix}-{kind} is missing in {folder}; download the data set again")
        arrays.append(read_idx(path, limit))
    images, labels = arrays
    if images.ndim != 3 or images.shape[1:] != (28, 28) or labels.ndim != 1 or len(images) != len(labels):
        raise DataError(
            f"the {prefix} files in {folder} must hold 28x28 images with one label each, got shapes "
            f"{images.shape} and {labels.shape}; download the data set again"
        )
    if len(labels) and labels.max() > 9:
        raise DataError(
            f"the {prefix} labels in {folder} must be 0 to 9, got {labels.max()}; download the data set again"
        )
    return Images(pixels=images[:, None], labels=labels.astype(np.int64))
