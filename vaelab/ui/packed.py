"""Streamlit's own scripts and styles as a browser gets them: packed, a third of their size.

Streamlit sends them as they are, because its middleware would pack them anew for every visitor. Here each is packed once: their
names hold a hash of what they say, so that what was packed stays right as long as the server runs.
"""

from __future__ import annotations

import asyncio
import gzip

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEVEL = 6  # 9 takes three times as long for a hundredth of the size


class Packed:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: dict[str, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, and pack the answer where that is for the browser to unpack."""
        if not _may_be_packed(scope):
            await self._app(scope, receive, send)
            return
        start: Message = {}
        parts: list[bytes] = []
        is_whole = False

        async def keep(message: Message) -> None:
            nonlocal is_whole
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))
                is_whole = not message.get("more_body", False)

        # Whoever reads a file for a browser that has gone stops in the middle; what is kept here must be whole.
        await self._app(scope, _nobody_leaves, keep)
        body = b"".join(parts)
        headers = MutableHeaders(raw=start["headers"])
        if start["status"] == 200 and is_whole and "content-encoding" not in headers:
            body = await self._pack(scope["path"], body)
            headers["content-encoding"] = "gzip"
            headers["content-length"] = str(len(body))
        headers.add_vary_header("Accept-Encoding")
        await send({**start, "headers": headers.raw})
        await send({"type": "http.response.body", "body": body})

    async def _pack(self, path: str, body: bytes) -> bytes:
        if path not in self._kept:
            self._kept[path] = await asyncio.to_thread(gzip.compress, body, LEVEL, mtime=0)
        return self._kept[path]


async def _nobody_leaves() -> Message:
    """What the answer hears of the browser: nothing, until it is done."""
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


def _may_be_packed(scope: Scope) -> bool:
    """Whether a whole script or style of Streamlit's is asked for by a browser that unpacks."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    path, headers = scope["path"], Headers(scope=scope)
    named = "/static/" in path and path.endswith((".js", ".css"))
    return named and "gzip" in headers.get("accept-encoding", "") and "range" not in headers
