"""Gestures that a late answer or a rerun must not take back, and their ends, in Node on a document of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_engine_node import JS, node

from vaelab.ui.components.carrier import FOLDER

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(node(JS / "gestures_node.mjs", str(FOLDER)))
    return answer


def test_the_cloud_keeps_a_gesture_until_python_has_heard_of_it(found: dict[str, Any]) -> None:
    older, heard, changed, new_session, changed_there = found["cloud"]
    assert (older, heard, changed) == (1.2, 1.2, 0.9)
    assert (new_session, changed_there) == (0.4, 0.7)


def test_a_hand_on_the_slider_ends_the_film(found: dict[str, Any]) -> None:
    assert found["film"] == [2, False]


def test_a_density_that_is_not_wanted_any_more_is_not_shown(found: dict[str, Any]) -> None:
    switched_off, travelled, wanted = found["density"]
    assert switched_off == travelled == ["no more", None]
    assert wanted == [0.1, 7]


def test_newer_weights_end_t_sne_and_keep_the_choice_while_they_load(found: dict[str, Any]) -> None:
    assert found["opened"] == [True, [], 3]


def test_the_last_of_two_colours_is_shown(found: dict[str, Any]) -> None:
    assert found["painted"] == [2]


def test_the_newest_picture_is_the_last_that_python_hears_of(found: dict[str, Any]) -> None:
    assert found["strokes"] == ["second"]
    assert found["pasted"] == ["small"]


def test_a_drawing_that_is_met_again_is_told_again(found: dict[str, Any]) -> None:
    assert found["again"] == [0, "again"]


def test_a_drag_ends_wherever_the_pointer_is_let_go(found: dict[str, Any]) -> None:
    assert found["codes"] == [[1, 1, 0, 0], 1]
    assert found["pad"] == 2


def test_a_button_of_the_bar_stays_while_the_teacher_points(found: dict[str, Any]) -> None:
    assert found["room"] == [True, True]


def test_a_finger_on_a_pad_is_a_hand_laid_on_the_page_and_a_scroll_is_none(found: dict[str, Any]) -> None:
    assert found["touch"] == [1, 0, 1, 0]
