"""Streamlit's scripts and styles are sent packed, once each, and nothing else is touched."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest

from vaelab.ui import packed
from vaelab.ui.packed import Packed

SCRIPT = b"const a = 1; " * 5000
TAG = b'"abc"'


class Server:
    """Answers every path with the script in two pieces, or 304 to who has it; counts how often."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        known = dict(scope["headers"]).get(b"if-none-match") == TAG
        headers = [
            (b"etag", TAG),
            (b"content-length", str(len(SCRIPT)).encode()),
            (b"content-type", b"text/javascript"),
        ]
        await send({"type": "http.response.start", "status": 304 if known else 200, "headers": headers})
        if not known:
            await send({"type": "http.response.body", "body": SCRIPT[:100], "more_body": True})
        await send({"type": "http.response.body", "body": b"" if known else SCRIPT[100:]})


def get(app: Packed, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(app({"type": "http", "method": "GET", "path": path, "headers": given}, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message["body"] for message in sent[1:])


@pytest.mark.parametrize("path", ["/static/js/index.Ab1.js", "/below/static/css/index.Ab1.css"])
def test_a_script_is_packed_once(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    packs: list[int] = []
    compress = gzip.compress
    monkeypatch.setattr(packed.gzip, "compress", lambda *a, **k: packs.append(1) or compress(*a, **k))
    app = Packed(Server())
    for _ in range(2):
        status, headers, body = get(app, path, accept_encoding="gzip, br")
        assert status == 200
        assert headers["content-encoding"] == "gzip"
        assert headers["content-length"] == str(len(body))
        assert headers["etag"] == TAG.decode()
        assert "accept-encoding" in headers["vary"].lower()
        assert len(body) < len(SCRIPT) / 3
        assert gzip.decompress(body) == SCRIPT
    assert packs == [1]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/static/js/index.Ab1.js", {}),
        ("/static/js/index.Ab1.js", {"accept_encoding": "br"}),
        ("/static/js/index.Ab1.js", {"accept_encoding": "gzip", "range": "bytes=0-9"}),
        ("/static/media/font.woff2", {"accept_encoding": "gzip"}),
        ("/media/index.js", {"accept_encoding": "gzip"}),
    ],
)
def test_all_else_stays_as_it_is(path: str, headers: dict[str, str]) -> None:
    status, found, body = get(Packed(Server()), path, **headers)
    assert (status, body) == (200, SCRIPT)
    assert "content-encoding" not in found


def test_a_browser_that_has_it_is_told_so() -> None:
    app = Packed(Server())
    status, headers, body = get(app, "/static/js/a.js", accept_encoding="gzip", if_none_match=TAG.decode())
    assert (status, body) == (304, b"")
    assert "content-encoding" not in headers


def test_a_browser_that_leaves_in_the_middle_spoils_the_script_for_nobody(tmp_path: Any) -> None:
    """A file is read to its end though the browser that asked first has gone: the next one gets all of it."""
    from starlette.staticfiles import StaticFiles

    (tmp_path / "static").mkdir()
    script = SCRIPT * 20  # more than one piece of a file
    (tmp_path / "static" / "index.Ab1.js").write_bytes(script)
    app = Packed(StaticFiles(directory=tmp_path))

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def ask(receive: Any) -> bytes:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            await asyncio.sleep(0)  # as a socket does: here others have their turn
            sent.append(message)

        scope = {"type": "http", "asgi": {"spec_version": "2.3"}, "method": "GET", "path": "/static/index.Ab1.js"}
        await app({**scope, "root_path": "", "headers": [(b"accept-encoding", b"gzip")]}, receive, send)
        return b"".join(message["body"] for message in sent[1:])

    async def both() -> list[bytes]:
        return [await ask(gone), await ask(asyncio.Event().wait)]

    assert [gzip.decompress(body) for body in asyncio.run(both())] == [script, script]


def test_half_an_answer_is_not_kept() -> None:
    class Half(Server):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def half(message: Any) -> None:
                if message["type"] == "http.response.start" or message.get("more_body") or self.asked > 1:
                    await send(message)

            await super().__call__(scope, receive, half)

    app = Packed(Half())
    _, headers, body = get(app, "/static/js/index.Ab1.js", accept_encoding="gzip")
    assert (body, "content-encoding" in headers) == (SCRIPT[:100], False)
    assert gzip.decompress(get(app, "/static/js/index.Ab1.js", accept_encoding="gzip")[2]) == SCRIPT
