"""The data sets by name: what is known of each, where it comes from, and how it is loaded."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vaelab.config.errors import DataError
from vaelab.data import cifar, embedded, folder, idx, shapes
from vaelab.data.binarised import SEED, binarised
from vaelab.data.paths import data_root
from vaelab.data.types import Dataset, DatasetInfo, Images, Labels
from vaelab.images.fitting import CHANNELS, check_size, fit

# The sets whose licence lets their images be passed on, as thumbnails among the codes.
REDISTRIBUTABLE = frozenset({"pixel-faces", "fashion-mnist", "fashion-mnist-10k", "shapes", "digits"})


DIGIT_NAMES = tuple(str(i) for i in range(10))
CLOTHES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")

Splits = tuple[Images, Images]


@dataclass(frozen=True)
class Entry:
    """One named data set. read(image_size, limit) -> (train, test) before fitting; present() looks at files only.

    binarised: its grey images become black and white, by one fixed draw, or for training by a new one at each step.
    """

    info: DatasetInfo
    read: Callable[[int, int | None], Splits]
    present: Callable[[], bool]
    cached: bool = False  # read answers the same arrays again and again: callers get copies
    files_of: str = ""  # the data set whose files it is made from; empty for one with files of its own
    binarised: Literal["", "once", "anew"] = ""


def _always() -> bool:
    return True


def _read_cifar(image_size: int, limit: int | None) -> Splits:
    return cifar.read_train(data_root(), limit), cifar.read_test(data_root())


def _binary_mnist(name: str, title: str, description: str, binarised: Literal["once", "anew"]) -> Entry:
    """MNIST in black and white, made from its files."""
    info = dataclasses.replace(_MNIST.info, name=name, title=title, description=description)
    return dataclasses.replace(_MNIST, info=info, files_of="mnist", binarised=binarised)


def _idx_entry(info: DatasetInfo, subfolder: str) -> Entry:
    """MNIST or Fashion-MNIST, in the folder that torchvision's download makes."""

    def read(image_size: int, limit: int | None) -> Splits:
        raw = data_root() / subfolder / "raw"
        return idx.read_split(raw, "train", limit), idx.read_split(raw, "t10k")

    return Entry(info, read, lambda: idx.is_present(data_root() / subfolder / "raw"))


_MNIST = _idx_entry(
    DatasetInfo(
        name="mnist",
        title="MNIST",
        description="Handwritten digits in grey, 28x28 pixels.",
        channels=1,
        native_size=28,
        train_images=60_000,
        test_images=10_000,
        classes=DIGIT_NAMES,
        licence="commonly given as CC BY-SA 3.0",
        source="http://yann.lecun.com/exdb/mnist (LeCun et al. 1998)",
        download_mb=11.6,
        origin="download",
    ),
    "MNIST",
)

