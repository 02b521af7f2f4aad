"""A lesson as one HTML file, opened from the disk without a network: Chromium, Firefox and WebKit."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from decode_browser import pixels, settle
from engines import Window, missing, window
from test_browser_accessibility import FINDINGS, RULES
from test_browser_one_file import offline as offline
from test_lesson_file import file_of

from vaelab.ui.learn.lesson_home import HOMES

pytestmark = pytest.mark.browser

# Of each lesson: what is pressed in the first view, and what must look another way then.
TRIED = {
    "learn_kinds": (".budget canvas", "ArrowRight"),
    "learn_latent": (".guess canvas", "ArrowRight"),
    "learn_autoencoder": (".patch canvas[tabindex]", "ArrowRight"),
    "learn_vae": (".cloud input[type=range]", "ArrowRight"),
    "learn_reparam": (".frozen input[type=range]", "ArrowRight"),
}


_PRESSED = """
const moved = deep(%r)[0];
moved.focus();
if (moved.tagName === "INPUT") {
  moved.stepUp(6);
  moved.dispatchEvent(new Event("input", { bubbles: true }));
}
for (let k = 0; k < 6; k++) moved.dispatchEvent(new KeyboardEvent("keydown", { key: %r, bubbles: true, cancelable: true }));
"""


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files of all lessons."""
    folder = tmp_path_factory.mktemp("lessons")
    for name in HOMES:
        (folder / f"{name}.html").write_text(file_of(name), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in HOMES}


def open_lesson(page: Any, path: Path, fragment: str = "lang=en") -> None:
    page.goto("about:blank")
    page.goto(f"{path.as_uri()}#{fragment}")
    page.locator(".lesson-stage canvas").first.wait_for()
    settle(page)


@pytest.mark.parametrize("name", HOMES)
def test_it_moves_in_both_languages_and_themes(offline: Any, lessons: dict[str, Path], name: str) -> None:
    open_lesson(offline, lessons[name], "lang=en&theme=light")
    moved = offline.locator(TRIED[name][0]).first
    shown = offline.locator(".lesson-stage canvas")
    before = [pixels(offline, shown.nth(k)) for k in range(shown.count())]
    for _ in range(6):
        moved.press(TRIED[name][1])
    settle(offline)
    assert before != [pixels(offline, shown.nth(k)) for k in range(shown.count())]
    for choice, sign in (("zh", "document.documentElement.lang"), ("dark", "document.documentElement.dataset.theme")):
        offline.locator(f'[data-choice="{choice}"]').click()
        offline.locator(".lesson-stage canvas").first.wait_for()
        assert offline.evaluate(sign) == choice
    assert offline.locator(".refused").count() == 0
    tabs = offline.locator(".lesson-stage [role=tab]")
    for k in range(tabs.count()):
        tabs.nth(k).click()
        offline.locator(".lesson-stage canvas").first.wait_for()
        settle(offline)
    package = pytest.importorskip("axe_playwright_python", reason="pip install -r requirements-dev.txt")
    offline.evaluate((files(package) / "axe.min.js").read_text(encoding="utf-8"))
    assert offline.evaluate(FINDINGS, RULES) == []
    offline.set_viewport_size({"width": 390, "height": 844})
    settle(offline)
    assert offline.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_sections_button_opens_its_view(offline: Any, lessons: dict[str, Path]) -> None:
    open_lesson(offline, lessons["learn_vae"])
    offline.get_by_role("button", name="Drag one point").click()
    offline.locator(".twin").wait_for()
    assert offline.locator(".lesson-stage [role=tab]").nth(2).get_attribute("aria-selected") == "true"


@pytest.mark.slow  # half a minute each
@pytest.mark.parametrize("engine", ["firefox", "webkit"])
def test_other_engines_open_it_from_the_disk(engine: str, lessons: dict[str, Path]) -> None:
    if lacking := missing(engine):
        assert "CI" not in os.environ, lacking
        pytest.skip(lacking)
    drawn = "return deep('.cloud canvas').map((e) => e.toDataURL()).join()"
    with window(engine) as found:
        found.driver.open(f"{lessons['learn_vae'].as_uri()}#lang=en&view=1")
        found.until("return deep('.cloud input[type=range]').length === 2")
        found.until("return deep('.cloud canvas').some((e) => e.width > 1)")
        found.until("return deep('math mfrac').length > 0")
        before = found.value(drawn)
        found.value(
            "const input = deep('.cloud input[type=range]')[1]; input.value = 1.2; input.dispatchEvent(new Event('input', { bubbles: true }))"
        )
        found.until(f"{drawn} !== {before!r}")
        found.press("中文")
        found.until("return document.documentElement.lang === 'zh' && deep('.cloud canvas').length > 0")
        for name in HOMES:
            if name != "learn_vae":
                _moves(found, lessons[name], *TRIED[name])
        assert found.driver.errors == []


def _moves(found: Window, path: Path, moved: str, key: str) -> None:
    """The lesson's first view moves under a key, and each of its views is drawn in both languages."""
    drawn = "return deep('.lesson-stage canvas').map((e) => e.toDataURL()).join()"
    found.driver.open("about:blank")
    found.driver.open(f"{path.as_uri()}#lang=en")
    found.until("return deep('.lesson-stage canvas').some((e) => e.width > 1) && deep('math').length > 0")
    found.until(f"return deep({moved!r}).length > 0")
    before = found.value(drawn)
    found.value(_PRESSED % (moved, key))
    found.until(f"{drawn} !== {before!r}")
    found.press("中文")
    found.until("return document.documentElement.lang === 'zh' && deep('.lesson-stage canvas').length > 0")
    for k in range(found.value("return deep('.lesson-stage [role=tab]').length")):
        found.value(f"deep('.lesson-stage [role=tab]')[{k}].click()")
        found.until("return deep('.lesson-stage canvas').some((e) => e.width > 1)")
        assert found.value("return deep('.refused').length") == 0
