"""A runner takes of the browser what is meant, and tidies up now and then."""

from __future__ import annotations

import tomllib

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.fragment import MemoryFragmentStorage
from streamlit.runtime.scriptrunner import RerunData, ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests
from test_ordered_session import asks

from vaelab.config.places import LAB
from vaelab.ui import ordered_session
from vaelab.ui.ordered_session import OrderedRunner


class Began(Exception):
    """In place of a run."""

    def __init__(self, data: RerunData) -> None:
        self.data = data


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> OrderedRunner:
    """A runner of one fragment, without a thread; it raises Began where it would run."""

    def begin(_: ScriptRunner, data: RerunData) -> None:
        raise Began(data)

    def take(asked: ScriptRunner, data: RerunData) -> bool:
        return asked._requests.request_rerun(data)

    monkeypatch.setattr(ScriptRunner, "_run_script", begin)
    monkeypatch.setattr(ScriptRunner, "request_rerun", take)
    found = OrderedRunner.__new__(OrderedRunner)
    found._requests, found._fragment_storage = ScriptRequests(), MemoryFragmentStorage()
    monkeypatch.setattr(found._fragment_storage, "contains", lambda fragment: fragment == "there")
    return found


def request(runner: OrderedRunner, asked: ClientState) -> None:
    runner.request_rerun(
        RerunData(widget_states=asked.widget_states, fragment_id=asked.fragment_id, is_auto_rerun=asked.is_auto_rerun)
    )


def begins(runner: OrderedRunner) -> RerunData:
    """What it runs next."""
    with pytest.raises(Began) as found:
        runner._run_script(runner._requests.on_scriptrunner_ready().rerun_data)
    return found.value.data


def test_a_tick_takes_back_nothing_that_python_or_a_hand_has_set(runner: OrderedRunner) -> None:
    """The browser says at a tick what it knew before: a toggle that a button puts back, a slider that waits for its turn."""

    def says(value: float, *, is_tick: bool) -> None:
        asked = asks("one", "there", is_tick=is_tick)
        asked.widget_states.widgets.add(id="slider").double_value = value
        request(runner, asked)

    def taken() -> list[float]:
        states = begins(runner).widget_states
        assert states is not None  # else Streamlit would not end the presses of the run before
        return [one.double_value for one in states.widgets]

    says(0.1, is_tick=True)
    assert taken() == []
    says(0.7, is_tick=False)
    says(0.1, is_tick=True)
    assert taken() == [0.7]
    says(0.1, is_tick=True)
    says(0.9, is_tick=False)
    assert taken() == [0.9]


@pytest.mark.parametrize(
    ("asked", "queue"),
    [
        ([asks("one", "there", press="train")], ["there"]),
        ([asks("one", "gone", press="train")], []),
        ([asks("one", "gone", press="train"), asks("one", "there", is_tick=True)], []),
        ([asks("one", "gone", is_tick=True)], ["gone"]),
        ([asks("one", "gone")], []),
    ],
)
def test_a_fragment_that_has_gone_until_its_turn_becomes_the_whole_page(
    asked: list[ClientState], queue: list[str], runner: OrderedRunner
) -> None:
    for one in asked:
        request(runner, one)
    assert begins(runner).fragment_id_queue == queue


def test_garbage_is_collected_now_and_then_and_not_after_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[float] = []
    now = [100.0]
    monkeypatch.setattr(ScriptRunner, "_run_script", lambda _, __: None)
    monkeypatch.setattr(ordered_session.gc, "collect", lambda: collected.append(now[0]))
    monkeypatch.setattr(ordered_session.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(OrderedRunner, "_tidied", 0.0)
    runner = OrderedRunner.__new__(OrderedRunner)
    for moment in (100.0, 101.0, 100.0 + ordered_session.TIDY, 101.0 + ordered_session.TIDY):
        now[0] = moment
        runner._run_script(RerunData())
    assert collected == [100.0, 101.0 + ordered_session.TIDY]
    written = tomllib.loads((LAB / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert written["runner"]["postScriptGC"] is False
