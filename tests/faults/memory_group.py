"""A memory group of the kernel's (cgroup v1 or v2), for a process that is to run out of memory alone."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from pathlib import Path


class NoGroup(Exception):
    """No group can be made here, and why."""


class MemoryGroup:
    """A group of its own below the one of this process, or below the root. Raises NoGroup."""

    def __init__(self) -> None:
        home, self._outside, self._limit, self._usage = _home()
        self.path = home / f"vaelab-test-{uuid.uuid4().hex[:8]}"
        try:
            self.path.mkdir()
            self.bound(2**40)
        except OSError as error:
            self.close()
            raise NoGroup(f"no memory group can be made in {home}: {error.strerror}") from error

    def enter(self, pid: int = 0) -> None:
        """Put a process in, with all that it starts from now on; 0: this one."""
        (self.path / "cgroup.procs").write_text(str(pid))

    def leave(self) -> None:
        """Put this process back where it was."""
        (self._outside / "cgroup.procs").write_text("0")

    def bound(self, size: int) -> None:
        """Let its processes have so many bytes in all from now on."""
        (self.path / self._limit).write_text(str(size))

    def used(self) -> int:
        """Bytes that they have, cached files included."""
        return int((self.path / self._usage).read_text())

    def close(self) -> None:
        """Remove it, once its processes have gone."""
        for _ in range(500):
            with contextlib.suppress(OSError):
                self.path.rmdir()
            if not self.path.exists():
                return
            time.sleep(0.02)
        raise AssertionError(f"{self.path} could not be removed")


def _home() -> tuple[Path, Path, str, str]:
    """Where a group can be made, this process's own group, and the names of the files of limit and usage."""
    root = Path("/sys/fs/cgroup")
    try:
        groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError as error:
        raise NoGroup("this system has no memory groups") from error
    for _, controllers, path in groups:
        if "memory" in controllers.split(","):
            own = root / "memory" / path.lstrip("/")
            own = own if own.is_dir() else root / "memory"  # a container sees its own as the root
            return own, own, "memory.limit_in_bytes", "memory.usage_in_bytes"
    for _, controllers, path in groups:
        if not controllers:
            own = root / path.lstrip("/")
            own = own if own.is_dir() else root
            # A group that holds processes gives none of its controllers to groups below it, the root excepted.
            for folder in (own, *own.parents):
                switched = folder / "cgroup.subtree_control"
                if switched.is_file() and "memory" in switched.read_text().split() and os.access(folder, os.W_OK):
                    return folder, own, "memory.max", "memory.current"
    raise NoGroup("the memory controller is not to be had here")
