"""A process kept waiting with its imports done, so that work which is asked for begins at once. No torch here.

The process reads one line on its stdin, what to work on, and ends quietly when that pipe closes: it never outlives its server idle.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO

from vaelab.config.places import PROJECT


def python(
    arguments: Sequence[str], stdin: int, output: IO[bytes] | int, extra: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """`python ARGUMENTS` in a session of its own, with this project importable: it lives on when the server dies."""
    path = os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT if not isinstance(output, int) else output,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": path, **(extra or {})},
    )


class Standby:
    """At most one waiting process. arguments: of python; extra: environment variables beside ours. Safe from any thread."""

    def __init__(self, arguments: Sequence[str], rewarm_seconds: float, extra: Mapping[str, str] | None = None) -> None:
        self._arguments = list(arguments)
        self._rewarm_seconds = rewarm_seconds
        self._extra = dict(extra or {})
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._environment: dict[str, str] = {}
        self._timer: threading.Timer | None = None

    def warm_up(self) -> None:
        """Start one if there is none that suits."""
        with self._lock:
            self._start()

    def warm_later(self) -> None:
        """Start one soon; only in a server that asked for standbys before."""
        with self._lock:
            if not self._environment or self._timer is not None:
                return
            self._timer = threading.Timer(self._rewarm_seconds, self._warm_now)
            self._timer.daemon = True
            self._timer.start()

    def take(self) -> subprocess.Popen[bytes] | None:
        """The waiting process, which is the caller's from now on; None if there is none."""
        with self._lock:
            if not self._suits():
                return None
            process, self._process = self._process, None
            return process

    def close(self) -> None:
        """End the waiting process and start no further one."""
        with self._lock:
            self._environment = {}
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._close()

    def _warm_now(self) -> None:
        with self._lock:  # held to the end: a `close` in between would leave a process behind
            self._timer = None
            if self._environment:
                self._start()

    def _start(self) -> None:
        if self._suits():
            return
        self._close()
        self._environment = _environment()
        self._process = python(self._arguments, subprocess.PIPE, subprocess.DEVNULL, self._extra)

    def _suits(self) -> bool:
        return self._process is not None and self._process.poll() is None and self._environment == _environment()

    def _close(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()  # end of file: it ends by itself
            self._process.terminate()
            self._process.wait()
            self._process = None


def hand_over(process: subprocess.Popen[bytes], line: str) -> bool:
    """Tell a process that was taken what to work on; False if it died meanwhile."""
    assert process.stdin is not None
    try:
        with process.stdin as pipe:
            pipe.write(f"{line}\n".encode())
    except OSError:
        process.wait()
        return False
    return True


def _environment() -> dict[str, str]:
    """What a worker reads from the environment; a standby started under other values is of no use."""
    return {"": "", **{name: value for name, value in os.environ.items() if name.startswith("VAELAB_")}}
