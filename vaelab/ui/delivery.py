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

PATIENCE = 30.0  # seconds: on a busy machine the server's loop comes late; a browser that has gone away fetches nothing
LOOK_AGAIN = 0.002  # seconds between two looks; a queue is sent within some ten milliseconds


def wait_until_sent() -> None:
    """Return when the session's queue is empty; at once outside a server or without a browser, and after PATIENCE at the latest."""
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return
    sessions = getattr(runtime.get_instance(), "_session_mgr", None)  # Streamlit's own; a page runs without it, too
    end, handed_over = time.monotonic() + PATIENCE, threading.Event()
    asked = False
    while sessions and time.monotonic() < end:
        found = sessions.get_active_session_info(context.session_id)
        if found is None:
            return
        session = found.session
        if not asked:  # every element goes through the server's loop, in order: this comes after the last
            session._event_loop.call_soon_threadsafe(handed_over.set)
            asked = True
        elif handed_over.is_set() and session._browser_queue.is_empty():
            return
        time.sleep(LOOK_AGAIN)
