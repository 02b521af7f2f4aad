"""Images in and out: every format and mode, hostile files within bounds, the fitting rule, grids and PNGs."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaelab.config.errors import DataError, ImageError
from vaelab.images import files
from vaelab.images.files import grid, open_image, png, to_pixels

RED, BLUE = (255, 0, 0), (0, 0, 255)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with_header(width: int, height: int, body: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "BMP", "TIFF", "JPEG"])
def test_every_format_by_content(kind: str) -> None:
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(kind, {})
    image = open_image(encoded(Image.new("RGB", (40, 30), (200, 30, 60)), kind, **options))
    assert image.mode == "RGB"
    assert image.size == (40, 30)
    assert np.abs(np.asarray(image).astype(int) - (200, 30, 60)).max() <= 2


def test_exif_orientation_is_applied() -> None:
    left_red = Image.new("RGB", (32, 16), BLUE)
    left_red.paste(RED, (0, 0, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise: what was left is now on top
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        upright = open_image(encoded(left_red, kind, exif=exif))
        assert upright.size == (16, 32), kind
        top, bottom = upright.getpixel((8, 4)), upright.getpixel((8, 28))
        assert top[0] > 200 > 100 > top[2], kind
        assert bottom[2] > 200 > 100 > bottom[0], kind


def test_alpha_is_laid_on_white() -> None:
    half = open_image(encoded(Image.new("RGBA", (4, 4), (0, 0, 0, 128))))
    assert half.getpixel((0, 0)) == (127, 127, 127)
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([*RED, *BLUE])
    palette.putpixel((1, 0), 1)
    opened = open_image(encoded(palette, "GIF", transparency=0))
    assert opened.getpixel((0, 0)) == (255, 255, 255)
    assert opened.getpixel((1, 0)) == BLUE


def test_modes_are_scaled_not_clipped() -> None:
    sixteen = np.array([[257 * 50, 257 * 100, 257 * 200]], dtype=np.uint16)  # neither clipped nor stretched
    assert np.asarray(open_image(encoded(Image.fromarray(sixteen))))[0, :, 0].tolist() == [50, 100, 200]
    assert np.asarray(open_image(encoded(Image.fromarray(sixteen), "TIFF")))[0, :, 0].tolist() == [50, 100, 200]
    unit = np.array([[0.0, 0.5, 1.0]], dtype=np.float32)
    assert np.asarray(open_image(encoded(Image.fromarray(unit), "TIFF")))[0, :, 0].tolist() == [0, 128, 255]
    quarter = np.array([[0.0, 0.1, 0.2]], dtype=np.float32)  # lies in 0-1: taken as such, not stretched
    assert np.asarray(open_image(encoded(Image.fromarray(quarter), "TIFF")))[0, :, 0].tolist() == [0, 26, 51]
    wide = np.array([[-10.0, 0.0, 10.0]], dtype=np.float32)
    assert np.asarray(open_image(encoded(Image.fromarray(wide), "TIFF")))[0, :, 0].tolist() == [0, 128, 255]
    counts = np.array([[-5, 0, 5]], dtype=np.int32)
    assert np.asarray(open_image(encoded(Image.fromarray(counts), "TIFF")))[0, :, 0].tolist() == [0, 128, 255]
    bits = Image.new("1", (2, 1))
    bits.putpixel((1, 0), 1)
    assert np.asarray(open_image(encoded(bits)))[0, :, 0].tolist() == [0, 255]
    cyan = open_image(encoded(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "JPEG", quality=100))
    assert np.abs(np.asarray(cyan)[0, 0].astype(int) - (0, 255, 255)).max() <= 3


def test_float_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ImageError, match="finite"):
        open_image(encoded(Image.fromarray(np.array([[np.nan, 1.0]], dtype=np.float32)), "TIFF"))


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    for kind in ("GIF", "WEBP", "PNG"):
        opened = open_image(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
        assert opened.getpixel((4, 4))[0] > 240, kind


def test_jpeg_may_come_back_smaller_when_asked() -> None:
    photo = encoded(Image.new("RGB", (800, 400), RED), "JPEG")
    assert open_image(photo).size == (800, 400)
    assert open_image(photo, at_least=100).size == (200, 100)


def test_scans_are_counted_exactly() -> None:
    draw, part = np.random.default_rng(0), files.PART
    for size in (0, 1, 2, part, part + 1, part + 2, 2 * part + 5):
        data = draw.choice([0xFF, 0xDA, 0x00], size).astype(np.uint8).tobytes()
        assert files._scans(data) == data.count(b"\xff\xda"), size


def hostile() -> dict[str, bytes]:
    good_png = encoded(Image.effect_noise((64, 64), 50))
    good_jpeg = encoded(Image.effect_noise((64, 64), 50), "JPEG")
    crc = bytearray(good_png)
    crc[-20] ^= 0xFF
    idat_crc = bytearray(good_png)
    idat_crc[good_png.index(b"IDAT") + 40] ^= 0xFF
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.png", good_png)
    webp = bytearray(encoded(Image.new("RGB", (8, 8)), "WEBP", lossless=True))
    webp[21:25] = struct.pack("<I", 0x3FFF | 0x3FFF << 14)  # 16384 x 16384 in the VP8L header
    gif = encoded(Image.new("P", (8, 8)), "GIF")
    tiff = bytearray(encoded(Image.new("L", (64, 64)), "TIFF"))
    scans = good_jpeg[:-2] + good_jpeg[good_jpeg.index(b"\xff\xda") : -2] * 200 + b"\xff\xd9"
    return {
        "empty": b"",
        "text": b"hello, I am no image",
        "zip renamed": buffer.getvalue(),
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "heic": b"\0\0\0\x18ftypheic" + bytes(40),
        "png cut": good_png[: len(good_png) // 2],
        "png end crc": bytes(crc),
        "png data crc": bytes(idat_crc),
        "png bomb": png_with_header(50_000, 50_000, bytes(1000)),
        "png no data": png_with_header(4_000, 4_000),
        "png zero wide": png_with_header(0, 10),
        "png line": png_with_header(1_000_000, 1),
        "png text bomb": good_png[:33] + chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(80_000_000))) + good_png[33:],
        "jpeg cut": good_jpeg[: len(good_jpeg) // 2],
        "jpeg scans": scans,
        "gif header": gif[:6] + b"\xff\xff\xff\xff" + gif[10:],
        "webp header": bytes(webp),
        "bmp bomb": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0),
        "bmp cut": encoded(Image.new("RGB", (64, 64)), "BMP")[:200],
        "tiff cut": bytes(tiff[:100]),
        "tiff tags": b"II*\0\x08\0\0\0\xff\xff" + bytes(200),
        "too many bytes": bytes(31 * 10**6),
    }


HOSTILE = hostile()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_give_one_sentence(name: str) -> None:
    with pytest.raises(ImageError) as caught:
        open_image(HOSTILE[name])
    message = str(caught.value)
    assert "\n" not in message
    assert "Traceback" not in message
    assert 20 < len(message) < 250


@pytest.mark.parametrize(
    ("name", "word"),
    [("jpeg scans", "scans"), ("png bomb", "million pixels"), ("gif header", "million"), ("webp header", "million"),
     ("bmp bomb", "million"), ("png line", "on a side"), ("heic", "HEIC"), ("too many bytes", "30 MB")],
)  # fmt: skip
def test_limits_are_what_refuses(name: str, word: str) -> None:
    with pytest.raises(ImageError, match=word):
        open_image(HOSTILE[name])


def tiff_of_shared_tags(tags: int, compression: int = 8) -> bytes:
    """A deflated TIFF of 8x8 grey pixels with so many more tags, each of which claims the same megabyte."""
    pixels = zlib.compress(bytes(64))
    plain = [(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1), (277, 3, 1, 1)]
    size = 8 + 2 + 12 * (len(plain) + 3 + tags) + 4
    strip = [(273, 4, 1, size), (278, 4, 1, 8), (279, 4, 1, len(pixels))]
    shared = [(40_000 + k, 1, 10**6, 8) for k in range(tags)]
    entries = sorted(plain + strip) + shared
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + pixels + bytes(10**6)


def in_pieces() -> dict[str, bytes]:
    """Files of many small pieces, each allowed by its format: reading them one by one would take seconds to minutes."""
    small = encoded(Image.new("RGB", (8, 8)))
    jpeg = encoded(Image.new("RGB", (8, 8)), "JPEG")
    begin, rest = jpeg[:2], jpeg[2:]
    return {
        "png chunks": small[:33] + chunk(b"abCd", b"") * 30_000 + small[33:],
        "png data chunks": small[:33] + chunk(b"IDAT", b"") * 30_000 + small[33:],
        "jpeg comments": begin + b"\xff\xfe\0\x02" * 30_000 + rest,
        "jpeg restarts": begin + b"\xff\xd0" * 30_000 + rest,
        "jpeg ends": begin + b"\xff\xd9" * 30_000 + rest,
        "jpeg escapes": begin + b"\xff\0" * 30_000 + rest,
        "jpeg fill": begin + b"\xff" * 200_000 + rest,
        "jpeg nothing but fill": begin + b"\xff" * 200_000,
        "jpeg junk": jpeg[:20] + bytes(200_000) + jpeg[20:],
        "jpeg fill behind the scan": jpeg[:-2] + b"\xff" * 200_000,
        "jpeg exif": begin + (b"\xff\xe1\xff\xffExif\0\0" + bytes(65_527)) * 300 + rest,
        "tiff tags": b"II*\0\x08\0\0\0" + struct.pack("<H", 60_000) + bytes(12 * 60_000),
    }


PIECES = in_pieces()


@pytest.mark.parametrize("name", PIECES)
def test_files_in_too_many_pieces_are_refused_before_they_are_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("Pillow was asked"))
    with pytest.raises(ImageError, match="pieces"):
        open_image(PIECES[name])


def test_tags_of_a_tiff_share_no_bytes() -> None:
    assert open_image(tiff_of_shared_tags(1)).size == (8, 8)
    for data in (tiff_of_shared_tags(2), tiff_of_shared_tags(200)):
        with pytest.raises(ImageError, match="tags claim more bytes"):
            open_image(data)
    big = b"MM\0+\0\x08\0\0" + struct.pack(">QQ", 16, 1) + struct.pack(">HHQQ", 256, 4, 2**40, 0)
    with pytest.raises(ImageError, match="tags claim more bytes"):
        open_image(big)


def test_odd_but_small_jpegs_are_read() -> None:
    """Some fill, junk and comments between segments is what the format allows and viewers show."""
    jpeg = encoded(Image.new("RGB", (8, 8), RED), "JPEG")
    for between in (b"\xff" * 9, b"ab", b"\xff\xfe\0\x04hi" * 40):
        assert open_image(jpeg[:20] + between + jpeg[20:]).size == (8, 8)


def test_colours_in_turn_count_as_several_scans() -> None:
    """A plain JPEG whose first scan has one colour of three needs all coefficients at once, fill bytes before it or not."""
    jpeg = encoded(Image.new("RGB", (64, 64)), "JPEG")
    frame, scan = jpeg.index(b"\xff\xc0"), jpeg.index(b"\xff\xda")
    large = jpeg[: frame + 5] + struct.pack(">HH", 7000, 7000) + jpeg[frame + 9 : scan]
    for fill in (b"", b"\xff" * 3):
        with pytest.raises(ImageError, match="progressive"):
            open_image(large + fill + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + bytes(50) + b"\xff\xd9")


def test_run_lengths_of_a_bmp_are_limited() -> None:
    def bmp(data: bytes) -> bytes:
        head = struct.pack("<IiiHHIIiiII", 40, 64, 64, 1, 8, 1, len(data), 0, 0, 256, 0)
        return b"BM" + struct.pack("<IHHI", 1078 + len(data), 0, 0, 1078) + head + bytes(1024) + data

    assert open_image(bmp((b"\x40\x07" + b"\0\0") * 64 + b"\0\1")).size == (64, 64)
    with pytest.raises(ImageError, match="4 MB"):
        open_image(bmp(b"\0\0" * 2_100_000))


def test_large_progressive_jpegs_are_refused_and_large_plain_ones_reduced() -> None:
    large = Image.new("RGB", (5200, 5200))
    with pytest.raises(ImageError, match="progressive"):
        open_image(encoded(large, "JPEG", progressive=True))
    assert open_image(encoded(large, "JPEG")).size == (2600, 2600)


def set_tiff_tag(data: bytes, tag: int, value: int) -> bytes:
    """A little-endian TIFF with the value of one LONG or SHORT tag of its first directory replaced."""
    changed = bytearray(data)
    start = struct.unpack_from("<I", data, 4)[0]
    for i in range(struct.unpack_from("<H", data, start)[0]):
        at = start + 2 + 12 * i
        if struct.unpack_from("<H", data, at)[0] == tag:
            struct.pack_into("<HHII", changed, at, tag, 4, 1, value)
            return bytes(changed)
    raise AssertionError(f"no tag {tag}")


def test_odd_tiff_structures_are_refused_or_harmless() -> None:
    plain = encoded(Image.effect_noise((64, 64), 50), "TIFF", compression="tiff_lzw")
    strips = set_tiff_tag(plain, 278, 2**30)  # RowsPerStrip: one strip for everything, which the format allows
    assert open_image(strips).size == (64, 64)
    for tag, value in (
        (256, 60_000),
        (279, 2**31),
        (273, 2**31),
        (259, 65_000),
    ):  # width, byte count, offset, compression
        with pytest.raises(ImageError):
            open_image(set_tiff_tag(plain, tag, value))


def test_gif_of_thousands_of_frames_decodes_one() -> None:
    """Every frame after the first is broken on purpose: reading them would fail."""
    gif = encoded(Image.new("P", (16, 16)), "GIF")
    frame = gif[gif.index(b",") : -1]
    broken = frame[:10] + b"\x0c" + bytes([5]) + b"\xff" * 5 + b"\0"
    assert open_image(gif[:-1] + broken * 5_000 + b";").size == (16, 16)


HEAVY: dict[str, Callable[[], bytes]] = {
    "png": lambda: encoded(Image.new("RGBA", (4000, 4000), (1, 2, 3, 100)), compress_level=1),
    "webp": lambda: encoded(Image.new("RGBA", (4000, 4000), (1, 2, 3, 100)), "WEBP", lossless=True, method=0),
    "progressive": lambda: encoded(Image.new("RGB", (4990, 4990)), "JPEG", subsampling=0, progressive=True),
    "shared tags": lambda: tiff_of_shared_tags(900),
    "float": lambda: encoded(Image.new("F", (4000, 4000), 7.0), "TIFF", compression="tiff_adobe_deflate"),
}
MEASURE = """
import resource, sys
from vaelab.config.errors import ImageError
from vaelab.images.files import open_image
data = [open(path, "rb").read() for path in sys.argv[1:]]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for item in data:
    try:
        open_image(item)
    except ImageError:
        pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_decoding_stays_below_300_mb(tmp_path: Path) -> None:
    """The largest images that are let in, and every hostile file, one after another in a fresh process."""
    paths = []
    for name, make in {**HEAVY, **{k: (lambda v=v: v) for k, v in {**HOSTILE, **PIECES}.items()}}.items():
        path = tmp_path / name
        path.write_bytes(make())
        paths.append(str(path))
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", MEASURE, *paths], cwd=root, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 300


