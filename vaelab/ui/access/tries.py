"""How often a password may be tried: a few times in a row from one address, and so many times a minute from all together."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

FREE = 5  # wrong ones in a row from one address before it has to wait
FIRST_WAIT, LONGEST_WAIT = 2.0, 300.0  # seconds; each further one doubles the wait
ALL_WRONG = 60  # of all addresses in ALL_SECONDS
ALL_SECONDS = 60.0
FORGET_SECONDS = 3600.0  # after so long without a try an address begins anew
ADDRESSES = 10_000  # that are remembered


def is_same(given: str, wanted: str) -> bool:
    """Whether two passwords are the same, in a time that depends on neither."""
    digests = (hashlib.sha256(text.encode(errors="surrogatepass")).digest() for text in (given, wanted))
    return hmac.compare_digest(*digests)


class Tries:
    """Counts wrong tries. clock: seconds that never go back. Safe from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._of: OrderedDict[str, tuple[int, float]] = OrderedDict()  # address: wrong ones in a row, time of the last
        self._all: deque[float] = deque()

    def attempt(self, address: str, is_right: Callable[[], bool]) -> float | None:
        """Try once. None if it was right; else the seconds to wait before the next try, 0 for none.

        While there is something to wait for, nothing is compared, so that the right password says no more than a wrong one.
        """
        with self._lock:  # one at a time: a hundred tries at once are a hundred
            now = self._clock()
            wait = self._wait(address, now)
            if wait > 0:
                return wait
            if is_right():
                self._of.pop(address, None)
                return None
            self._note(address, now)
            return self._wait(address, now)

    def _wait(self, address: str, now: float) -> float:
        wrong, last = self._of.get(address, (0, now))
        own = 0.0 if wrong < FREE else min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(wrong - FREE, 30)) - (now - last)
        while self._all and now - self._all[0] >= ALL_SECONDS:
            self._all.popleft()
        of_all = ALL_SECONDS - (now - self._all[0]) if len(self._all) >= ALL_WRONG else 0.0
        return max(0.0, own, of_all)

    def _note(self, address: str, now: float) -> None:
        wrong, last = self._of.pop(address, (0, now))
        self._of[address] = (1 if now - last > FORGET_SECONDS else wrong + 1, now)
        while len(self._of) > ADDRESSES:
            self._of.popitem(last=False)
        self._all.append(now)
