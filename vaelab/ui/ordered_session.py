"""A session that answers what the page in the browser asks, and loses nothing: no press, and nothing that a run has drawn.

Streamlit 1.67 takes a fragment's run as it comes. Nine orders of things end badly, the more often the busier the machine:

- A gesture on a page that was just left asks for that page's fragment. Its run says that the old page is shown; the browser then empties
  the new one, and what is drawn next has no place to go ("'setIn' cannot be called on an ElementNode"): the app is dead until a reload.
- A fragment is asked for in the moment in which a run has ended and its last elements are on their way to the event loop. Streamlit begins
  another runner and drops what the one before still had to say: a chart never comes.
- A button in a fragment is pressed while the page is drawn, and waits for the end of that run. If the whole page is asked for once more
  before, the run is stopped and the press is forgotten with it: the browser sends a press once.
- A run takes a fragment away whose button is still to be seen in the browser, and is pressed there. Streamlit drops the press.
- A tick is due between a press and its sending, a moment later: both bring it, and it is done twice.
- A tick is due before the browser has heard what Python has just set, such as a toggle that a button puts back: it brings the value from before,
  which the page's next run takes.
- A view tells where it stands when the pointer leaves it for a button elsewhere: the browser sends both as the view's fragment, and nobody draws
  what the button changes.
- Python has changed the address and the browser asks before it has heard: with the address from before, which takes a choice back.
- An element that the browser has is told by its hash, and another run's end makes the browser forget it first: the app is dead until a reload.

Its runners also collect garbage, now and then for the whole server and not after every run.
"""

from __future__ import annotations

import gc
import time
from dataclasses import replace
from typing import Any

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime import app_session, websocket_session_manager
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.scriptrunner import RerunData, ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import (
    ScriptRequests,
    ScriptRequestType,
    _has_active_trigger_value,
)

from vaelab.ui.sent_before import SentBefore

LOOK_AGAIN = 0.001  # seconds until the rest of an ended run has been taken in
MOST_ADDRESSES = 100  # told before the browser answers
PLAIN = ("bool_value", "int_value", "string_value")  # values that the browser and Python write alike
TIDY = 10.0  # seconds between two collections of garbage, 30 ms each; Streamlit's own, after every run, is switched off (.streamlit/config.toml)


class OrderedRunner(ScriptRunner):
    """A runner that answers with the whole page where a fragment that was pressed has gone until its turn came, and tidies up now and then."""

    _tidied = 0.0  # by the monotonic clock, for all runners

    def request_rerun(self, rerun_data: RerunData) -> bool:
        return super().request_rerun(silent(rerun_data))

    def _run_script(self, rerun_data: RerunData) -> None:
        if rerun_data.is_auto_rerun and rerun_data.widget_states is None:
            rerun_data = replace(rerun_data, widget_states=WidgetStates())  # so that presses end, as before every run
        gone = [fragment for fragment in rerun_data.fragment_id_queue if not self._fragment_storage.contains(fragment)]
        if gone and (not rerun_data.is_auto_rerun or has_press(rerun_data)):
            rerun_data = replace(rerun_data, fragment_id_queue=[])
        super()._run_script(rerun_data)
        if time.monotonic() - OrderedRunner._tidied > TIDY:
            OrderedRunner._tidied = time.monotonic()
            gc.collect()


