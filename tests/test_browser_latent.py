"""Every gesture of the Latent space page once, in Chromium, in one language or the other."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decode_browser import quiet, settle
from run_writer import write_run
from safetensors.numpy import load_file, save_file
from trained import write_model

from vaelab.cli.bench.app_server import running_app
from vaelab.runs.plan import plan
from vaelab.runs.store import Run
from vaelab.ui.text import Language, strings

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """The app over a run of the digits with three snapshots."""
    folder = tmp_path_factory.mktemp("browser")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_RUNS", str(folder / "runs"))
        cfg = plan("digits", latent_dim=4)
        run = write_run("digits-run", cfg=cfg)
        write_model(run.path, cfg)
        mixture = plan("digits", "mixture-vae", latent_dim=4)
        mixed = write_model(write_run("mixture-run", cfg=mixture).path, mixture)
        keep_prior(mixed)
        arrays = load_file(run.snapshot_file(20))
        for step, size in ((1, 0.1), (7, 0.5)):
            other = run.snapshot_file(step)
            other.parent.mkdir(parents=True)
            save_file({**arrays, "probe_mu": (arrays["probe_mu"] * size).astype(np.float32)}, other)
    with running_app(folder / "runs") as found:
        yield found
    shutil.rmtree(folder)


def keep_prior(run: Run) -> None:
    """Two moments of a mixture: the first kept no prior, as an earlier version wrote it."""
    last = load_file(run.snapshot_file(20))
    run.snapshot_file(1).parent.mkdir()
    save_file(last, run.snapshot_file(1))
    weights = np.linspace(0.055, 0.145, 10, dtype=np.float32)
    zeros = np.zeros((10, 4), np.float32)
    save_file(last | {"prior_mu": zeros, "prior_logvar": zeros, "prior_weights": weights}, run.snapshot_file(20))


@pytest.fixture
def words(lang: Language) -> dict[str, str]:
    """The page's strings in the language of the test, those of the map included."""
    return strings(lang, "latent") | strings(lang, "latent_map")


def open_map(page: Any, address: str, lang: str = "en") -> Any:
    page.goto(f"{address}/latent?run=digits-run&lang={lang}")
    page.locator(".map-legend").wait_for()
    page.wait_for_function(f"() => ({SETS})?.placed")
    return page.locator(".map-canvas")


# The instance hangs on the root for tests and curious people: what is drawn, without reading pixels.
SETS = "[...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.map')).find(Boolean)?.latentMap.plot.set"
PLOT = SETS.removesuffix(".set")


def spot(page: Any, row: int) -> dict[str, float]:
    """Where a point lies on the canvas."""
    place: dict[str, float] = page.evaluate(f"(i) => {{ const p = {PLOT}; return {{x: p.sx[i], y: p.sy[i]}}; }}", row)
    return place


@pytest.mark.parametrize("lang", ["en", pytest.param("zh", marks=pytest.mark.slow)])
def test_hover_click_and_open_in_decode(page, address, lang, words):
    canvas = open_map(page, address, lang)
    canvas.hover(position=spot(page, 11))
    page.locator(".map-card").wait_for(state="visible")
    canvas.click(position=spot(page, 11))
    page.get_by_text(words["near"]).first.wait_for()
    chosen = page.evaluate(f"() => ({PLOT}).marks.selected")
    page.get_by_text(words["number"].format(n=chosen)).first.wait_for()
    page.locator(".look label").nth(1).wait_for()
    page.wait_for_function(f"() => ({PLOT}).marks.near.length === 6")
    link = page.get_by_role("link", name=words["open_decode"])
    assert "z=" in link.get_attribute("href")
    link.click()
    page.wait_for_url("**/decode?*z=*")


@pytest.mark.parametrize("lang", ["zh"])
def test_lasso(page, address, lang, words):
    canvas = open_map(page, address, lang)
    page.get_by_role("button", name=words["lasso"]).click()
    box = canvas.bounding_box()
    corners = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.2, 0.2)]  # back to where it began
    for k, (x, y) in enumerate(corners):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if k == 0:
            page.mouse.down()
    page.mouse.up()
    page.get_by_text(words["decoded_average"]).first.wait_for()
    inside = page.evaluate(f"() => ({PLOT}).marks.inside.size")
    assert inside > 10
    page.get_by_text(words["inside"].split("**")[1].format(n=inside)).wait_for()


