"""Tells a page where the app begins: Streamlit's script guesses it from the page's address, first wrongly on every page but the first.

A wrong guess costs two requests and a tenth of a second before anything of the page is asked for. The script that a page gets here does not
rely on the server's own idea of its address, which a proxy may have shortened: it takes the server's path off the end of the browser's.
"""

from __future__ import annotations

import json

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vaelab.ui.components.routes import base_path
from vaelab.ui.pages import PAGES

HEAD = b"<head>"
_SCRIPT = """<script>
{ const page = %s;
  if (location.pathname.endsWith(page)) {
    window.__streamlit = { ...window.__streamlit, BACKEND_BASE_URL: location.origin + location.pathname.slice(0, -page.length) + "/" };
  } }
</script>"""


class KnownRoot:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; the HTML of a page with our script in its head."""
        page = _page_of(scope)
        if page is None:
            await self._app(scope, receive, send)
            return
        start: Message = {}
        parts: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body", False):
                return
            body = b"".join(parts)
            headers = MutableHeaders(raw=start["headers"])
            if start["status"] == 200 and headers.get("content-type", "").startswith("text/html"):
                body = body.replace(HEAD, HEAD + (_SCRIPT % json.dumps(f"/{page}")).encode(), 1)
                headers["content-length"] = str(len(body))
            await send({**start, "headers": headers.raw})
            await send({"type": "http.response.body", "body": body})

        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        await self._app({**scope, "headers": plain}, receive, keep)


def _page_of(scope: Scope) -> str | None:
    """The name of the page whose HTML is asked for; None for the first page, where the guess is right, and for all else."""
    if scope["type"] != "http" or scope["method"] != "GET" or "range" in Headers(scope=scope):
        return None
    name = str(scope["path"]).removeprefix(base_path())
    return name if any(name == entry.name for entry in PAGES) else None
