"""Time travel: a run's snapshots as frames whose maps hold still where nothing changes, and a GIF of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from safetensors import SafetensorError, safe_open

from vaelab import data
from vaelab.analysis.projections import align, pca_plane
from vaelab.config.errors import DataError, RunError
from vaelab.images import palette
from vaelab.images.files import grid
from vaelab.runs.store import Run

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

IN_A_ROW = 8  # images of the GIF's strips
GAP = 4
FRAME_MS = 160
LAST_MS = 1_500
MAP_SIDE = 300  # pixels of the GIF's map
MARGIN = 14
LINE = 18  # height of a line of text


@dataclass(frozen=True)
class Film:
    """steps: (F,) ascending; points: (F, P, 2), the probe images on a plane; recon: (F, 12, C, H, W); samples: (F, 24, C, H, W).

    originals: (12, C, H, W); probes: (P, C, H, W); labels: (P,) indices into names, or None; title: what they name.
    reach: half the extent of all frames' points about the code 0.
    """

    steps: tuple[int, ...]
    points: Floats
    recon: Pixels
    samples: Pixels
    originals: Pixels
    probes: Pixels
    labels: NDArray[np.int64] | None
    names: tuple[str, ...]
    title: str
    reach: float


def film(run: Run) -> Film:
    """The film of all snapshots of a run; raises RunError when it has none."""
    steps = run.snapshots()
    if not steps or not run.fixed_file.exists():
        raise RunError(
            f"{run.name} keeps no snapshots to travel through; a training of your own does (the page Train starts one)"
        )
    return _film(run, tuple(steps), run.fixed_file.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _film(run: Run, steps: tuple[int, ...], _stamp: int) -> Film:
    frames = {step: arrays for step in steps if (arrays := _read(run, step)) is not None}
    if not frames:
        raise RunError(f"the snapshots of {run.name} cannot be read; train it again")
    fixed = run.fixed()
    points = aligned([arrays["probe_mu"] for arrays in frames.values()])
    names, title, labels = _labels(run, fixed)
    return Film(
        steps=tuple(frames),
        points=points,
        recon=np.stack([arrays["recon"] for arrays in frames.values()]),
        samples=np.stack([arrays["samples"] for arrays in frames.values()]),
        originals=fixed["originals"],
        probes=fixed["probe_pixels"],
        labels=labels,
        names=names,
        title=title,
        reach=max(1.0, 1.04 * float(np.quantile(np.abs(points), 0.995))),
    )


def _read(run: Run, step: int) -> dict[str, NDArray[Any]] | None:
    """What a frame needs of a snapshot, without the decoder's weights; None if it was thinned out meanwhile."""
    try:
        with safe_open(run.snapshot_file(step), framework="np") as file:
            return {name: file.get_tensor(name) for name in ("probe_mu", "recon", "samples")}
    except (OSError, SafetensorError):
        return None


def _labels(run: Run, fixed: dict[str, NDArray[Any]]) -> tuple[tuple[str, ...], str, NDArray[np.int64] | None]:
    """(names, "class" or the factor, labels) of the probe images; a conditional model's own label goes first."""
    cfg = run.config()
    name = cfg.model.label or "class"
    labels = fixed.get("probe_y", fixed.get("probe_labels"))
    if labels is None or not len(labels) or labels.min() < 0:
        return (), name, None
    try:
        names = tuple(data.label_names(data.info(cfg.data.name), name))
    except DataError:
        return (), name, None
    return (names, name, labels) if labels.max() < len(names) else ((), name, None)


def aligned(codes: Sequence[NDArray[Any]]) -> Floats:
    """Codes of the same images at several moments on planes that turn as little as they can. [(P, Z)] -> (F, P, 2).

    Every moment has principal axes of its own, which may swap, flip or turn from one to the next; going back from the
    last, each is turned to lie closest to the one after it (orthogonal Procrustes). Two dimensions are shown as they are.
    """
    planes: list[NDArray[Any]] = []
    for mu in reversed(codes):
        plane = pca_plane(mu)
        planes.append(align(plane, planes[-1]) if planes and mu.shape[1] != 2 else plane)
    return np.stack(planes[::-1]).astype(np.float32)


def gif(shown: Film, title: str, colours: Sequence[str]) -> bytes:
    """The film as an animated GIF: map on the left, strips on the right. colours: #RRGGBB by class.

    It is read in every language, by the symbols of the formulas: x, x̂ of it, and x̂ of a fixed z. A bar and numbers tell
    the step. title: one line; characters that the built-in font lacks are left out.
    """
    size = shown.recon.shape[-1]
    scale = max(1, 32 // size)
    counts = (len(shown.originals), shown.recon.shape[1], shown.samples.shape[1])
    rows = sum(-(-count // IN_A_ROW) for count in counts)
    height = 2 * MARGIN + LINE + max(MAP_SIDE, 3 * (LINE + GAP) + rows * size * scale)
    width = 3 * MARGIN + MAP_SIDE + IN_A_ROW * size * scale
    font = ImageFont.load_default(13)
    frames = []
    for k in range(len(shown.steps)):
        page = Image.new("RGB", (width, height), _ink("background"))
        pen = ImageDraw.Draw(page)
        pen.text((MARGIN, MARGIN - 4), _drawable(title), fill=_ink("text"), font=font)
        _clock(pen, shown, k, 2 * MARGIN + MAP_SIDE, width - MARGIN, font)
        page.paste(_map(shown, k, colours), (MARGIN, MARGIN + LINE))
        top = MARGIN + LINE
        for symbol, pixels in (("x", shown.originals), ("x̂", shown.recon[k]), ("z > x̂", shown.samples[k])):
            _symbol(pen, 2 * MARGIN + MAP_SIDE, top + 1, symbol, font)
            picture = Image.fromarray(grid(pixels, IN_A_ROW, scale))
            page.paste(picture, (2 * MARGIN + MAP_SIDE, top + LINE))
            top += LINE + picture.height + GAP
        frames.append(page.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE))
    buffer = io.BytesIO()
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(
        buffer, format="GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=False
    )
    return buffer.getvalue()


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
