"""Lessons on a phone: no formula or table is wider than the screen, nor is anything that a reader may do with their hands there."""

from __future__ import annotations

from typing import Any

import pytest
from test_browser_lessons import walk_to_lesson
from visitors import OFTEN, SETTLED

from vaelab.ui.learn.elbo_derived import JENSEN_STEPS, ONTO_STEPS
from vaelab.ui.learn.frame import lessons
from vaelab.ui.text import Language, strings

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
EDGE = 10  # pixels that stay free at the right
# How far each formula reaches to the right, with its first letters.
REACH = """() => [...document.querySelectorAll(".katex-display")].map((formula) =>
  [Math.max(...[...formula.querySelectorAll(".base")].map((part) => part.getBoundingClientRect().right)), formula.textContent.slice(0, 40)])"""
# What has to be pushed sideways to be read. Code may be: its lines are as long as they are.
SIDEWAYS = """() => [...document.querySelectorAll("[data-testid=stMain], [data-testid=stMain] *")].filter((part) =>
  ["auto", "scroll"].includes(getComputedStyle(part).overflowX) && part.scrollWidth > part.clientWidth + 1 && !part.closest("pre, code, .stCode"))
  .map((part) => `${part.tagName}.${part.className} ${part.scrollWidth} > ${part.clientWidth}: ${part.textContent.slice(0, 40)}`)"""
# Views beside the first that have a table, and words of it.
TABLES = {
    "kinds": {"panel_bayes": "bayes_mean", "panel_ask": "ask_conditional", "panel_images": "image_area"},
    "autoencoder": {"view_sizes": "head_formula"},
}
VIEWS = [
    ("kinds", "panel_keep", ".budget"),
    ("latent", "view_guess", ".guess"),
    ("autoencoder", "view_patch", ".patch"),
    ("vae", "view_twin", ".twin"),
    ("reparam", "view_pinned", ".frozen"),
]


@pytest.fixture
def address(digits_app: str) -> str:
    return digits_app


def to_its_end(walk: Any, address: str, name: str, lang: Language = "en", **context: Any) -> Any:
    """The page of a lesson with all of its text."""
    page = walk_to_lesson(walk, address, name, lang, **context)
    page.get_by_text(strings(lang, f"learn_{name}")["link"]).first.wait_for()
    return page


def too_wide(page: Any) -> list[str]:
    page.wait_for_function(SETTLED, polling=OFTEN)
    page.evaluate("() => document.fonts.ready.then(() => 0)")  # another font has other widths
    return [f"{words} ({right:.0f})" for right, words in page.evaluate(REACH) if right > PHONE["width"] - EDGE]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in (*TABLES, "elbo") else pytest.mark.slow)
        for name in (entry.name.removeprefix("learn_") for entry in lessons())
    ],
)
def test_no_formula_or_table_is_wider_than_a_phone(walk: Any, address: str, name: str) -> None:
    page, texts = to_its_end(walk, address, name, viewport=PHONE), strings("en", f"learn_{name}")
    assert too_wide(page) == []
    assert page.evaluate(SIDEWAYS) == []
    stage = page.locator(".st-key-lesson_stage")
    for view, words in TABLES.get(name, {}).items():
        stage.get_by_role("radio", name=texts[view]).first.click()
        stage.locator("table").get_by_text(texts[words]).wait_for()
        assert page.evaluate(SIDEWAYS) == []


@pytest.mark.parametrize(("view", "steps"), [("jensen", JENSEN_STEPS), ("onto", ONTO_STEPS)])
def test_a_derivation_fits_a_phone_to_its_last_step(walk: Any, address: str, view: str, steps: tuple[str, ...]) -> None:
    texts, page = strings("en", "learn_elbo"), to_its_end(walk, address, "elbo", viewport=PHONE)
    stage = page.locator(".st-key-lesson_stage")
    stage.get_by_role("radio", name=texts[f"view_{view}"]).first.click()
    slider = stage.get_by_role("slider", name=texts["step"])
    for number in range(1, len(steps) + 1):
        stage.get_by_text(f"{number}.", exact=True).first.wait_for()
        assert too_wide(page) == []
        if number < len(steps):
            slider.press("ArrowRight")


@pytest.mark.parametrize(("name", "words", "root"), VIEWS)
@pytest.mark.parametrize("width", [390, *(pytest.param(wide, marks=pytest.mark.slow) for wide in (1280, 1920))])
def test_what_is_done_by_hand_fits_the_window(
    walk: Any, address: str, name: str, words: str, root: str, width: int
) -> None:
    window = {"viewport": {"width": width, "height": 844}, "color_scheme": "dark", "reduced_motion": "reduce"}
    page = to_its_end(walk, address, name, "zh", **window)
    page.locator(".st-key-lesson_stage").get_by_role("radio", name=strings("zh", f"learn_{name}")[words]).first.click()
    page.locator(root).wait_for()
    box = page.locator(f"{root} canvas").last.bounding_box()
    assert box["width"] > 100
    assert box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
