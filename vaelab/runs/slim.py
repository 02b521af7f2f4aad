"""What a run takes on the disk, and how to have less of it: its pictures and weights on the way, never what it ended with.

A run keeps about 40 snapshots, each with a decoder that time travel can wake up, and two checkpoints. `slim` leaves the newest
checkpoint, the curves, the settings and a few snapshots: the run still opens everywhere, resumes exactly, and has a shorter film.
"""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vaelab.config.errors import WeightsError
from vaelab.runs.files import read_arrays, write_atomic
from vaelab.runs.resting import check_at_rest
from vaelab.runs.store import Run

KEEP = 10  # snapshots of a run that is made slim
HALF_MOST = 60_000.0  # a larger weight would be infinite in half precision (65,504)


@dataclass(frozen=True)
class Size:
    """Bytes on the disk: all, and those of snapshots and of checkpoints."""

    total: int
    snapshots: int
    checkpoints: int


def size(run: Run) -> Size:
    """What a run takes; files that vanish meanwhile count nothing."""
    parts = [_bytes(folder) for folder in (run.path, run.snapshots_dir, run.checkpoints_dir)]
    return Size(*parts)


def _bytes(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue  # thinned out meanwhile
    return total


def thin(steps: list[int], keep: int) -> list[int]:
    """Which of the ascending steps to give up so that at most `keep` remain: the first and the last always stay.

    What is left lies evenly on a scale that is half linear, half logarithmic: much happens early, but a run goes on.
    """
    left = list(steps)
    while len(left) > max(2, keep):
        last = left[-1]
        place = [step / last + math.log1p(step) / math.log1p(last) for step in left]
        gaps = [place[i + 1] - place[i - 1] for i in range(1, len(left) - 1)]
        del left[1 + gaps.index(min(gaps))]
    return sorted(set(steps) - set(left))


def fits_half(largest: float) -> bool:
    """Whether weights up to this size can be kept in half precision; a diverging training's cannot."""
    return math.isfinite(largest) and largest < HALF_MOST


def slim(run: Run, keep: int = KEEP) -> int:
    """Leave the newest checkpoint and `keep` snapshots with decoders in half precision; bytes that were freed.

    Raises RunError for a shipped model, and for a run in training or one whose worker still lives.
    """
    check_at_rest(run)
    before = size(run).total
    newest = run.latest_checkpoint()
    for folder in run.checkpoints():
        if folder != newest:
            shutil.rmtree(folder, ignore_errors=True)
    steps = run.snapshots()
    for step in thin(steps, keep):
        shutil.rmtree(run.snapshots_dir / str(step), ignore_errors=True)
    for step in run.snapshots():
        halve_decoder(run.snapshot_file(step))
    return before - size(run).total


def halve_decoder(file: Path) -> bool:
    """Keep a file's decoder in half precision, the file replaced in one step; whether all of the decoder is now.

    A file that cannot be read, and weights that would become infinite, are left as they are.
    """
    from safetensors import safe_open
    from safetensors.numpy import save

    try:
        arrays = read_arrays(file)
    except WeightsError:
        return False
    wide = [name for name, array in arrays.items() if name.startswith("decoder.") and array.dtype == np.float32]
    narrow = {
        name: arrays[name].astype(np.float16)
        for name in wide
        if fits_half(float(np.abs(arrays[name]).max(initial=0.0)))
    }
    if narrow:
        with safe_open(file, "np") as opened:
            told = opened.metadata()
        write_atomic(file, save({**arrays, **narrow}, metadata=told))
    return len(narrow) == len(wide)
