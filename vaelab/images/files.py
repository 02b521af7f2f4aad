"""Images of strangers in, images of ours out: open an uploaded file safely, make it a model's input, write PNG grids.

An uploaded file may be anything. Its format is taken from its content, its size, pixels and structure are checked
before a pixel is decoded, and whatever goes wrong becomes one ImageError sentence.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.Image import Transpose
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from vaelab.config.errors import DataError, ImageError
from vaelab.images import structure
from vaelab.images.fitting import Pixels, fit

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
FORMATS_TEXT = "PNG, JPEG, WebP, GIF, BMP or TIFF"
MAX_BYTES = 30 * 10**6
MAX_SIDE = 30_000
# Chosen so that decoding stays below 300 MB (tests/test_images.py measures it): Pillow holds 4 bytes a pixel, twice
# while it converts, and WebP's decoder three canvases more. A larger JPEG is decoded reduced, unless it comes in
# several scans (progressive): libjpeg then keeps 2 bytes for every coefficient of every colour channel.
MAX_DECODED_PIXELS = 16 * 10**6
MAX_JPEG_PIXELS = 50 * 10**6
MAX_JPEG_COEFFICIENTS = 75 * 10**6
MAX_SCANS = 100  # a progressive JPEG has about 10; every scan costs a pass over the whole image
BLOCK = (
    4 * 2**20
)  # bytes of a JPEG handed to libjpeg together, where Pillow hands it 64 kB and waits for the next: 3 % less
PART = 2**18  # bytes looked at together: what they take stays in the processor's cache
TOO_MUCH_MEMORY = "the image needs more memory than decoding one may take; save it smaller"

ORIENTATIONS = {  # EXIF tag 0x0112 (CIPA DC-008): what brings the stored image upright
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
_ORIENTATION_TAG, _TILE_WIDTH_TAG, _TILE_LENGTH_TAG = 0x0112, 322, 323


def open_image(data: bytes, *, at_least: int | None = None) -> Image.Image:
    """Decode an image file into an upright RGB image, transparency laid on white, the first frame of an animation.

    Grey of 16 bits is scaled by 1/257, float grey taken as 0-1 if it lies there and otherwise stretched from its
    smallest to its largest value. A JPEG above 16 million pixels comes back at half its size; where at_least is given,
    any JPEG may come back smaller, by up to 8, with both sides still at least that long: many times faster.
    Raises ImageError, one sentence, for anything that is not a whole image of a known format within the limits.
    """
    if not data:
        raise ImageError(f"an image must be a {FORMATS_TEXT} file, got an empty one; choose another file")
    if len(data) > MAX_BYTES:
        raise ImageError(
            f"an image file may have at most {MAX_BYTES // 10**6} MB, got {len(data) / 1e6:.1f} MB; save it smaller"
        )
    structure.check(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        _check_webp_size(data)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_before_decoding(image, data)
            if isinstance(image, JpegImageFile):
                _reduce_jpeg(image, at_least)
                image.decodermaxblock = min(len(data), BLOCK)
            image.load()
            upright = ORIENTATIONS.get(_orientation(image))  # Pillow has turned a TIFF by now, and cleared its tag
            rgb = _to_rgb(image)
        return rgb if upright is None else rgb.transpose(upright)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(_unknown_format(data)) from error
    except MemoryError as error:
        raise ImageError(TOO_MUCH_MEMORY) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError("an image may have at most 50 million pixels; save it smaller") from error
    except Exception as error:  # a hostile file makes Pillow's plugins raise nearly any type
        raise ImageError(
            f"the image is broken or cut short ({type(error).__name__}) and cannot be decoded; "
            "open it in an image program and save it again"
        ) from error


def _unknown_format(data: bytes) -> str:
    if data[4:8] == b"ftyp":
        return f"an image must be a {FORMATS_TEXT} file, got HEIC, AVIF or a video; save or share it as JPEG"
    return f"an image must be a {FORMATS_TEXT} file, and this one is none of them or is broken; choose another file"


def _reduce_jpeg(image: JpegImageFile, at_least: int | None) -> None:
    """Let libjpeg decode at 1/2, 1/4 or 1/8 of the size where nobody needs more, or memory forbids it."""
    width, height = image.size
    wanted_width, wanted_height = (width, height) if at_least is None else (at_least, at_least)
    if width * height > MAX_DECODED_PIXELS:
        wanted_width, wanted_height = min(wanted_width, width // 2), min(wanted_height, height // 2)
    if wanted_width < width and wanted_height < height:
        image.draft(None, (wanted_width, wanted_height))


def _check_before_decoding(image: ImageFile.ImageFile, data: bytes) -> None:
    """Raise ImageError if decoding would take too much memory or time; reads headers only."""
    kind = "JPEG" if image.format == "MPO" else str(image.format)  # MPO is a phone's JPEG with a second picture inside
    _check_size(kind, *image.size)
    if isinstance(image, JpegImageFile):
        _check_jpeg_scans(image, data)
    structure.check_opened(image, data)
    if isinstance(image, TiffImageFile):
        tile = [image.tag_v2.get(tag, 0) for tag in (_TILE_WIDTH_TAG, _TILE_LENGTH_TAG)]
        if any(not isinstance(n, int) or n > MAX_SIDE for n in tile) or math.prod(tile) > MAX_DECODED_PIXELS:
            raise ImageError("the TIFF has tiles larger than any image may be; save it again as PNG")


def _check_size(kind: str, width: int, height: int) -> None:
    limit = MAX_JPEG_PIXELS if kind == "JPEG" else MAX_DECODED_PIXELS
    if width < 1 or height < 1:
        raise ImageError(f"an image must have at least one pixel, got {width} x {height}; choose another file")
    if width * height > limit or max(width, height) > MAX_SIDE:
        raise ImageError(
            f"a {kind} image may have at most {limit // 10**6} million pixels and {MAX_SIDE:,} on a side, "
            f"got {width:,} x {height:,}; save it smaller"
        )


def _check_jpeg_scans(image: JpegImageFile, data: bytes) -> None:
    """Raise ImageError for a JPEG whose scans cost too much: a pass over the image each, and all coefficients at once."""
    if _scans(data) > MAX_SCANS:
        raise ImageError(f"a JPEG may have at most {MAX_SCANS} scans; open it in an image program and save it again")
    several = "progressive" in image.info or structure.jpeg_head(data).in_first_scan != image.layers
    if several and image.width * image.height * image.layers > MAX_JPEG_COEFFICIENTS:
        raise ImageError(
            f"a progressive JPEG may have at most {MAX_JPEG_COEFFICIENTS // image.layers // 10**6} million pixels, "
            f"got {image.width:,} x {image.height:,}; save it smaller or not progressive"
        )


def _scans(data: bytes) -> int:
    """How many markers of a scan, FF DA, there are. bytes.count took 2.6 ms of a photograph, this a fifth."""
    values, found = np.frombuffer(data, dtype=np.uint8), 0
    for start in range(0, len(values) - 1, PART):
        part = values[start : start + PART + 1]
        found += int(np.count_nonzero((part[:-1] == 0xFF) & (part[1:] == 0xDA)))
    return found


def _check_webp_size(data: bytes) -> None:
    """Raise ImageError for a WebP that is too large: Pillow allocates its canvas already when it opens one.

    The first chunk is VP8X, VP8L or VP8 and holds width and height (developers.google.com/speed/webp/docs).
    """
    chunk = data[12:16]
    if chunk == b"VP8X":
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
    elif chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width = int.from_bytes(data[26:28], "little") & 0x3FFF
        height = int.from_bytes(data[28:30], "little") & 0x3FFF
    _check_size("WEBP", width, height)


def _orientation(image: ImageFile.ImageFile) -> int:
    """EXIF orientation, 1 to 8; 1 (upright) where there is none or the EXIF block is broken."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return 1  # viewers show such an image as stored
    return value if isinstance(value, int) else 1


