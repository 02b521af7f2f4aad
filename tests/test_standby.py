"""A process that waits: it is taken once, ends with its owner, and none comes after the end."""

from __future__ import annotations

import subprocess
import threading

from vaelab.workers import standby
from vaelab.workers.standby import Standby, hand_over

ECHO = ["-c", "import sys; sys.exit(0 if sys.stdin.readline() == 'go\\n' else 3)"]


def test_a_waiting_process_is_taken_once_and_told_its_work():
    waiting = Standby(ECHO, 60.0)
    waiting.warm_up()
    process = waiting.take()
    assert process is not None
    assert waiting.take() is None
    assert hand_over(process, "go")
    assert process.wait(timeout=240) == 0
    waiting.close()


def test_a_process_that_died_is_not_handed_work():
    process = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    process.wait()
    assert not hand_over(process, "go")


class CloseAtRelease:
    """A lock of which the first release is followed by `close`: the least lucky moment."""

    def __init__(self, waiting: Standby) -> None:
        self.waiting = waiting
        self.lock = threading.Lock()
        self.done = False

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *error: object) -> None:
        self.lock.release()
        if not self.done:
            self.done = True
            self.waiting.close()


def test_none_is_left_behind_when_the_timer_and_the_end_meet(monkeypatch):
    waiting = Standby(ECHO, 60.0)
    started: list[subprocess.Popen[bytes]] = []
    real = standby.python

    def counted(*arguments, **options):
        started.append(real(*arguments, **options))
        return started[-1]

    waiting.warm_up()
    first = waiting.take()
    assert first is not None
    assert hand_over(first, "go")
    monkeypatch.setattr(standby, "python", counted)
    monkeypatch.setattr(waiting, "_lock", CloseAtRelease(waiting))
    waiting._warm_now()
    assert all(process.poll() is not None for process in started)
    assert waiting.take() is None
    assert first.wait(timeout=240) == 0
