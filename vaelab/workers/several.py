"""A training on several devices of this computer, by torch's own launcher; the caller waits for it. No torch here."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from vaelab.models.device import cores
from vaelab.runs.files import Row
from vaelab.runs.status import Status
from vaelab.runs.store import Run
from vaelab.workers import launch

LOOK_SECONDS = 0.2
LAUNCHER = ("-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1", "--max-restarts", "0")


def run_here(run: Run, processes: int, on_row: Callable[[Row], None] | None = None) -> Status:
    """Train on several devices until the training ends; Ctrl-C stops with a checkpoint, a second one at once.

    on_row hears every measured row. Does not wait for the devices. Returns the last status, whose message says what went
    wrong if something did; raises RunError when another worker has the run or its folder cannot be written.
    """
    with launch.beginning(run) as before:
        process = launch.spawn(
            run,
            [*LAUNCHER, "--nproc-per-node", str(processes), "-m", "vaelab.workers", str(run.path)],
            # Their threads share the cores.
            {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(max(1, cores() // processes))},
        )
        launch.announce(run, before, process.pid)
    with _signals_stop(run, process):
        _watch(run, process, on_row or (lambda row: None))
    status = run.status()
    if status.state in ("queued", "interrupted"):  # nobody is left who could say it
        launch.say_failed(
            run,
            "The process that leads the training, rank 0, ended without a word; resume goes on from the last checkpoint"
            f" (details are in {run.log_file.name}).",
        )
    return run.status()


def _watch(run: Run, process: subprocess.Popen[bytes], on_row: Callable[[Row], None]) -> None:
    told = max((row["step"] for row in run.metrics()), default=-1)
    while True:
        ended = process.poll() is not None
        rows = run.metrics()
        newest = rows[-1]["step"] if rows else -1
        told = min(told, newest)  # a resume went back to its checkpoint
        for row in rows:
            if row["step"] > told:
                on_row(row)
        told = newest
        if ended:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_SECONDS)


@contextlib.contextmanager
def _signals_stop(run: Run, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM asks for a stop with a checkpoint; the next ends the launcher, and it the others."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python delivers signals to the main thread only
        return
    asked: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if asked:
            process.terminate()
        else:
            asked.append(number)
            run.ask("stop")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
