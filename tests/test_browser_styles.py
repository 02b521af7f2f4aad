"""The style sheets in Chromium: sizes of each screen, colours that follow the theme, and how often a sheet is sent."""

from __future__ import annotations

from typing import Any

import pytest

from vaelab.images import palette

pytestmark = pytest.mark.browser

COLOUR = "() => getComputedStyle(document.querySelector('.vl')).color"
RULE = b".layers .focus"  # stands in the sheet of lesson 4 alone


@pytest.fixture
def address(digits_app: str) -> str:
    return digits_app


def rgb(code: str) -> str:
    return f"rgb({', '.join(str(int(code[i : i + 2], 16)) for i in (1, 3, 5))})"


def test_a_stage_follows_the_theme_and_gets_its_sheet_once_a_run(new_page: Any, address: str) -> None:
    page = new_page(color_scheme="light")
    frames: list[bytes] = []

    def keep(frame: Any) -> None:
        frames.append(frame if isinstance(frame, bytes) else frame.encode())

    page.on("websocket", lambda socket: socket.on("framereceived", keep))
    page.goto(f"{address}/learn_autoencoder")
    page.locator(".layers").wait_for()
    page.wait_for_function(f"(light) => ({COLOUR})() === light", arg=rgb(palette.surface("text", "light")))
    sent = sum(RULE in frame for frame in frames)
    assert sent >= 1
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"(dark) => ({COLOUR})() === dark", arg=rgb(palette.surface("text", "dark")))
    page.get_by_role("radio", name="Sizes, worked out").click()
    page.locator(".sizes .verdict").wait_for()
    assert sum(RULE in frame for frame in frames) == sent, "a fragment sends no sheet"


def test_a_projector_enlarges_the_form_of_a_new_training(page: Any, address: str) -> None:
    page.goto(f"{address}/train")
    page.locator(".st-key-new_training").wait_for()
    page.wait_for_function("() => getComputedStyle(document.body).getPropertyValue('--vl-views')")  # the sheet is there
    for width, height, zoom in ((390, 844, "1"), (1280, 800, "1"), (1920, 860, "1"), (1920, 1080, "1.5")):
        page.set_viewport_size({"width": width, "height": height})
        shown = page.evaluate("() => getComputedStyle(document.querySelector('.st-key-new_training')).zoom")
        assert shown == zoom, (width, height)
