"""What a first visit of a page loads, in the app as users start it: bytes as they travel, by what they are, in a browser that has nothing yet."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaelab.cli.bench.app_server import running_app
from vaelab.cli.bench.chromium import chromium
from vaelab.cli.bench.report import Entry, Report

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGES = ("start", "train", "decode", "latent", "image", "compare", "learn_code")
QUIET_SECONDS = 5.0  # without a byte: the page has all it asks for by itself
MOST_SECONDS = 120.0
LOOK_MS = 250
DRAWN = "[data-testid=stApp][data-test-script-state=notRunning]"  # the page's script has run to its end
# What an address is, by a part of it; the first that fits counts.
KINDS = {
    "weights": "/vaelab/weights/",
    "our scripts": "/vaelab/",
    "fonts": "/static/media/",
    "Streamlit's scripts and styles": "/static/",
}
PICTURES = "pages and pictures"


def measure(repeats: int = 1, pages: Sequence[str] = PAGES) -> Report:
    """MB over HTTP of each page and kind, and of the messages of the page itself, unpacked; the largest files in the notes."""
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    largest: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as runs, running_app(Path(runs)) as address, chromium() as browser:
        for _ in range(repeats):
            for page in pages:
                sizes, messages = _visit(browser, address, page)
                for kind in (*KINDS, PICTURES):
                    values[page, kind].append(sum(size for url, size in sizes if _kind(url) == kind) / 1e6)
                values[page, "all files"].append(sum(size for _, size in sizes) / 1e6)
                values[page, "messages, unpacked"].append(messages / 1e6)
                top = sorted(sizes, key=lambda found: -found[1])[:3]
                largest[page] = ", ".join(f"{url.partition('?')[0]} {size / 1e6:.2f} MB" for url, size in top)
    entries = tuple(Entry(page, kind, "MB", tuple(found)) for (page, kind), found in values.items())
    return Report(
        "visit", repeats, entries, tuple(f"{page}: the largest are {files}." for page, files in largest.items())
    )


def _kind(url: str) -> str:
    return next((kind for kind, part in KINDS.items() if part in url), PICTURES)


def _visit(browser: Browser, address: str, page: str) -> tuple[list[tuple[str, int]], int]:
    """Open a page in a browser without a cache of it: path and size of each file, and the bytes of its messages."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    tab = context.new_page()
    network = context.new_cdp_session(tab)
    paths: dict[str, str] = {}
    sizes: dict[str, int] = {}
    messages = [0]

    def heard(event: dict[str, Any]) -> None:
        messages[0] += len(event["response"]["payloadData"]) * 3 // 4  # they come in base64

    network.on("Network.requestWillBeSent", lambda e: paths.update({e["requestId"]: e["request"]["url"]}))
    network.on("Network.loadingFinished", lambda e: sizes.update({e["requestId"]: int(e["encodedDataLength"])}))
    network.on("Network.webSocketFrameReceived", heard)
    network.send("Network.enable")
    tab.goto(f"{address}/{'' if page == 'start' else page}")
    end, before, quiet_since = time.monotonic() + MOST_SECONDS, (-1, -1), time.monotonic()
    while time.monotonic() < min(end, quiet_since + QUIET_SECONDS):
        tab.wait_for_timeout(LOOK_MS)
        now = (len(sizes), messages[0])
        if now != before or not tab.locator(DRAWN).count():
            before, quiet_since = now, time.monotonic()
    context.close()
    found = [(paths.get(request, "").removeprefix(address), size) for request, size in sizes.items()]
    return found, messages[0]
