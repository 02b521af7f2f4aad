"""How long a stranger's photograph takes: decoded in this process, in the one with limits, and by libjpeg alone."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image

from vaelab.cli.bench.report import Report, compare, in_turns
from vaelab.images import files, guarded

SIZE = (4000, 3000)  # pixels, as a phone takes it
SIDE = 512  # pixels of the shorter side that are asked for, as the page Image does
GRAIN = 7.0  # of a sensor, in grey levels of 255: with it the file has about 3 MB
QUALITY = 85


def measure(repeats: int = 9, *, size: tuple[int, int] = SIZE) -> Report:
    """Milliseconds for one photograph, once by each way in turns."""
    content = photograph(size)
    guarded.open_image(content, at_least=SIDE)  # its process has begun
    ways: dict[str, Callable[[], object]] = {
        "libjpeg alone": partial(_by_libjpeg, content),
        "in this process": partial(files.open_image, content, at_least=SIDE),
        "in the process with limits": partial(guarded.open_image, content, at_least=SIDE),
    }
    timed = in_turns({name: partial(_milliseconds, way) for name, way in ways.items()}, repeats)
    setting = f"{size[0] * size[1] / 1e6:.0f} million pixels, a JPEG of {len(content) / 1e6:.1f} MB, read at {SIDE}"
    entries = compare(setting, "ms", timed, "libjpeg alone", more_is_better=False)
    fastest = ", ".join(f"{name} {min(values):.0f}" for name, values in timed.items())
    return Report("photograph", repeats, entries, (f"Fastest, in ms: {fastest}.",))


def photograph(size: tuple[int, int]) -> bytes:
    """A JPEG of soft shapes under a sensor's grain, the same every time."""
    draw = np.random.default_rng(0)
    width, height = size
    coarse = (128 + 50 * draw.normal(size=(3, height // 50 or 1, width // 50 or 1))).clip(0, 255).astype(np.uint8)
    soft = [Image.fromarray(plane).resize(size, Image.Resampling.BICUBIC) for plane in coarse]
    grain = draw.normal(scale=GRAIN, size=(height, width)).astype(np.float32)
    planes = [(np.asarray(plane) + grain).clip(0, 255).astype(np.uint8) for plane in soft]
    buffer = io.BytesIO()
    Image.fromarray(np.stack(planes, axis=-1)).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def _by_libjpeg(content: bytes) -> None:
    with Image.open(io.BytesIO(content)) as image:
        image.draft(None, (SIDE, SIDE))
        image.load()


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - start)
