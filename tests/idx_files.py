"""MNIST's files, with images that a test makes."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np

Values = np.ndarray[Any, Any]


def write_idx(path: Path, values: Values) -> None:
    head = bytes([0, 0, 8, values.ndim]) + b"".join(struct.pack(">I", n) for n in values.shape)
    body = head + values.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(body) if path.suffix == ".gz" else body)


def write_mnist(root: Path, train: Values, test: Values) -> None:
    """As torchvision's download leaves them below VAELAB_DATA. train, test: (N, 28, 28) in 0-255; labels count up."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for prefix, images in (("train", train), ("t10k", test)):
        write_idx(raw / f"{prefix}-images-idx3-ubyte", images)
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", np.arange(len(images)) % 10)
