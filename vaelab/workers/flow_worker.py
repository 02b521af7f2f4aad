"""A latent flow as a job beside the server: its field is read from its folder while it learns.

The folder runs_root()/.flows/NAME has run.json, field.safetensors and losses.npy (N, 2: step, mean loss of late); at its end
state.json tells "before", "after" and "images", the distances of latent_flow.compared. ``python -m vaelab.workers.flow_worker FOLDER``
is the process.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vaelab.analysis import latents
from vaelab.analysis.latents import Query
from vaelab.config.errors import WeightsError
from vaelab.runs import store
from vaelab.runs.files import read_json, write_json
from vaelab.workers.folder_job import Jobs, State, Work, process, read_array, write_array

WRITE_EVERY = 1.5  # seconds
STEPS = 4_000  # 40 s on one core for a code of 384 numbers
KEPT = 40  # flows on the disk: 1 to 2 MB each
FIELD = "field.safetensors"

jobs = Jobs(".flows", "vaelab.workers.flow_worker", KEPT)


def query(run: store.Run) -> Query:
    """The codes that a run's flow learns from: of training images, or those stored with a shipped model. No torch. Raises WeightsError."""
    return latents.query(run, "train", latents.COUNTS[-1])


def start(wanted: Query, steps: int = STEPS) -> State:
    """Have a field learned for the codes of `query`, anew where there is one. Raises RunError for an unwritable folder."""

    def give(folder: Path) -> None:
        write_json(folder / "run.json", {"path": str(wanted.run.path), "steps": steps})

    return jobs.start(wanted.file_name, give, again=True)


def losses(wanted: Query) -> NDArray[np.float32] | None:
    """Steps and losses so far, (N, 2); None before the first."""
    return read_array(jobs.folder_of(wanted.file_name) / "losses.npy")


def field_file(wanted: Query) -> Path | None:
    """The newest field; None before the first."""
    file = jobs.folder_of(wanted.file_name) / FIELD
    return file if file.is_file() else None


def _imports() -> None:
    import vaelab.analysis.latent_flow  # noqa: F401


def _work(work: Work) -> None:
    """Encode, learn while showing, measure."""
    if not work.has_turn():
        return
    from vaelab.analysis import inference, latent_flow
    from vaelab.models.one_thread import keep_to_one
    from vaelab.models.velocity import VelocityField

    keep_to_one()
    asked = read_json(work.folder / "run.json") or {}
    run, steps = store.Run(Path(asked["path"])), int(asked["steps"])
    work.progress(0, steps)
    learned, held_out = latent_flow.split(latent_flow.targets(query(run)))
    model = inference.load_run(run)
    if not len(learned.mu):
        raise WeightsError(f"{run.name} has too few codes to learn a flow from")
    work.began = time.perf_counter()  # what the estimate goes by is the learning alone
    curve: list[tuple[float, float]] = []
    written = 0.0

    def report(field: VelocityField, step: int, loss: float) -> bool:
        nonlocal written
        curve.append((step, loss))
        now = time.perf_counter()
        if now - written >= WRITE_EVERY or step == steps:
            written = now
            show(field)
            work.progress(step, steps)
        return not work.unwanted()

    def show(field: VelocityField) -> None:
        latent_flow.write(field, work.folder / FIELD)
        write_array(work.folder / "losses.npy", np.array(curve, dtype=np.float32).reshape(-1, 2))
        work.version += 1

    field = latent_flow.learn(learned, run.config().model.classes, steps=steps, report=report)
    stopped = work.unwanted()
    if not work.folder.is_dir():
        return
    show(field)
    told = {name: round(value, 4) for name, value in latent_flow.compared(field, model, learned, held_out).items()}
    done = int(curve[-1][0]) if curve else 0
    work.say("cancelled" if stopped else "finished", round=done, rounds=steps, told=told)


if __name__ == "__main__":
    process(sys.argv[1], _imports, _work)
