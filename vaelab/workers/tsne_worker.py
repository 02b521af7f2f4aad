"""t-SNE in a process of its own, which nobody waits for: the map is read from files while it improves.

One folder a map below runs_root()/.maps, named after the run, its step and the codes, so that it is computed once:
codes.npy (N, Z), state.json (State), points.npy (N, 2), each replaced in one step; `cancel` asks for an end.
``python -m vaelab.workers.tsne_worker FOLDER`` is the process: one thread, low priority, and one map at a time, so that
it never fights a training. It ends when its server does.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import io
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vaelab.config.places import runs_root
from vaelab.runs.files import read_json, unwritable, write_atomic, write_json
from vaelab.runs.processes import FileLock, ProcessIdentity
from vaelab.workers.standby import Standby, hand_over, python

MapState = Literal["none", "queued", "running", "finished", "cancelled", "failed"]

WRITE_EVERY = 0.3  # seconds
KEPT = 60  # maps on the disk: 10,000 codes of 16 numbers are 720 kB
START_PATIENCE = 30.0  # seconds that a process may need to say that it is there
MODULE = "vaelab.workers.tsne_worker"
REWARM_SECONDS = 20.0  # the next one imports when this one's first maps are out
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class State:
    """What state.json says. version counts the maps written so far; trust: trustworthiness of the last map, 0 to 1.

    round, rounds: of the optimisation; seconds: since the work began; remaining: seconds, an estimate.
    """

    state: MapState = "none"
    round: int = 0
    rounds: int = 0
    version: int = 0
    seconds: float = 0.0
    remaining: float | None = None
    trust: float | None = None
    pid: int | None = None
    start_time: int | None = None
    boot_id: str | None = None
    asked_at: float = 0.0

    @property
    def is_active(self) -> bool:
        """Whether a process is at work or waits for its turn."""
        return self.state in ("queued", "running")


def folder_of(name: str) -> Path:
    """The folder of one map."""
    return runs_root() / ".maps" / name


def state(name: str) -> State:
    """How far a map is. A process that is gone without a word has failed."""
    values = read_json(folder_of(name) / "state.json") or {}
    names = {field.name for field in dataclasses.fields(State)}
    try:
        found = State(**{key: value for key, value in values.items() if key in names})
    except TypeError:
        return State()
    if found.is_active:
        if found.pid is None:
            alive = time.time() - found.asked_at < START_PATIENCE
        else:
            alive = ProcessIdentity(found.pid, found.start_time, found.boot_id).is_alive()
        if not alive:
            return dataclasses.replace(found, state="failed", remaining=None)
    return found


def points(name: str) -> NDArray[np.float32] | None:
    """The newest map, (N, 2); None before the first one."""
    try:
        found: NDArray[np.float32] = np.load(folder_of(name) / "points.npy", allow_pickle=False)
    except (OSError, ValueError):
        return None
    return found


def start(name: str, mu: NDArray[Any]) -> State:
    """Have a map of codes made, unless it is there or being made. mu: (N, Z). Raises RunError for an unwritable folder."""
    folder = folder_of(name)
    now = state(name)
    if now.is_active or now.state == "finished":
        return now
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    with FileLock(folder / "start.lock") as lock:
        if not lock.take() or state(name).is_active:
            return state(name)
        _forget_old(folder)
        (folder / "cancel").unlink(missing_ok=True)
        _write_array(folder / "codes.npy", np.asarray(mu, dtype=np.float32))
        asked = State(state="queued", asked_at=time.time(), version=now.version)
        write_json(folder / "state.json", dataclasses.asdict(asked))
        _spawn(folder)
    return state(name)


def cancel(name: str) -> None:
    """Stop improving a map: what there is stays. Nothing happens when nobody is at work."""
    if state(name).is_active:
        write_atomic(folder_of(name) / "cancel", b"")


def warm_up() -> None:
    """Keep a process ready that has openTSNE imported, which takes longer than a first map, from now on."""
    _standby.warm_up()


def cool_down() -> None:
    """End the waiting process and keep none; maps that are being made go on."""
    _standby.close()


def _spawn(folder: Path) -> None:
    process = _standby.take()
    if process is None or not hand_over(process, str(folder)):
        with (folder / "log.txt").open("wb") as log:
            process = python(["-m", MODULE, str(folder)], subprocess.DEVNULL, log, dict.fromkeys(THREADS, "1"))
    threading.Thread(target=process.wait, name=f"reap-map-{process.pid}", daemon=True).start()
    _standby.warm_later()


def _forget_old(current: Path) -> None:
    """Remove the maps that were not touched for longest, beyond those that are kept."""
    found = []
    for path in current.parent.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another start removes old maps too
            if path.is_dir() and path != current:
                found.append((path.stat().st_mtime, path))
    for _, path in sorted(found, reverse=True)[KEPT - 1 :]:
        if not state(path.name).is_active:
            shutil.rmtree(path, ignore_errors=True)


def _write_array(path: Path, values: NDArray[Any]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    write_atomic(path, buffer.getvalue())


class _Work:
    """The process's side of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parent = os.getppid()
        before = read_json(folder / "state.json") or {}
        self.version = int(before.get("version", 0))
        self.asked_at = float(before.get("asked_at", 0.0))
        self.identity = dataclasses.asdict(ProcessIdentity.mine())
        self.began = time.perf_counter()
        self.written = 0.0
        self.done = 0  # rounds

    def unwanted(self) -> bool:
        """Whether the user has cancelled, the folder is gone, or the server that asked for it."""
        return not self.folder.is_dir() or (self.folder / "cancel").exists() or os.getppid() != self.parent

    def say(self, name: MapState, **values: Any) -> None:
        """Write state.json."""
        seconds = round(time.perf_counter() - self.began, 2)
        now = State(
            state=name, version=self.version, seconds=seconds, asked_at=self.asked_at, **self.identity, **values
        )
        write_json(self.folder / "state.json", dataclasses.asdict(now))

    def show(self, found: NDArray[Any]) -> None:
        """Write a map, whose number the next `say` tells."""
        _write_array(self.folder / "points.npy", found.astype(np.float32))
        self.version += 1

    def report(self, found: NDArray[Any], done: int, total: int) -> bool:
        """vaelab.analysis.projections.Report: a map a few times a second at most."""
        self.done = done
        if self.unwanted():
            return False
        now = time.perf_counter()
        if now - self.written >= WRITE_EVERY:
            self.written = now
            self.show(found)
            passed = now - self.began
            remaining = passed * (total - done) / done if done else None
            self.say("running", round=done, rounds=total, remaining=None if remaining is None else round(remaining, 1))
        return True

    def run(self) -> None:
        """Wait for the turn, compute, measure."""
        self.say("queued")
        turn = FileLock(self.folder.parent / "turn.lock")
        while not turn.take():
            if self.unwanted():
                self.say("cancelled")
                return
            time.sleep(0.2)
        from vaelab.analysis import projections

        mu = np.load(self.folder / "codes.npy", allow_pickle=False)
        self.began = time.perf_counter()
        self.say("running", rounds=projections.EARLY_ROUNDS + projections.ROUNDS)
        found = projections.tsne_plane(mu, report=self.report)
        ended: MapState = "cancelled" if self.unwanted() else "finished"
        if not self.folder.is_dir():
            return
        self.show(found)
        rounds = projections.EARLY_ROUNDS + projections.ROUNDS
        done = rounds if ended == "finished" else self.done
        self.say("running", round=done, rounds=rounds, remaining=0.0)  # the map is shown while it is measured
        self.say(ended, round=done, rounds=rounds, trust=round(projections.trust(mu, found), 4))


def standby() -> str:
    """Import what a map needs, then wait on stdin for a folder; empty if the server goes away first."""
    import openTSNE  # noqa: F401
    import sklearn.manifold  # noqa: F401

    folder = sys.stdin.readline().strip()
    if folder:
        log = os.open(Path(folder) / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(log, stream.fileno())
        os.close(log)
    return folder


def main(argument: str) -> None:
    """The process: `python -m vaelab.workers.tsne_worker FOLDER`, or --standby to be told the folder later."""
    with contextlib.suppress(OSError, AttributeError):  # no such thing as niceness on Windows
        os.nice(10)
    folder = standby() if argument == "--standby" else argument
    if not folder:
        return
    work = _Work(Path(folder))
    try:
        work.run()
    except BaseException:
        work.say("failed")
        raise


_standby = Standby(["-m", MODULE, "--standby"], REWARM_SECONDS, dict.fromkeys(THREADS, "1"))
atexit.register(_standby.close)

if __name__ == "__main__":
    main(sys.argv[1])
