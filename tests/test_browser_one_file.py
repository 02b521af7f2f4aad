"""The decoder as one HTML file, opened from the disk without a network: Chromium, then Firefox and WebKit."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import WAIT
from decode_browser import drag, pixels, settle, sliders, value_of
from engines import Window, missing, window
from test_browser_accessibility import FINDINGS, RULES
from trained import write_model
from visitors import SETTLED, STEADY

import vaelab
from vaelab.analysis import inference
from vaelab.config.texts import LANGUAGES, strings
from vaelab.export import one_file
from vaelab.models.latent_model import LatentModel
from vaelab.runs.plan import plan
from vaelab.runs.store import find

pytestmark = pytest.mark.browser

SHIPPED = "shapes-conv-vae-labelled"
TABS = ("one", "grid", "pad", "walk", "map")
PICTURE = 'canvas[data-view="picture"]'


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a shipped conditional model."""
    path = tmp_path_factory.mktemp("files") / "decoder.html"
    one_file.write(find(SHIPPED), path)
    return path


@pytest.fixture
def offline(browser: Any) -> Iterator[Any]:
    """A page without a network; no script may fail on it and nothing may be asked for."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True, accept_downloads=True)
    context.set_default_timeout(WAIT)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: said.type == "error" and faults.append(said.text))
    page.on("request", lambda asked: asked.url.startswith(("file:", "data:", "blob:")) or faults.append(asked.url))
    yield page
    context.close()
    assert faults == []


def open_file(page: Any, path: Path, **query: str) -> None:
    page.goto("about:blank")
    page.goto(f"{path.as_uri()}#{'&'.join(f'{name}={value}' for name, value in ({'lang': 'en'} | query).items())}")
    page.locator(".lab canvas").first.wait_for()
    settle(page)


def decoded(page: Any, z: list[float], label: int) -> list[float]:
    code = """([z, label]) => { const { app } = vaelabFile.view; app.latent.label = label; return Array.from(app.decode([z])); }"""
    found: list[float] = page.evaluate(code, [z, label])
    return found


def by_torch(model: LatentModel, z: Any, label: int) -> Any:
    """The torch decoder's pixels of one z, in [0, 1]."""
    with torch.no_grad():
        return model.decode(torch.from_numpy(z[None]), torch.tensor([label])).numpy().ravel()


def test_a_drag_changes_the_image(offline: Any, file: Path) -> None:
    open_file(offline, file)
    before, said = pixels(offline, offline.locator(PICTURE)), value_of(offline)
    drag(offline, sliders(offline).first, 0.2, 0.9)
    assert value_of(offline) != said
    assert pixels(offline, offline.locator(PICTURE)) != before


def test_its_numbers_are_those_of_the_torch_decoder(offline: Any, file: Path) -> None:
    open_file(offline, file)
    model = inference.load(SHIPPED)
    worst = 0.0
    for k, z in enumerate(
        np.random.default_rng(0).normal(scale=1.5, size=(24, model.cfg.latent_dim)).astype(np.float32)
    ):
        expected = by_torch(model, z, k % model.cfg.classes)
        worst = max(
            worst, float(np.abs(np.array(decoded(offline, z.tolist(), k % model.cfg.classes)) - expected).max())
        )
    assert 0.0 < worst <= 1e-2


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_tab_opens_in_both_languages_and_themes(offline: Any, file: Path, lang: Any, theme: str) -> None:
    open_file(offline, file, lang=lang, theme=theme)
    words = strings(lang, "decode_view") | strings(lang, "file")
    assert offline.evaluate("document.documentElement.lang") == lang
    for tab in TABS:
        offline.get_by_role("tab", name=words[f"tab_{tab}"], exact=True).click()
        settle(offline)
        assert offline.locator(".stage canvas").first.is_visible()
    background = offline.evaluate("getComputedStyle(document.querySelector('#file')).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"}[theme]


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080), (390, 844)], ids=str)
def test_nothing_hangs_out_of_the_window(offline: Any, file: Path, size: tuple[int, int]) -> None:
    offline.set_viewport_size({"width": size[0], "height": size[1]})
    for tab in TABS:
        open_file(offline, file, tab=tab)
        out = """(width) => [...document.querySelectorAll("#file *")].filter((e) => { const { left, right, width: w } = e.getBoundingClientRect();
            return w && e.checkVisibility() && (left < 0 || right > width + 1); }).map((e) => e.className || e.tagName)"""
        assert offline.evaluate(out, size[0]) == [], tab


