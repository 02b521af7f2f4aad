"""How often a training's views tick: once a second for a few who watch, less often for a class, so that watching does not slow the training.

A tick costs the server some 10 to 20 ms of a core, and a small machine trains on the same cores: some six a second are what it has to spare.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

TICK = 1.0  # seconds between two ticks of one who watches
MOST = 6  # who tick once a second; twice as many tick half as often, and so on
SLOWEST = 8.0
LATE = 3.0  # ticks of its own after which a page that was not seen has gone
STAYS = 0.75  # of the next lower number: with more than that the present pace is kept, so that one who comes and goes changes nothing


class Watchers:
    """The pages that watch a training now, by their sessions. clock: seconds, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._gone_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def pace(self, session: str, now: float | None = None) -> float:
        """A session draws its views: the seconds between two of its ticks. now: those that it has, None for a page that is opened."""
        with self._lock:
            at = self._clock()
            self._gone_at = {name: gone for name, gone in self._gone_at.items() if gone > at}
            count = len(self._gone_at.keys() | {session})
            wanted = needed(count)
            if now is not None and wanted < now and needed(count / STAYS) >= now:
                wanted = now
            self._gone_at[session] = at + LATE * max(wanted, now or TICK)
            return wanted


def needed(count: float) -> float:
    """The seconds between two ticks of each of so many."""
    pace = TICK
    while count > MOST * pace / TICK and pace < SLOWEST:
        pace *= 2
    return pace


WATCHERS = Watchers()
