"""A user's own images: folder:PATH, where every sub-folder is a class.

Files directly inside have no class; where both kinds exist, they form one of their own. One level of sub-folders is
read, hidden files and __MACOSX are ignored, and a file that is not a readable image is skipped and counted. At most
MAX_IMAGES images are used, drawn evenly from all. The order and the split are fixed by a seed and the sorted names.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from vaelab.config.errors import DataError, ImageError
from vaelab.data.paths import data_root
from vaelab.data.types import Dataset, DatasetInfo, Images, Labels, Pixels
from vaelab.images.files import MAX_BYTES, open_image, to_pixels
from vaelab.images.fitting import fit_channels

PREFIX = "folder:"
NAMES_FILE = ".names.json"  # written by import_zip: titles and class names, so that no uploaded name is a file's name
LOOSE = "no sub-folder"
MAX_IMAGES = 100_000  # 307 MB of 32x32 RGB pixels
TEST_SHARE = 10  # one image in ten
SEED = 0
THREADS = 4  # Pillow decodes outside Python's lock; each thread may take what one image takes
DETAIL = 4  # a photograph is decoded to at least this many times the asked size before it is fitted


@dataclass(frozen=True)
class Listing:
    """What lies in a folder, unopened: files in a fixed random order, the class of each (-1: none), class names."""

    path: Path
    title: str
    files: tuple[Path, ...]
    labels: Labels
    classes: tuple[str, ...]
    rejected: int  # images that an upload left out already

    @property
    def test_images(self) -> int:
        return _test_count(len(self.files))


def _test_count(images: int) -> int:
    return max(1, images // TEST_SHARE)


def folder_path(name: str) -> Path:
    """The folder that folder:PATH names. Raises DataError unless it is a folder that exists."""
    text = name.removeprefix(PREFIX)
    if not text or "\0" in text:
        raise DataError("folder:PATH needs the path of a folder of images, such as folder:photos")
    path = Path(text).expanduser()
    if not path.is_dir():
        raise DataError(f"{name!r} must name a folder that exists, and there is none; check the path")
    return path


def _visible(entries: list[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
    return sorted((e for e in entries if not e.name.startswith(".") and e.name != "__MACOSX"), key=lambda e: e.name)


def _names(path: Path) -> tuple[str, dict[str, str], int]:
    """(title, folder name to class name, images left out) from an upload's NAMES_FILE; plain names without one."""
    try:
        names = json.loads((path / NAMES_FILE).read_text(encoding="utf-8"))
        labels = {str(k): str(v) for k, v in names["labels"].items()}
        return str(names["title"]), labels, int(names["skipped"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return path.resolve().name, {}, 0


def list_folder(name: str) -> Listing:
    """List folder:PATH without opening a file. Raises DataError for a folder that is absent, unreadable or empty."""
    path = folder_path(name)
    title, class_names, rejected = _names(path)
    files: list[Path] = []
    labels: list[int] = []
    classes: list[str] = []
    try:
        with os.scandir(path) as entries:
            top = _visible(list(entries))
        for sub in (e for e in top if e.is_dir()):
            with os.scandir(sub) as entries:
                inside = [Path(e.path) for e in _visible(list(entries)) if e.is_file()]
            if inside:
                files += inside
                labels += [len(classes)] * len(inside)
                classes.append(class_names.get(sub.name, sub.name))
        loose = [Path(e.path) for e in top if e.is_file()]
    except OSError as error:
        raise DataError(f"{name!r} could not be read ({error.strerror}); check its permissions") from error
    if loose and classes:
        labels += [len(classes)] * len(loose)
        classes.append(LOOSE)
    else:
        labels += [-1] * len(loose)
    files += loose
    if not files:
        raise DataError(f"{name!r} holds no images; put at least two into it, or into a sub-folder for each class")
    order = np.random.default_rng(SEED).permutation(len(files))[:MAX_IMAGES]
    return Listing(
        path, title, tuple(files[i] for i in order), np.array(labels, dtype=np.int64)[order], tuple(classes), rejected
    )


def _info(name: str, listing: Listing, train_images: int, test_images: int) -> DatasetInfo:
    return DatasetInfo(
        name=name,
        title=listing.title,
        description=f"Your own images. Every tenth is kept for testing; at most {MAX_IMAGES:,} are used.",
        channels=3,
        native_size=0,
        train_images=train_images,
        test_images=test_images,
        classes=listing.classes,
        licence="yours to know",
        source="your own files",
        origin="folder",
    )


def folder_info(name: str) -> DatasetInfo:
    """What is known without opening a file: the counts include files that may turn out not to be images."""
    listing = list_folder(name)
    return _info(name, listing, len(listing.files) - listing.test_images, listing.test_images)


def _decode(path: Path, image_size: int) -> Pixels | None:
    """One file as (3, image_size, image_size), or None where it is not a readable image."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        return to_pixels(open_image(path.read_bytes(), at_least=DETAIL * image_size), image_size, 3)
    except (OSError, ImageError):
        return None


def _decode_all(listing: Listing, image_size: int) -> tuple[Pixels, Labels]:
    """Readable images and the row of each in the listing: (N, 3, image_size, image_size) uint8, (N,)."""
    pixels = np.empty((len(listing.files), 3, image_size, image_size), dtype=np.uint8)
    rows: list[int] = []
    with ThreadPoolExecutor(THREADS) as pool:
        for row, image in enumerate(pool.map(partial(_decode, image_size=image_size), listing.files)):
            if image is not None:
                pixels[len(rows)] = image
                rows.append(row)
    return pixels[: len(rows)], np.array(rows, dtype=np.int64)


def _signature(listing: Listing) -> str:
    """Changes when a file is added, removed, replaced or edited: names, sizes and times of change."""
    digest = hashlib.sha256()
    for file in listing.files:
        stat = file.stat()
        digest.update(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _pixels_of(listing: Listing, image_size: int) -> tuple[Pixels, Labels]:
    """As _decode_all, kept under data_root()/cache, so that a training of many photographs starts at once."""
    key = hashlib.sha256(os.fsencode(listing.path.resolve())).hexdigest()[:16]
    cached = data_root() / "cache" / f"folder-{key}-{image_size}.npz"
    signature = ""
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # then it is made again
        signature = _signature(listing)
        with np.load(cached, allow_pickle=False) as kept:
            if str(kept["signature"]) == signature:
                return kept["pixels"], kept["rows"]
    pixels, rows = _decode_all(listing, image_size)
    if signature and len(rows):
        with contextlib.suppress(OSError):  # a full or read-only disk only costs the time of decoding again
            cached.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=cached.parent, suffix=".part", delete=False) as file:
                try:
                    np.savez(file, pixels=pixels, rows=rows, signature=np.array(signature))
                    file.close()
                    os.replace(file.name, cached)
                except OSError:
                    os.unlink(file.name)
                    raise
    return pixels, rows


def _check_count(name: str, readable: int, listing: Listing) -> None:
    if readable < 2:
        raise DataError(
            f"{name!r} must hold at least two images that can be read, got {readable} among {len(listing.files)} file{'s' * (len(listing.files) != 1)}; "
            "PNG, JPEG, WebP, GIF, BMP and TIFF are read"
        )


def check_folder(name: str) -> None:
    """Whether folder:PATH can be trained on, opening no more files than that takes. Raises DataError as load_folder does."""
    listing = list_folder(name)
    readable = 0
    for path in listing.files:
        readable += _decode(path, 32) is not None
        if readable == 2:
            return
    _check_count(name, readable, listing)


def load_folder(name: str, image_size: int, channels: int, limit: int | None) -> Dataset:
    """Load folder:PATH, every tenth image, at least one, as test. Raises DataError with fewer than two readable images."""
    listing = list_folder(name)
    pixels, rows = _pixels_of(listing, image_size)
    _check_count(name, len(rows), listing)
    labels = listing.labels[rows] if listing.classes else None
    whole = Images(pixels=fit_channels(pixels, channels), labels=labels)
    split = len(whole) - _test_count(len(whole))
    train, test = whole.take(slice(0, split if limit is None else min(limit, split))), whole.take(slice(split, None))
    skipped = len(listing.files) - len(rows) + listing.rejected
    return Dataset(info=_info(name, listing, len(train), len(test)), train=train, test=test, skipped=skipped)
