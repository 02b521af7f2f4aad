"""Every lesson in Chromium: it opens, and one gesture of each kind changes its numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from decode_browser import quiet, settle
from playwright.sync_api import expect
from visitors import OFTEN, SETTLED

from vaelab.ui.learn import kinds
from vaelab.ui.learn.frame import lessons
from vaelab.ui.text import Language, strings

pytestmark = pytest.mark.browser

# All words of the stage, those inside components too.
WORDS = """() => {
  const words = (node) => node.nodeType === Node.TEXT_NODE ? node.textContent
    : ["STYLE", "SCRIPT"].includes(node.nodeName) ? ""
    : [...(node.shadowRoot ? [node.shadowRoot] : []), ...node.childNodes].map(words).join(" ");
  const stage = document.querySelector(".st-key-lesson_stage");
  return stage ? words(stage) : "";
}"""
FILLED = f"() => ({WORDS})().trim().length > 60"
Gesture = Callable[[Any], None]
FRAMES = 2000  # looks at a page before what a hand did there counts as lost


@pytest.fixture
def address(digits_app: str) -> str:
    return digits_app


def open_lesson(page: Any, address: str, name: str, lang: str = "en") -> None:
    page.goto(f"{address}/learn_{name}?lang={lang}", wait_until="commit")
    page.get_by_text(strings(lang, f"learn_{name}")["lead"]).first.wait_for()
    page.wait_for_function(FILLED, polling=OFTEN)


def walk_to_lesson(walk: Any, address: str, name: str, lang: Language = "en", **context: Any) -> Any:
    """The page of a lesson with its stage, gone to from within the app."""
    page = walk(address, f"learn_{name}", lang, **context)
    page.get_by_text(strings(lang, f"learn_{name}")["lead"]).first.wait_for()
    page.wait_for_function(FILLED, polling=OFTEN)
    return page


def changes(page: Any, gesture: Gesture) -> None:
    """Make a gesture and wait until a figure of the stage is another one."""
    before = page.evaluate(WORDS)
    gesture(page)
    page.wait_for_function(f"(before) => ({WORDS})() !== before", arg=before, polling=OFTEN)


def click_at(selector: str, x: float, y: float) -> Gesture:
    """A click at shares of an element's width and height."""

    def gesture(page: Any) -> None:
        box = page.locator(selector).first.bounding_box()
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])

    return gesture


def drag_in(selector: str, after: str, start: tuple[float, float], end: tuple[float, float]) -> Gesture:
    """From one place to another, in shares of an element's width and height."""

    def gesture(page: Any) -> None:
        page.locator(after).wait_for()  # the view that it belongs to is there, and no other
        while (
            box := page.locator(selector).last.bounding_box()
        ) is None:  # until the canvas of the view before is gone
            page.wait_for_timeout(50)
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
        page.mouse.move(*places[0])
        page.mouse.down()
        page.mouse.move(*places[1], steps=4)
        page.mouse.up()

    return gesture


def press(slider: int, key: str = "ArrowRight") -> Gesture:
    """A key on one of the stage's sliders."""
    return lambda page: page.locator(".st-key-lesson_stage").get_by_role("slider").nth(slider).press(key)


def choose(words: str) -> Gesture:
    """One of the stage's views."""
    return lambda page: page.locator(".st-key-lesson_stage").get_by_role("radio", name=words).first.click()


def button(words: str) -> Gesture:
    """A button of the stage by all of its name: a chart's own buttons tell of "training steps"."""
    return lambda page: page.locator(".st-key-lesson_stage").get_by_role("button", name=words, exact=True).click()


def on_the_only(selector: str, key: str) -> Gesture:
    """A key on an element, once the one that a choice takes away has gone."""

    def gesture(page: Any) -> None:
        expect(page.locator(selector)).to_have_count(1)
        page.locator(selector).press(key)

    return gesture


