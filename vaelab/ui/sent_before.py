"""What the browser still has of what it was sent: a large element that comes again is told by its hash, where that holds.

Streamlit 1.67 takes the hashes from the request for a run. Until the run's elements arrive, the end of another run may have made the browser
forget some of them: it says "Cached ForwardMsg MISS", closes the connection and answers nothing until a reload. Which ones it forgets depends
on nothing but the messages in their order, so the server follows that rule as it sends them.
"""

from __future__ import annotations

from collections.abc import Iterable

from streamlit import config
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_cache import create_reference_msg


class SentBefore:
    """The browser's cache of large elements, as far as it is certain. All of it is called on the server's event loop."""

    def __init__(self) -> None:
        self._ends = 0  # of runs
        self._last: dict[
            str, tuple[int, str]
        ] = {}  # by hash: the runs that had ended when it was sent, and its fragment
        self._told: frozenset[str] = frozenset()

    def heard(self, hashes: Iterable[str]) -> None:
        """The browser's newest request lists what it has: of what was sent, some may be on its way or lost with a connection."""
        self._told = frozenset(hashes)

    def shortened(self, message: ForwardMsg) -> ForwardMsg:
        """The message that is sent in this one's place: its hash alone, or itself."""
        if message.WhichOneof("type") == "script_finished":
            self._forget(message)
        if not message.metadata.cacheable or not message.hash:
            return message
        has_it = message.hash in self._last and message.hash in self._told
        self._last[message.hash] = (self._ends, message.delta.fragment_id)
        return create_reference_msg(message) if has_it else message

    def _forget(self, end: ForwardMsg) -> None:
        """The browser forgets what no run has drawn for some ends of runs; at a fragment's end, only what is of that fragment.

        It counts no end while it waits for a run to begin, so that it may know more than this, and never less.
        """
        run = end.metadata.run
        if end.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN or not run.script_run_id:
            return
        self._ends += 1
        oldest, fragments = self._ends - int(config.get_option("global.maxCachedMessageAge")), set(run.fragment_ids)
        for key, (ends, fragment) in list(self._last.items()):
            if ends < oldest and (not fragments or fragment in fragments):
                del self._last[key]
