"""The app's own routes asked directly, without a server: an error of theirs is raised in the test."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.applications import Starlette

from vaelab.ui.access.sign_in import sign_in_routes
from vaelab.ui.components.map.map_routes import map_routes
from vaelab.ui.components.routes import routes


class Answer:
    """What a route answered."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes, cookies: list[str]) -> None:
        self.status, self.headers, self.body, self.cookies = status, headers, body, cookies


def get(path: str, page: str = "", **more: Any) -> Answer:
    """One GET to the routes, as `ask`."""
    return ask("GET", path, page, **more)


def ask(
    method: str,
    path: str,
    page: str = "",
    *,
    cookies: str = "",
    body: bytes = b"",
    address: str = "localhost",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    app: Any = None,
) -> Answer:
    """One request to the routes, by ASGI itself. path: as a browser sends it, percent-encoded; page: the address that asks; app: in place of the routes."""
    url = urlsplit("/" + path)
    scope = {
        "type": "http", "method": method, "path": unquote(url.path), "raw_path": url.path.encode(), "query_string": url.query.encode(),
        "headers": [*([(b"referer", page.encode())] if page else []), *([(b"cookie", cookies.encode())] if cookies else []), *headers], "http_version": "1.1", "scheme": "http", "server": ("localhost", 80), "client": (address, 1), "root_path": "",
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    requests = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not requests:
            await asyncio.Event().wait()  # the browser stays; only leaving would be another message
        return requests.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    whole = app or Starlette(routes=[*routes(), *map_routes(), *sign_in_routes()])
    asyncio.run(whole(scope, receive, send))
    given = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    answered = [value.decode() for key, value in sent[0]["headers"] if key == b"set-cookie"]
    return Answer(sent[0]["status"], given, b"".join(message.get("body", b"") for message in sent[1:]), answered)