@pytest.mark.parametrize("lang", ["en"])
def test_pan_zoom_and_the_legend_keep_the_choice(page, address, lang, words):
    canvas = open_map(page, address, lang)
    canvas.click(position=spot(page, 3))
    page.get_by_text(words["near"]).first.wait_for()
    chosen = page.evaluate(f"() => ({PLOT}).marks.selected")
    before = spot(page, chosen)
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.wheel(0, -400)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 60, steps=4)
    page.mouse.up()
    page.wait_for_function(f"([i, x]) => ({PLOT}).sx[i] !== x", arg=[chosen, before["x"]])
    assert page.evaluate(f"() => ({PLOT}).marks.selected") == chosen
    page.locator('.map-key[data-class="0"]').click()
    assert page.evaluate(f"() => [...({SETS}).hidden]") == [0]
    page.get_by_label(words["colour"], exact=True).click()
    page.get_by_role("option", name=words["by_uncertainty"]).click()
    page.locator(".map-scale").wait_for()
    assert page.evaluate(f"() => ({PLOT}).marks.selected") == chosen
    page.get_by_label(words["colour"], exact=True).click()
    page.get_by_role("option", name={"en": "Class", "zh": "类别"}[lang]).click()
    page.locator('.map-key[data-class="0"]').wait_for()
    off = page.locator('.map-key[aria-pressed="false"]').count()
    assert off == page.evaluate(f"() => ({SETS}).hidden.size") == 0
    assert page.evaluate(f"() => ({PLOT}).camera.zoom") > 1


def test_other_colours_keep_what_is_switched_off(page, address):
    """What a switch of the theme tells the map: the same classes in other colours."""
    open_map(page, address)
    page.locator('.map-key[data-class="2"]').click()
    page.evaluate(f"""async () => {{
        const map = {PLOT.removesuffix(".plot")};
        await map.take({{ ...map.data, colours: [...map.data.colours].reverse() }});
    }}""")
    page.locator('.map-key[data-class="2"][aria-pressed="false"]').wait_for()
    assert page.evaluate(f"() => [...({SETS}).hidden]") == [2]


def test_both_images_can_be_in_focus(page, address):
    """Beside each other where there is room; else a click on the small one swaps them, without moving what follows."""
    canvas = open_map(page, address)
    canvas.click(position=spot(page, 11))
    images = page.locator(".look label img")
    images.nth(1).wait_for()

    def sides() -> list[float]:
        return [images.nth(k).bounding_box()["width"] for k in range(2)]

    assert sides() == [256, 96]
    below = page.get_by_role("link", name="Open in Decode")
    below.wait_for()
    after = "xpath=following::*[@data-testid='stVegaLiteChart'][1]"  # the prior's charts stand before it
    chart = page.locator(".st-key-latent_words").locator(after).locator("svg.marks")
    chart.wait_for()  # it stands between them, and draws itself
    quiet(page)
    code = chart.bounding_box()
    assert code["y"] + code["height"] <= 800, "the code of the point, above the fold"
    before = below.bounding_box()
    images.nth(1).click()
    assert sides() == [96, 256]
    assert below.bounding_box() == before
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.wait_for_function(
        "() => document.querySelectorAll('.look label img')[0].getBoundingClientRect().width === 256"
    )
    assert sides() == [256, 256]


@pytest.mark.parametrize("lang", ["zh"])
def test_three_dimensions_turn(page, address, lang):
    canvas = open_map(page, address, lang)
    page.get_by_role("radio", name="3-D").click()
    page.wait_for_function(f"() => ({PLOT}).camera.solid")
    box = canvas.bounding_box()
    yaw = page.evaluate(f"() => ({PLOT}).camera.yaw")
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 120, steps=4)
    page.mouse.up()
    assert page.evaluate(f"() => ({PLOT}).camera.yaw") > yaw


@pytest.mark.parametrize("lang", ["zh"])
def test_t_sne_comes_in_the_background(page, address, lang, words):
    open_map(page, address, lang)
    before = page.evaluate(f"() => Array.from(({SETS}).goal)")
    top = page.locator(".map-box").bounding_box()
    page.get_by_label(words["projection"], exact=True).click()
    page.get_by_role("option", name="t-SNE").click()
    if lang == "en":  # the second time the map is there at once
        page.locator(".map-progress").wait_for(state="visible")
    assert page.locator(".map-box").bounding_box() == top
    page.get_by_text(words["tsne_finished"].format(n=297, trust="0.")).wait_for()
    after = page.evaluate(f"() => Array.from(({SETS}).goal)")
    assert np.abs(np.array(before) - np.array(after)).max() > 0.5
    page.reload()
    page.locator(".map-legend").wait_for()


