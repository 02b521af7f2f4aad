"""The real app on a free port, with runs of its own, for measurements and tests in a browser."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from vaelab.config.errors import VaeLabError
from vaelab.config.places import LAB

START_SECONDS = 180.0
OPTIONS = {
    "server.headless": "true",
    "server.address": "127.0.0.1",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
}


@contextlib.contextmanager
def running_app(runs_folder: Path, **environment: str) -> Iterator[str]:
    """`streamlit run app.py`; its address. environment: more variables, such as VAELAB_DATA. Raises VaeLabError when it does not answer."""
    with running_server(runs_folder, **environment) as (address, _):
        yield address


@contextlib.contextmanager
def running_server(runs_folder: Path, **environment: str) -> Iterator[tuple[str, int]]:
    """As `running_app`; its address and its process."""
    command = [sys.executable, "-m", "streamlit", "run", str(LAB / "app.py")]
    with _started(command, None, {"VAELAB_RUNS": str(runs_folder)} | environment) as found:
        yield found


@contextlib.contextmanager
def served(
    command: Sequence[str], *, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """What a command that takes Streamlit's options serves from a folder; its address. Raises VaeLabError when it does not answer."""
    with _started(command, folder, environment or {}) as (address, _):
        yield address


@contextlib.contextmanager
def _started(command: Sequence[str], folder: Path | None, environment: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    port = free_port()
    options = [f"--{name}={value}" for name, value in (OPTIONS | {"server.port": str(port)}).items()]
    env = os.environ | dict(environment)
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([*command, *options], cwd=folder, env=env, stdout=output, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(process, f"{address}/_stcore/health", output)
            yield address, process.pid
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], health: str, output: IO[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(health, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    output.seek(0)
    last = (output.read().decode(errors="replace").strip().splitlines() or ["nothing"])[-1]
    raise VaeLabError(f"the app must answer within {START_SECONDS:.0f} s, but printed: {last}")


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
