"""Processes that train together, for tests: started as torch's launcher would, and none is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from vaelab.cli.bench.app_server import free_port

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 500.0  # seconds; a loaded machine is slow, and a test fails here only if something never comes


@contextmanager
def started(
    arguments: Sequence[str], size: int, each: Mapping[int, Mapping[str, str]] | None = None
) -> Iterator[list[subprocess.Popen[str]]]:
    """`python ARGUMENTS` as ranks 0 to size - 1; each: further variables of some of them."""
    port = str(free_port())
    processes = []
    for rank in range(size):
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
        variables = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
            **{name: str(value) for name, value in place.items()},
            **((each or {}).get(rank, {})),
        }
        processes.append(
            subprocess.Popen(
                [sys.executable, *arguments],
                env=variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=ROOT,
            )
        )
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def codes(processes: Sequence[subprocess.Popen[str]]) -> list[int]:
    """Their exit statuses, once all have ended."""
    return [process.wait(PATIENCE) for process in processes]
