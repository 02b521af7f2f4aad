"""A session draws the page that the browser has, and what a run has drawn arrives."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import app_session, websocket_session_manager
from streamlit.runtime.forward_msg_cache import populate_hash_if_needed
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.script_data import ScriptData
from streamlit.runtime.scriptrunner import RerunData, ScriptRunner, ScriptRunnerEvent
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.signal_util import Signal

from vaelab.cli.bench import visitor as visitors
from vaelab.cli.bench.visitor import Visitor
from vaelab.ui.ordered_session import LOOK_AGAIN, OrderedRunner, OrderedSession, install, silent


class Runner:
    """A runner whose thread does what the test says."""

    def __init__(self, initial_rerun_data: RerunData, **_: Any) -> None:
        self.asked = [initial_rerun_data]
        self.ended = False
        self.on_event = Signal()
        self._requests = ScriptRequests()  # what it has not begun

    def start(self) -> None: ...

    def request_stop(self) -> None:
        self.ended = True

    def request_rerun(self, data: RerunData) -> bool:
        if not self.ended:
            data = silent(data)  # as an OrderedRunner does
            self.asked.append(data)
            self._requests.request_rerun(data)
        return not self.ended

    def draw(self, text: str) -> None:
        message = ForwardMsg()
        message.delta.new_element.text.body = text
        self.on_event.send(self, event=ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, forward_msg=message)

    def navigate(self, page: str) -> None:
        message = ForwardMsg()
        message.navigation.page_script_hash = page
        self.on_event.send(self, event=ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, forward_msg=message)

    def tell_address(self, query: str) -> None:
        message = ForwardMsg()
        message.page_info_changed.query_string = query
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
    monkeypatch.setattr(OrderedSession, "has_fragment", lambda _, fragment: fragment != "gone")

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


def asks(page: str, fragment: str = "", press: str = "", is_tick: bool = False, **more: Any) -> ClientState:
    asked = ClientState(page_script_hash=page, fragment_id=fragment, is_auto_rerun=is_tick, **more)
    if press:
        asked.widget_states.widgets.add(id=press, trigger_value=True)
    return asked


def presses(data: RerunData) -> list[str]:
    return [one.id for one in data.widget_states.widgets] if data.widget_states else []


def texts(session: OrderedSession) -> list[str]:
    return [
        message.delta.new_element.text.body for message in session.flush_browser_queue() if message.HasField("delta")
    ]


def fragments(runner: Runner) -> list[str]:
    return [data.fragment_id or "".join(data.fragment_id_queue) for data in runner.asked]


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


def test_a_run_of_the_whole_page_waits_for_nothing_and_takes_the_presses_along(play: Any) -> None:
    async def scene(session: OrderedSession, runners: list[Runner]) -> None:
        session.request_rerun(asks("one"))
        runners[0].end()
        session.request_rerun(asks("one", "older", press="train"))
        session.request_rerun(asks("one"))
        assert len(runners) == 2
        await a_moment()

    _, second = play(scene)
    assert fragments(second) == [""]
    assert presses(second.asked[0]) == ["train"]


def test_a_press_that_waits_for_the_page_outlives_another_run_of_it(play: Any) -> None:
    """Streamlit stops the runner, and forgets the press with it."""

    async def scene(session: OrderedSession, runners: list[Runner]) -> None:
        session.request_rerun(asks("one"))
        session.request_rerun(asks("one", "stage", press="train"))
        session.request_rerun(asks("one", "clock", is_tick=True))
        session.request_rerun(asks("one"))
        session.request_rerun(asks("one", "stage", press="pause"))
        session.request_rerun(asks("two"))

    _, second, third = play(scene)
    assert second.asked[0].fragment_id_queue == []
    assert presses(second.asked[0]) == ["train"]
    assert presses(third.asked[0]) == [], "what was pressed on a page that was left draws nothing"


def test_a_press_in_a_fragment_that_has_gone_is_answered_by_the_whole_page(play: Any) -> None:
    """Streamlit drops it; of a tick nothing is lost."""

    async def scene(session: OrderedSession, runners: list[Runner]) -> None:
        session.request_rerun(asks("one", "gone", is_tick=True))
        session.request_rerun(asks("one", "gone", press="train"))

    (only,) = play(scene)
    assert fragments(only) == [""]
    assert presses(only.asked[0]) == ["train"]


def test_a_press_that_a_tick_brings_before_its_turn_is_done_once(play: Any) -> None:
    """The browser sends all that it knows at a tick, and the press once more a moment later."""

    async def scene(session: OrderedSession, runners: list[Runner]) -> None:
        session.request_rerun(asks("one"))
        session.request_rerun(asks("one", "clock", press="train", is_tick=True))
        session.request_rerun(asks("one", "stage", press="train"))

    (only,) = play(scene)
    assert fragments(only) == ["", "clock", "stage"]
    assert [presses(data) for data in only.asked] == [[], [], ["train"]]


def test_a_tick_that_begins_a_runner_brings_no_values(play: Any) -> None:
    async def scene(session: OrderedSession, runners: list[Runner]) -> None:
        session.request_rerun(asks("one", "clock", press="train", is_tick=True))

    (only,) = play(scene)
    assert only.asked[0].widget_states is None


def drawn(session: OrderedSession, name: str, fragment: str | None, **value: Any) -> None:
    """A widget as a run has drawn it."""
    held = session._session_state._new_widget_state
    kind = next(iter(value), "trigger_value")
    as_it_is: Any = lambda value, *_: value  # noqa: E731
    held.widget_metadata[name] = WidgetMetadata(name, as_it_is, as_it_is, kind, fragment_id=fragment)  # type: ignore[arg-type]
    if value:
        held.set_from_value(name, value[kind])


def test_what_is_pressed_outside_the_fragment_that_is_asked_for_is_drawn(play: Any) -> None:
    """A view tells where it stands as the pointer leaves it for a button: one request, in the name of the view's fragment."""

    async def scene(session: OrderedSession, runners: list[Runner]) -> None:
        session.request_rerun(asks("one"))
        drawn(session, "compare", "question")
        drawn(session, "train", "stage")
        drawn(session, "language", None, string_value="en")
        drawn(session, "inner", "stage", string_value="a")
        session.request_rerun(asks("one", "stage", press="train"))
        session.request_rerun(asks("one", "stage", press="compare"))
        for name, value in (("language", "en"), ("inner", "b"), ("language", "zh")):
            asked = asks("one", "stage")
            asked.widget_states.widgets.add(id=name, string_value=value)
            session.request_rerun(asked)

    (first, *_) = runners = play(scene)
    assert [fragment for runner in runners for fragment in fragments(runner)] == ["", "stage", "", "stage", "stage", ""]
    assert first.asked[0].fragment_id is None


