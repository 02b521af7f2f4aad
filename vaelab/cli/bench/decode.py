"""The Decode page in Chromium, dragged with real pointer events: frames a second, event to paint, and what the server hears.

The picture is drawn by the browser alone; this measures that it is, in the app as users start it. drag_probe.js notes the frames.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from vaelab.cli.bench.app_server import free_port, running_app
from vaelab.cli.bench.chosen import choose
from vaelab.cli.bench.chromium import chromium
from vaelab.cli.bench.pointer import swing
from vaelab.cli.bench.report import Entry, Report
from vaelab.cli.bench.startup import runs_in
from vaelab.cli.bench.wire import Wire, relayed
from vaelab.config.errors import VaeLabError
from vaelab.runs.plan import plan
from vaelab.workers import launch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, WebSocket

PROBE = Path(__file__).with_name("drag_probe.js")
SECONDS = 5.0  # of dragging
AFTERWARDS = 1.5  # seconds in which a gesture's one rerun has come and gone
TRAIN_WAIT = 180.0
PAGE_WAIT = 120.0  # seconds until a page of a busy server must show its picture

# What counts as live on two shared cores: frames a second of one image, of the 8x8 grid, and of one image beside a training.
GOALS = {"one": 55.0, "grid": 50.0, "training": 45.0}
PAINT_GOAL = 35.0  # ms, 95 % of the pointer's events
FIRST_PICTURE_GOAL = 1500.0  # ms after the page's own scripts
RERUN_GOAL = 2000  # bytes to the browser at the end of a gesture


@dataclass
class Traffic:
    """WebSocket messages of one page since reset: how many the browser sent, how many bytes it received once unpacked."""

    sent: int = 0
    unpacked_bytes: int = 0

    def watch(self, socket: WebSocket) -> None:
        """Count this socket's messages from now on."""
        socket.on("framesent", lambda _: self._add_sent())
        socket.on("framereceived", lambda payload: self._add_received(len(payload)))

    def reset(self) -> None:
        """Begin at zero."""
        self.sent = self.unpacked_bytes = 0

    def _add_sent(self) -> None:
        self.sent += 1

    def _add_received(self, size: int) -> None:
        self.unpacked_bytes += size


@dataclass(frozen=True)
class Drag:
    """One gesture.

    rate: painted pictures a second; moves: the pointer's events a second that were sent.
    p50, p95: ms from pointer event to paint; sent: WebSocket messages while dragging; rerun_*: those after the pointer went up,
    rerun_bytes as the wire carried them, unpacked_bytes as the browser read them.
    """

    rate: float
    moves: float
    p50: float
    p95: float
    sent: int
    rerun_messages: int
    rerun_bytes: int
    unpacked_bytes: int


def measure(repeats: int = 1, seconds: float = SECONDS, models: tuple[str, ...] | None = None) -> Report:
    """Drags one slider of every shipped model, over one image and over the grid, then once more beside a training.

    models: runs or shipped models in their place; no training is started beside these. The ratio is against the goal, above 1 is better.
    Raises VaeLabError without Playwright, Chromium or models, RunError for a run that does not exist.
    """
    entries: list[Entry] = []
    silent = True
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        chosen = choose(models, Path(folder))
        stack.enter_context(runs_in(folder))
        wire = stack.enter_context(relayed(stack.enter_context(running_app(Path(folder)))))
        browser = stack.enter_context(chromium(f"--remote-debugging-port={port}"))
        for name in chosen.names:
            found = [_one_model(browser, port, wire, name, seconds) for _ in range(repeats)]
            for view in ("one", "grid"):
                drags = [drags[view] for drags, _ in found]
                entries += _entries(f"{name}, {'one image' if view == 'one' else '8x8 grid'}", drags, GOALS[view])
                silent = silent and all(drag.sent == 0 for drag in drags)
            waits = tuple(first for _, first in found)
            entries.append(
                entry(name, "first picture after scripts", "ms", waits, FIRST_PICTURE_GOAL, more_is_better=False)
            )
        if not models:
            with _training():
                busy = [
                    _one_model(browser, port, wire, chosen.names[0], seconds, views=("one",))[0]["one"]
                    for _ in range(repeats)
                ]
            entries += _entries(f"{chosen.names[0]}, one image beside a training", busy, GOALS["training"])
    return Report("decode", repeats, tuple(entries), (*chosen.told, *_notes(silent, seconds)))


def _one_model(
    browser: Browser, port: int, wire: Wire, name: str, seconds: float, views: tuple[str, ...] = ("one", "grid")
) -> tuple[dict[str, Drag], float]:
    """The drags over each view, and ms from the page's scripts to its first picture."""
    drags = {}
    first = math.nan
    for view in views:
        traffic = Traffic()
        with probed(browser, name, viewport={"width": 1366, "height": 900}) as page:
            page.on("websocket", traffic.watch)
            page.goto(f"{wire.address}/decode?run={quote(name)}&tab={view}", wait_until="commit")
            picture = page.locator(f"canvas[data-view={'picture' if view == 'one' else 'grid'}]").first
            picture.wait_for(state="visible")
            page.wait_for_function("() => vaelabProbe.firstPicture !== null")
            first = float(page.evaluate("vaelabProbe.afterScripts()")) if view == "one" else first
            page.wait_for_timeout(1000 * AFTERWARDS)  # the page's own first messages
            drags[view] = _drag(page, port, traffic, wire, seconds)
    return drags, first


