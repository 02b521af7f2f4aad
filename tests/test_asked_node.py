"""What a view asks of the server once more, and when it stops asking (shared/asked.js)."""

from __future__ import annotations

import json

import pytest
from test_engine_node import JS, node

from vaelab.ui.components.carrier import FOLDER

pytestmark = pytest.mark.node


def test_a_question_that_the_line_lost_is_asked_again() -> None:
    told = json.loads(node(JS / "asked_node.mjs", str(FOLDER)))
    assert told["atOnce"] == {"answer": "answer of here", "tries": 1, "waits": []}
    assert told["third"] == {"answer": "answer of here", "tries": 3, "waits": [300, 1000]}
    assert told["never"]["waits"] == [300, 1000, 3000]
    assert told["never"]["answer"].startswith("Error: The server does not answer")
    assert told["givenUp"] == {"answer": "TypeError: fetch failed", "tries": 1, "waits": []}
