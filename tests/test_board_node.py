"""The boards of the lessons: what the browser tells Python and when, and that no rerun takes an edit away."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from test_engine_node import JS, node

from vaelab.ui.components.carrier import FOLDER

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(node(JS / "board_node.mjs", str(FOLDER / "board")))
    return found


def test_a_drag_is_told_at_most_every_120_ms_and_at_its_end(answer: dict[str, Any]) -> None:
    times = answer["quick"]["times"]
    gaps = [b - a for a, b in pairwise(times)]
    assert len(times) >= 7, "fields follow while the pointer is down"
    assert min(gaps[:-1]) >= 120
    assert answer["quick"]["last"]["done"] is True
    assert answer["quick"]["last"]["state"]["x"] == answer["quick"]["x"]


def test_nothing_is_told_before_the_last_was_answered(answer: dict[str, Any]) -> None:
    times = answer["slow"]["times"]
    assert 2 <= len(times) <= 4
    assert min(b - a for a, b in pairwise(times[:-1])) >= 400


def test_reruns_with_an_older_state_lose_nothing(answer: dict[str, Any]) -> None:
    assert answer["steps"] == 100
    assert answer["stale"] == answer["slow"]["x"]


def test_python_can_replace_the_state(answer: dict[str, Any]) -> None:
    assert answer["replaced"] is True
    assert answer["pushed"] == 7


def test_coming_back_to_the_page_keeps_the_state_and_tells_a_new_session(answer: dict[str, Any]) -> None:
    assert answer["back"] == {"x": 7, "told": 1}


def test_a_view_that_was_left_out_is_the_one_of_that_name_that_is_here(answer: dict[str, Any]) -> None:
    assert answer["whole"] == [{"n": 1}, {"n": 1}, None]


def test_undo_takes_back_what_was_changed_and_nothing_else(answer: dict[str, Any]) -> None:
    assert answer["undone"] == [1, 0]


def test_a_gesture_follows_one_pointer_until_it_is_up(answer: dict[str, Any]) -> None:
    assert answer["pointers"] == ["hover1", "down1", "move1", "up", "hover1"]