def test_z_and_the_tab_pass_from_one_language_to_the_other(offline: Any, file: Path) -> None:
    open_file(offline, file)
    offline.get_by_role("tab", name="Grid", exact=True).click()
    drag(offline, sliders(offline).first, 0.5, 0.85)
    z = offline.evaluate("Array.from(vaelabFile.view.app.latent.z)")
    offline.get_by_role("button", name="中文").click()
    assert offline.get_by_role("tab", name="网格", exact=True).get_attribute("aria-selected") == "true"
    np.testing.assert_allclose(offline.evaluate("Array.from(vaelabFile.view.app.latent.z)"), z, atol=1e-4)


def test_the_theme_follows_the_system_until_one_is_chosen(offline: Any, file: Path) -> None:
    offline.emulate_media(color_scheme="dark")
    open_file(offline, file)
    theme = "document.querySelector('#file').dataset.theme"
    assert offline.evaluate(theme) == "dark"
    offline.emulate_media(color_scheme="light")
    offline.wait_for_function(f"() => {theme} === 'light'")
    offline.get_by_role("button", name="Dark").click()
    offline.emulate_media(color_scheme="dark")
    offline.emulate_media(color_scheme="light")
    settle(offline)
    assert offline.evaluate(theme) == "dark"


def test_keys_move_what_the_pointer_moves(offline: Any, file: Path) -> None:
    open_file(offline, file)
    before, slider = pixels(offline, offline.locator(PICTURE)), sliders(offline).first
    slider.focus()
    for _ in range(12):
        slider.press("ArrowRight")
    assert pixels(offline, offline.locator(PICTURE)) != before
    offline.get_by_role("tab", name="One image").press("ArrowRight")
    assert offline.get_by_role("tab", name="Grid").get_attribute("aria-selected") == "true"


def test_the_map_decodes_what_is_pointed_at_and_a_click_goes_there(offline: Any, file: Path) -> None:
    open_file(offline, file, tab="map")
    box = offline.locator(".map-canvas").bounding_box()
    z = "Array.from(vaelabFile.view.app.latent.z)"
    before = offline.evaluate(z)
    offline.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"])
    offline.get_by_text("decoded here").wait_for()
    assert offline.evaluate(z) == before  # a look moves nothing
    offline.mouse.click(box["x"] + 0.03 * box["width"], box["y"] + 0.03 * box["height"])  # no point lies in the corner
    offline.wait_for_function(f"() => String({z}) !== '{','.join(map(str, before))}'")
    offline.locator(".map-canvas").press("Enter")  # the point nearest to the middle
    settle(offline)
    codes = np.array(offline.evaluate("vaelabFile.map.codes.map((code) => Array.from(code))"))
    here = np.array(offline.evaluate(z))
    assert np.abs(codes - here).max(axis=1).min() < 1e-5


def test_a_point_of_the_map_is_shown_by_its_picture(offline: Any, file: Path) -> None:
    open_file(offline, file, tab="map")
    place = offline.evaluate(
        """() => { const plot = document.querySelector(".map-canvas").getBoundingClientRect();
            return [plot.x + plot.width / 2, plot.y + plot.height / 2]; }"""
    )
    seen = False
    for step in range(0, 120, 6):
        offline.mouse.move(place[0] + step, place[1])
        settle(offline)
        seen = seen or offline.locator(".map-card > div").nth(1).is_visible()
    assert seen


def test_the_picture_can_be_saved(offline: Any, file: Path) -> None:
    open_file(offline, file)
    with offline.expect_download() as saved:
        offline.get_by_role("button", name="Save PNG").click()
    assert Path(saved.value.path()).read_bytes().startswith(b"\x89PNG")
    assert saved.value.suggested_filename == f"{SHIPPED}.png"