GESTURES: dict[str, list[Gesture]] = {
    "kinds": [click_at("canvas.plane", 0.5, 0.5), *map(choose, ("Bayes", "Ask", "Missing", "Images"))],
    "joint": [click_at("canvas.grid", 0.5, 0.5)],
    "latent": [click_at("canvas.loop", 0.4, 0.5), press(0), choose("Line")],
    "autoencoder": [press(0), choose("Sizes")],
    "vae": [press(0), press(1)],
    "graphs": [
        lambda page: page.locator('[data-node="alarm"]').press("Enter"),
        *map(choose, ("Sprinkler", "Friends", "The VAE")),
    ],
    "elbo": [
        *map(choose, ("KL", "Jensen")),
        on_the_only("canvas.curves", "ArrowRight"),
        choose("KL ≥ 0"),
        drag_in("canvas.curves", ".vl-evidence", (0.413, 0.6), (0.6, 0.5)),
        choose("Bound and gap"),
        press(0),
        press(1),
    ],
    "reparam": [press(0), choose("Two estimates"), press(1), choose("Pinned")],
    "code": [button("Next"), button("20 steps")],
    "pitfalls": [choose("mean"), choose("collapse")],
    "beyond": [press(0), *map(choose, ("Bound", "Prior"))],
    "generators": [*map(choose, ("Codes", "Noise"))],
}


UNCHOSEN = """() => [...document.querySelectorAll(".st-key-lesson_stage input[type=radio], .st-key-lesson_stage [role=radio]")].find(
  (one) => !one.checked && one.getAttribute("aria-checked") !== "true")"""
# As a hand does that has turned a slider and presses the menu at once: the page in the address is another one before its elements are there.
LEAVE_AND_CHOOSE = f"""(path) => {{
  const radio = ({UNCHOSEN})();
  history.pushState({{}}, "", path);
  dispatchEvent(new PopStateEvent("popstate"));
  radio.click();
}}"""


def test_a_gesture_while_the_next_lesson_opens_breaks_nothing(walk: Any, address: str) -> None:
    """Streamlit by itself empties the new page, and nothing works until a reload; see vaelab/ui/ordered_session.py."""
    page = walk_to_lesson(walk, address, "elbo")
    page.wait_for_function(UNCHOSEN, polling=OFTEN)
    page.evaluate(LEAVE_AND_CHOOSE, "/learn_graphs?lang=en")
    walk_to_lesson(walk, address, "graphs")
    page.locator('[data-node="alarm"]').wait_for()


@pytest.mark.parametrize("name", list(GESTURES))
def test_a_lesson_answers(walk: Any, address: str, name: str) -> None:
    """One gesture of each kind; test_browser_accessibility.py looks at every lesson in both languages."""
    page = walk_to_lesson(walk, address, name)
    for gesture in GESTURES[name]:
        changes(page, gesture)
    assert page.get_by_test_id("stException").count() == 0


def test_the_probe_can_be_put_where_a_point_is(page: Any, address: str) -> None:
    open_lesson(page, address, "kinds")
    page.get_by_role("tab", name="Probe").click()
    at = page.locator("canvas.plane").bounding_box()
    reach, edge = 4.0, {"left": 30, "top": 8, "right": 8, "bottom": 26}  # as in board/plane.js
    x, y = next((x, y) for x, y, label in kinds.BOARD.start["points"] if label == 1)
    wide, high = at["width"] - edge["left"] - edge["right"], at["height"] - edge["top"] - edge["bottom"]
    page.mouse.click(
        at["x"] + edge["left"] + (x + reach) / (2 * reach) * wide,
        at["y"] + edge["top"] + (reach - y) / (2 * reach) * high,
    )
    page.locator('[data-key="disc"] .value').get_by_text(re.compile(r"^0\.[89]|^1\.000")).wait_for()


def until_sent(page: Any, sent: list[int], already: int) -> None:
    """Wait until Python has been told something."""
    for _ in range(FRAMES):
        if len(sent) > already:
            break
        page.wait_for_timeout(50)


