"""Every gesture of the Your image page once, in Chromium, in one language or the other."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from decode_browser import quiet
from trained import write_model

from vaelab import data
from vaelab.cli.bench.app_server import running_app
from vaelab.cli.bench.chromium import chromium
from vaelab.images.files import png
from vaelab.runs.plan import plan
from vaelab.ui.text import Language, strings

pytestmark = pytest.mark.browser

PASTE = """async (file) => {
  const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "<img src=x onerror=alert(1)>.png", { type: "image/png" }));
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }));
}"""
COPY = """async (file) => {
  const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0));
  await navigator.clipboard.write([new ClipboardItem({ "image/png": new Blob([bytes], { type: "image/png" }) })]);
}"""
# Each gesture in one language, the other with --whole: test_image_page.py goes through the page in both.
ENGLISH, CHINESE = (
    pytest.mark.parametrize("lang", [one, pytest.param(other, marks=pytest.mark.slow)])
    for one, other in (("en", "zh"), ("zh", "en"))
)
HOSTILE_NAME = "<img src=x onerror=document.title='broken'>.png"


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """The app over a model of the digits, not trained: what it says is computed all the same."""
    folder = tmp_path_factory.mktemp("browser")
    write_model(folder / "runs" / "digits-run", plan("digits", latent_dim=4, limit=300))
    with running_app(folder / "runs") as found:
        yield found


# A picture has no height of its own before it has come.
LOADED = "() => [...document.querySelectorAll('[data-testid=stMain] img')].every((image) => image.complete && image.naturalWidth)"


def open_image(page: Any, address: str, lang: str = "en") -> None:
    page.goto(f"{address}/image?run=digits-run&lang={lang}")
    page.locator(".st-key-image_error img").wait_for()
    page.wait_for_function(LOADED)
    page.locator(".st-key-image_figures [data-testid=stVegaLiteChart]").wait_for()  # the test images have been measured


def recon(page: Any) -> str:
    """The first figure, as it is shown."""
    return str(page.locator("[data-testid=stMetricValue]").first.inner_text())


def changes(page: Any, before: str) -> str:
    """The first figure once it is another one."""
    page.wait_for_function(
        "(old) => { const now = document.querySelector('[data-testid=stMetricValue]')?.innerText; return now && now !== old; }",
        arg=before,
    )
    return recon(page)


def stroke(page: Any, canvas: Any, points: list[tuple[float, float]]) -> None:
    box = canvas.bounding_box()
    for k, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if k == 0:
            page.mouse.down()
    page.mouse.up()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium with a camera that films a test picture."""
    with chromium("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream") as found:
        yield found


@pytest.fixture
def words(lang: Language) -> dict[str, str]:
    """The page's strings in the language of the test, those of its drawing surfaces included."""
    return strings(lang, "image") | strings(lang, "canvas")


@ENGLISH
def test_upload_paste_and_crop(page, address, lang, words):
    open_image(page, address, lang)
    of_first = recon(page)
    images = data.load("digits").train.pixels
    page.get_by_role("radio", name=words["source_upload"]).click()
    page.locator("input[type=file]").set_input_files(
        {"name": HOSTILE_NAME, "mimeType": "image/png", "buffer": png(images[3])}
    )
    uploaded = changes(page, of_first)
    assert page.title() != "broken"  # the name is text wherever it is shown
    assert page.locator('img[src="x"]').count() == 0

    page.get_by_role("button", name=words["adjust"]).click()
    page.get_by_text(words["invert"], exact=True).click()
    inverted = changes(page, uploaded)
    page.get_by_role("button", name=words["reset_frame"]).click()
    assert changes(page, inverted) == uploaded
    page.keyboard.press("Escape")

    page.get_by_role("radio", name=words["source_paste"]).click()
    page.get_by_text("Ctrl+V").wait_for()
    page.evaluate(PASTE, base64.b64encode(png(np.full((1, 8, 8), 90, np.uint8))).decode())
    changes(page, uploaded)
    page.get_by_text(words["paste_done"]).wait_for()


@CHINESE
def test_the_clipboard_button_and_another_test_image(new_page, address, lang, words):
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    open_image(page, address, lang)
    of_first = recon(page)
    while recon(page) == of_first:  # by chance the same image, or one as far from its reconstruction
        page.get_by_role("button", name=words["another"]).click()
        quiet(page)
    of_other = recon(page)
    page.get_by_role("radio", name=words["source_paste"]).click()
    page.evaluate(COPY, base64.b64encode(png(np.full((1, 8, 8), 200, np.uint8))).decode())
    page.get_by_role("button", name=words["paste_button"], exact=True).click()
    changes(page, of_other)
    page.get_by_text(words["paste_done"]).wait_for()


