"""What it costs a training to be watched: its speed with nobody there, with one real browser on Train, and with a class of viewers.

The three take turns while one training goes on. Viewers are Streamlit's own messages over real WebSockets (visitor.py): they tick as a browser
does and draw nothing, so what they take of the machine is the server's work for them, and some of their own.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from vaelab.cli.bench.app_server import running_server
from vaelab.cli.bench.chromium import chromium
from vaelab.cli.bench.growing import cpu_of
from vaelab.cli.bench.report import Entry, Report, compare, in_turns
from vaelab.cli.bench.startup import end, runs_in
from vaelab.cli.bench.visitor import Visitor
from vaelab.config.errors import VaeLabError
from vaelab.runs.plan import plan
from vaelab.runs.store import Run
from vaelab.workers import launch

SESSIONS = 20
SECONDS = 20.0  # of each reading
IMPORTS = 20.0  # seconds after which a new server has imported what pages want later (app.py)
SETTLE = 3.0  # between the arrival of who watches and the reading
FIRST_ROW = 120.0
NOBODY, BROWSER = "nobody", "one browser"


class Reading(NamedTuple):
    """images: of the training, a second. server: cores that the server took. ticks: runs of a fragment that viewers got, a second."""

    images: float
    server: float
    ticks: float


def measure(repeats: int = 3, sessions: int = SESSIONS, seconds: float = SECONDS) -> Report:
    """Images a second of a conv-vae on pixel-faces. The ratio is against nobody in the same round, above 1 is better.

    Raises VaeLabError without Playwright or Chromium, and when the training does not begin.
    """
    readings: dict[str, list[Reading]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        runs_in(folder),
        running_server(Path(folder), VAELAB_DATA=str(Path(folder) / "data")) as (address, server),
    ):
        run = launch.start(plan("pixel-faces", model="conv-vae", epochs=100_000, device="cpu"))
        try:
            asyncio.run(_warm_up(address, run))
            crowd = f"{sessions} viewers"
            watched: dict[str, Callable[[], Reading]] = {
                NOBODY: lambda: asyncio.run(_read(run, server, seconds, [])),
                BROWSER: partial(_with_browser, address, run, server, seconds),
                crowd: lambda: asyncio.run(_with_viewers(address, run, server, seconds, sessions)),
            }

            def images(name: str) -> float:
                readings.setdefault(name, []).append(watched[name]())
                return readings[name][-1].images

            speeds = in_turns({name: partial(images, name) for name in watched}, repeats)
        finally:
            end(run)
    entries = list(compare("training", "images/s", speeds, NOBODY, more_is_better=True))
    for name, found in readings.items():
        entries.append(Entry("server", name, "cores", tuple(reading.server for reading in found)))
    entries.append(Entry("ticks of all", crowd, "/s", tuple(reading.ticks for reading in readings[crowd])))
    about = f"Each reading took {seconds:g} s; the training, the server and who watches shared {os.cpu_count()} cores."
    return Report("watching", repeats, tuple(entries), (about,))


async def _warm_up(address: str, run: Run) -> None:
    """The server has imported what its pages want, one page has been drawn, and the training is under way."""
    visitor = Visitor(address)
    await visitor.open("train", run=run.name)
    limit = time.monotonic() + FIRST_ROW
    while not run.metrics():
        if time.monotonic() > limit or not run.status().is_active:
            raise VaeLabError(f"a training must begin to be watched, got: {run.status().state} {run.status().message}")
        await asyncio.sleep(0.1)
    await asyncio.sleep(IMPORTS)
    await visitor.close()


async def _with_viewers(address: str, run: Run, server: int, seconds: float, sessions: int) -> Reading:
    viewers = [Visitor(address) for _ in range(sessions)]
    for viewer in viewers:
        await viewer.open("train", run=run.name)
    try:
        await asyncio.sleep(SETTLE)
        return await _read(run, server, seconds, viewers)
    finally:
        errors = [error for viewer in viewers for error in viewer.errors]
        await asyncio.gather(*(viewer.close() for viewer in viewers), return_exceptions=True)
        if errors:
            raise VaeLabError(f"viewers must see the training to be measured, got: {errors[0]}")


def _with_browser(address: str, run: Run, server: int, seconds: float) -> Reading:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{address}/train?run={run.name}", wait_until="commit")
        page.locator(".st-key-kl_bars_place svg.marks").wait_for()
        page.wait_for_timeout(1000 * SETTLE)
        before = _now(run, server)
        page.wait_for_timeout(1000 * seconds)
        return _between(before, _now(run, server), run, 0)


async def _read(run: Run, server: int, seconds: float, viewers: list[Visitor]) -> Reading:
    ticked = sum(viewer.ticks for viewer in viewers)
    before = _now(run, server)
    await asyncio.sleep(seconds)
    return _between(before, _now(run, server), run, sum(viewer.ticks for viewer in viewers) - ticked)


Now = tuple[float, float, float]  # seconds of training, steps, the server's seconds of CPU


def _now(run: Run, server: int) -> Now:
    """The worker tells its step with the seconds that it has trained, a moment ago: the two belong together."""
    status = run.status()
    return status.seconds, float(status.step), cpu_of(Path("/proc") / str(server))


def _between(before: Now, after: Now, run: Run, ticks: int) -> Reading:
    trained = after[0] - before[0]
    if trained <= 0:
        raise VaeLabError(f"a training must go on to be measured, got: {run.status().state} {run.status().message}")
    batch = run.config().optim.batch_size
    return Reading((after[1] - before[1]) * batch / trained, (after[2] - before[2]) / trained, ticks / trained)
