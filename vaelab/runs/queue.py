"""The queue before a device: one training at a time, oldest first."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from vaelab.config.errors import RunError
from vaelab.runs.processes import FileLock


class DeviceQueue:
    """A place in the queue for one device: kernel locks below a folder, so whoever dies leaves by itself.

    Each one who waits holds the lock of a ticket that is named after the time of asking; the device's own lock is
    tried only when no older ticket is held.
    """

    def __init__(self, root: Path, device: str, asked_at: float) -> None:
        self._folder = root / ".queue"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{root} must be a writable folder, got: {error.strerror}") from error
        self._device = device
        self._ticket = FileLock(self._folder / f"{device}-{int(asked_at * 1e6):020d}-{os.getpid()}.ticket")
        self._lock = FileLock(self._folder / f"{device}.lock")

    def try_take(self) -> bool:
        """Try to get the device without waiting; from the first call on, younger ones stay behind."""
        if self._lock.held:
            return True
        if not self._ticket.path.exists():  # new, or cleared away by somebody in the instant before it was locked
            self._ticket.release()
        if not self._ticket.take() or self._older_waiting() or not self._lock.take():
            return False
        self._leave_ticket()
        return True

    def release(self) -> None:
        """Give the device, or the place in the queue, to the next one."""
        self._lock.release()
        self._leave_ticket()

    def is_free(self) -> bool:
        """Whether nobody computes or waits at this moment."""
        return not self._lock.is_taken() and not self._older_waiting()

    def _older_waiting(self) -> bool:
        for path in sorted(self._folder.glob(f"{self._device}-*.ticket")):
            if path.name >= self._ticket.path.name:
                return False
            if FileLock(path).is_taken():
                return True
            with contextlib.suppress(OSError):
                path.unlink()  # its holder died
        return False

    def _leave_ticket(self) -> None:
        if self._ticket.held:
            with contextlib.suppress(OSError):
                self._ticket.path.unlink()
            self._ticket.release()
