"""The views of the Decode page in Chromium: grid and pad, pipeline, walk, two models side by side, a training that is followed, what is saved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from decode_browser import (
    CODES,
    LIVE,
    SPOILT,
    drag,
    open_decode,
    pixels,
    settle,
    sliders,
    value_of,
    write_runs,
    write_snapshot,
)
from PIL import Image

from vaelab.cli.bench.app_server import running_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def runs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_runs(tmp_path_factory.mktemp("decode"))


@pytest.fixture(scope="module")
def address(runs_folder: Path) -> Iterator[str]:
    with running_app(runs_folder / "runs") as found:
        yield found


def test_grid_click_jumps_and_pad_drags(page, address):
    grid = open_decode(page, address, view="grid", tab="grid", z=",".join(["0"] * 16))
    box = grid.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 15.5 / 16, box["y"] + box["height"] / 16)
    settle(page)
    assert value_of(page).startswith("+3.00")
    page.locator('[data-key="pad"]').click()
    pad = page.locator('[data-view="pad"]')
    pad.wait_for()
    settle(page)
    drag(page, pad, 0.5, 0.25)
    settle(page)
    caption = page.locator(".pad + .caption").inner_text()
    assert "= \u22121.50 σ" in caption
    assert "= +0.00 σ" in caption or "= \u22120.0" in caption


def test_the_picture_of_a_fixed_z_follows_a_training(page, address, runs_folder):
    canvas = open_decode(page, address, LIVE)
    drag(page, sliders(page).first, 0.5, 0.7, release=False)
    before, position = pixels(page, canvas), value_of(page)
    write_snapshot(runs_folder / "runs" / LIVE, 2, 0.2)
    page.locator(".lab .status", has_text="step 2").wait_for()
    assert pixels(page, canvas) != before
    assert value_of(page) == position
    page.mouse.up()


def test_the_pipeline_answers_the_brush_and_adds_up_in_nats(page, address):
    output = open_decode(page, address, view="output", tab="pipeline")
    before = pixels(page, output)
    drag(page, page.locator('canvas[data-view="input"]'), 0.2, 0.8)
    assert pixels(page, output) != before
    recon, kl, total = (float(text.split()[0]) for text in page.locator(".loss output").all_inner_texts())
    assert total == pytest.approx(recon + kl, abs=0.11)
    page.get_by_role("button", name="Resample").click()
    assert pixels(page, output) != before
    page.locator('th [data-node="sigma"]').hover()
    assert "torch.exp" in page.locator(".code .lit").first.inner_text()


def test_a_walk_is_shown_large_and_alone(page, address):
    canvas = open_decode(page, address, view="walk-linear", tab="walk")
    assert canvas.bounding_box()["width"] >= 256
    random = page.get_by_role("button", name="New random z")
    assert random.is_disabled()
    assert "the walk shows its own two ends" in random.get_attribute("title")
    assert sliders(page).count() == 0
    page.locator('[data-key="one"]').click()
    assert random.is_enabled()


def test_a_spoilt_model_beside_another_is_refused_alone(page, address):
    open_decode(page, address, beside=SPOILT)
    page.locator('[data-key="side"]').click()
    assert "not finite" in page.locator(".stage .hint").inner_text()
    assert sliders(page).count() > 0


def test_a_training_beside_another_model_is_followed(page, address, runs_folder):
    open_decode(page, address, view="side-0", tab="side", beside=LIVE)
    second = page.locator('canvas[data-view="side-1"]')
    second.wait_for()
    before = pixels(page, second)
    write_snapshot(runs_folder / "runs" / LIVE, 3, 0.5)
    page.wait_for_function("([c, old]) => c.toDataURL() !== old", arg=[second.element_handle(), before.decode()])


def test_the_pipeline_of_an_autoencoder_has_no_kl(page, address):
    open_decode(page, address, CODES, view="output", tab="pipeline")
    assert page.locator(".loss output").count() == 1


def test_side_by_side_moves_both(page, address):
    first = open_decode(page, address, view="side-0", tab="side", beside=CODES)
    second = page.locator('canvas[data-view="side-1"]')
    before = pixels(page, first), pixels(page, second)
    sliders(page).first.press("End")
    after = pixels(page, first), pixels(page, second)
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert "holes" in page.locator(".stage").inner_text()


def test_pictures_and_walks_are_saved(page, address, tmp_path):
    open_decode(page, address)
    with page.expect_download() as saved:
        page.locator(".actions").get_by_role("button", name="Save PNG").click()
    saved.value.save_as(tmp_path / "one.png")
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.size == (512, 512)
    page.locator('[data-key="walk"]').click()
    page.locator('canvas[data-view="walk-linear"]').wait_for()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save GIF").click()
    saved.value.save_as(tmp_path / "walk.gif")
    with Image.open(tmp_path / "walk.gif") as film:
        assert film.size == (512, 256)
        assert film.n_frames == 46
