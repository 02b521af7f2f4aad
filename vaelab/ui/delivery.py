"""A page that has been drawn is on its way before anything else is drawn.

Streamlit drops what it has not sent yet when a fragment runs again, since that run sends the same anew. The word that the
page is complete stays, however, and the browser then takes down whatever had not reached it: on a busy machine charts went
and were mounted again a second later. A page therefore ends when its last element has been sent.
"""

from __future__ import annotations

import threading
import time

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

PATIENCE = 2.0  # seconds: a browser that has gone away fetches nothing
LOOK_AGAIN = 0.002  # seconds between two looks; a queue is sent within some ten milliseconds


def wait_until_sent() -> None:
    """Return when the session's queue is empty; at once outside a server and after PATIENCE at the latest."""
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return
    sessions = getattr(runtime.get_instance(), "_session_mgr", None)  # Streamlit's own; a page runs without it, too
    found = sessions.get_active_session_info(context.session_id) if sessions else None
    if found is None:
        return
    session, end = found.session, time.monotonic() + PATIENCE
    handed_over = threading.Event()  # every element goes through the server's loop, in order: this comes after the last
    session._event_loop.call_soon_threadsafe(handed_over.set)
    if handed_over.wait(PATIENCE):
        while not session._browser_queue.is_empty() and time.monotonic() < end:
            time.sleep(LOOK_AGAIN)
