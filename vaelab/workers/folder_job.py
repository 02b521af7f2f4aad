"""Work that is done in a process of its own, which nobody waits for: what it has so far is read from the files of its folder.

One folder a job below runs_root()/.KIND, named after what it is made of, so that it is made once: state.json (State) and the
job's own files, each replaced in one step; `cancel` asks for an end. The process runs in one thread, at low priority, one job
of a kind at a time, so that it never fights a training. It ends when its server does.
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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vaelab.config.places import runs_root
from vaelab.runs.files import read_json, unwritable, write_atomic, write_json
from vaelab.runs.processes import FileLock, ProcessIdentity
from vaelab.runs.status import checked
from vaelab.workers.standby import Standby, hand_over, python

JobState = Literal["none", "queued", "running", "finished", "cancelled", "failed"]

START_PATIENCE = 120.0  # seconds that a process may need to say that it is there
REWARM_SECONDS = 20.0  # the next one imports when this one's first answers are out
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class State:
    """What state.json says. version counts what was written so far; told: figures by name, of the job's own.

    round, rounds: how much is done; seconds: since the work began; remaining: seconds, an estimate; message: why it failed.
    """

    state: JobState = "none"
    round: int = 0
    rounds: int = 0
    version: int = 0
    seconds: float = 0.0
    remaining: float | None = None
    told: Mapping[str, float] = field(default_factory=dict)
    message: str = ""
    pid: int | None = None
    start_time: int | None = None
    boot_id: str | None = None
    asked_at: float = 0.0

    @property
    def is_active(self) -> bool:
        """Whether a process is at work or waits for its turn."""
        return self.state in ("queued", "running")


class Jobs:
    """All jobs of one kind, as the server sees them. folder: below runs_root(); module: the process; kept: jobs on the disk."""

    def __init__(self, folder: str, module: str, kept: int) -> None:
        self.folder, self.module, self.kept = folder, module, kept
        self._standby = Standby(["-m", module, "--standby"], REWARM_SECONDS, dict.fromkeys(THREADS, "1"))
        atexit.register(self._standby.close)

    def folder_of(self, name: str) -> Path:
        """The folder of one job."""
        return runs_root() / self.folder / name

    def state(self, name: str) -> State:
        """How far a job is. A process that is gone without a word has failed."""
        values = read_json(self.folder_of(name) / "state.json") or {}
        found, _ = checked(State, values)
        if found.is_active:
            if found.pid is None:
                alive = time.time() - found.asked_at < START_PATIENCE
            else:
                alive = ProcessIdentity(found.pid, found.start_time, found.boot_id).is_alive()
            if not alive:
                return dataclasses.replace(found, state="failed", remaining=None)
        return found

    def start(self, name: str, give: Callable[[Path], None], *, again: bool = False) -> State:
        """Have a job done, unless it is done (and not wanted again) or being done. give(folder) writes what it needs.

        Raises RunError for an unwritable folder.
        """
        folder = self.folder_of(name)
        now = self.state(name)
        if now.is_active or (now.state == "finished" and not again):
            return now
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(folder, error) from error
        with FileLock(folder / "start.lock") as lock:
            if not lock.take() or self.state(name).is_active:
                return self.state(name)
            self._forget_old(folder)
            (folder / "cancel").unlink(missing_ok=True)
            give(folder)
            asked = State(state="queued", asked_at=time.time(), version=now.version)
            write_json(folder / "state.json", dataclasses.asdict(asked))
            self._spawn(folder)
        return self.state(name)

    def cancel(self, name: str) -> None:
        """Stop a job: what there is stays. Nothing happens when nobody is at work."""
        if self.state(name).is_active:
            write_atomic(self.folder_of(name) / "cancel", b"")

    def warm_up(self) -> None:
        """Keep a process ready that has imported what the work needs, from now on."""
        self._standby.warm_up()

    def cool_down(self) -> None:
        """End the waiting process and keep none; jobs that are being done go on."""
        self._standby.close()

    def _spawn(self, folder: Path) -> None:
        process = self._standby.take()
        if process is None or not hand_over(process, str(folder)):
            with (folder / "log.txt").open("wb") as log:
                arguments = ["-m", self.module, str(folder)]
                process = python(arguments, subprocess.DEVNULL, log, dict.fromkeys(THREADS, "1"))
        threading.Thread(target=process.wait, name=f"reap-job-{process.pid}", daemon=True).start()
        self._standby.warm_later()

    def _forget_old(self, current: Path) -> None:
        """Remove the jobs that were not touched for longest, beyond those that are kept."""
        found = []
        for path in current.parent.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another start removes old ones too
                if path.is_dir() and path != current:
                    found.append((path.stat().st_mtime, path))
        for _, path in sorted(found, reverse=True)[self.kept - 1 :]:
            if not self.state(path.name).is_active:
                shutil.rmtree(path, ignore_errors=True)


def write_array(path: Path, values: NDArray[Any]) -> None:
    """One array as .npy, replaced in one step."""
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    write_atomic(path, buffer.getvalue())


def read_array(path: Path) -> NDArray[Any] | None:
    """The array of a .npy file; None where there is none that can be read."""
    try:
        found: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError):
        return None
    return found


class Work:
    """The process's side of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parent = os.getppid()
        before, _ = checked(State, read_json(folder / "state.json") or {})
        self.version, self.asked_at = before.version, before.asked_at
        self.identity = dataclasses.asdict(ProcessIdentity.mine())
        self.began = time.perf_counter()

    def unwanted(self) -> bool:
        """Whether the user has cancelled, the folder is gone, or the server that asked for it."""
        return not self.folder.is_dir() or (self.folder / "cancel").exists() or os.getppid() != self.parent

    def say(self, name: JobState, **values: Any) -> None:
        """Write state.json."""
        seconds = round(time.perf_counter() - self.began, 2)
        now = State(
            state=name, version=self.version, seconds=seconds, asked_at=self.asked_at, **self.identity, **values
        )
        write_json(self.folder / "state.json", dataclasses.asdict(now))

    def progress(self, done: int, total: int, **told: float) -> None:
        """Say that it runs, how far it is, and how long it may take."""
        passed = time.perf_counter() - self.began
        remaining = round(passed * (total - done) / done, 1) if done else None
        self.say("running", round=done, rounds=total, remaining=remaining, told=told)

    def has_turn(self) -> bool:
        """Wait until no other job of the kind is at work; False, and cancelled, when it is not wanted any more."""
        self.say("queued")
        turn = FileLock(self.folder.parent / "turn.lock")
        while not turn.take():
            if self.unwanted():
                self.say("cancelled")
                return False
            time.sleep(0.2)
        self._turn = turn  # held until the process ends
        self.began = time.perf_counter()
        return True


def process(argument: str, imports: Callable[[], None], work: Callable[[Work], None]) -> None:
    """The process itself: `python -m MODULE FOLDER`, or --standby to import and be told the folder on stdin later."""
    with contextlib.suppress(OSError, AttributeError):  # no such thing as niceness on Windows
        os.nice(10)
    folder = argument
    if argument == "--standby":
        imports()
        folder = sys.stdin.readline().strip()  # empty if the server goes away first
        if not folder:
            return
        log = os.open(Path(folder) / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(log, stream.fileno())
        os.close(log)
    mine = Work(Path(folder))
    try:
        work(mine)
    except BaseException as error:
        mine.say("failed", message=str(error))
        raise