def test_28_is_padded_and_small_squares_are_repeated() -> None:
    side28 = Image.new("L", (28, 28), 255)
    pixels = to_pixels(side28, 32, 1)
    assert pixels.shape == (1, 32, 32)
    assert pixels[0, 2:30, 2:30].min() == 255
    assert pixels.sum() == 28 * 28 * 255  # all around is zero
    checker = np.indices((16, 16)).sum(axis=0) % 2 * 255
    doubled = to_pixels(Image.fromarray(checker.astype(np.uint8)), 64, 3)
    assert doubled.shape == (3, 64, 64)
    np.testing.assert_array_equal(doubled[1], np.kron(checker, np.ones((4, 4))))


def test_multiples_are_averaged_and_the_centre_is_cut() -> None:
    blocks = np.zeros((64, 96), dtype=np.uint8)
    blocks[:, 16:80:2] = 200  # in the centre square every 2x2 block is half 200
    assert (to_pixels(Image.fromarray(blocks), 32, 1) == 100).all()
    odd = to_pixels(Image.new("RGB", (100, 57), RED), 32, 3)
    assert odd.shape == (3, 32, 32)
    assert odd[0].min() == 255
    assert odd[1:].max() == 0


def test_channels_become_luminance() -> None:
    assert to_pixels(Image.new("RGB", (32, 32), RED), 32, 1)[0, 0, 0] == round(0.299 * 255)
    with pytest.raises(DataError, match="image_size"):
        to_pixels(Image.new("RGB", (32, 32)), 50, 3)
    with pytest.raises(DataError, match="channels"):
        to_pixels(Image.new("RGB", (32, 32)), 32, 2)


