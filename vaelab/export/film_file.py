"""A training as a film to keep or to show elsewhere: GIF and WebP by Pillow, MP4 and WebM by PyAV where that is installed.

Each frame has the map and the curves up to that moment on the left, and pictures on the right: originals, what was made of them, and
samples of the same noise. It is read in every language, by the symbols of the formulas: x, x̂ of it, and x̂ of a fixed z.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vaelab.analysis.film import Film, film
from vaelab.config.errors import ExportError
from vaelab.images import palette
from vaelab.images.files import grid
from vaelab.runs.store import Run

Format = Literal["gif", "webp", "mp4", "webm"]
FORMATS: tuple[Format, ...] = get_args(Format)
CODECS = {"mp4": "libx264", "webm": "libvpx-vp9"}
MIME = {"gif": "image/gif", "webp": "image/webp", "mp4": "video/mp4", "webm": "video/webm"}
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Curve = NDArray[np.float64]  # (N, 2): step, nats per image

IN_A_ROW = 8  # images of the strips
GAP = 4
FRAME_MS = 160
LAST_MS = 1_500
MAP_SIDE = 300  # pixels
CURVE_HEIGHT = 120  # of the curves below the map, pixels
MARGIN = 14
LINE = 18  # height of a line of text
LOWEST_SHARE = 0.02  # of the curves' height, free above and below


def write(run: Run, path: str | Path) -> Path:
    """Write the film of a run; the file's ending says how: .gif, .webp, .mp4 or .webm. Whole or not at all.

    Raises RunError for a run without snapshots, ExportError for another ending, a missing package or a path that cannot be written.
    """
    from vaelab.export.formats import replace

    target = Path(path)
    ending = target.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise ExportError(f"a film's file must end in {', '.join('.' + name for name in FORMATS)}; got {target.name!r}")
    content = encoded(run, ending)
    replace(target, lambda part: part.write_bytes(content))
    return target


def missing(format: Format) -> str:
    """The package that a format needs and this installation lacks; empty where nothing is missing."""
    return "av" if format in CODECS and find_spec("av") is None else ""


def encoded(run: Run, format: Format, colours: Sequence[str] = ()) -> bytes:
    """The film as bytes. colours: #RRGGBB by class; the lab's own unless given. Raises as `write` does."""
    if package := missing(format):
        raise ExportError(
            f"a film as {format} needs the package {package}: pip install {package} (gif and webp need none)"
        )
    shown = film(run)
    inks = colours or palette.value_colours(shown.names, "light") or palette.class_colours("light")
    pages = frames(shown, run.name, inks, curves_of(run))
    return _video(pages, format) if format in CODECS else _animation(pages, format)


def curves_of(run: Run) -> dict[str, Curve]:
    """The loss of training batches and of held-out images, "loss" and "test_loss"; a curve without a number is left out."""
    rows = run.metrics()
    found = {}
    for name in ("loss", "test_loss"):
        pairs = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
        if len(pairs) > 1:
            found[name] = np.array(pairs, dtype=float)
    return found


