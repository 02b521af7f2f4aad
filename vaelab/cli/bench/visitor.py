"""One visitor of the app without a browser: Streamlit's own messages over a real WebSocket, its ticks, and what a room says.

It does what the browser does that costs the server anything: opens a page, ticks as its fragments ask, presses, drags, uploads, follows. It draws nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
import urllib.request
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from vaelab.config.errors import VaeLabError

PATIENCE = 120.0  # seconds for an answer
KEEP = 1 << 26  # bytes of one message at most


class Visitor:
    """address: of the app. errors: what went wrong, as sentences; reruns: seconds of each rerun that it asked for; ticks: runs of fragments that have ended."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cookies: dict[str, str] = {}
        self.errors: list[str] = []
        self.reruns: list[float] = []
        self.ticks = 0
        self.followed: dict[int, float] = {}  # version: when the page showed it
        self.streamed: list[tuple[float, float]] = []  # (when z came, what its first number was)
        self.elements: dict[str, tuple[str, str, dict[str, Any]]] = {}  # key: (id, fragment, data of a component)
        self.pages: dict[str, str] = {}
        self._states: dict[str, Any] = {}
        self._ticks: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[bool, list[asyncio.Future[None]]] = {
            True: [],
            False: [],
        }  # for the end of a page's run, a fragment's
        self._tasks: list[asyncio.Task[None]] = []
        self._urls: asyncio.Future[Any] | None = None
        self._query, self._page, self._hash, self.session = "", "", "", ""

    # ---- HTTP

    async def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> int:
        """One request with the visitor's cookies; those that come back are kept. The status."""
        return await asyncio.to_thread(self._request, method, path, body, dict(headers or {}))

    def _request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> int:
        crumbs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        asked = urllib.request.Request(
            self.address + path, body, {"Accept": "text/html", "Cookie": crumbs, **headers}, method=method
        )
        opener = urllib.request.build_opener(_Stay)
        with opener.open(asked, timeout=PATIENCE) as answer:
            for line in answer.headers.get_all("set-cookie") or ():
                self.cookies |= {name: crumb.value for name, crumb in SimpleCookie(line).items()}
            return int(answer.status)

    async def sign_in(self, password: str) -> None:
        """Become the teacher."""
        await self.request("GET", "/")
        await self.request("POST", "/vaelab/sign-in?back=classroom", urlencode({"password": password}).encode())

    # ---- the page

    async def open(self, page: str, **query: str) -> float:
        """Come to a page as a new browser does; seconds until its script has run."""
        import websockets

        began = time.perf_counter()
        await self.request("GET", f"/{page}")
        await self.request("GET", "/_stcore/health")
        self._socket = await websockets.connect(
            f"{self.address.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=[websockets.Subprotocol("streamlit")],
            additional_headers={"Cookie": self._crumbs()},
            max_size=KEEP,
            open_timeout=PATIENCE,
            ping_interval=None,  # browsers answer pings and send none
        )
        self._tasks.append(asyncio.create_task(self._read()))
        self._query, self._page = urlencode({"lang": "en", **query}), page
        await self.rerun()
        return time.perf_counter() - began

    def _crumbs(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    async def go(self, page: str, **query: str) -> float:
        """Another page by the menu; seconds until its script has run."""
        self._query, self._page = urlencode({"lang": "en", **query}), page
        self._hash = self.pages.get(page, "")
        return await self.rerun()

    async def press(self, key: str) -> float:
        """A button; seconds until its run has ended."""
        identity, fragment, _ = self._element(key)
        return await self.rerun(fragment, pressed=identity)

    async def put(self, key: str, state: Mapping[str, Any]) -> float:
        """A component tells its state; seconds until its run has ended."""
        identity, fragment, _ = self._element(key)
        self._states[identity] = dict(state)
        return await self.rerun(fragment)

    def _element(self, key: str) -> tuple[str, str, dict[str, Any]]:
        found = self.elements.get(key)
        if found is None:
            raise VaeLabError(
                f"the page {self._page or 'start'} must have {key} to be measured, got {', '.join(self.elements) or 'nothing'}"
            )
        return found

    async def rerun(self, fragment: str = "", pressed: str = "") -> float:
        """Ask for a run of the page, or of a fragment of it; seconds until it has ended."""
        began = time.perf_counter()
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[not fragment].append(ended)
        await self._ask(fragment, pressed)
        await asyncio.wait_for(ended, PATIENCE)
        self.reruns.append(time.perf_counter() - began)
        return self.reruns[-1]

    async def _ask(self, fragment: str = "", pressed: str = "", is_tick: bool = False) -> None:
        from streamlit.proto.BackMsg_pb2 import BackMsg

        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_name, state.page_script_hash = self._query, self._page, self._hash
        state.fragment_id, state.is_auto_rerun = fragment, is_tick
        for identity, value in self._states.items():
            state.widget_states.widgets.add(id=identity, json_value=json.dumps(value))
        if pressed:
            state.widget_states.widgets.add(id=pressed, trigger_value=True)
        await self._socket.send(message.SerializeToString())

    async def _read(self) -> None:
        import websockets
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        with contextlib.suppress(websockets.ConnectionClosed):
            async for content in self._socket:
                if isinstance(content, bytes):
                    self._take(ForwardMsg.FromString(content))
        for ended in (*self._waiting[True], *self._waiting[False]):
            if not ended.done():
                ended.set_exception(VaeLabError("the server closed the connection of a page"))

    def _take(self, message: Any) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.session = message.new_session.initialize.session_id or self.session
            self._hash = message.new_session.page_script_hash
        elif kind == "navigation":
            for fragment in list(self._ticks):  # those of the page before; the new one tells its own
                self._stop_tick(fragment)
            self.pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
            for page in message.navigation.app_pages:
                if page.page_script_hash == message.navigation.page_script_hash:
                    self._page, self._hash = page.url_pathname, page.page_script_hash
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "delta":
            self._element_came(message.delta)
        elif kind == "auto_rerun":
            tick = message.auto_rerun
            self._stop_tick(tick.fragment_id)
            self._ticks[tick.fragment_id] = asyncio.create_task(self._tick(tick.interval, tick.fragment_id))
        elif kind == "script_finished":
            self._finished(message.script_finished)
        elif kind == "file_urls_response" and self._urls is not None and not self._urls.done():
            self._urls.set_result(message.file_urls_response)

    def _element_came(self, delta: Any) -> None:
        element: Any = delta.new_element if delta.WhichOneof("type") == "new_element" else None
        kind = element.WhichOneof("type") if element is not None else None
        if kind in ("button", "bidi_component"):
            shown = getattr(element, kind)
            told = json.loads(shown.json) if kind == "bidi_component" and shown.json else {}
            (data,) = told if isinstance(told, list) else (told,)  # ours travel in a list (ui/components/carrier.py)
            self.elements[shown.id.split("-", 2)[-1]] = (shown.id, delta.fragment_id, data)
        elif kind == "exception" or (kind == "alert" and element.alert.format == element.alert.ERROR):
            self.errors.append(
                f"{self._page}: {element.exception.message if kind == 'exception' else element.alert.body}"
            )

    def _finished(self, status: int) -> None:
        if status == 2:  # early, for the next run
            return
        if status == 1:
            self.errors.append(f"{self._page}: does not compile")
        is_page = status != 3
        self.ticks += not is_page
        if is_page:
            known = self.elements.get("room_bar")
            if known and known[2].get("applied"):
                self.followed.setdefault(int(known[2]["applied"]), time.perf_counter())
        for ended in self._waiting[is_page]:
            if not ended.done():
                ended.set_result(None)
        self._waiting[is_page].clear()

    async def _tick(self, seconds: float, fragment: str) -> None:
        """As a browser's timer: the page's script tells it anew whenever it runs."""
        import websockets

        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await asyncio.sleep(seconds)
                await self._ask(fragment, is_tick=True)

    def _stop_tick(self, fragment: str) -> None:
        known = self._ticks.pop(fragment, None)
        if known:
            known.cancel()

    async def upload(self, content: bytes, name: str) -> float:
        """Hand a file to the server, as the field for it does; seconds."""
        from streamlit.proto.BackMsg_pb2 import BackMsg

        began = time.perf_counter()
        message = BackMsg()
        message.file_urls_request.request_id = secrets.token_hex(8)
        message.file_urls_request.session_id = self.session
        message.file_urls_request.file_names.append(name)
        self._urls = asyncio.get_running_loop().create_future()
        await self._socket.send(message.SerializeToString())
        answer = await asyncio.wait_for(self._urls, PATIENCE)
        if answer.error_msg or not answer.file_urls:
            raise VaeLabError(f"an upload must get an address, got {answer.error_msg or 'none'}")
        cut = secrets.token_hex(12)
        head = f'--{cut}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\nContent-Type: image/png\r\n\r\n'
        status = await self.request(
            "PUT",
            answer.file_urls[0].upload_url,
            head.encode() + content + f"\r\n--{cut}--\r\n".encode(),
            {
                "Content-Type": f"multipart/form-data; boundary={cut}",
                "X-Xsrftoken": self.cookies.get("_streamlit_xsrf", ""),
            },
        )
        if status != 204:
            raise VaeLabError(f"an upload must be taken, got status {status}")
        return time.perf_counter() - began

    # ---- the room

    async def room(self, *, follows: bool) -> None:
        """Open the room's own connection, and follow where that is wanted."""
        import websockets

        self._room = await websockets.connect(
            f"{self.address.replace('http', 'ws', 1)}/vaelab/room",
            additional_headers={"Cookie": self._crumbs(), "Origin": self.address},
            open_timeout=PATIENCE,
            ping_interval=None,
        )
        if follows:
            await self.say("follows", True)
            self._tasks.append(asyncio.create_task(self._follow()))
        else:
            self._tasks.append(asyncio.create_task(self._hear()))

    async def say(self, kind: str, value: Any) -> None:
        """A message to the room."""
        await self._room.send(json.dumps({kind: value}))

    async def _hear(self) -> None:
        """Take what the room tells: the counts of thirty that nobody reads would fill the connection, and the server ends one that answers no ping."""
        import websockets

        with contextlib.suppress(websockets.ConnectionClosed):
            async for _ in self._room:
                pass

    async def _follow(self) -> None:
        import websockets

        asked = 0
        with contextlib.suppress(websockets.ConnectionClosed):
            async for content in self._room:
                told = json.loads(content)
                if told.get("z"):
                    self.streamed.append((time.perf_counter(), told["z"]["z"][0]))
                if told.get("shown") and told["shown"] > max(asked, *self.followed, 0):
                    asked = told["shown"]
                    identity, _, _ = self._element("room_bar")
                    self._states[identity] = {"wants": f"show {asked} {secrets.token_hex(4)}"}
                    try:
                        await self.rerun()
                    except (VaeLabError, TimeoutError) as error:
                        self.errors.append(f"following: {type(error).__name__} {error}")
                        return

    async def close(self) -> None:
        """Leave, as a browser that is closed."""
        for task in (*self._tasks, *self._ticks.values()):
            task.cancel()
        for socket in (getattr(self, "_room", None), getattr(self, "_socket", None)):
            if socket is not None:
                await socket.close()


class _Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are answers: the cookie comes with them."""

    def redirect_request(self, *_: Any) -> None:
        return None

    def http_error_303(self, _req: Any, answer: Any, *_: Any) -> Any:
        return answer
