"""People in a browser: strangers, who share what costs most of a first visit, and those who stay in the app and go from page to page."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from vaelab.ui.text import strings

# What is computed again Streamlit shows in pale ink, and for a moment after; a page that ticks may begin at any time.
# A menu that has just opened is pale for a moment too.
STEADY = "[data-testid=stElementContainer], [data-baseweb=popover], [data-baseweb=popover] * { opacity: 1 !important; transition: none !important; }"
# Nothing of the page is still to be computed or to be replaced.
SETTLED = "() => !document.querySelector('[data-testid=stApp][data-test-script-state=running], [data-stale=true]')"
ARRIVED = (
    f"(title) => [...document.querySelectorAll('h3')].some((h) => h.textContent.trim() === title) && ({SETTLED})()"
)
# What the browser's own Back does: another address, and the app is told. The scripts stay loaded, the session stays the same.
STEP = """(path) => { history.pushState({}, "", path); dispatchEvent(new PopStateEvent("popstate")); }"""
OFTEN = 100  # milliseconds between looks at a page: one in every frame would take from what it looks at
LOOK = 20_000  # milliseconds for the look at a page whose test has failed
KEPT_APART = "local_storage,indexeddb,cache_storage,service_workers"


def shown(page: Any) -> str:
    """What a page shows, for the report of a test that failed: its address, how it stands with its server, its words."""
    try:
        app = page.get_by_test_id("stApp")
        state = {
            name: app.get_attribute(f"data-test-{name}", timeout=LOOK) for name in ("connection-state", "script-state")
        }
        return f"{page.url}\n{state}\n{page.locator('body').inner_text(timeout=LOOK)}"
    except Exception as error:  # closed, or too busy to answer: the test's own error is what counts
        return f"{page.url}\n{error}"


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


class Walkers:
    """People who are in the app already, one for each language and kind of window: a page costs them what it draws alone.

    A page that is opened by its address costs four times as much, most of it the app's own scripts.
    """

    def __init__(self, browser: Any, wait: int) -> None:
        self.browser, self.wait = browser, wait
        self.faults: list[str] = []
        self._known: dict[str, Any] = {}

    def go(self, address: str, name: str, lang: str, **context: Any) -> Any:
        """Go to a page of the app; the page once its run has ended. context: Playwright's options.

        What was chosen on it before is still chosen; who is there already stays.
        """
        wanted = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "no-preference", **context}
        key = json.dumps([address, lang, wanted], sort_keys=True)
        path = f"/{'' if name == 'start' else name}?lang={lang}"
        page = self._known.get(key)
        if page is None or page.is_closed():
            self._known[key] = page = self.browser.new_context(**wanted).new_page()
            page.set_default_timeout(self.wait)
            page.on("pageerror", lambda error: self.faults.append(str(error)))
            page.goto(address + path, wait_until="commit")
        elif urlsplit(page.url).path != urlsplit(path).path:
            page.evaluate(STEP, path)
        page.wait_for_function(ARRIVED, arg=strings(lang, name)["page_title"], polling=OFTEN)
        return page

    def leave(self) -> list[str]:
        """The errors of their pages since the last time; after one, everybody begins anew: a broken page answers no later test."""
        faults, self.faults = self.faults, []
        if faults:
            for page in self._known.values():
                page.context.close()
            self._known.clear()
        return faults