_ENTRIES = (
    Entry(
        DatasetInfo(
            name="pixel-faces",
            title="Pixel faces",
            description="Rendered pixel art of faces, not photographs: 16x16 pixels, each made from 13 known factors "
            "such as hair, glasses and background. Every image is unique.",
            channels=3,
            native_size=16,
            train_images=18_000,
            test_images=2_000,
            factors=embedded.face_factors(),
            licence="CC0 1.0 (design by DiceBear)",
            source="https://www.dicebear.com (Pixel Art, https://www.figma.com/community/file/1198754108850888330)",
            origin="embedded",
        ),
        lambda image_size, limit: embedded.pixel_faces(),
        _always,
        cached=True,
    ),
    Entry(
        DatasetInfo(
            name="fashion-mnist-10k",
            title="Fashion-MNIST, 10,000 images",
            description="Grey photographs of clothes, 28x28 pixels: a fixed tenth of Fashion-MNIST with equal classes "
            "that needs no download.",
            channels=1,
            native_size=28,
            train_images=9_000,
            test_images=1_000,
            classes=CLOTHES,
            licence="MIT (Zalando SE)",
            source="https://github.com/zalandoresearch/fashion-mnist (Xiao et al. 2017)",
            origin="embedded",
        ),
        lambda image_size, limit: embedded.fashion_10k(),
        _always,
        cached=True,
    ),
    Entry(
        DatasetInfo(
            name="digits",
            title="Digits 8x8",
            description="Handwritten digits at 8x8 pixels, from scikit-learn: the smallest set, for the quickest look.",
            channels=1,
            native_size=8,
            train_images=embedded.DIGITS_TRAIN,
            test_images=297,
            classes=DIGIT_NAMES,
            licence="CC BY 4.0",
            source="https://archive.ics.uci.edu/dataset/80 (Alpaydin & Kaynak 1998), as carried by scikit-learn",
            origin="embedded",
        ),
        lambda image_size, limit: embedded.digits(),
        _always,
        cached=True,
    ),
    Entry(
        DatasetInfo(
            name="shapes",
            title="Shapes",
            description="One coloured shape on black, drawn by VAE Lab: every combination of shape, hue, size, "
            "position and rotation, so that the true factors of each image are known.",
            channels=3,
            native_size=32,
            train_images=shapes.COUNT - shapes.TEST_IMAGES,
            test_images=shapes.TEST_IMAGES,
            classes=shapes.SHAPES,
            factors=shapes.FACTORS,
            licence="drawn by VAE Lab",
            source="vaelab/data/shapes.py",
            origin="drawn",
        ),
        lambda image_size, limit: shapes.shapes(image_size),
        _always,
        cached=True,
    ),
    Entry(
        DatasetInfo(
            name="cifar10",
            title="CIFAR-10",
            description="Small colour photographs of ten kinds of animals and vehicles, 32x32 pixels.",
            channels=3,
            native_size=32,
            train_images=50_000,
            test_images=10_000,
            classes=cifar.CLASSES,
            licence="none stated; cite Krizhevsky 2009",
            source="https://www.cs.toronto.edu/~kriz/cifar.html (Krizhevsky 2009)",
            download_mb=170.5,
            origin="download",
        ),
        _read_cifar,
        lambda: cifar.is_present(data_root()),
    ),
    _MNIST,
    _binary_mnist(
        "mnist-static",
        "MNIST, black and white",
        "Handwritten digits in black and white, 28x28 pixels: each pixel of MNIST is white with the probability that its "
        f"grey value says, drawn once with the seed {SEED}. Published figures for statically binarised MNIST are compared here.",
        "once",
    ),
    _binary_mnist(
        "mnist-dynamic",
        "MNIST, black and white, drawn anew",
        "Handwritten digits in black and white, 28x28 pixels: each pixel of MNIST is white with the probability that its "
        "grey value says, drawn anew each time a training sees an image; shown and measured as drawn once. Published "
        "figures for dynamically binarised MNIST are compared here.",
        "anew",
    ),
    _idx_entry(
        DatasetInfo(
            name="fashion-mnist",
            title="Fashion-MNIST",
            description="Grey photographs of clothes, 28x28 pixels.",
            channels=1,
            native_size=28,
            train_images=60_000,
            test_images=10_000,
            classes=CLOTHES,
            licence="MIT (Zalando SE)",
            source="https://github.com/zalandoresearch/fashion-mnist (Xiao et al. 2017)",
            download_mb=30.9,
            origin="download",
        ),
        "FashionMNIST",
    ),
)
ENTRIES = {entry.info.name: entry for entry in _ENTRIES}


def names() -> tuple[str, ...]:
    """Every named data set, embedded ones first; folder:PATH names one more per folder."""
    return tuple(ENTRIES)


