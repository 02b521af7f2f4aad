"""axe-core on every page: no serious and no critical finding (WCAG 2 A and AA), in both themes and both languages; nothing hangs out of the window.

A page is seen twice: what a theme spoils (contrast) it spoils in every language, and what a language spoils (names,
the document's own language) it spoils in every theme.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
from test_browser_lessons import walk_to_lesson
from visitors import OFTEN, SETTLED, STEADY

from vaelab.ui.pages import PAGES
from vaelab.ui.text import LANGUAGES, Language

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
FINDINGS = """async (rules) => (await axe.run(document, { runOnly: rules, resultTypes: ["violations"] })).violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`))"""
# Streamlit fetches what puts the page's sheets in after the first words are there.
STYLED = "getComputedStyle(document.documentElement).getPropertyValue('--vl-fill') !== ''"
# Something of each page that comes last, so that nothing is judged before it is there.
LAST = {
    "decode": "[...document.querySelectorAll('*')].some((e) => e.shadowRoot?.querySelector('.slider-row'))",
    "latent": "[...document.querySelectorAll('*')].some((e) => e.shadowRoot?.querySelector('.map-legend'))",
}


@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core 4 as one script."""
    package = pytest.importorskip("axe_playwright_python", reason="pip install -r requirements-dev.txt")
    return (files(package) / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize(("lang", "scheme"), list(zip(LANGUAGES, ["light", "dark"], strict=True)))
@pytest.mark.parametrize("name", [entry.name for entry in PAGES if entry.exists])
def test_axe_finds_nothing_serious(
    walk: Any, digits_app: str, axe: str, name: str, lang: Language, scheme: str
) -> None:
    if name.startswith("learn_"):
        page = walk_to_lesson(walk, digits_app, name.removeprefix("learn_"), lang, color_scheme=scheme)
        assert page.get_by_test_id("stAlert").count() == 0
    else:
        page = walk(digits_app, name, lang, color_scheme=scheme)
    page.wait_for_function(STYLED, polling=OFTEN)
    page.wait_for_function(LAST.get(name, "true"), polling=OFTEN)
    page.wait_for_load_state("networkidle")
    page.wait_for_function(SETTLED, polling=OFTEN)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    if not page.evaluate("'axe' in globalThis"):
        page.add_style_tag(content=STEADY)
        page.evaluate(axe)
    assert page.evaluate(FINDINGS, RULES) == []


@pytest.mark.parametrize(
    ("address", "box"),
    [("train?set_latent_dim=0", "stAlertContentError"), ("latent?run=digits-run&with=xyz", "stAlertContentWarning")],
)
def test_what_went_wrong_can_be_read(new_page: Any, digits_app: str, axe: str, address: str, box: str) -> None:
    page = new_page(color_scheme="light")
    page.goto(f"{digits_app}/{address}")
    page.locator(f"[data-testid={box}]").first.wait_for()
    page.wait_for_function(STYLED)
    page.add_style_tag(content=STEADY)
    page.evaluate(axe)
    found = FINDINGS.replace("document,", f"'[data-testid={box}]',")
    assert page.evaluate(found, RULES) == []
    ground = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"(light) => {ground} !== light", arg=light)
    assert page.evaluate(found, RULES) == []
