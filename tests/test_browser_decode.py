"""The Decode page in Chromium: every way to move z, what is sent meanwhile, and what survives."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decode_browser import (
    DIVERGED,
    LABELS,
    SPOILT,
    drag,
    open_decode,
    pixels,
    quiet,
    settle,
    sliders,
    to_mean,
    value_of,
    wait_for_link,
    write_runs,
)
from PIL import Image

from vaelab.cli.bench.app_server import running_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def runs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_runs(tmp_path_factory.mktemp("decode"))


@pytest.fixture(scope="module")
def address(runs_folder: Path) -> Iterator[str]:
    with running_app(runs_folder / "runs") as found:
        yield found


def test_a_drag_moves_the_picture_and_says_nothing_until_its_end(page, address):
    frames: list[int] = []
    sent: list[int] = []

    def watch(socket: Any) -> None:
        socket.on("framereceived", lambda data: frames.append(len(data)))
        socket.on("framesent", lambda data: sent.append(len(data)))

    page.on("websocket", watch)
    canvas = open_decode(page, address)
    quiet(page, sent, frames)
    before, already, told = pixels(page, canvas), len(sent), len(frames)
    seen = set()
    drag(page, sliders(page).first, 0.5, 0.6, release=False)
    box = sliders(page).first.bounding_box()
    for share in (0.65, 0.7, 0.75, 0.8, 0.85):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        seen.add(pixels(page, canvas))
    page.wait_for_timeout(600)  # longer than the quiet that ends a gesture of keys
    assert before not in seen
    assert len(seen) == 5
    assert (len(sent), len(frames)) == (already, told)
    page.mouse.up()
    assert "z=" in wait_for_link(page)
    quiet(page, sent, frames)
    assert len(sent) == already + 1
    assert sum(frames[told:]) < 4000


def test_keyboard_alone_reaches_and_moves_a_slider(page, address):
    canvas = open_decode(page, address)
    to_mean(page)
    before = pixels(page, canvas)
    page.locator('[role="tab"][aria-selected="true"]').first.focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate(
            "() => { let e = document.activeElement; while (e?.shadowRoot) e = e.shadowRoot.activeElement; return 'dim' in e.dataset; }"
        ):
            break
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    settle(page)
    assert value_of(page).startswith("+0.20 standard deviations")
    assert sliders(page).first.get_attribute("aria-label").endswith("nats")
    assert pixels(page, canvas) != before
    page.keyboard.press("End")
    settle(page)
    assert value_of(page).startswith("+3.00")
    assert "z=" in wait_for_link(page)


def test_wheel_double_click_and_lock(page, address):
    open_decode(page, address)
    to_mean(page)
    first = sliders(page).first
    first.hover()
    page.mouse.wheel(0, -100)
    page.mouse.wheel(0, -100)
    page.wait_for_function("(s) => s.getAttribute('aria-valuetext').startsWith('+0.20')", arg=first.element_handle())
    first.dblclick()
    settle(page)
    assert value_of(page).startswith("+0.00")
    first.press("ArrowLeft")
    page.locator(".slider-row .lock").first.click()
    locked = value_of(page)
    page.get_by_role("button", name="New random z").click()
    settle(page)
    assert value_of(page) == locked != value_of(page, 1)
    assert first.is_disabled()


def test_touch_moves_a_slider(new_page, address):
    page = new_page(has_touch=True, viewport={"width": 800, "height": 900})
    canvas = open_decode(page, address)
    before = pixels(page, canvas)
    sliders(page).first.scroll_into_view_if_needed()
    box = sliders(page).first.bounding_box()
    y = box["y"] + box["height"] / 2
    finger = page.context.new_cdp_session(page)
    for kind, share in (("touchStart", 0.5), ("touchMove", 0.6), ("touchMove", 0.8)):
        points = [{"x": box["x"] + share * box["width"], "y": y}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert pixels(page, canvas) != before
    assert float(re.match(r"\+(\d\.\d+)", value_of(page)).group(1)) > 1.0


def test_without_webassembly_plain_javascript_decodes_the_same(page, new_page, address):
    z = "1.5,-1,0.5," + ",".join(["0"] * 13)
    expected = pixels(page, open_decode(page, address, z=z))
    other = new_page()
    other.add_init_script("delete globalThis.WebAssembly")
    canvas = open_decode(other, address, z=z)
    assert "plain JavaScript" in other.locator(".lab .status").inner_text()
    assert near(pixels(other, canvas), expected)


def near(one: bytes, two: bytes) -> bool:
    """Whether two canvases agree to one level of 255: the paths round differently."""
    images = [np.asarray(Image.open(io.BytesIO(base64.b64decode(text.split(b",")[1]))), int) for text in (one, two)]
    return images[0].shape == images[1].shape and int(np.abs(images[0] - images[1]).max()) <= 1


def test_z_survives_theme_page_switch_and_reload(page, address):
    canvas = open_decode(page, address)
    drag(page, sliders(page).first, 0.5, 0.75)
    wait_for_link(page)
    moved, second, shown = value_of(page), value_of(page, 1), pixels(page, canvas)
    page.emulate_media(color_scheme="dark")
    page.locator('.vaelab[data-theme="dark"]').first.wait_for()
    assert pixels(page, canvas) == shown
    page.emulate_media(color_scheme="light")
    page.locator('.vaelab[data-theme="light"]').first.wait_for()
    page.get_by_role("link", name="Train", exact=True).click()
    page.wait_for_url("**/train*")
    page.get_by_role("link", name="Decode", exact=True).click()
    canvas.wait_for()
    settle(page)
    assert value_of(page) == moved
    assert pixels(page, canvas) == shown
    wait_for_link(page)
    told = page.url
    sliders(page).nth(1).press("ArrowRight")
    page.wait_for_function("(told) => location.href !== told", arg=told)
    page.reload(wait_until="commit")
    canvas.wait_for()
    settle(page)
    assert value_of(page)[:6] == moved[:6]
    assert value_of(page, 1) != second


def test_another_model_in_the_middle_of_a_gesture(page, address):
    open_decode(page, address)
    drag(page, sliders(page).first, 0.5, 0.8, release=False)
    moved = value_of(page)
    box = page.get_by_role("combobox").first
    box.focus()
    page.keyboard.type(LABELS)
    page.keyboard.press("Enter")
    page.get_by_label("class").first.wait_for()
    page.mouse.up()
    canvas = page.locator('canvas[data-view="picture"]')
    canvas.wait_for()
    assert value_of(page) != moved  # a z of its own
    before = pixels(page, canvas)
    sliders(page).first.press("End")
    assert pixels(page, canvas) != before


def test_a_label_of_a_conditional_model_answers_at_once(page, address):
    canvas = open_decode(page, address, LABELS)
    before = pixels(page, canvas)
    page.locator(".choice select").first.select_option("3")
    assert pixels(page, canvas) != before


def test_two_tabs_keep_a_z_each(page, new_page, address):
    open_decode(page, address)
    before = value_of(page)
    other = new_page()
    open_decode(other, address)
    sliders(other).first.press("End")
    settle(other)
    assert value_of(other).startswith("+3.00")
    assert value_of(page) == before


def test_weights_with_nan_are_refused_with_a_sentence(page, address):
    page.goto(f"{address}/decode?run={SPOILT}", wait_until="commit")
    refused = page.get_by_test_id("stAlert")
    refused.wait_for()
    assert "not finite" in refused.inner_text()
    assert page.locator("code").count() == 0  # no command either


def test_a_training_whose_first_weights_diverged_is_refused_in_chinese(page, address):
    page.goto(f"{address}/decode?lang=zh&run={DIVERGED}", wait_until="commit")
    page.get_by_text("非有限的数").wait_for()


def test_reduced_motion_stops_the_animation(page, new_page, address):
    canvas = open_decode(page, address)
    page.get_by_role("button", name="Oscillate").click()
    seen = {pixels(page, canvas) for _ in range(6)}
    assert len(seen) > 1
    page.emulate_media(reduced_motion="reduce")
    settle(page)
    assert pixels(page, canvas) == pixels(page, canvas)
    other = new_page(reduced_motion="reduce")
    open_decode(other, address)
    assert other.get_by_role("button", name="Oscillate").is_disabled()


def test_breathing_leaves_a_locked_dimension_alone(page, address):
    open_decode(page, address)
    to_mean(page)
    page.locator(".slider-row .lock").first.click()
    page.get_by_role("button", name="Oscillate").click()
    page.wait_for_function("(s) => Math.abs(s.value) > 0.2", arg=sliders(page).nth(1).element_handle())
    assert value_of(page).startswith("+0.00")
