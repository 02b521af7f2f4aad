"""The README's moving picture: a slider is dragged, a training runs, the pointer walks over the map. Called by screenshots.py."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

VIEW = {"width": 1280, "height": 800}
SIZE = (1120, 700)  # pixels of the picture
QUALITY = 72
MOST_BYTES = 3_000_000
WAIT = 120_000  # milliseconds
SETTLE = 6_000  # milliseconds until every picture is drawn
DRAG, CURVES, WALK = 36, 26, 40  # frames of each scene
BETWEEN = {"drag": 80, "curves": 220, "walk": 110}  # milliseconds that a frame is shown
CURVE_TICK = 700  # milliseconds between two pictures of the training, which ticks once a second

# Screenshots have no pointer: a disc stands where it is.
POINTER = """() => {
  const disc = document.createElement("div");
  disc.style.cssText = "position:fixed;z-index:999999;width:18px;height:18px;margin:-9px 0 0 -9px;border-radius:9px;" +
    "pointer-events:none;background:rgba(20,20,20,.35);border:2px solid rgba(255,255,255,.9);box-shadow:0 0 3px rgba(0,0,0,.5)";
  disc.style.left = "-50px";
  document.body.append(disc);
  addEventListener("pointermove", (e) => { disc.style.left = e.clientX + "px"; disc.style.top = e.clientY + "px"; }, true);
}"""


def take_moving(browser: Browser, address: str, lang: str, training: str, finished: str, file: Path) -> None:
    """Write the picture in one language as an animated WebP of at most MOST_BYTES. training: a run that goes on meanwhile."""
    page = browser.new_page(viewport=VIEW, color_scheme="light")  # type: ignore[arg-type]
    page.set_default_timeout(WAIT)
    frames: list[Image.Image] = []
    shown: list[int] = []
    for scene, (path, pictures) in {
        "drag": (f"decode?run={finished}", _drag),
        "curves": (f"train?run={training}", _curves),
        "walk": (f"latent?run={finished}", _walk),
    }.items():
        page.goto(f"{address}/{path}&lang={lang}", wait_until="commit")
        for picture in pictures(page):
            frames.append(picture)
            shown.append(BETWEEN[scene])
    page.close()
    frames[0].save(
        file,
        save_all=True,
        append_images=frames[1:],
        duration=shown,
        loop=0,
        quality=QUALITY,
        method=4,
        minimize_size=True,
    )
    if (size := file.stat().st_size) > MOST_BYTES:
        raise SystemExit(
            f"{file} may have at most {MOST_BYTES:,} bytes, got {size:,}; lower QUALITY or show fewer frames"
        )


def _picture(page: Page) -> Image.Image:
    shot = Image.open(io.BytesIO(page.screenshot(type="png"))).convert("RGB")
    return shot.resize(SIZE, Image.Resampling.LANCZOS)


def _drag(page: Page) -> Iterator[Image.Image]:
    """The first two sliders of Decode are dragged to and fro."""
    page.locator("canvas").first.wait_for()
    page.wait_for_timeout(SETTLE)
    page.evaluate(POINTER)
    for slider in (0, 1):
        box = page.locator("input[data-dim]").nth(slider).bounding_box()
        assert box is not None
        middle, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(middle, y)
        page.mouse.down()
        for k in range(DRAG // 2):
            page.mouse.move(middle + 0.42 * box["width"] * math.sin(2 * math.pi * k / (DRAG / 2)), y)
            page.wait_for_timeout(40)
            yield _picture(page)
        page.mouse.up()


def _curves(page: Page) -> Iterator[Image.Image]:
    """Curves and pictures of a training that runs."""
    page.locator("[data-testid=stVegaLiteChart] svg.marks").nth(3).wait_for()
    page.wait_for_timeout(SETTLE)
    for _ in range(CURVES):
        yield _picture(page)
        page.wait_for_timeout(CURVE_TICK)


def _walk(page: Page) -> Iterator[Image.Image]:
    """The pointer goes over the map in a curve; the picture beside it follows."""
    canvas = page.locator(".map-canvas")
    canvas.wait_for()
    page.wait_for_timeout(2 * SETTLE)
    page.evaluate(POINTER)
    box = canvas.bounding_box()
    assert box is not None
    for k in range(WALK):
        turn = 2 * math.pi * k / WALK
        x, y = 0.5 + 0.26 * math.cos(turn), 0.5 + 0.3 * math.sin(2 * turn)
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=3)
        page.wait_for_timeout(60)
        yield _picture(page)