def test_camera(new_page, address, lang, words):
    page = new_page(permissions=["camera"])
    open_image(page, address, lang)
    before = recon(page)
    page.get_by_role("radio", name=words["source_camera"]).click()
    page.wait_for_function("() => document.querySelector('video')?.videoWidth > 0")
    shutter = page.get_by_test_id("stCameraInputButton")
    said = "(e) => getComputedStyle(e, '::after').content"
    assert shutter.evaluate(said) == f'"{words["camera_take"]}"'  # Streamlit's own word is English in every language
    # Streamlit asks for the camera anew, at the width that it has found, a second after it has placed it. A press in that moment takes
    # nothing: a person presses once more, while the button says so. Once there is a photo, a press drops it.
    takes = f"(e) => getComputedStyle(e, '::after').content === {json.dumps(json.dumps(words['camera_take'], ensure_ascii=False))} && e.click()"
    while page.locator("video").count():
        shutter.evaluate(takes)
        page.wait_for_timeout(100)
    changes(page, before)
    page.get_by_text(words["seen_1"].format(size=32)).wait_for()  # a colour picture, seen in grey
    assert shutter.evaluate(said) == f'"{words["camera_clear"]}"'


@CHINESE
def test_draw_resample_and_drag_from_here(page, address, lang, words):
    open_image(page, address, lang)
    before = recon(page)
    page.get_by_role("radio", name=words["source_draw"]).click()
    canvas = page.get_by_label(words["draw_label"], exact=True)
    stroke(page, canvas, [(0.3, 0.2), (0.5, 0.5), (0.5, 0.8)])
    page.locator(".st-key-image_error img").wait_for()
    drawn = changes(page, before)
    stroke(page, canvas, [(0.2, 0.8), (0.8, 0.8)])
    changes(page, drawn)

    images = page.locator(".st-key-image_draws img")
    old = images.get_attribute("src")
    page.get_by_role("button", name=words["resample"]).click()
    page.wait_for_function("(old) => document.querySelector('.st-key-image_draws img').src.indexOf(old) < 0", arg=old)

    page.get_by_role("link", name=words["drag"]).click()
    page.wait_for_url(re.compile("/decode.*z="))


@ENGLISH
def test_every_use_and_a_painted_hole(page, address, lang, words):
    def filled(n: int) -> str:
        return words["filled"].format(n=n, error="|").split("|")[0].strip()

    open_image(page, address, lang)
    page.get_by_role("tab", name=words["tab_compression"]).click()
    page.get_by_text("PSNR").first.wait_for()
    page.get_by_role("tab", name=words["tab_denoising"]).click()
    page.get_by_text(words["noisy"]).first.wait_for()
    page.get_by_role("tab", name=words["tab_filling"]).click()
    page.get_by_text(filled(144)).wait_for()  # the square in the middle, 12 x 12
    stroke(page, page.get_by_label(words["mask_label"]), [(0.05, 0.05), (0.9, 0.05)])
    page.get_by_text(filled(144)).wait_for(state="detached")
    page.get_by_role("button", name=words["clear"]).click()
    page.get_by_text(filled(0)).wait_for()
    page.get_by_role("tab", name=words["tab_variations"]).click()
    page.get_by_text(words["variations_caption"].format(n=18)).wait_for()


def test_the_pipeline_does_not_move_from_one_image_to_the_next(page, address):
    open_image(page, address)
    parts = [
        ".st-key-image_code",
        ".st-key-image_draws",
        ".st-key-image_output",
        ".st-key-image_error",
        ".st-key-image_figures",
    ]
    page.locator(".st-key-image_code svg.marks").wait_for()
    quiet(page)
    places = [page.locator(part).bounding_box() for part in parts]
    before = recon(page)
    page.locator("input[type=number]").fill("5")
    page.keyboard.press("Enter")
    changes(page, before)
    quiet(page)
    page.wait_for_function(LOADED)
    assert [page.locator(part).bounding_box() for part in parts] == places
    bottom = page.locator(".st-key-image_figures").bounding_box()
    assert bottom["y"] < 800  # above the fold


def test_the_answer_is_the_largest_thing_on_a_projector(new_page, address):
    page = new_page(viewport={"width": 1920, "height": 1080})
    open_image(page, address)
    chart = page.locator(".st-key-image_code svg.marks")
    chart.wait_for()
    quiet(page)
    page.wait_for_function(LOADED)
    output = page.locator(".st-key-image_output img").bounding_box()
    assert round(output["width"]) == 384  # twelve times 32
    bars = chart.bounding_box()
    assert bars["x"] + bars["width"] <= output["x"]
    assert page.locator(".st-key-image_figures").bounding_box()["y"] < 800
