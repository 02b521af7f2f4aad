"""CIFAR-10 from its published Python batches, without unpickling them.

The batches are pickles, and a pickle can run code when it is loaded. `pickletools.genops` only lists the opcodes of a
pickle, so we walk that list up to the pixels and keep the labels; the pixels are one long string, copied straight into an array. torchvision unpickles the same files after an md5 check; this reader needs neither torchvision nor trust.
"""

from __future__ import annotations

import pickletools
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vaelab.config.errors import DataError
from vaelab.data.types import Images, Labels, Pixels

FOLDER = "cifar-10-batches-py"
TRAIN_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST_BATCH = "test_batch"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TRAIN_IMAGES = 50_000
IMAGE_BYTES = 3 * 32 * 32
MAX_BYTES = 32 * 2**20  # a published batch has 31.0 MB: a larger file is not one

_LONG_STRING = b"T"  # the opcode BINSTRING: a 32-bit length, then that many bytes
_INTS = frozenset({"BININT", "BININT1", "BININT2"})


def _read_header(file: BinaryIO) -> tuple[list[int], int]:
    """Labels of a batch and the length of its pixel string in bytes; leaves the file where that string begins.

    The published files hold the labels first, then the ndarray: shape, type, "not in Fortran order", pixel string.
    """
    labels: list[int] = []
    key = ""
    for opcode, arg, _ in pickletools.genops(file):
        if opcode.name == "SHORT_BINSTRING":
            key = str(arg)
        elif key == "labels" and opcode.name in _INTS:
            labels.append(int(arg or 0))
        elif labels and opcode.name == "NEWFALSE":
            break
    code, length = struct.unpack("<ci", file.read(5))
    if code != _LONG_STRING:
        raise ValueError("the pixels are not where the published files have them")
    return labels, length


def read_batch(path: Path) -> tuple[Pixels, Labels]:
    """One batch: pixels (N, 3, 32, 32) uint8 and labels (N,) in 0-9; N is 10,000 in the published files.

    Raises DataError when the file is absent, too large, cut short or not a CIFAR-10 batch. Executes nothing of it.
    """
    broken = f"{path.name} is not a whole CIFAR-10 batch; delete the folder {FOLDER} and download it again"
    try:
        with path.open("rb") as file:
            if path.stat().st_size > MAX_BYTES:
                raise DataError(broken)
            labels, length = _read_header(file)
            if not labels or length != len(labels) * IMAGE_BYTES or not 0 <= min(labels) <= max(labels) <= 9:
                raise DataError(broken)
            pixels = np.empty((len(labels), 3, 32, 32), dtype=np.uint8)
            if file.readinto(pixels.data) != length:
                raise DataError(broken)
    except OSError as error:
        raise DataError(f"CIFAR-10's {path.name} could not be read ({error.strerror}); download it again") from error
    except (ValueError, IndexError, struct.error) as error:
        raise DataError(broken) from error
    return pixels, np.array(labels, dtype=np.int64)


def is_present(root: Path) -> bool:
    """Whether all six batches lie under the data folder."""
    return all((root / FOLDER / name).is_file() for name in (*TRAIN_BATCHES, TEST_BATCH))


def read_train(root: Path, limit: int | None = None) -> Images:
    """The training images in published order, 50,000 or the first `limit`; reads no more batches than that needs."""
    wanted = TRAIN_IMAGES if limit is None else min(limit, TRAIN_IMAGES)
    pixels = np.empty((wanted, 3, 32, 32), dtype=np.uint8)  # filled batch by batch: 150 MB that need no second copy
    labels = np.empty(wanted, dtype=np.int64)
    count = 0
    for name in TRAIN_BATCHES:
        if count >= wanted:
            break
        batch, classes = read_batch(root / FOLDER / name)
        rows = min(len(batch), wanted - count)
        pixels[count : count + rows], labels[count : count + rows] = batch[:rows], classes[:rows]
        count += rows
    return Images(pixels=pixels[:count], labels=labels[:count])


def read_test(root: Path) -> Images:
    """The 10,000 test images in published order."""
    pixels, labels = read_batch(root / FOLDER / TEST_BATCH)
    return Images(pixels=pixels, labels=labels)
