"""The queue before a device: so many trainings at a time as VAELAB_TRAININGS says, the teacher's first, then as they were asked for."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from vaelab.config.errors import ConfigError, RunError
from vaelab.runs.processes import FileLock

VARIABLE = "VAELAB_TRAININGS"
MOST_AT_ONCE = 64


def trainings_at_once() -> int:
    """How many trainings a device computes at a time: VAELAB_TRAININGS, or 1. Raises ConfigError for anything but 1 to 64."""
    text = os.environ.get(VARIABLE, "").strip() or "1"
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MOST_AT_ONCE):
        raise ConfigError(f"{VARIABLE} must be a whole number from 1 to {MOST_AT_ONCE}, got {text[:20]!r} (1 is usual)")
    return int(text)


class DeviceQueue:
    """A place in the queue for one device: kernel locks below a folder, so whoever dies leaves by itself.

    Each one who waits holds the lock of a ticket that is named after its rank (0 goes before 1) and its turn, usually the time of
    asking; one of the device's locks is tried only when no earlier ticket is held. Raises ConfigError for VAELAB_TRAININGS out of range.
    """

    def __init__(self, root: Path, device: str, asked_at: float, rank: int = 0) -> None:
        self._folder = root / ".queue"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{root} must be a writable folder, got: {error.strerror}") from error
        self._device, self._asked_at, self._rank = device, asked_at, rank
        self._ticket = self._ticket_of(asked_at)
        # The first has the name that it had when there was one, so that versions wait for each other.
        names = [device, *(f"{device}.{k}" for k in range(2, trainings_at_once() + 1))]
        self._locks = [FileLock(self._folder / f"{name}.lock") for name in names]

    def stand_at(self, turn: float | None) -> None:
        """Take another turn than the time of asking, seconds since 1970; None takes that again. A place that is held is never left empty."""
        ticket = self._ticket_of(self._asked_at if turn is None else turn)
        if ticket.path == self._ticket.path:
            return
        if self._ticket.held:
            ticket.take()
            self._leave_ticket()
        self._ticket = ticket

    def try_take(self) -> bool:
        """Try to get the device without waiting; from the first call on, later ones stay behind."""
        if self.held:
            return True
        if not self._ticket.path.exists():  # new, or cleared away by somebody in the instant before it was locked
            self._ticket.release()
        if not self._ticket.take() or self._earlier_waiting() or not any(lock.take() for lock in self._locks):
            return False
        self._leave_ticket()
        return True

    @property
    def held(self) -> bool:
        """Whether this place has the device."""
        return any(lock.held for lock in self._locks)

    def release(self) -> None:
        """Give the device, or the place in the queue, to the next one."""
        for lock in self._locks:
            lock.release()
        self._leave_ticket()

    def is_free(self) -> bool:
        """Whether there is room on the device at this moment and nobody waits for it."""
        return not all(lock.is_taken() for lock in self._locks) and not self._earlier_waiting()

    def _ticket_of(self, turn: float) -> FileLock:
        return FileLock(self._folder / f"{self._device}-{self._rank}{int(turn * 1e6):019d}-{os.getpid()}.ticket")

    def _earlier_waiting(self) -> bool:
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