def _to_rgb(image: Image.Image) -> Image.Image:
    """A loaded image of any Pillow mode as RGB on white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _grey_to_rgb(image)
    if image.has_transparency_data:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return image.convert("RGB")  # a copy where it is RGB already, so that it outlives the file


def _grey_to_rgb(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits, whole or float, as 8-bit RGB."""
    values = np.asarray(image)
    if image.mode == "F" and not np.isfinite(values).all():
        raise ImageError("the image has pixels that are not finite numbers; save it again as 8-bit PNG")
    low, high = float(values.min()), float(values.max())
    if image.mode != "F" and (image.mode.startswith("I;16") or image.format == "PNG"):
        low, high = 0.0, 65535.0
    elif image.mode == "F" and low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    span = high - low if high > low else 1.0
    grey = np.empty(values.shape, dtype=np.uint8)
    for row in range(0, len(values), 256):  # float64 only a strip at a time: 8 bytes a pixel
        strip = values[row : row + 256].astype(np.float64)
        grey[row : row + 256] = np.rint((strip - low) * (255.0 / span))
    return Image.fromarray(grey).convert("RGB")


def to_pixels(image: Image.Image, image_size: int = 32, channels: int = 3) -> Pixels:
    """An opened image as a model's input: (channels, image_size, image_size) uint8, fitted as the data sets are.

    The rule is in vaelab/images/fitting.py. Raises DataError for a size that is no multiple of 4 from 16 to 256 or channels other than 1 or 3.
    """
    pixels = np.asarray(image.convert("RGB")).transpose(2, 0, 1)[None]
    fitted: Pixels = fit(pixels, image_size, channels)[0]
    return fitted


