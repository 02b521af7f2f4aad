"""What an image file is made of, walked before Pillow opens it: its readers take a Python step for every small piece.

A file of 29 MB holds millions of empty chunks, comments or fill bytes, each of them allowed by its format; reading those
took Pillow 13 up to 13 s and 480 MB. Tags of a TIFF may share their bytes: libtiff copied them for each, minutes and
gigabytes. Everything here costs a few milliseconds, whatever the file is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from PIL import ImageFile
from PIL.JpegImagePlugin import MARKER

from vaelab.config.errors import ImageError

MAX_PIECES = 20_000  # chunks of a PNG, which may hold as little as 4 kB each
MAX_SEGMENTS = 2_000  # before the first scan of a JPEG; a camera writes 5 to 40
MAX_BETWEEN = 100_000  # bytes between segments, which say nothing
MAX_ABOUT = 16 * 10**6  # bytes of segments: Pillow joins those of EXIF one by one, copying all it has each time
MAX_RLE = 4 * 10**6  # bytes of a run-length coded BMP, which Pillow decodes in Python

MAX_TAGS = 1_000  # of a TIFF's first directory
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_ALONE = {0x00, *(code & 0xFF for code, (_, _, reader) in MARKER.items() if reader is None)}  # no length for Pillow
_FILL = re.compile(rb"\xff+")


@dataclass(frozen=True)
class JpegHead:
    """Where the first scan begins (its marker), and how many components it has."""

    scan: int
    in_first_scan: int


def check(data: bytes) -> None:
    """Raise ImageError for a PNG, JPEG or TIFF in more pieces, or larger ones, than any program writes."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        _check_png(data)
    elif data[:2] == b"\xff\xd8":
        jpeg_head(data)
        if b"\xff" * MAX_BETWEEN in data:  # Pillow hands them to libjpeg again and again, from the beginning
            raise _too_many("JPEG")
    elif data[:2] in (b"II", b"MM") and data[2:4] in (b"*\0", b"\0*", b"+\0", b"\0+"):
        _check_tiff(data)


def check_opened(image: ImageFile.ImageFile, data: bytes) -> None:
    """Raise ImageError for a large file that Pillow would decode pixel by pixel."""
    if len(data) > MAX_RLE and any("rle" in str(tile[0]) for tile in image.tile):
        raise ImageError(
            f"a run-length coded BMP may have at most {MAX_RLE // 10**6} MB, got {len(data) / 1e6:.1f} MB; save it as PNG"
        )


def _check_png(data: bytes) -> None:
    position, pieces = 8, 0
    while position + 8 <= len(data):
        position += 12 + int.from_bytes(data[position : position + 4], "big")
        pieces += 1
        if pieces > MAX_PIECES:
            raise _too_many("PNG")


def jpeg_head(data: bytes) -> JpegHead:
    """Walk to the first scan (ITU-T T.81, annex B). Raises ImageError for too many segments on the way."""
    position, segments, between, about = 2, 0, 0, 0
    while True:
        begin = data.find(b"\xff", position)  # what is no marker is skipped, as Pillow does
        found = _FILL.match(data, begin) if begin >= 0 else None
        at = len(data) if found is None else found.end()
        between += at - 1 - position
        if segments > MAX_SEGMENTS or between > MAX_BETWEEN or about > MAX_ABOUT:
            raise _too_many("JPEG")
        if at >= len(data):
            return JpegHead(len(data), 0)
        marker, position = data[at], at + 1
        if marker == 0xDA:
            return JpegHead(at - 1, data[at + 3] if at + 3 < len(data) else 0)
        if marker not in _ALONE:
            length = max(2, int.from_bytes(data[position : position + 2], "big"))
            position, about = position + length, about + length
        segments += 1


def _check_tiff(data: bytes) -> None:
    """All tags of the first directory together may hold no more bytes than the file has (TIFF 6.0, section 2)."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    big = b"+" in data[2:4]  # BigTIFF: 8 bytes for offsets and counts

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)

    wide, entry = (8, 20) if big else (4, 12)
    start = number(8, 8) if big else number(4, 4)
    first = start + (8 if big else 2)
    tags = number(start, first - start)
    if tags > MAX_TAGS:
        raise _too_many("TIFF")
    told = 0
    for at in range(first, first + tags * entry, entry):
        told += _TIFF_SIZES.get(number(at + 2, 2), 1) * number(at + 4, wide)
    if told > len(data):
        raise ImageError("the TIFF is broken: its tags claim more bytes than the file has; save it again as PNG")


def _too_many(kind: str) -> ImageError:
    return ImageError(
        f"the {kind} is made of more pieces than any program writes; open it in an image program and save it again"
    )
