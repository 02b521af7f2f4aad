"""Numbers in the text of a lesson that are dragged where they stand, by mouse, keys and finger."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_browser_lesson_hands import said
from test_browser_lesson_phone import PHONE
from test_browser_lessons import open_lesson

from vaelab.ui.text import strings

pytestmark = pytest.mark.browser

# Nothing above a number is still to get its height: a formula has it with its fonts.
IN_PLACE = "() => !document.querySelector('[data-testid=stSkeleton]') && document.fonts.status === 'loaded'"


@pytest.fixture
def address(digits_app: str) -> str:
    return digits_app


def test_a_number_in_the_text_is_dragged_and_goes_with_its_slider(page: Any, address: str) -> None:
    texts = strings("zh", "learn_latent")
    open_lesson(page, address, "latent", "zh")
    number = page.locator(".sentence").get_by_role("slider", name=texts["sigma"])
    slider = page.locator(".st-key-lesson_stage").get_by_role("slider", name=texts["sigma"])
    slider.wait_for()
    page.locator(".sentence").filter(has_text="1.26").wait_for()  # the stage has told
    page.wait_for_function(IN_PLACE)
    number.hover()
    box = number.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 90, box["y"] + 20, steps=9)
    page.mouse.up()
    shown = float(number.get_attribute("aria-valuenow"))
    assert 0.7 <= shown <= 1.2
    page.locator(".st-key-lesson_stage").get_by_text(f"{shown:.2f}", exact=True).first.wait_for()
    said(page, ".sentence", rf"= {np.hypot(1.2, shown):.2f}")
    assert page.locator(".st-key-lesson_stage").get_by_role("radio", name=texts["decoder_line"]).is_checked()
    number.press("Home")
    said(page, ".sentence", rf"= {np.hypot(1.2, 0.1):.2f}")
    slider.press("ArrowRight")  # and the other way round
    page.locator('.sentence [role=slider][aria-valuenow="0.2"]').wait_for()


def test_a_finger_drags_a_number_and_the_page_still_scrolls(new_page: Any, address: str) -> None:
    page = new_page(viewport=PHONE, has_touch=True, is_mobile=True)
    open_lesson(page, address, "autoencoder")
    number = page.locator(".sentence .dragged")
    page.locator(".sentence").filter(has_text="3,072").wait_for()
    page.wait_for_function(IN_PLACE)
    number.scroll_into_view_if_needed()
    box = number.bounding_box()
    fingers = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    fingers.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 7):
        fingers.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x + 15 * step, "y": y}]})
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    said(page, ".sentence", "96 × 2 × 2 = 384")
    assert number.evaluate("node => getComputedStyle(node).touchAction") == "pan-y"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
