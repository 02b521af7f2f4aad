"""A session draws the page that the browser has, and what a run has drawn arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import app_session, websocket_session_manager
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.script_data import ScriptData
from streamlit.runtime.scriptrunner import RerunData, ScriptRunnerEvent
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.signal_util import Signal

from vaelab.ui.ordered_session import LOOK_AGAIN, OrderedSession, install


class Runner:
    """A runner whose thread does what the test says."""

    def __init__(self, initial_rerun_data: RerunData, **_: Any) -> None:
        self.asked = [initial_rerun_data]
        self.ended = False
        self.on_event = Signal()

    def start(self) -> None: ...

    def request_stop(self) -> None:
        self.ended = True

    def request_rerun(self, data: RerunData) -> bool:
        if not self.ended:
            self.asked.append(data)
        return not self.ended

    def draw(self, text: str) -> None:
        message = ForwardMsg()
        message.delta.new_element.text.body = text
        self.on_event.send(self, event=ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, forward_msg=message)

    def navigate(self, page: str) -> None:
        message = ForwardMsg()
        message.navigation.page_script_hash = page
        self.on_event.send(self, event=ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, forward_msg=message)

    def end(self) -> None:
        """Its thread takes nothing any more; the last event is on its way."""
        self.ended = True
        self.on_event.send(self, event=ScriptRunnerEvent.SHUTDOWN)


Play = Callable[[OrderedSession, list[Runner]], Coroutine[Any, Any, None]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Play], list[Runner]]:
    """Plays a scene on a session whose runners are the test's: they, in order."""
    runners: list[Runner] = []

    def begin(**named: Any) -> Runner:
        runners.append(Runner(**named))
        return runners[-1]

    monkeypatch.setattr(app_session, "ScriptRunner", begin)
    monkeypatch.setattr(OrderedSession, "has_fragment", lambda _, __: True)

    def run(scene: Play) -> list[Runner]:
        async def whole() -> None:
            session = OrderedSession(
                ScriptData("app.py"), MemoryUploadedFileManager("/upload"), ScriptCache(), None, user_info={}
            )
            await scene(session, runners)
            session.shutdown()
            session._script_event_loop.close()

        asyncio.run(whole())
        return runners

    return run


def asks(page: str, fragment: str = "") -> ClientState:
    return ClientState(page_script_hash=page, fragment_id=fragment)


def texts(session: OrderedSession) -> list[str]:
    return [
        message.delta.new_element.text.body for message in session.flush_browser_queue() if message.HasField("delta")
    ]


def fragments(runner: Runner) -> list[str]:
    return [data.fragment_id or "" for data in runner.asked]


async def a_moment() -> None:
    await asyncio.sleep(20 * LOOK_AGAIN)


def test_a_gesture_on_a_page_that_was_left_draws_nothing(play: Any) -> None:
    async def scene(session: OrderedSession, runners: list[Runner]) -> None:
        session.request_rerun(asks("one"))
        session.request_rerun(asks("one", "stage"))
        session.request_rerun(asks("two"))
        session.request_rerun(asks("one", "stage"))
        session.request_rerun(asks("two", "stage"))

    first, second = play(scene)
    assert fragments(first) == ["", "stage"]
    assert [data.page_script_hash for data in second.asked] == ["two", "two"]


def test_a_page_that_the_server_chose_is_the_one_that_answers(play: Any) -> None:
    """The first address has no hash, and st.switch_page goes without the browser's asking."""

    async def scene(session: OrderedSession, runners: list[Runner]) -> None:
        session.request_rerun(asks(""))
        session.request_rerun(asks("any", "early"))
        runners[0].navigate("one")
        await a_moment()
        session.request_rerun(asks("one", "stage"))
        runners[0].navigate("two")
        await a_moment()
        session.request_rerun(asks("one", "left"))
        session.request_rerun(asks("two", "new"))

    (only,) = play(scene)
    assert fragments(only) == ["", "early", "stage", "new"]


def test_what_an_ended_run_has_drawn_arrives_though_another_is_asked_for(play: Any) -> None:
    drawn: list[str] = []

    async def scene(session: OrderedSession, runners: list[Runner]) -> None:
        session.request_rerun(asks("one"))
        runners[0].draw("a chart")
        runners[0].end()
        # The loop has taken in nothing of it yet: Streamlit's own session begins the next runner here and forgets this one.
        session.request_rerun(asks("one", "first"))
        session.request_rerun(asks("one", "second"))
        await a_moment()
        drawn.extend(texts(session))

    _, next_one = play(scene)
    assert drawn == ["a chart"]
    assert fragments(next_one) == ["first", "second"]


def test_a_run_of_the_whole_page_waits_for_nothing(play: Any) -> None:
    async def scene(session: OrderedSession, runners: list[Runner]) -> None:
        session.request_rerun(asks("one"))
        runners[0].end()
        session.request_rerun(asks("one", "older"))
        session.request_rerun(asks("one"))
        assert len(runners) == 2
        await a_moment()

    _, second = play(scene)
    assert fragments(second) == [""]


def test_a_session_that_was_left_begins_nothing(play: Any) -> None:
    async def scene(session: OrderedSession, runners: list[Runner]) -> None:
        session.request_rerun(asks("one"))
        runners[0].ended = True
        session.request_rerun(asks("one", "late"))
        session.shutdown()
        await a_moment()

    assert len(play(scene)) == 1


def test_every_new_session_is_of_this_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_session_manager, "AppSession", app_session.AppSession)
    install()
    assert websocket_session_manager.AppSession is OrderedSession
    assert "AppSession" in websocket_session_manager.WebsocketSessionManager.connect_session.__code__.co_names