@pytest.mark.parametrize("lang", ["en"])
def test_time_travel_moves_everything_together(page, address, lang, words):
    open_map(page, address, lang)
    slider = page.get_by_label(words["time"])
    page.wait_for_function(f"() => !({PLOT.removesuffix('.plot')}).time.slider.disabled")
    slider.fill("0")
    page.get_by_text(words["step"].format(step=1, n=1, of=3)).wait_for()
    page.wait_for_function(f"() => ({SETS}).n === 40 && !({SETS}).to")
    small = page.evaluate(f"() => Math.max(...({SETS}).places)")
    title = page.locator(".map-legend > b")
    assert title.inner_text() == ("Class" if lang == "en" else "类别")
    slider.fill("1")
    page.get_by_text(words["step"].format(step=7, n=2, of=3)).wait_for()
    page.wait_for_function(f"() => !({SETS}).to")
    assert page.evaluate(f"() => Math.max(...({SETS}).places)") == pytest.approx(5 * small, rel=0.01)
    page.get_by_text(words["travelling_to"].format(step=7)).wait_for()
    assert slider.evaluate("(e) => e.style.getPropertyValue('--fill')") == "50%"
    page.get_by_role("button", name=words["play"]).click()
    page.get_by_text(words["step"].format(step=20, n=3, of=3)).wait_for()
    assert slider.evaluate("(e) => e.style.getPropertyValue('--fill')") == "100%"  # nobody dragged it there
    page.get_by_role("button", name=words["now"], exact=True).click()
    page.wait_for_function(f"() => ({SETS}).n === 297")
    page.get_by_text(words["told_pca"].format(n=297, trust="0.")).wait_for()
    with page.expect_download() as saved:
        page.get_by_role("link", name=words["gif"]).click()
    assert saved.value.suggested_filename == "digits-run.gif"
    assert Path(saved.value.path()).read_bytes()[:6] == b"GIF89a"


def ready(page: Any) -> None:
    """Wait for the decoder and the present map's way back to codes."""
    page.wait_for_function(f"() => ({PLOT})?.card.decoder?.lift")


@pytest.mark.parametrize("lang", ["en"])
def test_the_decoded_image_follows_the_pointer_between_points(page, address, lang, words):
    canvas = open_map(page, address, lang)
    ready(page)
    box = canvas.bounding_box()
    here = page.locator(".map-card canvas").first
    images = []
    for x, y in ((0.3, 0.3), (0.62, 0.71)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.get_by_text(words["here_inverse"], exact=True).wait_for()
        settle(page)
        images.append(here.evaluate("(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"))
        place = page.evaluate(
            f"([x, y]) => ({PLOT}).camera.placeAt(x * ({PLOT}).camera.width, y * ({PLOT}).camera.height)", [x, y]
        )
        base = page.evaluate(
            f"""([x, y]) => {{ const d = ({PLOT}).card.decoder; const z = new Float32Array(4); d.lift.at(x, y, z);
            return [...z, ...d.net.run(z, 1)]; }}""",
            place,
        )
        pixels = np.array(images[-1]).reshape(-1, 4)[:, 0]
        np.testing.assert_allclose(pixels, 255 * np.array(base[4:]), atol=2.5)
    assert images[0] != images[1]
    page.mouse.move(box["x"] - 40, box["y"])
    page.locator(".map-card").wait_for(state="hidden")


@pytest.mark.parametrize("lang", ["zh"])
def test_a_dragged_path_is_played(page, address, lang, words):
    canvas = open_map(page, address, lang)
    ready(page)
    page.get_by_role("button", name=words["path"], exact=True).click()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 200, steps=5)
    page.mouse.up()
    page.wait_for_function(f"() => ({PLOT}).path.isPlaying")
    first = page.evaluate(f"() => ({PLOT}).path.here")
    page.wait_for_function(
        f"(first) => JSON.stringify(({PLOT}).path.here) !== JSON.stringify(first) && first !== undefined", arg=first
    )
    page.locator(".map-card").wait_for(state="visible")
    page.get_by_role("button", name=words["path"], exact=True).click()
    page.wait_for_function(f"() => !({PLOT}).path.isPlaying && !({PLOT}).path.isThere")


