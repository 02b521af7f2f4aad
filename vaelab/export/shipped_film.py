"""The film of a shipped model: a few snapshots of its training, so that time travel works before anything was trained here."""

from __future__ import annotations

import shutil
from pathlib import Path

from safetensors.numpy import save

from vaelab.config.errors import RunError
from vaelab.runs.files import read_arrays, write_atomic
from vaelab.runs.slim import thin
from vaelab.runs.store import Run

MOST = 2_000_000  # bytes of a film: it comes with every download of the project
FRAMES = 24  # more moments than this show nothing more


def add_film(run: Run, folder: Path, most: int = MOST) -> int:
    """Write snapshots/ of a folder in weights/ from the run it came from; how many moments it has.

    As many as fit into `most` bytes, the first and the last among them. Without decoders: what a film shows is the pictures
    and the codes of each moment, and what is decoded has the weights of the end. Raises RunError for a run without snapshots, one whose
    first and last are too large, and a folder that cannot be written; WeightsError for a snapshot that cannot be read.
    """
    steps = run.snapshots()
    if not steps or not run.fixed_file.exists():
        raise RunError(f"{run.name} keeps no snapshots, and a film is made of them; train it again")
    fixed = run.fixed_file.read_bytes()
    frames = {step: _frame(run, step) for step in steps}
    kept = steps
    for count in range(min(FRAMES, len(steps)), 1, -1):
        gone = set(thin(steps, count))
        kept = [step for step in steps if step not in gone]
        if len(fixed) + sum(len(frames[step]) for step in kept) <= most:
            break
    size = len(fixed) + sum(len(frames[step]) for step in kept)
    if size > most:
        raise RunError(
            f"the film of {run.name} must have at most {most:,} bytes, and its first and last moment alone have {size:,}; "
            "ship the model without one"
        )
    card = Run(folder)
    try:
        shutil.rmtree(card.snapshots_dir, ignore_errors=True)
        card.snapshots_dir.mkdir(parents=True)
        write_atomic(card.fixed_file, fixed)
        for step in kept:
            (card.snapshots_dir / str(step)).mkdir()
            write_atomic(card.snapshot_file(step), frames[step])
    except OSError as error:
        raise RunError(
            f"the film cannot be written to {folder} ({error}); choose a folder that can be written"
        ) from error
    return len(kept)


def _frame(run: Run, step: int) -> bytes:
    """A snapshot as a file, less the decoder of that moment."""
    arrays = read_arrays(run.snapshot_file(step))
    return save({name: array for name, array in arrays.items() if not name.startswith("decoder.")})
