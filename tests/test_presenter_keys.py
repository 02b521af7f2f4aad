"""Keys for who presents: which key does what, where they are letters and no keys, and what they do to a page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_engine_node import JS, node

from vaelab.ui.components.carrier import FOLDER
from vaelab.ui.rooms import keys
from vaelab.ui.text import LANGUAGES, strings


@pytest.mark.node
def test_letters_are_keys_only_where_nobody_types() -> None:
    found: dict[str, Any] = json.loads(node(JS / "keys_node.mjs", str(FOLDER)))
    assert found["deeds"] == {
        "p": "present", "n": "next", "b": "previous", "k": "pause", "z": "random", "l": "point", "?": "list",
    }  # fmt: skip
    assert found["capital"] == "random"
    assert found["closed"] == "random", "a dialog keeps the focus until the frame after it was closed"
    assert [found[word] for word in ("typed", "dialog", "shortcut", "held", "other", "named")] == [None] * 6
    assert all(found["deeds"][key] in strings(lang, "keys") for key in found["deeds"] for lang in LANGUAGES)


def test_the_lessons_are_walked_in_their_order() -> None:
    assert keys.lesson_beside("decode", 1) == "learn_kinds"
    assert keys.lesson_beside("learn_kinds", 1) == "learn_joint"
    assert keys.lesson_beside("learn_joint", -1) == "learn_kinds"
    assert keys.lesson_beside("learn_kinds", -1) == keys.lesson_beside("learn_generators", 1) == "learn"


@pytest.mark.browser
def test_a_page_is_presented(page: Any, digits_app: str) -> None:
    page.goto(f"{digits_app}/decode?run=digits-run&lang=en", wait_until="commit")
    slider = page.locator("input[data-dim]").first
    slider.wait_for()
    page.locator(".st-key-keys .vaelab").wait_for(state="attached")  # somebody listens
    before = slider.input_value()
    page.keyboard.press("z")
    page.wait_for_url(lambda url: "z=" in url, wait_until="commit")
    assert slider.input_value() != before
    page.keyboard.press("p")
    page.locator("[data-testid=stHeader]").wait_for(state="hidden")
    page.keyboard.press("l")
    page.mouse.move(400, 400)
    page.mouse.move(420, 410)
    page.wait_for_function("Math.abs(document.querySelector('.vl-pointer').getBoundingClientRect().x + 11 - 420) < 2")
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys for presenting").wait_for()
    page.get_by_role("checkbox").last.uncheck()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.keyboard.press("p")
    page.keyboard.press("?")
    page.get_by_role("checkbox").last.check()
    assert page.locator("[data-testid=stHeader]").is_hidden(), "switched off, and only the list opens"
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.keyboard.press("n")
    page.wait_for_url("**/learn_kinds?**", wait_until="commit")
