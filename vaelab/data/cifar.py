"""CIFAR-10 from its published Python batches, without unpickling them.

The batches are pickles, and a pickle can run code when it is loaded. `pickletools.genops` only lists the opcodes of a
pickle, so we walk that list and keep the two things we need: the pixels, one long string, and the labels, small
integers. torchvision unpickles the same files after an md5 check; this reader needs neither torchvision nor trust.
"""

from __future__ import annotations

import pickletools
from pathlib import Path

import numpy as np

from vaelab.data.types import Images, Labels, Pixels
from vaelab.errors import DataError

FOLDER = "cifar-10-batches-py"
TRAIN_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST_BATCH = "test_batch"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
IMAGE_BYTES = 3 * 32 * 32
MAX_BYTES = 32 * 2**20  # a published batch has 31.0 MB: a larger file is not one

_INTS = frozenset({"BININT", "BININT1", "BININT2"})


def _read_opcodes(data: bytes) -> tuple[bytes, list[int]]:
    """The pixel string and the labels of a batch. The keys "data" and "labels" precede their values."""
    pixels, key = b"", ""
    labels: list[int] = []
    for opcode, arg, _ in pickletools.genops(data):
        if isinstance(arg, str | bytes):
            if opcode.name != "GLOBAL" and len(arg) >= IMAGE_BYTES:
                pixels = arg.encode("latin1") if isinstance(arg, str) else arg
            else:
                key = arg if isinstance(arg, str) else arg.decode("latin1")
            if pixels and labels:
                break  # what follows are 10,000 file names
        elif opcode.name in _INTS and key == "labels":
            labels.append(int(arg or 0))
    return pixels, labels


def read_batch(path: Path) -> tuple[Pixels, Labels]:
    """One batch: pixels (N, 3, 32, 32) uint8 and labels (N,) in 0-9; N is 10,000 in the published files.

    Raises DataError when the file is absent, too large, cut short or not a CIFAR-10 batch. Executes nothing of it.
    """
    broken = f"{path.name} is not a whole CIFAR-10 batch; delete the folder {FOLDER} and download it again"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(broken)
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"CIFAR-10's {path.name} could not be read ({error.strerror}); download it again") from error
    try:
        raw, classes = _read_opcodes(data)
    except (ValueError, IndexError, EOFError) as error:
        raise DataError(broken) from error
    if not raw or len(raw) != len(classes) * IMAGE_BYTES or not 0 <= min(classes) <= max(classes) < len(CLASSES):
        raise DataError(broken)
    return np.frombuffer(raw, dtype=np.uint8).reshape(-1, 3, 32, 32), np.array(classes, dtype=np.int64)


def is_present(root: Path) -> bool:
    """Whether all six batches lie under the data folder."""
    return all((root / FOLDER / name).is_file() for name in (*TRAIN_BATCHES, TEST_BATCH))


def read_train(root: Path, limit: int | None = None) -> Images:
    """The training images in published order, 50,000 or the first `limit`; reads no more batches than that needs."""
    pixels, labels, count = [], [], 0
    for name in TRAIN_BATCHES:
        if limit is not None and count >= limit:
            break
        batch, classes = read_batch(root / FOLDER / name)
        pixels.append(batch)
        labels.append(classes)
        count += len(batch)
    return Images(pixels=np.concatenate(pixels)[:limit], labels=np.concatenate(labels)[:limit])


def read_test(root: Path) -> Images:
    """The 10,000 test images in published order."""
    pixels, labels = read_batch(root / FOLDER / TEST_BATCH)
    return Images(pixels=pixels, labels=labels)