def grid(pixels: Pixels | Sequence[Pixels], columns: int | None = None, scale: int = 1) -> Pixels:
    """Images side by side, row by row: (N, C, H, W) uint8 -> (rows * H * scale, columns * W * scale, 3) uint8.

    columns None makes the grid as square as it can be. Pixels are repeated `scale` times, never smoothed; cells
    without an image are white. Raises DataError without images, or for columns or scale below 1.
    """
    images = np.asarray(pixels)
    if images.ndim != 4 or images.shape[1] not in (1, 3) or images.dtype != np.uint8 or not len(images):
        raise DataError(f"a grid needs uint8 images of shape (N, 1 or 3, H, W), got {images.dtype} {images.shape}")
    columns = math.ceil(math.sqrt(len(images))) if columns is None else columns
    if columns < 1 or scale < 1:
        raise DataError(f"a grid needs at least 1 column and a scale of at least 1, got {columns} and {scale}")
    n, _, height, width = images.shape
    rows = math.ceil(n / columns)
    cells = np.full((rows * columns, 3, height, width), 255, dtype=np.uint8)
    cells[:n] = images  # a single channel spreads over the three
    tiled = cells.reshape(rows, columns, 3, height, width).transpose(0, 3, 1, 4, 2)
    sheet = tiled.reshape(rows * height, columns * width, 3)
    return np.repeat(np.repeat(sheet, scale, axis=0), scale, axis=1)


def png(pixels: Pixels) -> bytes:
    """A PNG file of one image: (H, W, 3), (H, W), or a model's (C, H, W) with C of 1 or 3, uint8. Raises DataError."""
    image = np.asarray(pixels)
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or 0 in image.shape:
        raise DataError(
            f"a PNG needs uint8 pixels of shape (H, W), (H, W, 3) or (C, H, W), got {image.dtype} {image.shape}"
        )
    if image.ndim == 3 and image.shape[2] != 3:
        if image.shape[0] not in (1, 3):
            raise DataError(f"a PNG needs 1 or 3 channels, got the shape {image.shape}")
        image = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, format="PNG")
    return buffer.getvalue()
