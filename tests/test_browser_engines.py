"""The lab in Firefox and in WebKit, Safari's engine: every page opens, a drag moves the image, an upload answers, a lesson trains."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engines import Window, missing, window

from vaelab import data
from vaelab.images.files import png
from vaelab.ui.pages import PAGES
from vaelab.ui.text import strings

pytestmark = pytest.mark.browser


ENGINES = ("firefox", "webkit")


@pytest.fixture(scope="module", params=ENGINES)
def browser(request: Any) -> Iterator[Window]:
    """A window of each engine in turn."""
    if lacking := missing(request.param):
        assert "CI" not in os.environ, lacking
        pytest.skip(lacking)
    with window(request.param) as found:
        yield found


def test_every_page_opens_without_an_error(browser: Window, digits_app: str, whole: bool, request: Any) -> None:
    """Each page in one engine at the least, and all in both with --whole: the first by its address, the others from there."""
    first = 0 if whole else ENGINES.index(request.node.callspec.params["browser"])
    for entry in [entry for entry in PAGES if entry.exists][first :: 1 if whole else len(ENGINES)]:
        path = f"/{'' if entry.name == 'start' else entry.name}?lang=en"
        if not browser.is_in(digits_app):
            browser.open(f"{digits_app}{path}")
        else:
            browser.walk(path, strings("en", entry.name)["page_title"])
        assert browser.value("return deep('[data-testid=stException]').length") == 0, entry.name
        assert browser.driver.errors == [], entry.name


def test_a_drag_moves_the_image(browser: Window, digits_app: str) -> None:
    browser.open(f"{digits_app}/decode?run=digits-run&lang=en")
    picture = """deep('canvas[data-view="picture"]')[0]"""
    browser.until(f"return {picture} && deep('.slider-row input').length > 1")
    box = browser.value(
        """const input = deep('.slider-row input[type=range]')[0]; input.scrollIntoView({ block: "center" });
        const { x, y, width, height } = input.getBoundingClientRect(); return { x, y: y + height / 2, width };"""
    )
    value = "return Number(deep('.slider-row input[type=range]')[0].value)"
    looks = f"return {picture}.toDataURL()"
    before, drawn = browser.value(value), browser.value(looks)
    end = 0.9 if before < 0 else 0.1
    middle = box["x"] + 0.5 * box["width"]
    path = [(middle + (end - 0.5) * share * box["width"], box["y"]) for share in (0, 0.25, 0.5, 0.75, 1)]
    browser.driver.drag(path)
    browser.until(f"{value} !== {before}")
    browser.until(f"return {picture}.toDataURL() !== {drawn!r}")


def test_an_upload_answers(browser: Window, digits_app: str, tmp_path: Path) -> None:
    words = strings("en", "image")
    figure = "deep('[data-testid=stMetricValue]')[0]?.innerText"
    browser.open(f"{digits_app}/image?run=digits-run&lang=en")
    before = browser.until(f"return {figure}")
    browser.press(words["source_upload"])
    browser.until("return deep('input[type=file]').length")
    (tmp_path / "three.png").write_bytes(png(data.load("digits").train.pixels[3]))
    browser.driver.choose_file("input[type=file]", tmp_path / "three.png")
    browser.until(f"const now = {figure}; return now && now !== {before!r}")


def test_a_lesson_trains(browser: Window, digits_app: str) -> None:
    browser.open(f"{digits_app}/learn_elbo?lang=en")
    browser.press("Train", within=".st-key-lesson_stage")
    browser.until(r"return /Step [1-9]/.test(document.body.innerText)")
