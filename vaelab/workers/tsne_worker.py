"""t-SNE as a job beside the server: the map is read from its folder while it improves.

The folder runs_root()/.maps/NAME has codes.npy (N, Z) and points.npy (N, 2); state.json tells "trust", the trustworthiness of
the last map, 0 to 1. ``python -m vaelab.workers.tsne_worker FOLDER`` is the process.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.workers.folder_job import Jobs, State, Work, process, read_array, write_array

WRITE_EVERY = 0.3  # seconds
KEPT = 60  # maps on the disk: 10,000 codes of 16 numbers are 720 kB

jobs = Jobs(".maps", "vaelab.workers.tsne_worker", KEPT)


def points(name: str) -> NDArray[np.float32] | None:
    """The newest map, (N, 2); None before the first one."""
    return read_array(jobs.folder_of(name) / "points.npy")


def start(name: str, mu: NDArray[Any]) -> State:
    """Have a map of codes made, unless it is there or being made. mu: (N, Z). Raises RunError for an unwritable folder."""
    return jobs.start(name, lambda folder: write_array(folder / "codes.npy", np.asarray(mu, dtype=np.float32)))


def _imports() -> None:
    import openTSNE  # noqa: F401
    import sklearn.manifold  # noqa: F401


def _work(work: Work) -> None:
    """Wait for the turn, compute, measure."""
    if not work.has_turn():
        return
    from vaelab.analysis import projections

    mu = np.load(work.folder / "codes.npy", allow_pickle=False)
    rounds = projections.EARLY_ROUNDS + projections.ROUNDS
    work.progress(0, rounds)
    written, reached = 0.0, 0

    def show(found: NDArray[Any]) -> None:
        write_array(work.folder / "points.npy", found.astype(np.float32))
        work.version += 1

    def report(found: NDArray[Any], done: int, total: int) -> bool:
        """A map a few times a second at most."""
        nonlocal written, reached
        reached = done
        if work.unwanted():
            return False
        now = time.perf_counter()
        if now - written >= WRITE_EVERY:
            written = now
            show(found)
            work.progress(done, total)
        return True

    found = projections.tsne_plane(mu, report=report)
    stopped = work.unwanted()
    if not work.folder.is_dir():
        return
    show(found)
    done = reached if stopped else rounds
    work.say("running", round=done, rounds=rounds, remaining=0.0)  # the map is shown while it is measured
    told = {"trust": round(projections.trust(mu, found), 4)}
    work.say("cancelled" if stopped else "finished", round=done, rounds=rounds, told=told)


if __name__ == "__main__":
    process(sys.argv[1], _imports, _work)
