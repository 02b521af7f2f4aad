"""The app's own routes asked directly, without a server: an error of theirs is raised in the test."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.applications import Starlette

from vaelab.ui.components.map.map_routes import map_routes
from vaelab.ui.components.routes import routes


class Answer:
    """What a route answered."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body


def get(path: str, page: str = "") -> Answer:
    """One GET to the routes, by ASGI itself. path: as a browser sends it, percent-encoded; page: the address that asks."""
    url = urlsplit("/" + path)
    scope = {
        "type": "http", "method": "GET", "path": unquote(url.path), "raw_path": url.path.encode(), "query_string": url.query.encode(),
        "headers": [(b"referer", page.encode())] if page else [], "http_version": "1.1", "scheme": "http", "server": ("localhost", 80), "client": ("localhost", 1), "root_path": "",
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    requests = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not requests:
            await asyncio.Event().wait()  # the browser stays; only leaving would be another message
        return requests.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Starlette(routes=[*routes(), *map_routes()])(scope, receive, send))
    headers = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))
