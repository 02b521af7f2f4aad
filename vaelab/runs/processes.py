"""Kernel file locks and the identity of a process, without torch.

A lock taken here lives as long as its holder: the kernel drops it when the process dies, however it dies.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from vaelab.config.errors import RunError


def _lock(fd: int) -> None:
    """Lock the whole file without waiting; raises OSError while somebody else holds it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FileLock:
    """An exclusive lock on a file of its own, e.g. ``with FileLock(path).wait(): ...`` or ``if lock.take(): ...``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd is not None

    def take(self) -> bool:
        """Try once. True if the lock is ours now; raises RunError when the file cannot be opened."""
        if self._fd is not None:
            return True
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise RunError(f"{self.path.parent} must be a writable folder, got: {error.strerror}") from error
        try:
            _lock(fd)
        except OSError:
            os.close(fd)
            return False
        self._fd = fd
        return True

    def release(self) -> None:
        """Give the lock back; nothing happens if it is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def is_taken(self) -> bool:
        """Whether another holder has it at this moment. Looking takes the lock for an instant if it is free."""
        if self._fd is not None:
            return False
        if not self.path.exists():
            return False
        free = self.take()
        self.release()
        return not free

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that cannot be mistaken for a later one with the same number.

    start_time: clock ticks since boot (Linux), None elsewhere; boot_id changes with every boot (Linux).
    """

    pid: int
    start_time: int | None
    boot_id: str | None

    @classmethod
    def of(cls, pid: int) -> Self:
        """The identity of a process that runs now."""
        found = _stat(pid)
        return cls(pid, found[1] if found else None, _boot_id())

    @classmethod
    def mine(cls) -> Self:
        """The identity of this process."""
        return cls.of(os.getpid())

    def is_alive(self) -> bool:
        """Whether exactly this process still runs; a zombie does not. Without /proc only the number is compared."""
        if self.start_time is None:
            return _pid_exists(self.pid)
        found = _stat(self.pid)
        return found is not None and found[0] not in "ZX" and found[1] == self.start_time and self.boot_id == _boot_id()

    def is_stopped(self) -> bool:
        """Whether it lives and was stopped by SIGSTOP or Ctrl-Z; False where that cannot be known (without /proc)."""
        found = _stat(self.pid)
        return found is not None and found[0] == "T" and self.is_alive()

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal to this process; False when it is gone. Raises RunError when it belongs to somebody else."""
        if not self.is_alive():
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        except PermissionError as error:
            raise RunError(
                f"process {self.pid} must be yours to be ended from here, and it belongs to somebody else; ask whoever started it"
            ) from error
        return True


def _stat(pid: int) -> tuple[str, int] | None:
    """(state, start time) from /proc/PID/stat, fields 3 and 22 of proc(5); None without such a process or without /proc."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before ")" may hold spaces
    return fields[0], int(fields[19])


def _boot_id() -> str | None:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None


def _pid_exists(pid: int) -> bool:
    if sys.platform == "win32":  # os.kill(pid, 0) would send Ctrl-C there
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
        code = ctypes.c_ulong()
        running = bool(handle) and bool(ctypes.windll.kernel32.GetExitCodeProcess(handle, ctypes.byref(code)))
        ctypes.windll.kernel32.CloseHandle(handle)
        return running and code.value == 259  # STILL_ACTIVE
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
