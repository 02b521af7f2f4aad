"""Counts the bytes that a WebSocket takes on the wire, compressed as they travel: a relay between the browser and the app.

A browser's own tools show a message after it was unpacked; what a network carries is what stands between the two.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

CHUNK = 65536  # bytes


class Wire:
    """The relay's count. received: bytes from the app to browsers over WebSockets since `reset`."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self.address = ""
        self.received = 0

    def reset(self) -> None:
        """Begin at zero."""
        self.received = 0

    async def serve(self) -> asyncio.Server:
        """Listen on a free port of the loopback address."""
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _relay(self, browser: asyncio.StreamReader, to_browser: asyncio.StreamWriter) -> None:
        app, to_app = await asyncio.open_connection(self._host, self._port)
        first = await browser.read(CHUNK)
        is_socket = b"upgrade: websocket" in first.lower()
        to_app.write(first)
        with contextlib.suppress(asyncio.CancelledError):  # the relay's end is no error of a connection
            await asyncio.gather(self._pass(browser, to_app, False), self._pass(app, to_browser, is_socket))

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, counted: bool) -> None:
        try:
            with contextlib.suppress(ConnectionError):
                while data := await source.read(CHUNK):
                    if counted:
                        self.received += len(data)
                    target.write(data)
                    await target.drain()
        finally:
            target.close()


@contextlib.contextmanager
def relayed(target: str) -> Iterator[Wire]:
    """A relay to the app at this address, in a thread; browse at its own `address`."""
    wire = Wire(target)
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(wire.serve())
    thread = threading.Thread(target=loop.run_forever, name="wire", daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(_end(asyncio.all_tasks(loop)))  # connections that the browser has left open
        loop.close()


async def _end(tasks: set[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
