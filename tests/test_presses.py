"""What is pressed in a view: all of it once (presses.py, shared/presses.js)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_engine_node import JS, node

from vaelab.ui.components import presses
from vaelab.ui.components.carrier import FOLDER

NODES = ("anna", "ben")


@pytest.mark.parametrize(
    "told",
    ["anna", 3, None, {"count": 1}, {"count": True, "names": ["anna"]}, {"count": 1, "names": ["nobody", ["anna"]]}],
)
def test_what_a_browser_tells_is_not_trusted(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presses.st, "session_state", {"some": {"presses": told}})
    assert presses.pressed("some", NODES) == []


def test_no_press_is_lost_and_none_is_taken_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two before an answer, one that was heard with them, a view that is made anew, a name that nobody knows."""
    state: dict[str, Any] = {}
    monkeypatch.setattr(presses.st, "session_state", state)

    def hear(count: int, *names: str) -> list[str]:
        state["some"] = {"presses": {"count": count, "names": list(names)}}
        return presses.pressed("some", NODES)

    assert hear(2, "anna", "ben") == ["anna", "ben"]
    assert hear(2, "anna", "ben") == []
    assert hear(3, "anna", "ben", "anna") == ["anna"]
    assert presses.taken("some") == 3
    assert hear(5, "ben", "nobody") == ["ben"]


@pytest.mark.node
def test_a_view_tells_of_all_presses_that_may_not_have_been_answered() -> None:
    told = json.loads(node(JS / "presses_node.mjs", str(FOLDER)))
    assert told == {
        "two": {"count": 2, "names": ["a", "b"]},
        "three": {"count": 3, "names": ["a", "b", "a"]},
        "fourth": {"count": 4, "names": ["b"]},
        "inNewSession": {"count": 1, "names": ["a"]},
    }
