"""A user's own images: folder:PATH, a tree of any of the usual shapes (layout.py).

Hidden files and __MACOSX are ignored, links are followed only to files within the folder, and a file that is not a
readable image is skipped and named. At most MAX_IMAGES images are used, drawn evenly from all. The order, and where no
split is given the split, are fixed by a seed and the sorted names.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vaelab.config.errors import DataError, ImageError
from vaelab.data.layout import Folders, understand
from vaelab.data.paths import data_root
from vaelab.data.types import Dataset, DatasetInfo, Images, Labels, Pixels
from vaelab.images.files import MAX_BYTES, open_image, to_pixels
from vaelab.images.fitting import fit_channels

PREFIX = "folder:"
NAMES_FILE = ".names.json"  # written by import_zip: titles and class names, so that no uploaded name is a file's name
MAX_IMAGES = 100_000  # 307 MB of 32x32 RGB pixels
TEST_SHARE = 10  # one image in ten
SEED = 0
THREADS = 4  # Pillow decodes outside Python's lock; each thread may take what one image takes
COUNTED = 2000  # files of a folder that are decoded to know how many can be read, before anything starts
COUNTS_KEPT = 64
DEEPEST = 12  # folders within folders
DETAIL = 4  # a photograph is decoded to at least this many times the asked size before it is fitted


@dataclass(frozen=True)
class Listing:
    """What lies in a folder, unopened: files in a fixed random order, the class of each (-1: none), class names.

    held_out: which are kept for testing, None where no split is given; splits: the folders that those lie in.
    """

    path: Path
    title: str
    files: tuple[Path, ...]
    labels: Labels
    classes: tuple[str, ...]
    held_out: NDArray[np.bool_] | None
    splits: tuple[str, ...]
    rejected: tuple[str, ...]  # files that an upload left out already

    def split(self, rows: Labels) -> tuple[Labels, Labels]:
        """Which of some rows are trained on, and which held out: those of the given split, or every tenth, at least one."""
        if self.held_out is not None:
            held = self.held_out[rows]
            return np.flatnonzero(~held), np.flatnonzero(held)
        cut = len(rows) - max(1, len(rows) // TEST_SHARE)
        return np.arange(cut), np.arange(cut, len(rows))


def folder_path(name: str) -> Path:
    """The folder that folder:PATH names. Raises DataError unless it is a folder that exists."""
    text = name.removeprefix(PREFIX)
    if not text or "\0" in text:
        raise DataError("folder:PATH needs the path of a folder of images, such as folder:photos")
    try:
        path = Path(text).expanduser()
        there = path.is_dir()
    except (OSError, RuntimeError, ValueError):  # a name that is too long, a user that does not exist
        there = False
    if not there:
        raise DataError(f"{name!r} must name a folder that exists, and there is none; check the path")
    return path


def _names(path: Path) -> tuple[str, dict[str, str], tuple[str, ...]]:
    """(title, folder name to class name, files left out) from an upload's NAMES_FILE; plain names without one."""
    try:
        file = path / NAMES_FILE
        if not file.is_file():  # a pipe of that name would hold up who reads it
            return path.resolve().name, {}, ()
        names = json.loads(file.read_text(encoding="utf-8"))
        labels = {str(k): str(v) for k, v in names["labels"].items()}
        left_out = names["skipped"]
        if isinstance(left_out, int):  # written before 0.2: their number alone
            left_out = ["?"] * min(max(left_out, 0), MAX_IMAGES)
        return str(names["title"]), labels, tuple(str(name) for name in left_out)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return path.resolve().name, {}, ()


def _walk(folder: Path, root: Path, above: Folders = ()) -> Iterator[tuple[Folders, Path]]:
    """Every file below a folder with the folders above it, sorted. Regular files and folders only: no link leads out, no device is opened."""
    with os.scandir(folder) as entries:
        visible = sorted(
            (e for e in entries if not e.name.startswith(".") and e.name != "__MACOSX"), key=lambda e: e.name
        )
    for entry in visible:
        if entry.is_dir(follow_symlinks=False):
            if len(above) < DEEPEST:
                yield from _walk(Path(entry.path), root, (*above, entry.name))
        elif entry.is_file(follow_symlinks=False) or (entry.is_symlink() and _stays_within(Path(entry.path), root)):
            yield above, Path(entry.path)


