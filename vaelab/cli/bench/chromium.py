"""Starts Chromium for measurements and browser tests, through Playwright: a development requirement, absent from requirements.txt."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

from vaelab.config.errors import VaeLabError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A container has no user namespaces and no GPU; the rest keeps the browser from calling out.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextlib.contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """A headless browser: the system's Chromium or Chrome, else Playwright's own. Raises VaeLabError when there is none.

    arguments: switches of its command line beside ARGUMENTS.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError as error:
        raise VaeLabError(
            "a browser is driven by Playwright, which is absent (pip install -r requirements-dev.txt)"
        ) from error
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=[*ARGUMENTS, *arguments])
        except Error as error:
            reason = (str(error).strip().splitlines() or ["no reason"])[0]
            raise VaeLabError(
                f"Chromium must start, got: {reason} (install chromium, or run: playwright install chromium)"
            ) from error
        try:
            yield browser
        finally:
            browser.close()
