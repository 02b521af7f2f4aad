"""Trainings that run beside a test: wait for what is meant, and leave none behind."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import Any

from vaelab.runs.store import list_runs

PATIENCE = 300.0  # seconds; nothing is measured, a loaded machine is slow


def until(holds: Callable[[], Any], what: str) -> Any:
    """Wait until something holds; its answer."""
    end = time.monotonic() + PATIENCE
    while not (answer := holds()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)
    return answer


def end_all() -> None:
    """End whatever still trains."""
    for run in list_runs():
        pid = run.status().pid
        if run.status().is_active and pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