class OrderedSession(AppSession):
    """All of it is called on the server's event loop."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        # The hash of the page that the browser has or has asked for; empty before its first answer.
        self._page = ""
        self._late: list[RerunData] = []  # what the browser has asked for and no runner has yet, in order
        self._sent = SentBefore()
        self._addresses: list[str] = []  # the query that the browser is known to have, then what it was told since
        super().__init__(*arguments, **named)

    def request_rerun(self, client_state: ClientState | None) -> None:
        """Run what the browser asks for; a fragment only of the page that it has."""
        if client_state is not None:
            self._sent.heard(client_state.cached_message_hashes)
            page = client_state.page_script_hash
            if client_state.fragment_id and "" not in (page, self._page) and page != self._page:
                return
            client_state = self._meant(client_state)
            if not client_state.fragment_id:
                self._page = page
                if self._scriptrunner is not None:  # it is stopped at once
                    self._late[:0] = waits_in(self._scriptrunner)
        super().request_rerun(client_state)

    def _meant(self, told: ClientState) -> ClientState:
        """What a request means, beyond what the browser could know when it was made."""
        asked = ClientState()
        asked.CopyFrom(told)
        del asked.cached_message_hashes[:]  # looked at when the run's elements are sent
        here = asked.page_script_hash == self._page and not asked.is_history_navigation
        if here and asked.query_string in self._addresses[:-1]:
            asked.query_string = self._addresses[-1]
        else:
            self._addresses = [asked.query_string]
        fragment = "" if asked.is_auto_rerun else asked.fragment_id
        if fragment and (not self.has_fragment(fragment) or self._goes_beyond(asked)):
            asked.fragment_id = ""
        return asked

    def _goes_beyond(self, asked: ClientState) -> bool:
        """Whether something outside the fragment was pressed, or chosen with a plain value."""
        known = self._session_state._new_widget_state
        for widget in asked.widget_states.widgets:
            metadata = known.widget_metadata.get(widget.id)
            if metadata is None or metadata.fragment_id == asked.fragment_id:
                continue
            if _has_active_trigger_value(widget):
                return True
            kind = widget.WhichOneof("value")
            if metadata.fragment_id is None and kind in PLAIN:
                before = known.get_serialized(widget.id)
                if (
                    before is not None
                    and before.WhichOneof("value") == kind
                    and getattr(before, kind) != getattr(widget, kind)
                ):
                    return True
        return False

    def _enqueue_forward_msg(self, msg: ForwardMsg) -> None:
        kind = msg.WhichOneof("type")
        if kind == "navigation":  # every run of the whole page says which one it draws
            self._page = msg.navigation.page_script_hash
        elif kind == "page_info_changed" and msg.page_info_changed.query_string not in self._addresses[-1:]:
            self._addresses = [*self._addresses, msg.page_info_changed.query_string][-MOST_ADDRESSES:]
        super()._enqueue_forward_msg(msg)

    def flush_browser_queue(self) -> list[ForwardMsg]:
        return [self._sent.shortened(message) for message in super().flush_browser_queue()]

    def _create_scriptrunner(self, initial_rerun_data: RerunData) -> None:
        initial_rerun_data = silent(initial_rerun_data)
        if self._scriptrunner is None:
            waiting, self._late = [*self._late, initial_rerun_data], []
            super()._create_scriptrunner(together(waiting))
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


def silent(asked: RerunData) -> RerunData:
    """A tick without the values that the browser knows: each that a hand has changed comes with a request of its own."""
    return replace(asked, widget_states=None) if asked.is_auto_rerun and asked.fragment_id else asked


def waits_in(runner: ScriptRunner) -> list[RerunData]:
    """What a runner has been asked for and has not begun."""
    requests = runner._requests
    with requests._lock:
        return [requests._rerun_data] if requests._state is ScriptRequestType.RERUN else []


def has_press(data: RerunData) -> bool:
    """Whether a button was pressed, or another thing that the browser says once."""
    return any(map(_has_active_trigger_value, data.widget_states.widgets if data.widget_states else ()))


def together(asked: list[RerunData]) -> RerunData:
    """One run for what was asked for in order: the last one's page and values, and the presses of all that were made on that page."""
    requests = ScriptRequests()
    for data in asked:
        if data.page_script_hash == asked[-1].page_script_hash:
            requests.request_rerun(data)
    return requests.on_scriptrunner_ready().rerun_data


def install() -> None:
    """Every session that begins from now on is of this kind."""
    websocket_session_manager.AppSession = OrderedSession  # type: ignore[attr-defined]
    app_session.ScriptRunner = OrderedRunner  # type: ignore[attr-defined]
