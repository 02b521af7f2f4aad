"""Images from arrays, kept as a folder of PNG files, so that a training on them can be opened, measured and taken further like any other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from vaelab.config.errors import DataError
from vaelab.data.folder import MAX_IMAGES, NAMES_FILE, PREFIX
from vaelab.data.types import Labels, Pixels
from vaelab.images.files import png


def keep(pixels: Pixels, labels: Labels | None, names: Sequence[str], folder: Path, title: str) -> str:
    """Write images into a new folder and answer the name of its data set, folder:PATH.

    pixels: (N, C, H, W) uint8; labels: (N,) indices into names, or None. Raises DataError for a folder that is there already or cannot
    be written, and for fewer than 2 or too many images.
    """
    if not 2 <= len(pixels) <= MAX_IMAGES:
        raise DataError(f"images must be 2 to {MAX_IMAGES:,}, of which every tenth is held out; got {len(pixels):,}")
    width = len(str(max(1, len(names) - 1)))
    classes = [f"{k:0{width}d}" for k in range(len(names))] if labels is not None else []
    try:
        folder.mkdir(parents=True)
        for name in classes:
            (folder / name).mkdir()
        for k, image in enumerate(pixels):
            inside = folder if labels is None else folder / classes[int(labels[k])]
            (inside / f"{k:06d}.png").write_bytes(png(image))
        told = {"title": title, "labels": dict(zip(classes, names, strict=False)), "skipped": []}
        (folder / NAMES_FILE).write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    except FileExistsError as error:
        raise DataError(f"{folder} is there already; give the training another name") from error
    except OSError as error:
        raise DataError(
            f"images cannot be written to {folder} ({error.strerror}); set VAELAB_DATA to a folder that can be written"
        ) from error
    return f"{PREFIX}{folder}"
