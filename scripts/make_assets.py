"""Make the data sets that travel with the package from their published files.

    python scripts/make_assets.py SOURCE

SOURCE holds pixel-faces/pixel_faces_16.npz with its LICENSE, and fashion-mnist/*-ubyte.gz with its COPYRIGHT.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np

from vaelab.data.idx import read_idx
from vaelab.data.paths import ASSETS

TRAIN_PER_CLASS, TEST_PER_CLASS = 900, 100


def balanced_rows(labels: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """The first images of every class, in one fixed random order. labels: (N,) -> (10 * per_class,)."""
    rows = np.concatenate([np.flatnonzero(labels == c)[:per_class] for c in range(10)])
    return np.random.default_rng(seed).permutation(rows)


def fashion_subset(source: Path, prefix: str, per_class: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(images (N, 28, 28) uint8, labels (N,) uint8) of a class-balanced subset."""
    labels = read_idx(source / f"{prefix}-labels-idx1-ubyte.gz")
    rows = balanced_rows(labels, per_class, seed)
    return read_idx(source / f"{prefix}-images-idx3-ubyte.gz")[rows], labels[rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    source: Path = parser.parse_args().source
    ASSETS.mkdir(exist_ok=True)

    shutil.copyfile(source / "pixel-faces" / "pixel_faces_16.npz", ASSETS / "pixel_faces_16.npz")
    shutil.copyfile(source / "pixel-faces" / "LICENSE", ASSETS / "pixel-faces.LICENSE")

    train_images, train_labels = fashion_subset(source / "fashion-mnist", "train", TRAIN_PER_CLASS, seed=0)
    test_images, test_labels = fashion_subset(source / "fashion-mnist", "t10k", TEST_PER_CLASS, seed=1)
    np.savez_compressed(
        ASSETS / "fashion_mnist_10k.npz",
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
    )
    shutil.copyfile(source / "fashion-mnist" / "COPYRIGHT", ASSETS / "fashion-mnist.LICENSE")


if __name__ == "__main__":
    main()
