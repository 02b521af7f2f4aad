"""Which latent numbers of several models one z moves, run in Node."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_engine_node import JS, node

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(node(JS / "chorus_node.mjs"))
    return found


def test_the_first_numbers_are_shared_or_those_that_tell_most(answer: dict[str, Any]) -> None:
    assert answer["by"]["number"] == [[0, 0], [1, 1], [2, 2]]  # as many as the smaller model has
    assert answer["by"]["use"] == [[2, 4], [0, 1]]  # as many as the model that uses least


def test_each_model_moves_in_its_own_deviations_from_its_own_beginning(answer: dict[str, Any]) -> None:
    assert answer["codes"] == [[11, 18, 30], [11, 18, 30, 40, 50], [9, 20, 34], [10, 18, 30, 40, 66]]


def test_pictures_are_as_large_as_the_room_lets_them_be(answer: dict[str, Any]) -> None:
    assert answer["arranged"] == [[2, 11], [2, 5], [1, 3]]
