"""Images of strangers, decoded where a hang, a crash or a flood of memory ends a small process (decoding.py) and not the server."""

from __future__ import annotations

import atexit
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO

from PIL import Image

from vaelab.config.errors import ImageError
from vaelab.config.places import PROJECT
from vaelab.images import files
from vaelab.images.decoding import ANSWER, CPU_SECONDS, NOTHING, REQUEST

PROCESSES = 2  # so that one bad image does not hold up everybody
WALL_SECONDS = 60.0  # for one image on a machine with much else to do, and where the system counts no computing time
PIPE_BYTES = (
    2**20
)  # what an unprivileged process may have on Linux: a photograph passes in 4 turns of both sides, not in 50
# glibc's: memory of a size that a photograph needs is kept from one to the next, where the kernel would zero 10 MB for each.
KEEPS_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(16 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(16 * 2**20)}
COMMAND = (sys.executable, "-m", "vaelab.images.decoding")


class _Gone(Exception):
    """The process ended before it answered."""


class _Decoder:
    """One process. It is asked by one thread at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        path = os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH"))))
        known = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # No secret of the server's is in its reach; one thread of numpy's, whose buffers would count as memory.
            env={**known, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", **KEEPS_MEMORY},
            pipesize=PIPE_BYTES,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests: IO[bytes] = self._process.stdin
        self._answers: IO[bytes] = self._process.stdout
        self._ready = False
        self.was_late = False

    def decode(self, data: bytes, at_least: int | None) -> Image.Image:
        """What files.open_image answers or raises. Raises _Gone where the process ended, and it is of no use any more."""
        slow = threading.Timer(WALL_SECONDS, self._give_up)
        slow.daemon = True
        slow.start()
        try:
            if not self._ready:
                self._read(1)
                self._ready = True
            self._requests.write(REQUEST.pack(len(data), NOTHING if at_least is None else at_least))
            self._requests.write(data)
            self._requests.flush()
            is_picture, width, height = ANSWER.unpack(self._read(ANSWER.size))
            if not is_picture:
                raise ImageError(self._read(width).decode())
            return Image.frombytes("RGB", (width, height), self._read(3 * width * height))
        except OSError as error:
            raise _Gone from error
        finally:
            slow.cancel()

    def _give_up(self) -> None:
        self.was_late = True
        self._process.kill()

    def _read(self, count: int) -> bytes:
        found = self._answers.read(count)
        if len(found) < count:
            raise _Gone
        return found

    def is_fresh(self) -> bool:
        """Whether it has still to say that it has begun."""
        return not self._ready

    def has_ended(self) -> bool:
        """Whether it ended while nobody asked."""
        return self._process.poll() is not None

    def end(self) -> int:
        """End it and take leave; its exit status, negative for the signal that ended it."""
        if self._process.poll() is None:
            self._process.kill()
        code = self._process.wait()
        for pipe in (self._requests, self._answers):
            try:
                pipe.close()
            except OSError:
                continue  # what was to be sent has nobody to go to
        return code


class Guard:
    """At most PROCESSES of them, started when they are needed. Safe from any thread. command: what starts one."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._idle: queue.LifoQueue[_Decoder | None] = queue.LifoQueue()
        for _ in range(PROCESSES):
            self._idle.put(None)

    def warm_up(self) -> None:
        """Start one ahead of the first image, if none is there and nobody asks at the moment."""
        try:
            decoder = self._idle.get_nowait()
        except queue.Empty:
            return
        try:
            if decoder is None:
                decoder = _Decoder(self._command)
        except OSError:
            pass  # who asks is told
        finally:
            self._idle.put(decoder)

    def open_image(self, data: bytes, at_least: int | None) -> Image.Image:
        """As guarded.open_image."""
        decoder = self._idle.get()
        try:
            if decoder is not None and decoder.has_ended():
                decoder.end()
                decoder = None
            if decoder is None:
                decoder = _Decoder(self._command)
            return decoder.decode(data, at_least)
        except _Gone as error:
            assert decoder is not None
            fresh, late, code = decoder.is_fresh(), decoder.was_late, decoder.end()
            decoder = None
            raise ImageError(_NEVER_BEGAN if fresh else _SLOW if late or code == _OUT_OF_TIME else _ENDED) from error
        except OSError as error:
            raise ImageError(_NEVER_BEGAN) from error
        finally:
            self._idle.put(decoder)

    def close(self) -> None:
        """End those that wait."""
        for _ in range(PROCESSES):
            try:
                decoder = self._idle.get_nowait()
            except queue.Empty:
                break
            if decoder is not None:
                decoder.end()
        for _ in range(PROCESSES):
            self._idle.put(None)


_NEVER_BEGAN = (
    "the image cannot be decoded now, because the machine has no room for another process; try again in a minute"
)


_SLOW = (
    f"the image takes more than {CPU_SECONDS:.0f} s to decode, which no good one does; "
    "open it in an image program and save it again"
)
_ENDED = "the image ended the program that decodes it; open it in an image program and save it again"
_OUT_OF_TIME = -getattr(signal, "SIGPROF", 0)  # the status of a process that computed for too long (decoding.py)

_guard = Guard()
atexit.register(_guard.close)
warm_up = _guard.warm_up


def open_image(data: bytes, *, at_least: int | None = None) -> Image.Image:
    """files.open_image, in a process with limits of its own. Raises ImageError, also for what that process did not survive."""
    if not 0 < len(data) <= files.MAX_BYTES:
        return files.open_image(data)  # which says so, and decodes nothing
    return _guard.open_image(data, at_least)