def _stays_within(link: Path, root: Path) -> bool:
    """Whether a link leads to a regular file below root."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return False
    return target.is_relative_to(root) and target.is_file()


def list_folder(name: str) -> Listing:
    """List folder:PATH without opening a file. Raises DataError for a folder that is absent, unreadable or empty."""
    path = folder_path(name)
    title, class_names, rejected = _names(path)
    try:
        found = list(_walk(path, path.resolve()))
    except OSError as error:
        raise DataError(f"{name!r} could not be read ({error.strerror}); check its permissions") from error
    if not found:
        raise DataError(f"{name!r} holds no images; put at least two into it, or into a sub-folder for each class")
    layout = understand([tuple(class_names.get(part, part) for part in folders) for folders, _ in found])
    by_class = sorted(range(len(found)), key=lambda row: layout.labels[row])  # stable: the names' order within each
    order = [by_class[i] for i in np.random.default_rng(SEED).permutation(len(found))[:MAX_IMAGES]]
    return Listing(
        path=path,
        title=title,
        files=tuple(found[row][1] for row in order),
        labels=np.array([layout.labels[row] for row in order], dtype=np.int64),
        classes=layout.classes,
        held_out=None if layout.held_out is None else np.array([layout.held_out[row] for row in order], dtype=bool),
        splits=layout.splits,
        rejected=rejected,
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
        held_out_from=listing.splits,
    )


def folder_info(name: str) -> DatasetInfo:
    """What is known without opening a file: the counts include files that may turn out not to be images."""
    listing = list_folder(name)
    train, test = listing.split(np.arange(len(listing.files)))
    return _info(name, listing, len(train), len(test))


def _decode(path: Path, image_size: int) -> Pixels | None:
    """One file as (3, image_size, image_size), or None where it is not a readable image."""
    try:
        if not 0 < path.stat().st_size <= MAX_BYTES:  # files of the kernel say that they are empty, and may never end
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


def check_folder(name: str, image_size: int = 32) -> tuple[int, int]:
    """How many images there are to train on and to test with, of those that can be read. Raises DataError as load_folder does.

    Of more than COUNTED files, none is opened beyond the two that a training takes: all are counted.
    """
    listing = list_folder(name)
    if len(listing.files) <= COUNTED:
        try:
            rows = _readable_rows(listing, image_size, _signature(listing))
        except OSError as error:  # a file went away between the listing and now
            raise DataError(f"{name!r} could not be read ({error.strerror}); check its permissions") from error
        _check_count(name, len(rows), listing)
    else:
        rows = np.arange(len(listing.files))
        readable = 0
        for path in listing.files:
            readable += _decode(path, 32) is not None
            if readable == 2:
                break
        else:
            _check_count(name, readable, listing)
    train, test = listing.split(rows)
    _check_split(name, train, test)
    return len(train), len(test)


_counted: dict[str, Labels] = {}  # by the signature of a listing: the page asks again at every change of a setting


def _readable_rows(listing: Listing, image_size: int, signature: str) -> Labels:
    """The rows of a listing that can be read, decoded once for each content of the folder."""
    if signature not in _counted:
        if len(_counted) >= COUNTS_KEPT:
            _counted.clear()
        _counted[signature] = _pixels_of(listing, image_size)[1]
    return _counted[signature]


def _check_split(name: str, train: Labels, test: Labels) -> None:
    if not len(train):
        raise DataError(
            f"{name!r} must hold at least one image to train on that can be read, got {len(test)} to test with"
        )


def load_folder(name: str, image_size: int, channels: int, limit: int | None) -> Dataset:
    """Load folder:PATH. Raises DataError with fewer than two readable images, or none to train on."""
    listing = list_folder(name)
    pixels, rows = _pixels_of(listing, image_size)
    _check_count(name, len(rows), listing)
    train, test = listing.split(rows)
    _check_split(name, train, test)
    names = [file.relative_to(listing.path).as_posix() for file in listing.files]
    whole = Images(
        pixels=fit_channels(pixels, channels),
        labels=listing.labels[rows] if listing.classes else None,
        files=tuple(names[row] for row in rows),
    )
    readable = set(rows.tolist())
    skipped = [name for row, name in enumerate(names) if row not in readable]
    return Dataset(
        info=_info(name, listing, len(train[:limit]), len(test)),
        train=whole.take(train[:limit]),
        test=whole.take(test),
        skipped=(*sorted(skipped), *listing.rejected),
    )
