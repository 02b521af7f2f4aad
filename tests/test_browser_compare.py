"""The Compare page in Chromium: the divider between two models' pictures, one z that moves all of them, a sweep."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from decode_browser import settle
from PIL import Image
from playwright.sync_api import expect
from run_writer import write_run
from trained import write_model
from visitors import STEADY

import vaelab
from vaelab.analysis import comparison
from vaelab.cli.bench.app_server import running_app
from vaelab.runs import store
from vaelab.runs.plan import plan
from vaelab.ui.text import strings

pytestmark = pytest.mark.browser

PAIR = ("pixel-faces-conv-vae", "pixel-faces-autoencoder")
TOLERANCE = 1  # of 255


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    runs = tmp_path_factory.mktemp("compare") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_RUNS", str(runs))
        for z, beta in ((2, 1.0), (4, 1.0), (2, 4.0)):
            cfg = plan("digits", latent_dim=z, beta=beta)
            write_model(write_run(f"z{z}-beta{beta:g}", cfg=cfg).path, cfg)
    with running_app(runs) as found:
        yield found


# While a page is computed again, Streamlit shows what is not confirmed yet in pale ink.
UNSURE = "[data-testid=stApp][data-test-script-state=running], [data-stale=true]"


def seen(page: Any, target: Any, shape: tuple[int, int]) -> np.ndarray:
    """What stands on the screen at the middle of each pixel of an image that is drawn large: (H, W, 3)."""
    page.wait_for_function(f"() => !document.querySelector({UNSURE!r})")
    page.add_style_tag(content=STEADY)
    settle(page)
    screen = np.asarray(Image.open(io.BytesIO(target.screenshot())).convert("RGB")).astype(int)
    rows, columns = (
        ((np.arange(n) + 0.5) * size / n).astype(int) for n, size in zip(shape, screen.shape, strict=False)
    )
    return screen[rows][:, columns]


def test_a_divider_uncovers_one_model_or_the_other(new_page: Any, address: str) -> None:
    words = strings("en", "compare")
    left, right = (
        comparison.pictures(store.find(name), 0, 12, 0).x_hat.astype(int).transpose(0, 2, 3, 1) for name in PAIR
    )
    page = new_page(has_touch=True)
    page.goto(f"{address}/compare?models={','.join(PAIR)}&view=pictures&lang=en", wait_until="commit")
    page.get_by_text(words["layout_over"]).click()
    lens = page.locator(".divider .lens")
    lens.wait_for()
    box = lens.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 60, steps=4)
    page.mouse.up()
    assert lens.get_attribute("aria-valuenow") == "25"
    assert PAIR[0] in lens.get_attribute("aria-valuetext")
    shown = seen(page, lens, (32, 32))
    np.testing.assert_allclose(shown[:8, :7], left[0][:8, :7], atol=TOLERANCE)
    np.testing.assert_allclose(shown[:8, 9:], right[0][:8, 9:], atol=TOLERANCE)
    lens.press("End")
    np.testing.assert_allclose(seen(page, lens, (32, 32))[:8, :31], left[0][:8, :31], atol=TOLERANCE)
    lens.press("PageDown")
    lens.press("ArrowLeft")
    assert lens.get_attribute("aria-valuenow") == "88"
    box = lens.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.75, box["y"] + 20)
    expect(lens).to_have_attribute("aria-valuenow", "75")
    page.locator(".divider .tile").nth(4).click()
    np.testing.assert_allclose(seen(page, lens, (32, 32))[:8, :23], left[4][:8, :23], atol=TOLERANCE)


def test_one_z_moves_the_pictures_of_all_models(page: Any, address: str) -> None:
    models = [vaelab.load(name) for name in PAIR]

    def decoded(position: np.ndarray) -> list[np.ndarray]:
        found = []
        for model in models:
            z = model.z_mean.copy()
            z[: len(position)] += position * model.z_std[: len(position)]
            found.append(model.decode(z)[0].transpose(1, 2, 0).astype(int))
        return found

    page.goto(f"{address}/compare?models={','.join(PAIR)}&view=z&lang=en&z=1,-2", wait_until="commit")
    frames = page.locator(".chorus .frame")
    frames.last.wait_for()
    expect(page.locator(".chorus .frame p")).to_have_count(0)  # both decoders are there
    position = np.array([1.0, -2.0])
    for k, made in enumerate(decoded(position)):
        np.testing.assert_allclose(seen(page, frames.nth(k), (32, 32)), made, atol=TOLERANCE)
    pad = page.locator(".chorus .pad")
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 85, box["y"] + 85)
    page.mouse.down()
    page.mouse.move(box["x"] + 170 * 5 / 6, box["y"] + 170 / 6, steps=4)
    page.mouse.up()
    rows = page.locator(".chorus input[data-dim]")
    assert [rows.nth(k).input_value() for k in (0, 1)] == ["2", "2"]
    for k, made in enumerate(decoded(np.array([2.0, 2.0]))):
        np.testing.assert_allclose(seen(page, frames.nth(k), (32, 32)), made, atol=TOLERANCE)
    rows.nth(2).press("ArrowLeft")
    page.wait_for_function("() => new URLSearchParams(location.search).get('z')?.startsWith('2,2,-0.05,0')")
    page.get_by_label(strings("en", "compare")["chorus_by"]).select_option("use")
    page.wait_for_function("() => new URLSearchParams(location.search).get('pairs') === 'use'")
    page.reload()
    rows.nth(2).wait_for()
    assert [rows.nth(k).input_value() for k in range(3)] == ["2", "2", "-0.05"]


def test_a_cell_of_a_sweep_shows_its_pictures(page: Any, address: str) -> None:
    page.goto(f"{address}/compare?view=sweep&lang=en", wait_until="commit")
    cells = page.locator(".heat button.cell")
    cells.nth(2).wait_for()
    assert cells.count() == 3  # the fourth place has no run
    cells.nth(1).click()
    picture = page.get_by_alt_text("z4-beta1: Samples")
    picture.wait_for()
    cells.nth(1).press("ArrowDown")  # where there is no run: the focus stays
    cells.nth(1).press("ArrowLeft")
    page.locator(".heat button.cell:focus").press("ArrowDown")
    page.locator(".heat button.cell:focus").press("Enter")
    page.get_by_alt_text("z2-beta4: Samples").wait_for()
    page.wait_for_url("**cell=z2-beta4**")
    page.reload()
    page.get_by_alt_text("z2-beta4: Samples").wait_for()
    expect(page.locator(".heat button[aria-pressed=true]")).to_have_attribute("data-place", "1,0")