def test_grid_places_images_row_by_row() -> None:
    pixels = np.stack([np.full((1, 2, 3), value, dtype=np.uint8) for value in (10, 20, 30)])
    sheet = grid(pixels, columns=2, scale=2)
    assert sheet.shape == (8, 12, 3)
    assert (sheet[:4, :6] == 10).all()
    assert (sheet[:4, 6:] == 20).all()
    assert (sheet[4:, :6] == 30).all()
    assert (sheet[4:, 6:] == 255).all()
    assert grid(np.zeros((9, 3, 4, 4), dtype=np.uint8)).shape == (12, 12, 3)
    for wrong in (np.zeros((0, 3, 4, 4), np.uint8), np.zeros((2, 2, 4, 4), np.uint8), np.zeros((2, 3, 4, 4))):
        with pytest.raises(DataError):
            grid(wrong)


def test_png_round_trip() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 7), dtype=np.uint8)
    opened = np.asarray(open_image(png(pixels)))
    np.testing.assert_array_equal(opened, pixels.transpose(1, 2, 0))
    np.testing.assert_array_equal(np.asarray(open_image(png(opened))), opened)
    assert open_image(png(pixels[:1])).getpixel((0, 0)) == (pixels[0, 0, 0],) * 3
    with pytest.raises(DataError):
        png(np.zeros((2, 5, 7), dtype=np.uint8))