def test_an_address_from_before_takes_nothing_back(play: Any) -> None:
    """Python has told two newer ones; what the browser goes back to by itself is meant."""

    async def scene(session: OrderedSession, runners: list[Runner]) -> None:
        session.request_rerun(asks("one", query_string="z=0"))
        for z in (1, 2):
            runners[0].tell_address(f"z={z}")
        await a_moment()
        session.request_rerun(asks("one", "stage", query_string="z=0"))
        session.request_rerun(asks("one", "stage", query_string="z=1"))
        session.request_rerun(asks("one", "stage", query_string="z=2"))
        session.request_rerun(asks("one", "stage", query_string="z=1", is_history_navigation=True))
        runners[0].tell_address("z=3")
        await a_moment()
        session.request_rerun(asks("one", "stage", query_string="z=9"))
        session.request_rerun(asks("two", query_string="z=1"))

    asked = [data.query_string for runner in play(scene) for data in runner.asked]
    assert asked == ["z=0", "z=2", "z=2", "z=2", "z=1", "z=9", "z=1"]


def test_an_element_is_told_by_its_hash_where_the_browser_has_it_when_it_is_sent(play: Any) -> None:
    chart = ForwardMsg()
    chart.delta.new_element.text.body = "chart" * 5_000
    populate_hash_if_needed(chart)
    kinds: list[str | None] = []

    async def scene(session: OrderedSession, runners: list[Runner]) -> None:
        session.request_rerun(asks("one"))
        for hashes in ([], [chart.hash]):
            session.request_rerun(asks("one", "stage", cached_message_hashes=hashes))
            runners[0].on_event.send(runners[0], event=ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, forward_msg=chart)
            await a_moment()
            kinds.extend(message.WhichOneof("type") for message in session.flush_browser_queue())

    (only,) = play(scene)
    assert [kind for kind in kinds if kind in ("delta", "ref_hash")] == ["delta", "ref_hash"]
    assert all(not data.cached_message_hashes for data in only.asked), "the runner would decide it when it draws"


def test_a_session_that_was_left_begins_nothing(play: Any) -> None:
    async def scene(session: OrderedSession, runners: list[Runner]) -> None:
        session.request_rerun(asks("one"))
        runners[0].ended = True
        session.request_rerun(asks("one", "late"))
        session.shutdown()
        await a_moment()

    assert len(play(scene)) == 1


class Watcher(Visitor):
    """A visitor who reads how far a lesson's training is."""

    steps = 0

    def _element_came(self, delta: Any) -> None:
        super()._element_came(delta)
        found = re.match(r"Step ([\d,]+)", delta.new_element.progress.text)
        self.steps = int(found[1].replace(",", "")) if found else self.steps


def test_train_is_pressed_where_the_server_has_taken_its_fragment_away(
    digits_app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "PATIENCE", 600.0)

    async def scene() -> None:
        visitor = Watcher(digits_app)
        await visitor.open("learn_elbo")
        try:
            await visitor._ask("0" * 32, pressed=visitor._element("elbo_race_go")[0])
            while not visitor.steps:
                await asyncio.sleep(0.1)
        finally:
            await visitor.close()

    asyncio.run(asyncio.wait_for(scene(), visitors.PATIENCE))


def test_every_new_session_is_of_this_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_session_manager, "AppSession", app_session.AppSession)
    monkeypatch.setattr(app_session, "ScriptRunner", ScriptRunner)
    install()
    assert websocket_session_manager.AppSession is OrderedSession
    assert app_session.ScriptRunner is OrderedRunner
    assert "AppSession" in websocket_session_manager.WebsocketSessionManager.connect_session.__code__.co_names
