"""The Decode page in Chromium: every way to move z, what is sent meanwhile, and what survives."""

from __future__ import annotations

import base64
import io
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decode_models import drawn, principal_faces
from PIL import Image
from safetensors.numpy import load_file, save_file

from vaelab.cli.bench.app_server import running_app
from vaelab.models.model_config import ModelConfig
from vaelab.runs.processes import ProcessIdentity

pytestmark = pytest.mark.browser

FACES, LABELS, CODES, SPOILT, LIVE = "faces-pca", "fashion-labels", "faces-autoencoder", "spoilt", "live"
DIVERGED = "live-nan"


@pytest.fixture(scope="module")
def runs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("decode")
    runs = folder / "runs"
    principal_faces(runs / FACES, images=300)
    drawn(runs / CODES, ModelConfig(name="autoencoder"))
    drawn(runs / LABELS, ModelConfig(name="conv-vae", channels=1, label="class", classes=10), "fashion-mnist-10k")
    drawn(runs / SPOILT, ModelConfig(name="conv-vae"), spoil=True)
    write_live(principal_faces(runs / LIVE, images=300))
    write_live(principal_faces(runs / DIVERGED, images=300), scale=float("nan"))
    return folder


def write_live(run: Path, scale: float = 1.0) -> None:
    """Turn a finished run into one in training, with this process as its worker."""
    me = ProcessIdentity.mine()
    status = {"state": "running", "step": 1, "total_steps": 9, "heartbeat": time.time() + 3600, "pid": me.pid}
    (run / "status.json").write_text(json.dumps(status | {"start_time": me.start_time, "boot_id": me.boot_id}))
    write_snapshot(run, 1, scale)


def write_snapshot(run: Path, step: int, scale: float) -> None:
    """A snapshot whose decoder is the model's, its last weights multiplied by `scale`."""
    tensors = load_file(run / "model.safetensors")
    tensors["decoder.2.weight"] = tensors["decoder.2.weight"] * scale
    tensors["decoder.2.bias"] = tensors["decoder.2.bias"] * scale
    codes = np.random.default_rng(0).normal(size=(40, 16)).astype(np.float32)
    folder = run / "snapshots" / str(step)
    folder.mkdir(parents=True)
    save_file({**tensors, "probe_mu": codes, "probe_logvar": codes * 0}, folder / "part")
    (folder / "part").rename(folder / "snapshot.safetensors")


@pytest.fixture(scope="module")
def address(runs_folder: Path) -> Iterator[str]:
    with running_app(runs_folder / "runs") as found:
        yield found


def open_decode(page: Any, address: str, run: str = FACES, view: str = "picture", **query: str) -> Any:
    """The page with a run; its canvas."""
    rest = "".join(f"&{name}={value}" for name, value in query.items())
    page.goto(f"{address}/decode?run={run}{rest}", wait_until="commit")
    canvas = page.locator(f'canvas[data-view="{view}"]')
    canvas.wait_for()
    settle(page)
    return canvas


def to_mean(page: Any) -> None:
    """Every slider to zero: the page opens at an example's code."""
    page.get_by_role("button", name="Reset to mean").click()
    page.wait_for_function("() => new URLSearchParams(location.search).get('z')?.startsWith('0,')")
    settle(page)


