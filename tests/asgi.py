"""The app's own routes asked directly, without a server: an error of theirs is raised in the test."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.applications import Starlette

from vaelab.ui.access.sign_in import sign_in_routes
from vaelab.ui.components.map.map_routes import map_routes
from vaelab.ui.components.routes import routes
from vaelab.ui.start.evidence import evidence_routes


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

    whole = app or Starlette(routes=[*routes(), *map_routes(), *evidence_routes(), *sign_in_routes()])
    asyncio.run(whole(scope, receive, send))
    given = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    answered = [value.decode() for key, value in sent[0]["headers"] if key == b"set-cookie"]
    return Answer(sent[0]["status"], given, b"".join(message.get("body", b"") for message in sent[1:]), answered)


class Closed(Exception):
    """The server has ended a WebSocket. code: its reason."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Socket:
    """One end of a WebSocket whose other end is an app."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.got: queue.Queue[dict[str, Any]] = queue.Queue()

    def send(self, text: str) -> None:
        """Say something."""
        self._put({"type": "websocket.receive", "text": text})

    def _put(self, message: dict[str, Any]) -> None:
        self._loop.call_soon_threadsafe(self.sent.put_nowait, message)

    def leave(self) -> None:
        """As a browser that closes the page."""
        self._put({"type": "websocket.disconnect", "code": 1001})

    def receive(self) -> str:
        """What the server says next. Raises Closed."""
        message = self.got.get(timeout=240)
        if message["type"] == "websocket.close":
            self.got.put(message)
            raise Closed(int(message["code"]))
        return str(message["text"])


@contextlib.contextmanager
def connected(
    routes: list[Any], path: str, cookies: dict[str, str], headers: tuple[tuple[bytes, bytes], ...] = ()
) -> Iterator[Socket]:
    """A WebSocket to these routes, in a loop of its own. Raises Closed where it is not let in."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    socket = Socket(loop)
    crumbs = "; ".join(f"{name}={value}" for name, value in cookies.items()).encode()
    scope = {
        "type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": [(b"host", b"localhost"), (b"cookie", crumbs), *headers],
        "http_version": "1.1", "scheme": "ws", "server": ("localhost", 80), "client": ("localhost", 1), "root_path": "", "subprotocols": [],
    }  # fmt: skip

    async def send(message: Any) -> None:
        socket.got.put(message)

    socket.sent.put_nowait({"type": "websocket.connect"})
    done = asyncio.run_coroutine_threadsafe(Starlette(routes=routes)(scope, socket.sent.get, send), loop)
    try:
        first = socket.got.get(timeout=240)
        if first["type"] != "websocket.accept":
            raise Closed(int(first["code"]))
        yield socket
    finally:
        socket.leave()
        done.result(timeout=240)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
