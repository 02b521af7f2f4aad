"""Every gesture of the Latent space page once, in Chromium, in both languages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from run_writer import write_run
from safetensors.numpy import load_file, save_file
from trained import write_model

from vaelab.bench.app_server import running_app
from vaelab.bench.chromium import chromium
from vaelab.plan import plan

pytestmark = pytest.mark.browser

WAIT = 120_000  # milliseconds: a slow machine under load, not a measure of anything


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """The app over a run of the digits with three snapshots."""
    folder = tmp_path_factory.mktemp("browser")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_RUNS", str(folder / "runs"))
        cfg = plan("digits", latent_dim=4)
        run = write_run("digits-run", cfg=cfg)
        write_model(run.path, cfg)
        arrays = load_file(run.snapshot_file(20))
        for step, size in ((1, 0.1), (7, 0.5)):
            other = run.snapshot_file(step)
            other.parent.mkdir(parents=True)
            save_file({**arrays, "probe_mu": (arrays["probe_mu"] * size).astype(np.float32)}, other)
    with running_app(folder / "runs") as found:
        yield found
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser) -> Iterator[Any]:
    found = browser.new_page(viewport={"width": 1280, "height": 800})
    found.set_default_timeout(WAIT)
    said: list[str] = []
    found.on("pageerror", lambda error: said.append(str(error)))
    yield found
    found.close()
    assert said == []


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


def test_hover_click_and_open_in_decode(page, address):
    canvas = open_map(page, address)
    canvas.hover(position=spot(page, 11))
    page.locator(".map-card").wait_for(state="visible")
    canvas.click(position=spot(page, 11))
    page.get_by_text("Nearest codes").wait_for()
    chosen = page.evaluate(f"() => ({PLOT}).marks.selected")
    assert f"Image {chosen}" in page.locator("body").inner_text()
    page.locator(".st-key-latent_x img").wait_for()
    page.wait_for_function(f"() => ({PLOT}).marks.near.length === 6")
    link = page.get_by_role("link", name="Open in Decode")
    assert "z=" in link.get_attribute("href")
    link.click()
    page.wait_for_url("**/decode?*z=*")


def test_lasso(page, address):
    canvas = open_map(page, address, "zh")
    page.get_by_role("button", name="套索").click()
    box = canvas.bounding_box()
    corners = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.2, 0.25)]
    for k, (x, y) in enumerate(corners):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if k == 0:
            page.mouse.down()
    page.mouse.up()
    page.get_by_text("圈内有").wait_for()
    inside = page.evaluate(f"() => ({PLOT}).marks.inside.size")
    assert inside > 10
    assert f"圈内有 {inside} 张图像" in page.locator("body").inner_text()
    page.get_by_text("平均编码的解码").first.wait_for()
