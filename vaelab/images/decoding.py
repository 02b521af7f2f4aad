"""The process in which images of strangers are decoded: `python -m vaelab.images.decoding`, started and asked by guarded.py.

It reads requests on its stdin and answers on its stdout until that pipe closes. Where the system knows limits, it may use
MEMORY bytes beside what it starts with, CPU_SECONDS for one image, and may write no file.
"""

from __future__ import annotations

import contextlib
import struct
import sys
from typing import BinaryIO

from vaelab.config.errors import ImageError
from vaelab.images import files

REQUEST = struct.Struct(">Ii")  # bytes of the file that follows; at_least, or NOTHING
ANSWER = struct.Struct(">?II")  # whether it is a picture; its width and height, or the bytes of a sentence and 0
NOTHING = -1
MEMORY = 600 * 10**6  # bytes: twice what a good image of the largest size takes (files.py)
CPU_SECONDS = 10.0


def main() -> None:
    """Answer until nobody asks any more."""
    _limit_memory()
    source, answers = sys.stdin.buffer, sys.stdout.buffer
    answers.write(b"\0")  # ready
    answers.flush()
    while len(head := source.read(REQUEST.size)) == REQUEST.size:
        size, at_least = REQUEST.unpack(head)
        _limit_time(CPU_SECONDS)
        _answer(source.read(size), None if at_least == NOTHING else at_least, answers)
        _limit_time(0.0)


def _answer(data: bytes, at_least: int | None, answers: BinaryIO) -> None:
    try:
        image = files.open_image(data, at_least=at_least)
        head, body = ANSWER.pack(True, *image.size), image.tobytes()
    except (ImageError, MemoryError) as error:
        body = (str(error) or files.TOO_MUCH_MEMORY).encode()
        head = ANSWER.pack(False, len(body), 0)
    answers.write(head)
    answers.write(body)
    answers.flush()


def _limit_memory() -> None:
    with contextlib.suppress(
        ImportError, OSError, ValueError
    ):  # Windows has no limits, and a container may have lower ones
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _limit_time(seconds: float) -> None:
    """After so many seconds of computing from now the system ends this process; 0: never."""
    with contextlib.suppress(ImportError, AttributeError):
        import signal

        signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    main()
