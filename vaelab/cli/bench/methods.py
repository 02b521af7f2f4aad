"""Every method trained from its preset on the page Train, in Chromium: from the click on Start to the first loss and the first picture on the screen."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from vaelab.cli.bench.app_server import running_app
from vaelab.cli.bench.chromium import chromium
from vaelab.cli.bench.decode import PAGE_WAIT, entry
from vaelab.cli.bench.report import Entry, Report
from vaelab.cli.bench.startup import runs_in
from vaelab.config.errors import VaeLabError
from vaelab.models.presets import presets
from vaelab.runs import store
from vaelab.workers import launch

if TYPE_CHECKING:
    from playwright.sync_api import Page

LOSS_GOAL, PICTURE_GOAL = 4.0, 3.0  # seconds
END_WAIT = 60.0  # seconds in which a training stops
# ms in which somebody reads the settings. The server's next standby worker begins 8 s after a start and imports torch: without
# one a training shows itself 2 to 3 s later.
SETTLED = 15_000
LOSS = r"() => /(^|\n)[\d,.\u2212-]+ now \u00b7 /.test(document.body.innerText)"
# The strip of originals and reconstructions has many colours; the tiles that stand there before have two.
PICTURE = """() => [...document.querySelectorAll('img[alt="Reconstructions"]')].some((image) => {
  if (!image.complete || !image.naturalWidth) return false;
  const canvas = new OffscreenCanvas(64, 18).getContext("2d");
  canvas.drawImage(image, 0, 0, 64, 18);
  return new Set(new Uint32Array(canvas.getImageData(0, 0, 64, 18).data.buffer)).size > 40;
})"""


def measure(repeats: int = 1, models: tuple[str, ...] | None = None) -> Report:
    """Starts a training of each model that can be asked for, on pixel-faces with its own settings, and stops it once it is seen.

    models: some of them. The ratio is against the goal, above 1 is better. Raises VaeLabError without Playwright or Chromium, and where a training
    does not show itself.
    """
    names = models or tuple(presets())
    entries: list[Entry] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        runs_in(folder),
        running_app(Path(folder)) as address,
        chromium() as browser,
    ):
        page = browser.new_page(viewport={"width": 1366, "height": 900})
        page.set_default_timeout(1000 * PAGE_WAIT)
        _once(page, address, names[0])  # the server's first training pays for what it imports
        for name in names:
            losses, pictures = zip(*(_once(page, address, name) for _ in range(repeats)), strict=True)
            entries.append(entry(name, "first picture", "s", pictures, PICTURE_GOAL, more_is_better=False))
            entries.append(entry(name, "first loss", "s", losses, LOSS_GOAL, more_is_better=False))
    return Report("methods", repeats, tuple(entries), _notes())


def _once(page: Page, address: str, name: str) -> tuple[float, float]:
    """Seconds from the click to the first loss, and to the first picture."""
    from playwright.sync_api import TimeoutError

    try:
        page.goto(f"{address}/train?lang=en&set_model={quote(name)}&set_device=cpu", wait_until="commit")
        page.locator(".st-key-start_training button").first.wait_for()
        page.wait_for_timeout(SETTLED)
        before = {run.name for run in store.list_runs()}
        page.locator(".st-key-start_training button").first.click()
        began = time.monotonic()
        found: dict[str, float] = {}
        while len(found) < 2:
            if time.monotonic() - began > PAGE_WAIT:
                raise VaeLabError(
                    f"{name} must show its first loss and picture within {PAGE_WAIT:.0f} s to be measured, but did not (start it by hand to see why)"
                )
            for what, seen in (("loss", LOSS), ("picture", PICTURE)):
                if what not in found and page.evaluate(seen):
                    found[what] = time.monotonic() - began
            page.wait_for_timeout(20)
    except TimeoutError as error:
        raise VaeLabError(
            f"the page Train must offer {name} within {PAGE_WAIT:.0f} s to be measured, but did not"
        ) from error
    for run in store.list_runs():
        if run.name not in before:
            _end(run, name)
    return found["loss"], found["picture"]


def _end(run: store.Run, name: str) -> None:
    """Stop a training. Raises VaeLabError where it is not the one that was asked for."""
    if run.config().model.name != name:
        raise VaeLabError(f"Start must train {name}, but trained {run.config().model.name}")
    launch.stop(run)
    deadline = time.monotonic() + END_WAIT
    while run.status().is_active and time.monotonic() < deadline:
        time.sleep(0.1)


def _notes() -> tuple[str, ...]:
    return (
        f"Ratios are against the goal: a picture within {PICTURE_GOAL:g} s of the click and a loss within {LOSS_GOAL:g} s, both as they stand on the screen.",
        "Each model trains on pixel-faces with the settings that the page offers; the server had one training before, which is not counted, and 15 s for the next standby worker.",
    )
