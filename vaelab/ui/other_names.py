"""Names that somebody types for a page by hand, where its address has another: /start, /Latent-space, /lesson-3, /train.py.

Streamlit would open its first page under a box that says "page not found"; here the browser is sent on, with all that was asked.
"""

from __future__ import annotations

import re
from functools import cache

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from vaelab.ui.components.routes import base_path
from vaelab.ui.pages import PAGES
from vaelab.ui.text import LANGUAGES, strings

LONGEST = 60  # characters of a name that is looked up
_ENDING = re.compile(r"\.(html?|py)$")
_BETWEEN = re.compile(r"[\s_/+-]+")
_LESSON = re.compile(r"(?:lesson|learn)_?(\d{1,2})")
OTHERS = {
    "home": "start",
    "index": "start",
    "app": "start",
    "main": "start",
    "training": "train",
    "decoder": "decode",
    "sliders": "decode",
    "latents": "latent",
    "map": "latent",
    "images": "image",
    "upload": "image",
    "comparison": "compare",
    "lesson": "learn",
    "lessons": "learn",
    "class": "classroom",
    "room": "classroom",
    "rooms": "classroom",
    "login": "classroom",
    "teacher": "classroom",
}


def page_of(name: str) -> str | None:
    """The page that a typed name means: its address, "" for Start; None for what means none. name: below the app's root, decoded."""
    if not name or len(name) > LONGEST:
        return None
    word = _BETWEEN.sub("_", _ENDING.sub("", name.casefold())).strip("_")
    found = _known().get(word)
    if found is None and (lesson := _LESSON.fullmatch(word)):
        lessons, number = [entry.name for entry in PAGES if entry.name.startswith("learn_")], int(lesson[1])
        found = lessons[number - 1] if 1 <= number <= len(lessons) else "learn"
    return "" if found == "start" else found


@cache
def _known() -> dict[str, str]:
    """Each page's own name, its title in both languages, and those of OTHERS."""
    known = dict(OTHERS)
    for entry in PAGES:
        known[entry.name] = entry.name
        known.setdefault(entry.name.removeprefix("learn_"), entry.name)
        for lang in LANGUAGES:
            title = strings(lang, entry.name)["page_title"].casefold()
            known.setdefault(_BETWEEN.sub("_", title), entry.name)
    return known


class OtherNames:
    """ASGI middleware: sends a browser that asks for a page by another name to the page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI asks."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            root = base_path()
            path = scope["path"]
            name = path.removeprefix(root) if path.startswith(root) else ""
            page = page_of(name)
            if page is not None and page != name:
                asked = scope["query_string"].decode("latin-1")
                await RedirectResponse(root + page + (f"?{asked}" if asked else ""), 307)(scope, receive, send)
                return
        await self._app(scope, receive, send)