@contextlib.contextmanager
def probed(browser: Browser, name: str, **context: Any) -> Iterator[Page]:
    """A page that notes what it paints (drag_probe.js). Raises VaeLabError when what it is to show of the model does not come."""
    from playwright.sync_api import TimeoutError

    page = browser.new_page(**context)
    try:
        page.add_init_script(path=PROBE)
        page.set_default_timeout(1000 * PAGE_WAIT)
        yield page
    except TimeoutError as error:
        raise VaeLabError(
            f"the page must show {name} within {PAGE_WAIT:.0f} s to be measured, but did not (open it by hand to see why)"
        ) from error
    finally:
        page.close()


def _drag(page: Page, port: int, traffic: Traffic, wire: Wire, seconds: float) -> Drag:
    """Swing the first slider to and fro."""
    box = page.locator("input[data-dim]").first.bounding_box()
    assert box is not None
    middle, y, reach = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, 0.45 * box["width"]
    page.mouse.move(middle, y)
    page.mouse.down()
    page.wait_for_timeout(300)
    traffic.reset()
    page.evaluate("vaelabProbe.start()")
    moves = swing(port, page.url, middle, y, reach, seconds)
    frames: list[dict[str, Any]] = page.evaluate("vaelabProbe.frames")
    sent = traffic.sent
    traffic.reset()
    wire.reset()
    page.mouse.up()
    page.wait_for_timeout(1000 * AFTERWARDS)
    latencies = [frame["latency"] for frame in frames if frame["latency"] is not None]
    if len(frames) < 2 or not latencies:
        raise VaeLabError(
            "the picture must follow the slider to be measured, but no frame was painted (open the Decode page by hand)"
        )
    rate = 1000 * (len(frames) - 1) / (frames[-1]["at"] - frames[0]["at"])
    p50, p95 = np.percentile(latencies, [50, 95])
    return Drag(rate, moves, float(p50), float(p95), sent, traffic.sent, wire.received, traffic.unpacked_bytes)


def _entries(setting: str, drags: list[Drag], goal: float) -> list[Entry]:
    return [
        entry(setting, "pictures", "/s", tuple(drag.rate for drag in drags), goal, more_is_better=True),
        entry(setting, "pointer events", "/s", tuple(drag.moves for drag in drags)),
        entry(setting, "event to paint, median", "ms", tuple(drag.p50 for drag in drags)),
        entry(setting, "event to paint, p95", "ms", tuple(drag.p95 for drag in drags), PAINT_GOAL, more_is_better=False),
        entry(setting, "messages while dragging", "", tuple(float(drag.sent) for drag in drags)),
        entry(setting, "messages at the end", "", tuple(float(drag.rerun_messages) for drag in drags)),
        entry(setting, "received at the end, on the wire", "bytes", tuple(float(drag.rerun_bytes) for drag in drags), RERUN_GOAL, more_is_better=False),
        entry(setting, "the same, unpacked", "bytes", tuple(float(drag.unpacked_bytes) for drag in drags)),
    ]  # fmt: skip


def entry(
    setting: str,
    what: str,
    unit: str,
    values: tuple[float, ...],
    goal: float | None = None,
    *,
    more_is_better: bool = True,
) -> Entry:
    """What was measured once a repeat, with its ratio to a goal where it has one."""
    if goal is None:
        return Entry(setting, what, unit, values)
    median = float(np.median(values))
    return Entry(setting, what, unit, values, median / goal if more_is_better else goal / max(median, 1e-9))


def _notes(silent: bool, seconds: float) -> tuple[str, ...]:
    return (
        f"Ratios are against the goal: {GOALS['one']:.0f} pictures a second ({GOALS['grid']:.0f} as a grid, {GOALS['training']:.0f} beside a training), "
        f"p95 under {PAINT_GOAL:.0f} ms, first picture within {FIRST_PICTURE_GOAL:.0f} ms, {RERUN_GOAL} bytes at a gesture's end.",
        f"Each drag lasts {seconds:g} s in headless Chromium at its 60 frames a second; the driver takes part of the same cores.",
        "A rerun opens with 2.6 kB of Streamlit's own, the theme's colours and the names of the pages; packed, what was sent before costs little.",
        "The server heard nothing while the pointer was down."
        if silent
        else "The server was sent messages while the pointer was down.",
    )


@contextlib.contextmanager
def _training() -> Iterator[None]:
    """A training of the embedded faces beside us, from its first snapshot on."""
    run = launch.start(plan("pixel-faces", epochs=100_000, device="cpu"))
    try:
        deadline = time.monotonic() + TRAIN_WAIT
        while not run.snapshots():
            if time.monotonic() > deadline or not run.status().is_active:
                raise VaeLabError(
                    f"a training must begin to be measured beside, got: {run.status().state} {run.status().message}"
                )
            time.sleep(0.1)
        yield
    finally:
        if run.status().is_active:
            launch.stop(run)
        deadline = time.monotonic() + TRAIN_WAIT
        while run.status().is_active and time.monotonic() < deadline:
            time.sleep(0.1)
