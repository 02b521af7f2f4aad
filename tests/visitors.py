"""People with a browser of their own each, who share what costs most of a first visit: the app's own files and what they compile to."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

# What is computed again Streamlit shows in pale ink, and for a moment after; a page that ticks may begin at any time.
STEADY = "[data-testid=stElementContainer] { opacity: 1 !important; transition: none !important; }"
KEPT_APART = "local_storage,indexeddb,cache_storage,service_workers"


class Visitors:
    """Gives every page of a test a visitor who has never been here, and takes visitors of earlier tests whose traces are wiped.

    A new browser context loads and compiles the app's scripts again, about a third of what a page costs.
    """

    def __init__(self, browser: Any) -> None:
        self.browser = browser
        self.waiting: dict[str, list[Any]] = {}  # contexts by the options that belong to them
        self.here: list[tuple[str, Any, Any]] = []
        self.origins: set[str] = set()

    def arrive(self, wanted: dict[str, Any]) -> Any:
        """A page of a visitor with Playwright's options."""
        key = json.dumps(wanted, sort_keys=True)
        free = self.waiting.get(key)
        context = free.pop() if free else self.browser.new_context(**wanted)
        page = context.new_page()
        page.on("framenavigated", self._seen)
        self.here.append((key, context, page))
        return page

    def leave(self) -> None:
        """All of a test's pages close, and nothing of what they kept stays."""
        for key, context, page in self.here:
            for other in context.pages:
                if other is not page:
                    other.close()
            if page.is_closed():
                page = context.new_page()
            page.goto("about:blank")  # what a page writes when it is left is wiped too
            session = context.new_cdp_session(page)
            for origin in self.origins:
                session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": KEPT_APART})
            context.clear_cookies()
            page.close()
            self.waiting.setdefault(key, []).append(context)
        self.here.clear()

    def _seen(self, frame: Any) -> None:
        found = urlsplit(frame.url)
        if found.scheme in ("http", "https"):
            self.origins.add(f"{found.scheme}://{found.netloc}")
