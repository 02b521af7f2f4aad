"""A session that answers what the page in the browser asks, and loses nothing that a run has drawn.

Streamlit 1.67 takes a fragment's run as it comes. Two orders of things end badly, the more often the busier the machine:

- A gesture on a page that was just left asks for that page's fragment. Its run says that the old page is shown; the browser then empties
  the new one, and what is drawn next has no place to go ("'setIn' cannot be called on an ElementNode"): the app is dead until a reload.
- A fragment is asked for in the moment in which a run has ended and its last elements are on their way to the event loop. Streamlit begins
  another runner and drops what the one before still had to say: a chart never comes.
"""

from __future__ import annotations

from typing import Any

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import websocket_session_manager
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.scriptrunner import RerunData

LOOK_AGAIN = 0.001  # seconds until the rest of an ended run has been taken in


class OrderedSession(AppSession):
    """All of it is called on the server's event loop."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        # The hash of the page that the browser has or has asked for; empty before its first answer.
        self._page = ""
        self._late: list[
            RerunData
        ] = []  # what waits for the end of a runner that has ended, as the browser asked for it
        super().__init__(*arguments, **named)

    def request_rerun(self, client_state: ClientState | None) -> None:
        """Run what the browser asks for; a fragment only of the page that it has."""
        if client_state is not None:
            page = client_state.page_script_hash
            if client_state.fragment_id and "" not in (page, self._page) and page != self._page:
                return
            if not client_state.fragment_id:
                self._page = page
        super().request_rerun(client_state)

    def _enqueue_forward_msg(self, msg: ForwardMsg) -> None:
        if msg.WhichOneof("type") == "navigation":  # every run of the whole page says which one it draws
            self._page = msg.navigation.page_script_hash
        super()._enqueue_forward_msg(msg)

    def _create_scriptrunner(self, initial_rerun_data: RerunData) -> None:
        if self._scriptrunner is None and not (self._late and initial_rerun_data.fragment_id):
            self._late.clear()  # a run of the whole page: the browser has sent with it all that is chosen
            super()._create_scriptrunner(initial_rerun_data)
            return
        self._late.append(initial_rerun_data)
        if len(self._late) == 1:
            self._event_loop.call_later(LOOK_AGAIN, self._begin_late)

    def _begin_late(self) -> None:
        late, self._late = self._late, []
        if self._state == AppSessionState.SHUTDOWN_REQUESTED:
            return
        for data in late:
            runner = self._scriptrunner
            if runner is None or not runner.request_rerun(data):
                self._create_scriptrunner(data)


def install() -> None:
    """Every session that begins from now on is of this kind."""
    websocket_session_manager.AppSession = OrderedSession  # type: ignore[attr-defined]
