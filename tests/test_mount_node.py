"""Views that outlive the reruns of their page (components/shared/mount.js), in Node."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_engine_node import JS, node

from vaelab.ui.components.carrier import FOLDER

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def steps() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(node(JS / "mount_node.mjs", str(FOLDER / "shared")))
    return found


def test_a_rerun_hands_its_data_to_the_view_that_is_there(steps: dict[str, Any]) -> None:
    assert steps["first"] == {"told": ["view 1 made", "view 1 takes 1"], "roots": 1}
    assert steps["rerun"] == {"told": ["view 1 takes 2"], "roots": 1}


def test_another_identity_is_another_view_which_the_first_ones_farewell_leaves_alone(steps: dict[str, Any]) -> None:
    assert steps["another"] == {"told": ["view 1 closed", "view 2 made", "view 2 takes 3"], "roots": 1}


def test_a_clean_up_whose_place_stays_on_the_page_is_no_farewell(steps: dict[str, Any]) -> None:
    """On a busy machine the next call comes late, or a clean-up after the call that has overtaken its own."""
    assert steps["cleaned"] == {"told": [], "roots": 1}
    assert steps["late"] == {"told": ["view 2 takes 4"], "roots": 1}
    assert steps["overtaken"] == {"told": ["view 2 takes 5"], "roots": 1}


def test_a_clean_up_whose_place_has_gone_is_a_farewell(steps: dict[str, Any]) -> None:
    assert steps["farewell"] == {"told": ["view 2 closed"], "roots": 0}
    assert steps["again"] == {"told": ["view 3 made", "view 3 takes 6"], "roots": 1}


def test_a_clean_up_that_was_overtaken_closes_nothing(steps: dict[str, Any]) -> None:
    assert steps["closed"] == [[], [3], False]  # once its place has gone, once


def test_a_place_for_a_pasted_picture_listens_as_long_as_it_is_there(steps: dict[str, Any]) -> None:
    """Streamlit cleans up before it calls again; what was pasted meanwhile was lost."""
    assert steps["paste"] == [True, False]


def test_a_view_is_put_back_once_and_tells_where_it_stands_once_a_gesture(steps: dict[str, Any]) -> None:
    assert steps["restored"] == [3, 4]
    assert steps["kept"] == [3, 4]  # a rerun does not take it back
    assert steps["heard"] == [["kept", [5]]]  # two events of one gesture, and one that changed nothing


def test_a_view_that_is_made_anew_stands_where_the_hand_has_put_the_one_before(steps: dict[str, Any]) -> None:
    """What Python says of it is of when its run began; Python hears of what it has not been told."""
    assert steps["turned"] == [[1], [4, ["kept", [4]]]]
    assert steps["told"] == [[6], [6]]


def test_where_its_data_have_put_a_view_is_no_place_for_the_next_nor_is_one_that_does_not_fit(
    steps: dict[str, Any],
) -> None:
    assert steps["smaller"] == [[0], [2]]
    assert steps["unfit"] == [[3]]


def test_a_lesson_that_is_left_late_does_not_silence_the_numbers_of_the_next(steps: dict[str, Any]) -> None:
    assert steps["lessons"] == [["second", {"turn": 1, "moved": [["linear", "sigma", 0.5]]}]]
    assert steps["nobody"] is None
