"""The HTML of a page tells Streamlit's script where the app begins, and nothing else is touched."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from vaelab.ui import known_root
from vaelab.ui.known_root import KnownRoot

HTML = b"<html><head><title>a</title></head><body>x</body></html>"


def served(path: str, *, method: str = "GET", status: int = 200, kind: str = "text/html; charset=utf-8") -> Any:
    """Status, headers and body of an answer in two parts, and what the server was asked to pack it with."""
    sent: list[dict[str, Any]] = []
    asked: list[tuple[bytes, bytes]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.extend(scope["headers"])
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(HTML)).encode()), (b"etag", b"1")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": HTML[:10], "more_body": True})
        await send({"type": "http.response.body", "body": HTML[10:]})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(b"accept-encoding", b"gzip"), (b"host", b"h")],
    }
    asyncio.run(KnownRoot(app)(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(part.get("body", b"") for part in sent[1:]), dict(asked)


def test_a_page_is_told_where_the_app_begins() -> None:
    status, headers, body, asked = served("/decode")
    assert (status, headers["etag"]) == (200, "1")
    assert int(headers["content-length"]) == len(body) > len(HTML)
    assert b'const page = "/decode";' in body
    assert body.index(b"BACKEND_BASE_URL") < body.index(b"<title>"), "before Streamlit's own scripts"
    assert body.startswith(b"<html><head><script>")
    assert body.endswith(HTML[len(b"<html><head>") :])
    assert asked == {b"host": b"h"}  # what is packed cannot be read


def test_below_a_base_path_the_page_alone_is_taken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_root, "base_path", lambda: "/lab/")
    assert b'const page = "/train";' in served("/lab/train")[2]
    assert served("/other/train")[2] == HTML


@pytest.mark.parametrize(
    ("path", "given"),
    [("/", {}), ("/static/js/a.js", {}), ("/decode/_stcore/health", {}), ("/decode", {"method": "POST"}),
     ("/decode", {"status": 304}), ("/decode", {"kind": "application/json"})],
)  # fmt: skip
def test_everything_else_passes_as_it_is(path: str, given: dict[str, Any]) -> None:
    status, headers, body, _ = served(path, **given)
    assert body == HTML
    assert status == given.get("status", 200)
    assert int(headers["content-length"]) == len(HTML)