@pytest.mark.parametrize("lang", ["en"])
def test_backdrop_and_density_are_drawn_under_the_points_and_modes_over_them(page, address, lang, words):
    open_map(page, address, lang)
    ready(page)
    inked = f"""() => {{ const c = ({PLOT}).ground.canvas;
        return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((value) => value > 0); }}"""
    assert not page.evaluate(inked)
    for name in ("backdrop", "density"):
        control = page.get_by_role("button", name=words[name], exact=True)
        control.click()
        page.wait_for_function(inked)
        if name == "density":
            page.get_by_text(words["holes_told"].split("{")[0][:6]).wait_for()
        control.click()
        page.wait_for_function(f"() => !({inked})()")
    page.goto(f"{address}/latent?run=mixture-run")
    ready(page)
    page.get_by_role("button", name=words["modes"], exact=True).click()
    page.get_by_text(words["modes_told"].format(n=10, share="10.0")).wait_for()
    slider = page.get_by_label(words["time"])
    slider.fill("0")
    page.get_by_text(words["modes_not_kept"]).wait_for()
    slider.fill("1")
    page.get_by_text(words["modes_told"].format(n=10, share="5.5–14.5")).wait_for()
    page.wait_for_function(
        f"() => new Set(({PLOT}).over.shown.modes.set.places).size <= 3"
    )  # all at one place of the plane
    page.locator(".map-canvas").focus()
    page.keyboard.press("m")
    page.get_by_text(words["mode_told"].format(k=10, n=10, share="14.5")).first.wait_for()
    page.get_by_role("button", name=words["now"], exact=True).click()
    page.get_by_text(words["modes_told"].format(n=10, share="10.0")).wait_for()
    page.locator(".map-canvas").focus()
    page.keyboard.press("m")
    page.keyboard.press("m")
    page.get_by_text(words["mode_told"].format(k=2, n=10, share="10.0")).first.wait_for()
    page.keyboard.press("Enter")
    page.get_by_role("link", name=words["open_mode"]).wait_for()
    page.wait_for_url("**mode=1")


@pytest.mark.parametrize("lang", ["zh"])
def test_the_map_is_read_with_the_keyboard(page, address, lang, words):
    canvas = open_map(page, address, lang)
    ready(page)
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    page.get_by_text(words["here_inverse"], exact=True).wait_for()
    page.keyboard.press("Enter")
    page.get_by_text(words["near"]).first.wait_for()
    assert page.evaluate(f"() => ({PLOT}).marks.selected") >= 0
    page.get_by_text(words["here_around"], exact=True).wait_for(state="attached")


@pytest.mark.parametrize("lang", ["en"])
def test_a_map_whose_first_questions_are_lost_comes_all_the_same(page, address, lang, words):
    """A moment without a network: points, colours and pictures between the points are asked for again."""
    lost: list[str] = []

    def lose_once(route: Any) -> None:
        url = route.request.url
        if url in lost:
            route.continue_()
        else:
            lost.append(url)
            route.abort()

    page.route(re.compile(r"/(facts\.json|(places|colours|lift)\.bin|[^/]*decoder[^/]*)(\?|$)"), lose_once)
    canvas = open_map(page, address, lang)
    ready(page)
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    page.get_by_text(words["here_inverse"], exact=True).wait_for()
    assert len(lost) >= 5, lost


def test_the_page_says_the_same_in_both_languages(page, address):
    for lang, words in (("en", "Prior against posterior"), ("zh", "先验与后验")):
        open_map(page, address, lang)
        page.get_by_text(words).wait_for()
        page.locator(".st-key-latent_ellipses .marks").wait_for()
    assert json.loads(page.evaluate("JSON.stringify(document.body.scrollWidth <= window.innerWidth)"))
    page.set_viewport_size({"width": 390, "height": 844})  # the strips are whole on a phone too
    page.locator(".map-strip").first.wait_for()
    rows = "[...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.map')).find(Boolean).querySelectorAll('.map-strip-row')"
    page.wait_for_function(
        f"() => [...{rows}].every((row) => row.clientWidth <= 390 && row.scrollWidth <= row.clientWidth)"
    )
