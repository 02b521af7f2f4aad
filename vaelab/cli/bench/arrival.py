"""How long a visitor waits, in Chromium without a cache: for a server that is just started, while it imports, later, and on each page.

What is waited for is the page's script run to its end and its first picture there, if it has one; bytes are the subject visit's.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vaelab.cli.bench.app_server import running_app
from vaelab.cli.bench.chromium import chromium
from vaelab.cli.bench.decode import entry
from vaelab.cli.bench.report import Report
from vaelab.cli.bench.visit import DRAWN, PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Seconds: from the command, and for those who come to a server that is there.
START_GOAL, GOAL = 3.0, 1.5
# Seconds after the first page is there: what a server imports behind it has begun (ui/warming.py), and is done.
IMPORTING, IMPORTED = 2.0, 20.0
WAIT_MS = 120_000
# Start has tiles where pictures are to come: its first is the decoder that moves.
PICTURE = "[data-testid=stMain] :is(canvas, img:not([src*='/evidence/']), svg.marks)"
WITHOUT = ("learn_code",)  # pages that may open without a picture
FIRST, DURING, LATER = "from the command", "while the server imports", "later"


def measure(repeats: int = 3, pages: Sequence[str] = PAGES) -> Report:
    """Seconds, each in a context of its own without a cache; a new server each repeat. The ratio is against the goal, above 1 is better.

    Raises VaeLabError without Playwright or Chromium.
    """
    waits: dict[tuple[str, str], list[float]] = defaultdict(list)
    with chromium() as browser:
        _wait(browser, "about:blank", ())
        for _ in range(repeats):
            began = time.perf_counter()
            with tempfile.TemporaryDirectory() as runs, running_app(Path(runs)) as address:
                _wait(browser, f"{address}/", (DRAWN, PICTURE))
                there = time.perf_counter()
                waits["start page", FIRST].append(there - began)
                for name, moment in ((DURING, IMPORTING), (LATER, IMPORTED)):
                    time.sleep(max(0.0, there + moment - time.perf_counter()))
                    waits["start page", name].append(_wait(browser, f"{address}/", (DRAWN, PICTURE)))
                for page in pages:
                    seen = (DRAWN,) if page in WITHOUT else (DRAWN, PICTURE)
                    waits["first visit", page].append(
                        _wait(browser, f"{address}/{'' if page == 'start' else page}", seen)
                    )
    entries = [
        entry(setting, name, "s", tuple(found), START_GOAL if name == FIRST else GOAL, more_is_better=False)
        for (setting, name), found in waits.items()
    ]
    about = f"Ratios are against the goal: {START_GOAL:g} s from the command, {GOAL:g} s otherwise. Chromium ran on the same cores."
    return Report("arrival", repeats, tuple(entries), (about,))


def _wait(browser: Browser, url: str, seen: Sequence[str]) -> float:
    """Seconds from asking for an address until all of it is seen."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    for selector in seen:
        page.locator(selector).first.wait_for(timeout=WAIT_MS)
    seconds = time.perf_counter() - began
    context.close()
    return seconds