def settle(page: Any) -> None:
    """Let two frames pass: what was asked for is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def pixels(page: Any, canvas: Any) -> bytes:
    """The canvas as PNG text, which differs when a pixel does."""
    settle(page)
    text: str = canvas.evaluate("(canvas) => canvas.toDataURL()")
    return text.encode()


def sliders(page: Any) -> Any:
    return page.locator("input[data-dim]")


def value_of(page: Any, slider: int = 0) -> str:
    text: str = sliders(page).nth(slider).get_attribute("aria-valuetext")
    return text


def drag(page: Any, target: Any, start: float, end: float, steps: int = 12, release: bool = True) -> None:
    """Drag inside an element from one share of its width to another."""
    box = target.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], y, steps=steps)
    if release:
        page.mouse.up()


def wait_for_link(page: Any) -> str:
    """z in the address: Python has heard of the gesture."""
    page.wait_for_function("() => new URLSearchParams(location.search).has('z')")
    address: str = page.url
    return address


def test_a_drag_moves_the_picture_and_says_nothing_until_its_end(page, address):
    frames: list[int] = []
    sent: list[int] = []

    def watch(socket: Any) -> None:
        socket.on("framereceived", lambda data: frames.append(len(data)))
        socket.on("framesent", lambda data: sent.append(len(data)))

    page.on("websocket", watch)
    canvas = open_decode(page, address)
    page.wait_for_timeout(1500)  # what the page itself says while it opens
    before, already, told = pixels(page, canvas), len(sent), len(frames)
    seen = set()
    drag(page, sliders(page).first, 0.5, 0.6, release=False)
    box = sliders(page).first.bounding_box()
    for share in (0.65, 0.7, 0.75, 0.8, 0.85):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        seen.add(pixels(page, canvas))
    page.wait_for_timeout(600)  # longer than the quiet that ends a gesture of keys
    assert before not in seen
    assert len(seen) == 5
    assert (len(sent), len(frames)) == (already, told)
    page.mouse.up()
    assert "z=" in wait_for_link(page)
    page.wait_for_timeout(500)
    assert len(sent) == already + 1
    assert sum(frames[told:]) < 4000


def test_keyboard_alone_reaches_and_moves_a_slider(page, address):
    canvas = open_decode(page, address)
    to_mean(page)
    before = pixels(page, canvas)
    page.locator('[role="tab"][aria-selected="true"]').first.focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate(
            "() => { let e = document.activeElement; while (e?.shadowRoot) e = e.shadowRoot.activeElement; return 'dim' in e.dataset; }"
        ):
            break
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    settle(page)
    assert value_of(page).startswith("+0.20 standard deviations")
    assert sliders(page).first.get_attribute("aria-label").endswith("nats")
    assert pixels(page, canvas) != before
    page.keyboard.press("End")
    settle(page)
    assert value_of(page).startswith("+3.00")
    assert "z=" in wait_for_link(page)


def test_wheel_double_click_and_lock(page, address):
    open_decode(page, address)
    to_mean(page)
    first = sliders(page).first
    first.hover()
    page.mouse.wheel(0, -100)
    page.mouse.wheel(0, -100)
    page.wait_for_function("(s) => s.getAttribute('aria-valuetext').startsWith('+0.20')", arg=first.element_handle())
    first.dblclick()
    settle(page)
    assert value_of(page).startswith("+0.00")
    first.press("ArrowLeft")
    page.locator(".slider-row .lock").first.click()
    locked = value_of(page)
    page.get_by_role("button", name="New random z").click()
    settle(page)
    assert value_of(page) == locked != value_of(page, 1)
    assert first.is_disabled()


def test_touch_moves_a_slider(new_page, address):
    page = new_page(has_touch=True, viewport={"width": 800, "height": 900})
    canvas = open_decode(page, address)
    before = pixels(page, canvas)
    sliders(page).first.scroll_into_view_if_needed()
    box = sliders(page).first.bounding_box()
    y = box["y"] + box["height"] / 2
    finger = page.context.new_cdp_session(page)
    for kind, share in (("touchStart", 0.5), ("touchMove", 0.6), ("touchMove", 0.8)):
        points = [{"x": box["x"] + share * box["width"], "y": y}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert pixels(page, canvas) != before
    assert float(re.match(r"\+(\d\.\d+)", value_of(page)).group(1)) > 1.0


def test_without_webassembly_plain_javascript_decodes_the_same(page, new_page, address):
    z = "1.5,-1,0.5," + ",".join(["0"] * 13)
    expected = pixels(page, open_decode(page, address, z=z))
    other = new_page()
    other.add_init_script("delete globalThis.WebAssembly")
    canvas = open_decode(other, address, z=z)
    assert "plain JavaScript" in other.locator(".lab .status").inner_text()
    assert near(pixels(other, canvas), expected)


def near(one: bytes, two: bytes) -> bool:
    """Whether two canvases agree to one level of 255: the paths round differently."""
    images = [np.asarray(Image.open(io.BytesIO(base64.b64decode(text.split(b",")[1]))), int) for text in (one, two)]
    return images[0].shape == images[1].shape and int(np.abs(images[0] - images[1]).max()) <= 1


def test_z_survives_theme_page_switch_and_reload(page, address):
    canvas = open_decode(page, address)
    drag(page, sliders(page).first, 0.5, 0.75)
    wait_for_link(page)
    moved, second, shown = value_of(page), value_of(page, 1), pixels(page, canvas)
    page.emulate_media(color_scheme="dark")
    page.locator('.vaelab[data-theme="dark"]').wait_for()
    assert pixels(page, canvas) == shown
    page.emulate_media(color_scheme="light")
    page.locator('.vaelab[data-theme="light"]').wait_for()
    page.get_by_role("link", name="Train", exact=True).click()
    page.wait_for_url("**/train*")
    page.get_by_role("link", name="Decode", exact=True).click()
    canvas.wait_for()
    settle(page)
    assert value_of(page) == moved
    assert pixels(page, canvas) == shown
    sliders(page).nth(1).press("ArrowRight")
    wait_for_link(page)
    page.wait_for_timeout(800)
    page.reload(wait_until="commit")
    canvas.wait_for()
    settle(page)
    assert value_of(page)[:6] == moved[:6]
    assert value_of(page, 1) != second


def test_another_model_in_the_middle_of_a_gesture(page, address):
    open_decode(page, address)
    drag(page, sliders(page).first, 0.5, 0.8, release=False)
    moved = value_of(page)
    box = page.get_by_role("combobox").first
    box.focus()
    page.keyboard.type(LABELS)
    page.keyboard.press("Enter")
    page.get_by_label("class").first.wait_for()
    page.mouse.up()
    canvas = page.locator('canvas[data-view="picture"]')
    canvas.wait_for()
    assert value_of(page) != moved  # a z of its own
    before = pixels(page, canvas)
    sliders(page).first.press("End")
    assert pixels(page, canvas) != before


def test_a_label_of_a_conditional_model_answers_at_once(page, address):
    canvas = open_decode(page, address, LABELS)
    before = pixels(page, canvas)
    page.locator(".choice select").first.select_option("3")
    assert pixels(page, canvas) != before


def test_two_tabs_keep_a_z_each(page, new_page, address):
    open_decode(page, address)
    before = value_of(page)
    other = new_page()
    open_decode(other, address)
    sliders(other).first.press("End")
    settle(other)
    assert value_of(other).startswith("+3.00")
    assert value_of(page) == before


def test_weights_with_nan_are_refused_with_a_sentence(page, address):
    page.goto(f"{address}/decode?run={SPOILT}", wait_until="commit")
    refused = page.get_by_test_id("stAlert")
    refused.wait_for()
    assert "not finite" in refused.inner_text()
    assert page.locator("code").count() == 0  # no command either


def test_a_training_whose_first_weights_diverged_is_refused_in_chinese(page, address):
    page.goto(f"{address}/decode?lang=zh&run={DIVERGED}", wait_until="commit")
    page.get_by_text("非有限的数").wait_for()


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


def test_reduced_motion_stops_the_animation(page, new_page, address):
    canvas = open_decode(page, address)
    page.get_by_role("button", name="Breathe").click()
    seen = {pixels(page, canvas) for _ in range(6)}
    assert len(seen) > 1
    page.emulate_media(reduced_motion="reduce")
    settle(page)
    assert pixels(page, canvas) == pixels(page, canvas)
    other = new_page(reduced_motion="reduce")
    open_decode(other, address)
    assert other.get_by_role("button", name="Breathe").is_disabled()


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


def test_breathing_leaves_a_locked_dimension_alone(page, address):
    open_decode(page, address)
    to_mean(page)
    page.locator(".slider-row .lock").first.click()
    page.get_by_role("button", name="Breathe").click()
    page.wait_for_function("(s) => Math.abs(s.value) > 0.2", arg=sliders(page).nth(1).element_handle())
    assert value_of(page).startswith("+0.00")


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
