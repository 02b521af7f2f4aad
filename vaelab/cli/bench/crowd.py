"""The latent map with 60,000 points in Chromium: pictures a second under the pointer and a drag, the end of a lasso, colours switched, memory.

The points are all training images of MNIST, encoded by the shipped model, so the data must be installed (VAELAB_DATA).
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vaelab import data
from vaelab.cli.bench.app_server import free_port, running_app
from vaelab.cli.bench.chromium import chromium
from vaelab.cli.bench.decode import GOALS, SECONDS, entry, probed
from vaelab.cli.bench.growing import memory_of
from vaelab.cli.bench.hands import TRIES
from vaelab.cli.bench.pointer import Hand, swing
from vaelab.cli.bench.report import Report
from vaelab.config.errors import VaeLabError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MODEL, DATA, POINTS = "mnist-conv-vae", "mnist", 60_000
WINDOW = {"width": 1366, "height": 900}
ENCODE_MS = 590_000  # all images through encoder and decoder
LASSO_GOAL, SWITCH_GOAL = 100.0, 1000 / GOALS["one"]  # ms
MEMORY_GOAL = 500.0  # MB of the page's process
SWITCHES = 10
MAP = "[...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.map')).find(Boolean)?.latentMap"
READY = f"() => {{ const set = ({MAP})?.plot.set; return set?.placed && !set.to && set.n === {POINTS}; }}"
# Until the next picture is there: a message sent in an animation frame arrives when that frame has been painted.
PAINTED = "new Promise((done) => requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); }))"
# From the pointer's going up to the picture that shows what is inside; the listener runs before the map's own.
LASSO = f"""() => {{ addEventListener('pointerup', async () => {{
  const began = performance.now(); await {PAINTED}; vaelabProbe.lasso = performance.now() - began; }}, {{ capture: true, once: true }}); }}"""
SWITCH = f"""async () => {{ const map = {MAP}; const key = map.root.querySelector('.map-key'); const began = performance.now(); key.click(); await {PAINTED};
  return performance.now() - began; }}"""


def measure(repeats: int = 3, seconds: float = SECONDS) -> Report:
    """Everything once a repeat, on one page. The ratio is against the goal, above 1 is better.

    Raises VaeLabError without Playwright, Chromium or the images.
    """
    if not data.is_available(DATA):
        raise VaeLabError(
            f"{DATA} must be installed for a map of {POINTS:,} points (vaelab datasets --download {DATA})"
        )
    found: dict[str, list[float]] = defaultdict(list)
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_app(Path(folder)) as address,
        chromium(f"--remote-debugging-port={port}") as browser,
        probed(browser, f"{POINTS:,} points", viewport=WINDOW) as page,
    ):
        _open(page, address)
        for _ in range(repeats):
            for hand in ("hover", "drag"):
                rate, wait = _painted(page, port, seconds, "hover" if hand == "hover" else "drag")
                found[f"{hand}, pictures"].append(rate)
                found[f"{hand}, event to paint, p95"].append(wait)
            found["end of a lasso to its picture"].append(_lasso(page))
            found["a class switched off or on, to its picture"].append(
                float(np.median([page.evaluate(SWITCH) for _ in range(SWITCHES)]))
            )
            found["the page's process"].append(_memory(browser))
        inside = int(page.evaluate(f"() => ({MAP}).plot.marks.inside?.size ?? 0"))
    goals = {"pictures": ("/s", GOALS["one"]), "p95": ("ms", None), "process": ("MB", MEMORY_GOAL)}
    goals |= {"lasso": ("ms", LASSO_GOAL), "class": ("ms", SWITCH_GOAL)}
    entries = []
    for what, values in found.items():
        unit, goal = next(told for word, told in goals.items() if word in what)
        entries.append(entry(f"{POINTS:,} points", what, unit, tuple(values), goal, more_is_better=unit == "/s"))
    about = f"Chromium draws in software here unless the machine says otherwise; the lasso held {inside:,} points."
    return Report("crowd", repeats, tuple(entries), (about,))


def _open(page: Page, address: str) -> None:
    """The map of all training images, drawn."""
    page.goto(f"{address}/latent?run={MODEL}&lang=en", wait_until="commit")
    page.locator(".map-canvas").wait_for()
    page.get_by_label("Images", exact=True).click()
    page.get_by_role("option", name=f"{POINTS:,}").click()
    page.wait_for_function(READY, timeout=ENCODE_MS)
    page.locator(".map-key").first.wait_for()
    page.wait_for_timeout(3000)  # the trust in the map is told, and pictures have come
    page.evaluate(
        "() => Object.assign(vaelabProbe, { sheets: true, counts: (canvas) => canvas.classList.contains('map-canvas') })"
    )


def _middle(page: Page) -> tuple[float, float, float]:
    """The middle of the map, and its width, in CSS pixels."""
    box = page.locator(".map-canvas").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"]


def _painted(page: Page, port: int, seconds: float, hand: Hand) -> tuple[float, float]:
    """Pictures a second, and ms from event to paint of 95 %, while a pointer moves over the map or drags it."""
    x, y, width = _middle(page)
    for k in range(TRIES):  # each longer than the one before
        page.mouse.move(x, y)
        if hand == "drag":
            page.mouse.down()
        page.evaluate("vaelabProbe.start()")
        swing(port, page.url, x, y, 0.3 * width, seconds * (1 + k), hand)
        frames: list[dict[str, Any]] = page.evaluate("vaelabProbe.frames")
        if hand == "drag":
            page.mouse.move(x, y)
            page.mouse.up()
        waits = [frame["latency"] for frame in frames if frame["latency"] is not None]
        if len(frames) > 1 and waits:
            return 1000 * (len(frames) - 1) / (frames[-1]["at"] - frames[0]["at"]), float(np.percentile(waits, 95))
    raise VaeLabError("the map must follow the pointer to be measured, but painted nothing (open the page by hand)")


def _lasso(page: Page) -> float:
    """ms from the end of an outline around most points to the picture that shows them."""
    x, y, width = _middle(page)
    page.get_by_role("button", name="Lasso", exact=True).click()
    turn = np.linspace(0.0, 2.0 * np.pi, 120)
    for k, (dx, dy) in enumerate(zip(0.42 * width * np.cos(turn), 0.3 * width * np.sin(turn), strict=True)):
        page.mouse.move(x + float(dx), y + float(dy))
        if k == 0:
            page.mouse.down()
    page.evaluate(LASSO)
    page.mouse.up()
    page.wait_for_function("() => vaelabProbe.lasso !== undefined")
    page.get_by_role("button", name="Lasso", exact=True).click()
    taken = float(page.evaluate("() => { const taken = vaelabProbe.lasso; delete vaelabProbe.lasso; return taken; }"))
    page.wait_for_timeout(3000)  # what Python tells of the points inside
    return taken


def _memory(browser: Browser) -> float:
    """MB of the largest process that draws a page."""
    session = browser.new_browser_cdp_session()
    known = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    pages = [process["id"] for process in known if process["type"] == "renderer"]
    return max(memory_of(Path("/proc") / str(pid) / "status", "VmRSS") for pid in pages)