def test_a_cloud_moves_under_the_finger_and_tells_of_it_once(page: Any, address: str) -> None:
    sent: list[int] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: sent.append(len(data))))
    open_lesson(page, address, "vae")
    sliders, picture = (
        page.locator(".st-key-lesson_stage").get_by_role("slider"),
        page.locator('canvas[data-view="draws"]'),
    )
    page.wait_for_function("(canvas) => canvas.width === 4 * 32 + 3", arg=picture.element_handle())  # drawn

    def seen() -> tuple[str, str, str]:
        """Pictures, density and figures as they are after the next frame."""
        settle(page)
        canvases = [page.locator(f'canvas[data-view="{name}"]') for name in ("draws", "density")]
        drawn = [canvas.evaluate("(canvas) => canvas.toDataURL()") for canvas in canvases]
        return drawn[0], drawn[1], page.evaluate(WORDS)

    quiet(page, sent)
    for number in (0, 1):
        already, before = len(sent), seen()
        box = sliders.nth(number).bounding_box()
        y = box["y"] + box["height"] / 2
        for step, share in enumerate((0.6, 0.7, 0.75, 0.85)):
            page.mouse.move(box["x"] + share * box["width"], y)
            if step == 0:
                page.mouse.down()
            for _ in range(FRAMES):
                now = seen()
                if moved := all(a != b for a, b in zip(before, now, strict=True)):
                    break
                page.wait_for_timeout(20)  # the frame is still to come
            assert moved
            before = now
        page.wait_for_timeout(600)  # longer than the quiet that ends a gesture of keys
        assert len(sent) == already
        page.mouse.up()
        until_sent(page, sent, already)
        quiet(page, sent)
        assert len(sent) == already + 1
        assert seen() == before, "Python's answer moves nothing"
    told = [sliders.nth(number).get_attribute("aria-valuetext") for number in (0, 1)]
    button("New ε")(page)  # a rerun: Python knows where the sliders are
    changed = "([canvas, before]) => canvas.toDataURL() !== before"
    page.wait_for_function(changed, arg=[picture.element_handle(), before[0]])
    assert [sliders.nth(number).get_attribute("aria-valuetext") for number in (0, 1)] == told
    already = len(sent)
    sliders.nth(1).dblclick()
    page.wait_for_function("(slider) => Number(slider.value) < 0.2", arg=sliders.nth(1).element_handle())
    until_sent(page, sent, already)  # Python hears of it at the end of the gesture, and of the button after that
    page.get_by_role("button", name="Make it a point").click()
    page.wait_for_function("(slider) => slider.value === '0'", arg=sliders.nth(1).element_handle())
    assert "∞" in page.evaluate(WORDS)


def test_a_decoder_that_does_not_come_is_told(page: Any, address: str) -> None:
    page.route("**/decoder.bin*", lambda route: route.abort())
    open_lesson(page, address, "vae")
    page.get_by_text(strings("en", "learn_vae")["refused"]).wait_for()
    changes(page, press(0))  # the density and the KL go on without it


@pytest.mark.parametrize(("name", "view"), [("vae", "Two latent spaces"), ("elbo", None), ("pitfalls", None)])
def test_a_training_inside_a_lesson_runs_pauses_and_begins_anew(
    page: Any, address: str, name: str, view: str | None
) -> None:
    open_lesson(page, address, name)
    if view:
        changes(page, choose(view))
    page.wait_for_function(SETTLED, polling=OFTEN)
    go = page.locator(".st-key-lesson_stage").get_by_role(
        "button", name=re.compile("^(Train|Pause|Continue|Train again)$")
    )
    for _ in range(20):  # it trains for some seconds: where the press of Pause comes after its end, it trains again
        before = go.text_content()
        go.click()
        expect(go).not_to_have_text(before)
        page.get_by_text(re.compile(r"^Step [1-9]")).first.wait_for()
        if "Continue" in go.text_content():
            break
    expect(go).to_contain_text("Continue")
    button("Reset")(page)
    page.get_by_text(re.compile(r"^Step 0 of")).first.wait_for()


def test_what_is_done_outlives_a_reload(page: Any, address: str, tmp_path: Path) -> None:
    texts = strings("en", "learn_joint")
    open_lesson(page, address, "joint")
    page.get_by_text(texts["guess_zero"]).click()
    page.get_by_role("button", name="Compare").click()
    page.get_by_text(texts["why_zero"]).wait_for()
    assert page.get_by_text(texts["why_same"]).count() == 0
    page.wait_for_function("() => (localStorage.getItem('vaelab-lessons-done') ?? '').includes('learn_joint')")
    page.goto(f"{address}/learn", wait_until="commit")
    page.get_by_text(f"1 of {len(lessons())} lessons done").wait_for()
    open_lesson(page, address, "joint")
    page.get_by_text(texts["why_zero"]).wait_for()  # the prediction too
    page.get_by_role("button", name="Predict again").click()
    page.get_by_text(texts["guess_free"]).click()
    page.get_by_role("button", name="Compare").click()
    page.get_by_text(strings("en", "lessons")["hit"]).wait_for()
