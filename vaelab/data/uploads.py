"""A zip of images becomes a folder data set, without trusting anything in it.

Sizes and counts are checked before a byte is unpacked, every image is decoded within open_image's limits and written
anew as a small PNG, and no name from the zip reaches the disk except as text in one JSON file.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from vaelab.config.errors import DataError, ImageError
from vaelab.config.folders import clear_leftovers
from vaelab.data.folder import NAMES_FILE, PREFIX
from vaelab.data.layout import LOOSE, Folders, understand
from vaelab.data.paths import data_root
from vaelab.images.files import MAX_BYTES, png
from vaelab.images.fitting import centre_square
from vaelab.images.guarded import open_image

MAX_ZIP_BYTES = 200 * 10**6
MAX_UNPACKED = 10**9  # bytes of all files together
MAX_FILES = 20_000
MAX_LABELS = 1_000
MAX_NAMED = 1_000  # files left out whose names are kept
KEPT_SIDE = 256  # pixels: the largest model input
NAME_LENGTH = 60
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)  # LZMA may ask for 4 GB before its first byte
# What zipfile, zlib and bz2 raise for a file that is cut short, changed, or described in two ways; nothing is written meanwhile.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    OverflowError,
)
UNPACKING = ".upload-"  # before the name of a folder that a zip is being unpacked into


def clean_name(text: str) -> str:
    """A name as plain words: letters, digits and .,()- in any script, at most 60; nothing that Markdown or HTML reads."""
    return re.sub(r"[^\w.,()-]+", " ", text).strip()[:NAME_LENGTH].strip() or "images"


def uploads_root() -> Path:
    """Where uploaded zips are unpacked."""
    return data_root() / "uploads"


def uploaded() -> tuple[str, ...]:
    """The data set names, folder:PATH, of every zip unpacked so far, oldest first."""
    try:
        folders = [f for f in uploads_root().iterdir() if (f / NAMES_FILE).is_file() and not f.name.startswith(".")]
        folders.sort(key=lambda f: f.stat().st_mtime)
    except OSError:
        return ()
    return tuple(f"{PREFIX}{folder.resolve()}" for folder in folders)


def import_zip(data: bytes, name: str) -> str:
    """Unpack a zip of images under data_root()/uploads and answer its data set name, folder:PATH.

    Its folders mean what they mean elsewhere (layout.py). name is shown as the title. The same zip
    again answers the same folder. Raises DataError, one sentence, for a zip that is broken, too large, locked with a
    password or without at least two readable images.
    """
    if len(data) > MAX_ZIP_BYTES:
        raise DataError(
            f"a zip may have at most {MAX_ZIP_BYTES // 10**6} MB, got {len(data) / 1e6:.0f} MB; upload fewer images"
        )
    if data.count(b"PK\x01\x02") > 2 * MAX_FILES:  # the mark of a directory entry: counted before any list is built
        raise DataError(f"a zip may hold at most {MAX_FILES:,} files; upload fewer images")
    target = uploads_root() / hashlib.sha256(data).hexdigest()[:16]
    if not (target / NAMES_FILE).is_file():
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                _unpack(archive, clean_name(PurePosixPath(name.replace("\\", "/")).stem), target)
        except (zipfile.BadZipFile, zipfile.LargeZipFile, struct.error, NotImplementedError, ValueError) as error:
            raise DataError("the file must be a zip of images and is none, or is broken; make the zip again") from error
        except OSError as error:
            raise DataError(
                f"the images could not be written to the data folder ({error.strerror or error})"
            ) from error
    return f"{PREFIX}{target.resolve()}"


def _images_in(archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, Folders]]:
    """Everything that may be an image, with the folders above it as plain words. Raises DataError beyond the limits."""
    found = []
    for member in archive.infolist():
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        link = stat.S_ISLNK(member.external_attr >> 16)
        if (
            member.filename.endswith("/")  # is_dir() fails for a name of no letters
            or link
            or not parts
            or any(p.startswith(".") or p == "__MACOSX" for p in parts if p != "..")
        ):
            continue
        if member.flag_bits & 0x1:
            raise DataError("the zip is locked with a password; make one without")
        found.append((member, tuple(clean_name(part) for part in parts[:-1] if part not in ("/", ".."))))
    if len(found) > MAX_FILES:
        raise DataError(f"a zip may hold at most {MAX_FILES:,} files, got {len(found):,}; upload fewer images")
    unpacked = sum(member.file_size for member, _ in found)
    if unpacked > MAX_UNPACKED:
        raise DataError(
            f"a zip may unpack to at most {MAX_UNPACKED // 10**9} GB, got {unpacked / 1e9:,.1f} GB; upload fewer images"
        )
    return found


def _read_image(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | None:
    """The file decoded, cut square, at most KEPT_SIDE wide, as PNG; None where it is not a readable image."""
    if member.file_size > MAX_BYTES or member.compress_type not in METHODS:
        return None
    try:
        with archive.open(member) as file:
            image = open_image(file.read(MAX_BYTES + 1), at_least=KEPT_SIDE)
    except (ImageError, *BROKEN):
        return None
    square = centre_square(np.asarray(image).transpose(2, 0, 1)).transpose(1, 2, 0)
    if len(square) > KEPT_SIDE:
        kept = Image.fromarray(np.ascontiguousarray(square))
        square = np.asarray(kept.resize((KEPT_SIDE, KEPT_SIDE), Image.Resampling.LANCZOS))
    return png(np.ascontiguousarray(square))


def _unpack(archive: zipfile.ZipFile, title: str, target: Path) -> None:
    """Write every readable image and the names into a temporary folder, then give it its name: all or nothing."""
    images = _images_in(archive)
    layout = understand([folders for _, folders in images])
    if len(layout.classes) > MAX_LABELS:
        raise DataError(
            f"a zip may have at most {MAX_LABELS:,} folders of images, got {len(layout.classes):,}; merge some"
        )
    folders = [f"label_{row:03d}" for row in range(len(layout.classes))]
    target.parent.mkdir(parents=True, exist_ok=True)
    clear_leftovers(target.parent, UNPACKING)
    with tempfile.TemporaryDirectory(prefix=UNPACKING, dir=target.parent) as scratch:
        made = Path(scratch) / "images"
        made.mkdir()
        left_out: list[str] = []
        written = 0
        for row, (member, _) in enumerate(images):
            picture = _read_image(archive, member)
            if picture is None:
                left_out.append(clean_name(PurePosixPath(member.filename.replace("\\", "/")).name))
                continue
            place = made
            if layout.held_out is not None:
                place /= "test" if layout.held_out[row] else "train"
            if layout.classes and layout.classes[layout.labels[row]] != LOOSE:
                place /= folders[layout.labels[row]]
            place.mkdir(parents=True, exist_ok=True)
            written += 1
            (place / f"{written:06d}.png").write_bytes(picture)
        if written < 2:
            raise DataError(
                f"a zip must hold at least two images that can be read, got {written} among {len(images)} files"
            )
        names = {
            "title": title,
            "labels": dict(zip(folders, layout.classes, strict=True)),
            "skipped": left_out[:MAX_NAMED],
        }
        (made / NAMES_FILE).write_text(json.dumps(names), encoding="utf-8")
        if not (target / NAMES_FILE).is_file():  # another session may have been faster with the same zip
            os.replace(made, target)
