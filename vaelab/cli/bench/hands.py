"""Two hands in Chromium: a pointer that wanders over the latent map, where the decoder follows it, and a finger on a slider of a phone.

Sent without waiting (pointer.py) and counted where it is painted (drag_probe.js), as the drags of `bench decode`.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from vaelab.cli.bench.app_server import free_port, running_app
from vaelab.cli.bench.chosen import choose
from vaelab.cli.bench.chromium import chromium
from vaelab.cli.bench.decode import AFTERWARDS, GOALS, PAGE_WAIT, PAINT_GOAL, SECONDS, entry, probed
from vaelab.cli.bench.pointer import Hand, swing
from vaelab.cli.bench.report import Entry, Report
from vaelab.cli.bench.startup import runs_in
from vaelab.config.errors import VaeLabError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TRIES = 10  # of a short gesture, in which a busy machine may paint nothing
PHONE = {"width": 390, "height": 844}
WINDOW = {"width": 1366, "height": 900}
# What the last move asked for is painted.
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
SCROLLED = "[window.scrollY, ...[...document.querySelectorAll('*')].map((e) => e.scrollTop)].reduce((a, b) => a + b, 0)"


def measure(repeats: int = 1, seconds: float = SECONDS, models: tuple[str, ...] | None = None) -> Report:
    """Every shipped model: pictures a second under a pointer on its map, and under a finger on its first slider.

    models: runs or shipped models in their place. The ratio is against the goal, above 1 is better. Raises VaeLabError without Playwright,
    Chromium or models, RunError for a run that does not exist.
    """
    entries: list[Entry] = []
    scrolled = 0.0
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        chosen = choose(models, Path(folder))
        stack.enter_context(runs_in(folder))
        address = stack.enter_context(running_app(Path(folder)))
        browser = stack.enter_context(chromium(f"--remote-debugging-port={port}"))
        for name in chosen.names:
            over = [_over_the_map(browser, port, address, name, seconds) for _ in range(repeats)]
            entries += _entries(f"{name}, pointer over the map", over)
            under = [_on_a_phone(browser, port, address, name, seconds) for _ in range(repeats)]
            entries += _entries(f"{name}, finger on a phone", [found for found, _ in under])
            scrolled = max([scrolled, *(moved for _, moved in under)])
    return Report("hands", repeats, tuple(entries), (*chosen.told, *_notes(scrolled, seconds)))


Painted = tuple[float, float]  # pictures a second, and ms from event to paint of 95 %


def _over_the_map(browser: Browser, port: int, address: str, name: str, seconds: float) -> Painted:
    with probed(browser, name, viewport=WINDOW) as page:
        page.goto(f"{address}/latent?run={quote(name)}", wait_until="commit")
        canvas = page.locator(".map-canvas")
        canvas.wait_for()
        box = canvas.bounding_box()
        assert box is not None
        middle, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        deadline = time.monotonic() + PAGE_WAIT
        while not page.locator(".map-card .map-here").is_visible():  # until points and decoder are there
            if time.monotonic() > deadline:
                raise VaeLabError(f"the map of {name} must decode under the pointer to be measured, but does not")
            page.mouse.move(middle + 1, y)
            page.mouse.move(middle, y)
            page.wait_for_timeout(100)
        page.wait_for_timeout(1000 * AFTERWARDS)  # the page's own first messages
        page.evaluate("() => { vaelabProbe.counts = (canvas) => canvas.closest('.map-card') !== null; }")
        return _painted(page, port, middle, y, 0.3 * box["width"], seconds, "hover")


def _on_a_phone(browser: Browser, port: int, address: str, name: str, seconds: float) -> tuple[Painted, float]:
    """And by how many CSS pixels the page scrolled meanwhile."""
    with probed(browser, name, viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=3) as page:
        page.goto(f"{address}/decode?run={quote(name)}", wait_until="commit")
        page.wait_for_function("() => vaelabProbe.firstPicture !== null")
        page.wait_for_timeout(1000 * AFTERWARDS)  # the page's own first messages
        slider = page.locator("input[data-dim]").first
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box is not None
        before = float(page.evaluate(SCROLLED))
        middle, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        painted = _painted(page, port, middle, y, 0.4 * box["width"], seconds, "touch")
        return painted, abs(float(page.evaluate(SCROLLED)) - before)


def _painted(page: Page, port: int, middle: float, y: float, reach: float, seconds: float, hand: Hand) -> Painted:
    for k in range(TRIES):  # each longer than the one before
        page.evaluate("vaelabProbe.start()")
        swing(port, page.url, middle, y, reach, seconds * (1 + k), hand)
        page.evaluate(TWO_FRAMES)
        frames = page.evaluate("vaelabProbe.frames")
        waits = [frame["latency"] for frame in frames if frame["latency"] is not None]
        if len(frames) > 1 and waits:
            break
    else:
        raise VaeLabError(
            "the picture must follow the hand to be measured, but no frame was painted (open the page by hand)"
        )
    rate = 1000 * (len(frames) - 1) / (frames[-1]["at"] - frames[0]["at"])
    return rate, float(np.percentile(waits, 95))


def _entries(setting: str, found: list[Painted]) -> list[Entry]:
    rates, waits = zip(*found, strict=True)
    return [
        entry(setting, "pictures", "/s", rates, GOALS["one"], more_is_better=True),
        entry(setting, "event to paint, p95", "ms", waits, PAINT_GOAL, more_is_better=False),
    ]


def _notes(scrolled: float, seconds: float) -> tuple[str, ...]:
    return (
        f"Ratios are against the goal: {GOALS['one']:.0f} pictures a second, p95 under {PAINT_GOAL:.0f} ms.",
        f"Each hand moves for {seconds:g} s at 120 events a second, in headless Chromium at its 60 frames a second; the driver takes part of the same cores.",
        "The phone is {width} x {height} CSS pixels at three device pixels each.".format(**PHONE),
        "No page scrolled under the finger."
        if scrolled < 1
        else f"A page scrolled by {scrolled:.0f} pixels under the finger.",
    )