def test_its_policy_lets_nothing_out_and_nothing_be_evaluated(browser: Any, file: Path) -> None:
    page = browser.new_page()  # on line: it is the file that refuses
    page.set_default_timeout(WAIT)
    open_file(page, file)
    refused = """async (address) => { try { await fetch(address); return "let out"; } catch { return "refused"; } }"""
    assert page.evaluate(refused, "https://example.org/") == "refused"
    said = page.evaluate(
        """() => new Promise((done) => {
            document.addEventListener("securitypolicyviolation", (event) => done(event.violatedDirective));
            const script = document.createElement("script"); script.textContent = "globalThis.ran = 1"; document.body.append(script);
        })"""
    )
    assert said.startswith("script-src")
    assert page.evaluate("globalThis.ran ?? null") is None
    page.close()


# Each tab once, in the one language and theme or the other; both with --whole.
LOOKS = [
    pytest.param(tab, lang, theme, marks=[pytest.mark.slow] if (at + turn) % 2 else [])
    for at, tab in enumerate(TABS)
    for turn, (lang, theme) in enumerate(zip(LANGUAGES, ["light", "dark"], strict=True))
]


@pytest.mark.parametrize(("tab", "lang", "theme"), LOOKS)
def test_axe_finds_nothing_serious(offline: Any, file: Path, lang: str, theme: str, tab: str) -> None:
    package = pytest.importorskip("axe_playwright_python", reason="pip install -r requirements-dev.txt")
    open_file(offline, file, lang=lang, theme=theme, tab=tab)
    offline.evaluate((files(package) / "axe.min.js").read_text(encoding="utf-8"))
    assert offline.evaluate(FINDINGS, RULES) == []