def entry(name: str) -> Entry:
    """A named data set. Raises DataError for a name that does not exist."""
    try:
        return ENTRIES[name]
    except KeyError:
        close = difflib.get_close_matches(name, ENTRIES, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise DataError(
            f"there is no data set {name!r}; {hint}the names are {', '.join(ENTRIES)} and folder:PATH"
        ) from None


def info(name: str) -> DatasetInfo:
    """What is known of a data set without loading it. Raises DataError for an unknown name or an empty folder."""
    return folder.folder_info(name) if name.startswith(folder.PREFIX) else entry(name).info


def count(name: str, image_size: int = 32) -> tuple[int, int]:
    """How many images there are to train on and to test with; of a user's own, those that can be read (folder.COUNTED). Raises DataError."""
    if name.startswith(folder.PREFIX):
        return folder.check_folder(name, image_size)
    known = entry(name).info
    return known.train_images, known.test_images


def is_available(name: str) -> bool:
    """Whether `load` would find its files; looks at names of files only. Raises DataError for an unknown name."""
    if name.startswith(folder.PREFIX):
        try:
            return folder.folder_path(name).is_dir()
        except DataError:
            return False
    return entry(name).present()


def _check_limit(limit: int | None) -> None:
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise DataError(f"limit must be a whole number of at least 1, got {limit!r}; leave it out to use every image")


def load(name: str, *, image_size: int = 32, channels: int | None = None, limit: int | None = None) -> Dataset:
    """Load a data set as (N, channels, image_size, image_size) uint8, the caller's to keep and change.

    channels None keeps the published ones. limit cuts the training images to the first so many, never the test images;
    a small limit also reads less of the downloaded sets. Raises DataError for an unknown name or value and, with the
    way to get it, for a data set that is absent.
    """
    check_size(image_size)
    _check_limit(limit)
    if channels is not None and channels not in CHANNELS:
        raise DataError(f"channels must be 1 (grey) or 3 (RGB), got {channels!r}")
    if name.startswith(folder.PREFIX):
        return folder.load_folder(name, image_size, channels or 3, limit)
    known = entry(name)
    if not known.present():
        raise DataError(
            f"the data set {name} is not on this machine ({known.info.download_mb:g} MB): press Download on the Train "
            f"page, run `python -m vaelab datasets --download {name}`, or set VAELAB_DATA to the folder that holds it"
        )
    train, test = known.read(image_size, limit)
    depth = channels or known.info.channels

    def fitted(images: Images) -> Images:
        pixels = fit(images.pixels, image_size, 1 if known.binarised else depth)
        borrowed = known.cached and np.may_share_memory(pixels, images.pixels)
        return Images(
            pixels=pixels.copy() if borrowed or not pixels.flags.writeable else pixels,
            labels=None if images.labels is None else images.labels.copy(),
            factors={factor: values.copy() for factor, values in images.factors.items()},
        )

    train, test = fitted(train.take(slice(0, limit))), fitted(test)
    if known.binarised:
        train = binarised(train, "train", depth, anew=known.binarised == "anew")
        test = binarised(test, "test", depth, anew=False)  # held-out images are the same at each measurement
    shown = dataclasses.replace(known.info, train_images=len(train), test_images=len(test))
    return Dataset(info=shown, train=train, test=test)


def label_names(info: DatasetInfo, label: str) -> tuple[str, ...]:
    """The names of a label's values. label: "class" or a factor's name. Raises DataError for any other."""
    if label == "class" and info.classes:
        return info.classes
    if label in info.factors:
        return info.factors[label]
    have = [*(["class"] if info.classes else []), *info.factors]
    raise DataError(f"{info.name} has no label {label!r}; it has {', '.join(have) if have else 'no labels at all'}")


def labels_of(images: Images, label: str) -> Labels:
    """The values of a label: (N,) int64. label: "class" or a factor's name. Raises DataError for any other."""
    if label == "class" and images.labels is not None:
        return images.labels
    if label in images.factors:
        return images.factors[label]
    have = [*(["class"] if images.labels is not None else []), *images.factors]
    raise DataError(f"these images have no label {label!r}; they have {', '.join(have) if have else 'none at all'}")
