"""How long it takes until something answers: the command line, the first page, the first row of a training."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial

from vaelab.cli.bench.report import Entry, Report, compare, in_turns
from vaelab.config.errors import VaeLabError
from vaelab.config.places import PROJECT
from vaelab.runs.plan import plan
from vaelab.runs.store import Run
from vaelab.workers import launch

FIRST_PAGE = (
    "import logging; logging.disable(logging.WARNING)\n"
    "from streamlit.testing.v1 import AppTest\n"
    "page = AppTest.from_file('vaelab/ui/shell.py', default_timeout=120).run()\n"
    "assert not page.exception, page.exception"
)
PROGRAMS = {
    "command line": {
        "python -c 'import torch'": ["-c", "import torch"],
        "python -m vaelab --help": ["-m", "vaelab", "--help"],
        "python -m vaelab runs": ["-m", "vaelab", "runs"],
    },
    "first page": {
        "python -c 'import streamlit'": ["-c", "import streamlit"],
        "the start page, whole": ["-c", FIRST_PAGE],
    },
}
COLD, WARM = "new worker", "standby worker"
WAIT_SECONDS = 300.0


def measure(repeats: int = 3) -> Report:
    """Seconds, in turns. The baseline of each setting is its first line."""
    entries: list[Entry] = []
    for setting, programs in PROGRAMS.items():
        contestants: dict[str, Callable[[], float]] = {
            name: partial(_program_seconds, arguments) for name, arguments in programs.items()
        }
        found = in_turns(contestants, repeats)
        entries += compare(setting, "s", found, next(iter(programs)), more_is_better=False)
    with tempfile.TemporaryDirectory() as folder, runs_in(folder):
        rows: dict[str, Callable[[], float]] = {
            COLD: partial(_first_row_seconds, False),
            WARM: partial(_first_row_seconds, True),
        }
        entries += compare("start to first loss", "s", in_turns(rows, repeats), COLD, more_is_better=False)
    return Report("startup", repeats, tuple(entries), ("Each is a fresh process; files may be in the system's cache.",))


def _program_seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise VaeLabError(f"python {arguments[0]} {arguments[1].splitlines()[-1]} must run to be measured, got: {last}")
    return time.perf_counter() - start


def _first_row_seconds(standby: bool) -> float:
    """From the start of a training of the embedded faces to its first measured row."""
    cfg = plan("pixel-faces", epochs=100_000, device="cpu")
    if standby:
        launch.warm_up()
        time.sleep(_program_seconds(["-c", "import torch"]) * 2)  # until the standby has imported torch and waits
    start = time.perf_counter()
    run = launch.start(cfg)
    try:
        while not run.metrics():
            if time.perf_counter() - start > WAIT_SECONDS or not run.status().is_active:
                raise VaeLabError(
                    f"a training must begin to be measured, got: {run.status().state} {run.status().message}"
                )
            time.sleep(0.02)
        return time.perf_counter() - start
    finally:
        end(run)


def end(run: Run) -> None:
    """Stop a training, wait until its process has written its last, and end the standby process."""
    if run.status().is_active:
        launch.stop(run)
    deadline = time.perf_counter() + WAIT_SECONDS
    while run.status().is_active and time.perf_counter() < deadline:
        time.sleep(0.05)
    launch.cool_down()


@contextlib.contextmanager
def runs_in(folder: str) -> Iterator[None]:
    """VAELAB_RUNS points to a folder meanwhile."""
    before = os.environ.get("VAELAB_RUNS")
    os.environ["VAELAB_RUNS"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["VAELAB_RUNS"]
        else:
            os.environ["VAELAB_RUNS"] = before