@pytest.mark.usefixtures("own_models")
def test_a_quantised_code_is_put_together_from_entries(offline: Any, tmp_path: Path) -> None:
    run = write_model(tmp_path / "runs" / "quantised", plan("digits", "vq-vae"))
    path = tmp_path / "quantised.html"
    one_file.write(run, path)
    open_file(offline, path)
    offline.get_by_role("button", name="New random z").click()
    offline.get_by_role("tab", name="Codes").click()
    assert offline.get_by_label("Temperature of the random z").is_disabled()
    cell = offline.locator(".code-cell").nth(9)
    cell.click()
    entry = offline.get_by_label("Entry at the chosen place")
    entry.fill("17")
    settle(offline)
    assert cell.inner_text() == "17"
    offline.get_by_role("button", name="This entry everywhere").click()
    settle(offline)
    assert set(offline.locator(".code-cell").all_inner_texts()) == {"17"}
    book = inference.load_run(run).get_submodule("codebook").entries.detach().numpy()  # type: ignore[union-attr]
    z = np.array(offline.evaluate("Array.from(vaelabFile.view.app.latent.z)"))
    np.testing.assert_allclose(
        z.reshape(book.shape[1], -1).T, np.tile(book[17], (z.size // book.shape[1], 1)), rtol=1e-3
    )


def test_a_notebooks_frame_lives_and_reaches_nothing_outside_it(offline: Any) -> None:
    offline.set_content(f"<html><body>{vaelab.load(SHIPPED)._repr_html_()}</body></html>")
    frame = offline.frame_locator("iframe")
    slider = frame.locator("input[data-dim]").first
    slider.wait_for()
    before = frame.locator(PICTURE).evaluate("(canvas) => canvas.toDataURL()")
    slider.focus()
    for _ in range(12):
        slider.press("ArrowRight")
    settle(frame.locator("body"))  # the frame's own frames: those of the page around it are others
    assert frame.locator(PICTURE).evaluate("(canvas) => canvas.toDataURL()") != before
    reached = """() => { try { return parent.document.body.tagName; } catch (error) { return error.name; } }"""
    assert frame.locator("body").evaluate(reached) == "SecurityError"


def test_the_page_hands_out_the_file(new_page: Any, digits_app: str, offline: Any, tmp_path: Path) -> None:
    page = new_page()
    page.goto(f"{digits_app}/decode?run=digits-run&lang=en")
    with page.expect_download() as handed:
        page.get_by_role("button", name="Share this decoder").click()
    assert handed.value.suggested_filename == "digits-run.html"
    handed.value.save_as(tmp_path / "handed.html")
    open_file(offline, tmp_path / "handed.html")
    before = pixels(offline, offline.locator(PICTURE))
    drag(offline, sliders(offline).first, 0.2, 0.9)
    assert pixels(offline, offline.locator(PICTURE)) != before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_menu_of_formats_can_be_read_and_used(new_page: Any, digits_app: str, scheme: str) -> None:
    page = new_page(color_scheme=scheme)
    page.goto(f"{digits_app}/decode?run=digits-run&lang=en")
    page.locator(PICTURE).wait_for()
    page.get_by_role("button", name="Export").click()
    download = page.get_by_role("button", name="Download")
    download.wait_for()
    page.mouse.move(0, 0)  # or the help of "Export" is read while it fades in
    page.wait_for_function(f"() => ({SETTLED})() && !document.querySelector('[data-testid=stTooltipContent]')")
    page.add_style_tag(content=STEADY)
    package = pytest.importorskip("axe_playwright_python", reason="pip install -r requirements-dev.txt")
    page.evaluate((files(package) / "axe.min.js").read_text(encoding="utf-8"))
    assert page.evaluate(FINDINGS, RULES) == []
    with page.expect_download() as handed:
        download.click()
    with zipfile.ZipFile(handed.value.path()) as archive:
        assert "digits-run/model.safetensors" in archive.namelist()


def test_a_file_that_is_cut_off_says_so(browser: Any, file: Path, tmp_path: Path) -> None:
    text = file.read_text(encoding="utf-8")
    start = text.index('id="weights">') + len('id="weights">')
    (tmp_path / "cut.html").write_text(text[: start + 4000] + text[text.index("</script>", start) :], encoding="utf-8")
    page = browser.new_page()
    page.set_default_timeout(WAIT)
    page.goto((tmp_path / "cut.html").as_uri())
    assert "cut off" in page.get_by_role("alert").inner_text()
    page.close()


@pytest.mark.parametrize("engine", ["firefox", "webkit"])
def test_other_engines_open_it_from_the_disk(engine: str, file: Path) -> None:
    if lacking := missing(engine):
        assert "CI" not in os.environ, lacking
        pytest.skip(lacking)
    with window(engine) as found:
        found.driver.open(f"{file.as_uri()}#lang=en")
        found.until("return deep('.slider-row input').length > 1")
        moved(found)
        model = inference.load(SHIPPED)
        z = np.random.default_rng(1).normal(size=model.cfg.latent_dim).astype(np.float32)
        here = found.value(
            f"const {{ app }} = vaelabFile.view; app.latent.label = 1; return Array.from(app.decode([{json.dumps(z.tolist())}]))"
        )
        assert np.abs(np.array(here) - by_torch(model, z, 1)).max() <= 1e-2
        for tab in ("Grid", "Pad", "Walk", "Map"):
            found.press(tab, within=".tabs")
            found.until("return deep('.stage canvas').some((e) => e.width > 0)")
        found.press("中文")
        found.until("return document.documentElement.lang === 'zh'")
        assert found.driver.errors == []


def moved(found: Window) -> None:
    """A drag of the first slider changes its number and the picture."""
    value = "return Number(deep('.slider-row input[type=range]')[0].value)"
    picture = "return deep('canvas[data-view=\"picture\"]')[0].toDataURL()"
    before, drawn = found.value(value), found.until(picture)
    box = found.value(
        "const { x, y, width, height } = deep('.slider-row input[type=range]')[0].getBoundingClientRect(); return { x, y: y + height / 2, width }"
    )
    end = 0.9 if before < 0 else 0.1
    path = [(box["x"] + (0.5 + (end - 0.5) * share) * box["width"], box["y"]) for share in (0, 0.25, 0.5, 0.75, 1)]
    found.driver.drag(path)
    found.until(f"{value} !== {before}")
    found.until(f"{picture} !== {drawn!r}")