def frames(shown: Film, title: str, colours: Sequence[str], curves: dict[str, Curve]) -> Iterator[Image.Image]:
    """One picture a snapshot, all of the same even size. title: one line; characters that the built-in font lacks are left out."""
    size = shown.recon.shape[-1]
    scale = max(1, 32 // size)
    counts = (len(shown.originals), shown.recon.shape[1], shown.samples.shape[1])
    rows = sum(-(-count // IN_A_ROW) for count in counts)
    left_side = MAP_SIDE + (GAP + LINE + CURVE_HEIGHT if curves else 0)
    height = 2 * MARGIN + LINE + max(left_side, 3 * (LINE + GAP) + rows * size * scale)
    width = 3 * MARGIN + MAP_SIDE + IN_A_ROW * size * scale
    font = ImageFont.load_default(13)
    for k in range(len(shown.steps)):
        page = Image.new("RGB", (width + width % 2, height + height % 2), _ink("background"))
        pen = ImageDraw.Draw(page)
        pen.text((MARGIN, MARGIN - 4), _drawable(title), fill=_ink("text"), font=font)
        _clock(pen, shown, k, 2 * MARGIN + MAP_SIDE, width - MARGIN, font)
        page.paste(_map(shown, k, colours), (MARGIN, MARGIN + LINE))
        if curves:
            top = MARGIN + LINE + MAP_SIDE + GAP
            pen.text((MARGIN, top + 1), "loss (nats)", fill=_ink("muted"), font=font)
            page.paste(_curves(curves, shown.steps[k], shown.steps[-1], font), (MARGIN, top + LINE))
        top = MARGIN + LINE
        for symbol, pixels in (("x", shown.originals), ("x̂", shown.recon[k]), ("z > x̂", shown.samples[k])):
            _symbol(pen, 2 * MARGIN + MAP_SIDE, top + 1, symbol, font)
            picture = Image.fromarray(grid(pixels, IN_A_ROW, scale))
            page.paste(picture, (2 * MARGIN + MAP_SIDE, top + LINE))
            top += LINE + picture.height + GAP
        yield page


def _animation(pages: Iterator[Image.Image], format: Format) -> bytes:
    """A GIF of 256 colours a frame, or a lossless WebP."""
    found = list(pages)
    durations = [FRAME_MS] * (len(found) - 1) + [LAST_MS]
    buffer = io.BytesIO()
    if format == "gif":
        found = [page.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE) for page in found]
        options: dict[str, Any] = {"optimize": False}
    else:
        options = {"lossless": True, "method": 4}
    found[0].save(
        buffer, format=format.upper(), save_all=True, append_images=found[1:], duration=durations, loop=0, **options
    )
    return buffer.getvalue()


def _video(pages: Iterator[Image.Image], format: Format) -> bytes:
    """H.264 or VP9, 25 pictures/s, each page held for its time. Colours at half resolution (4:2:0), which every player takes."""
    av: Any = import_module("av")  # has no types, and is not there for everybody
    rate = 25
    each, last = round(FRAME_MS * rate / 1000), round(LAST_MS * rate / 1000)
    found = list(pages)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=format) as container:
        stream = container.add_stream(CODECS[format], rate=rate, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = found[0].width, found[0].height, "yuv420p"
        for k, page in enumerate(found):
            for _ in range(last if k == len(found) - 1 else each):
                container.mux(stream.encode(av.VideoFrame.from_image(page)))
        container.mux(stream.encode())
    return buffer.getvalue()


def _curves(curves: dict[str, Curve], now: int, end: int, font: Font) -> Image.Image:
    """Both losses up to a step over the whole training's range: training solid, held-out lighter; drawn at twice the size and halved."""
    wide, high = 2 * MAP_SIDE, 2 * CURVE_HEIGHT
    picture = Image.new("RGB", (wide, high), _ink("background"))
    pen = ImageDraw.Draw(picture)
    values = np.concatenate([curve[:, 1] for curve in curves.values()])
    values = values[np.isfinite(values)]
    low, top = (float(values.min()), float(np.quantile(values, 0.97))) if len(values) else (0.0, 1.0)
    span = max(top - low, 1e-9) * (1.0 + 2.0 * LOWEST_SHARE)

    def place(step: float, value: float) -> tuple[float, float]:
        share = (value - low) / span + LOWEST_SHARE
        return wide * step / max(1, end), high * (1.0 - min(1.0, max(0.0, share)))

    for name, ink in (("test_loss", palette.colour("prior", "light")), ("loss", palette.colour("total", "light"))):
        curve = curves.get(name)
        if curve is None:
            continue
        seen = curve[(curve[:, 0] <= now) & np.isfinite(curve[:, 1])]
        if len(seen) > 1:
            pen.line([place(*row) for row in seen], fill=ink, width=4, joint="curve")
    pen.rectangle([0, 0, wide - 1, high - 1], outline=_ink("border"), width=2)
    small = picture.resize((MAP_SIDE, CURVE_HEIGHT), Image.Resampling.LANCZOS)
    numbers = ImageDraw.Draw(small)
    for y, value in ((3, top), (CURVE_HEIGHT - 18, low)):
        numbers.text((MAP_SIDE - 4, y), f"{value:,.0f}", fill=_ink("muted"), font=font, anchor="ra")
    return small


def _ink(name: str) -> str:
    """A colour of the light page: a film is read outside of the app too."""
    return palette.surface(name, "light")


def _drawable(words: str) -> str:
    """Words without what Pillow's own font, which has Latin letters alone, would draw as empty boxes."""
    return " ".join(words.encode("latin-1", "ignore").decode("latin-1").split())


def _clock(pen: ImageDraw.ImageDraw, shown: Film, k: int, left: int, right: int, font: Font) -> None:
    """How far the training is: a bar, and the step of all steps."""
    last = shown.steps[-1]
    words = f"{shown.steps[k]:,} / {last:,}"
    room = pen.textlength(f"{last:,} / {last:,}", font=font) + 10  # the same in every frame
    pen.text((right, MARGIN - 4), words, fill=_ink("text"), font=font, anchor="ra")
    end, middle = right - room, MARGIN + 4
    pen.line([(left, middle), (end, middle)], fill=_ink("border"), width=4)
    here = left + (end - left) * shown.steps[k] / max(1, last)
    pen.line([(left, middle), (here, middle)], fill=palette.colour("z", "light"), width=4)


def _symbol(pen: ImageDraw.ImageDraw, left: float, top: float, symbol: str, font: Font) -> None:
    """x, z, x̂ and an arrow: hats and arrows are lines, because the built-in font has neither."""
    ink = _ink("muted")
    for letter in symbol.replace("x̂", "X"):
        if letter == ">":
            pen.line([(left + 1, top + 9), (left + 13, top + 9)], fill=ink)
            pen.line([(left + 10, top + 6), (left + 13, top + 9), (left + 10, top + 12)], fill=ink)
            left += 14
            continue
        wide = pen.textlength(letter.lower(), font=font)
        pen.text((left, top), letter.lower(), fill=ink, font=font)
        if letter == "X":
            middle = left + wide / 2 - 0.5
            pen.line([(middle - 3, top + 4), (middle, top + 1), (middle + 3, top + 4)], fill=ink)
        left += wide


def _map(shown: Film, k: int, colours: Sequence[str]) -> Image.Image:
    """One frame's map, drawn at twice its size and halved, so that the dots are round."""
    side = 2 * MAP_SIDE
    picture = Image.new("RGB", (side, side), _ink("background"))
    pen = ImageDraw.Draw(picture)
    centre, unit = side / 2, side / 2 / shown.reach
    pen.line([(centre, 0), (centre, side)], fill=_ink("border"), width=2)
    pen.line([(0, centre), (side, centre)], fill=_ink("border"), width=2)
    for i, (x, y) in enumerate(shown.points[k]):
        colour = colours[0] if shown.labels is None else colours[int(shown.labels[i]) % len(colours)]
        left, top = centre + x * unit, centre - y * unit
        pen.ellipse([left - 5, top - 5, left + 5, top + 5], fill=colour)
    pen.rectangle([0, 0, side - 1, side - 1], outline=_ink("border"), width=2)
    return picture.resize((MAP_SIDE, MAP_SIDE), Image.Resampling.LANCZOS)
