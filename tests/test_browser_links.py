"""Every page's link, opened in a browser that knows nothing: the same picture. `--whole` tries them all; test_share.py tries two every time."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vaelab.ui.pages import PAGES

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STAGE = ".st-key-lesson_stage"
Act = Callable[[Any], None]


def press(selector: str, *keys: str) -> Act:
    """Keys on the first element of a selector."""

    def act(page: Any) -> None:
        for key in keys:
            page.locator(selector).first.press(key)

    return act


def click(words: str) -> Act:
    return lambda page: page.get_by_text(words, exact=True).first.click()


def slide(page: Any) -> None:
    """Move the first slider of the stage by a step."""
    page.locator(STAGE).get_by_role("slider").first.press("ArrowRight")


def in_turn(*acts: Act) -> Act:
    def act(page: Any) -> None:
        for each in acts:
            each(page)
            settle(page)

    return act


CASES: dict[str, tuple[str, Act, str]] = {  # page, then what is asked of it, done on it and looked at
    "start": ("", press(".lab.compact [role=slider], .lab.compact input[type=range]", "ArrowRight", "ArrowRight"), ".st-key-living_decoder"),
    "train": ("run=digits-run", lambda page: None, "[data-testid=stMain]"),
    "decode": ("run=digits-run", in_turn(click("Walk"), press(".walk-slider input", "ArrowRight", "ArrowRight")), ".lab .stage"),
    "latent": ("run=digits-run", lambda page: page.get_by_role("button", name="+", exact=True).click(), ".map-box"),
    "image": ("run=digits-run", in_turn(press("[data-testid=stNumberInput] input", "ArrowUp", "ArrowUp", "Enter"), click("Denoising")), ".st-key-image_wide"),
    "compare": ("models=pixel-faces-conv-vae,pixel-faces-autoencoder&view=pictures", in_turn(click("Over one another"), press(".divider [role=slider]", "ArrowRight", "ArrowRight")), ".divider"),
    "learn": ("", lambda page: None, "[data-testid=stMain]"),
    "learn_kinds": ("", in_turn(press(f"{STAGE} .plane", "ArrowRight"), lambda page: page.locator(f"{STAGE} .field").last.click()), STAGE),
    "learn_joint": ("", press(f"{STAGE} .grid", "ArrowRight", "ArrowDown"), STAGE),
    "learn_latent": ("", press(f"{STAGE} .loop", "ArrowRight", "ArrowRight"), STAGE),
    "learn_autoencoder": ("", slide, STAGE),
    "learn_vae": ("", slide, STAGE),
    "learn_graphs": ("", press(f"{STAGE} [role=button][data-node]", "Enter"), STAGE),
    "learn_elbo": ("", in_turn(lambda page: page.locator(STAGE).get_by_text("KL", exact=True).first.click(), press(f"{STAGE} .board [tabindex='0']", "ArrowRight")), STAGE),
    "learn_reparam": ("", slide, STAGE),
    "learn_code": ("", lambda page: page.locator(f"{STAGE} .st-key-code_next button").first.click(), STAGE),
    "learn_pitfalls": ("", lambda page: None, STAGE),
}  # fmt: skip


def settle(page: Any) -> None:
    """Until the script has run and nothing on the page changes any more."""
    page.wait_for_function(
        """() => new Promise((done) => {
          let last = performance.now();
          const watch = new MutationObserver(() => (last = performance.now()));
          watch.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
          const look = () => {
            const runs = document.querySelector('[data-test-script-state="running"], .stSpinner');
            if (!runs && performance.now() - last > 600) { watch.disconnect(); done(true); } else setTimeout(look, 100);
          };
          look();
        })"""
    )


def picture(page: Any, selector: str) -> np.ndarray[Any, Any]:
    page.mouse.move(2, 2)
    page.evaluate("document.activeElement?.blur()")
    settle(page)
    shot = page.locator(selector).first.screenshot(animations="disabled")
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), np.int16)


@pytest.mark.parametrize("name", [entry.name for entry in PAGES if entry.exists and not entry.hidden])
def test_a_page_s_link_gives_the_same_picture_in_another_browser(name: str, new_page: Any, digits_app: str) -> None:
    query, act, looked = CASES.get(name, ("", lambda page: None, STAGE))
    page = new_page(reduced_motion="reduce")
    page.goto(f"{digits_app}/{'' if name == 'start' else name}?lang=en&{query}")
    page.locator("[data-testid=stMain]").wait_for()
    settle(page)
    act(page)
    settle(page)
    page.get_by_role("button", name="Share").first.click()
    address = page.locator("[data-testid=stPopoverBody] code").inner_text()
    page.keyboard.press("Escape")
    page.locator("[data-testid=stPopoverBody]").wait_for(state="hidden")
    other = new_page(reduced_motion="reduce")
    other.goto(address)
    other.locator(looked).first.wait_for()
    differ = 1.0
    for _ in range(60):  # a picture may still be on its way
        first, second = picture(page, looked), picture(other, looked)
        differ = (np.abs(first - second).max(axis=-1) > 24).mean() if first.shape == second.shape else 1.0
        if differ < 0.002:
            break
        page.wait_for_timeout(1000)
    assert differ < 0.002, f"{differ:.2%} of the pixels differ: {address}"
