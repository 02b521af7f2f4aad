"""A hub of one process for tests: as much of the HTTP face of huggingface.co as huggingface_hub asks when it uploads a folder and fetches it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".npz")  # what the hub keeps beside git
TOKEN = "hf_of_the_stub"  # opens nothing


@dataclass
class Hub:
    """What was asked, in order, and what the hub holds: repository -> path -> content."""

    address: str = ""
    asked: list[str] = field(default_factory=list)
    held: dict[str, dict[str, bytes]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    cards: list[str] = field(default_factory=list)
    private: dict[str, bool] = field(default_factory=dict)


@contextlib.contextmanager
def serving() -> Iterator[Hub]:
    """A hub on a free port of this machine."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def answer(self, content: Any, status: int = 200, **headers: str) -> None:
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def handle_any(self) -> None:
            path, body = unquote(urlsplit(self.path).path), self.body()
            hub.asked.append(f"{self.command} {path}")
            allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            parts = path.strip("/").split("/")
            if path.startswith("/blob/"):
                hub.blobs[parts[1]] = body
                self.answer({})
            elif not allowed:
                self.answer({"error": "Invalid username or password."}, 401)
            elif path == "/api/repos/create":
                told = json.loads(body)
                name = f"{told.get('organization') or 'me'}/{told['name']}"
                hub.held.setdefault(name, {})
                hub.private[name] = bool(told.get("private") or told.get("visibility") == "private")
                self.answer({"url": f"{hub.address}/{name}", "name": name})
            elif path == "/api/validate-yaml":
                hub.cards.append(json.loads(body)["content"])
                self.answer({"errors": [], "warnings": []})
            elif path.endswith("/info/lfs/objects/batch"):
                self.answer(
                    {"transfer": "basic", "objects": [self.upload(item) for item in json.loads(body)["objects"]]}
                )
            elif len(parts) > 4 and parts[4] == "preupload":
                files = json.loads(body)["files"]
                modes = [
                    {
                        "path": f["path"],
                        "uploadMode": "lfs" if f["path"].endswith(LARGE) else "regular",
                        "shouldIgnore": False,
                    }
                    for f in files
                ]
                self.answer({"files": modes})
            elif len(parts) > 4 and parts[4] == "commit":
                self.commit("/".join(parts[2:4]), body)
            elif len(parts) > 4 and parts[4] == "tree":
                files = hub.held["/".join(parts[2:4])]
                self.answer(
                    [{"type": "file", "path": at, "size": len(data), "oid": _sha1(data)} for at, data in files.items()]
                )
            elif parts[:2] == ["api", "models"] and len(parts) >= 4:
                self.tell("/".join(parts[2:4]))
            elif len(parts) > 4 and parts[2] == "resolve":
                self.give("/".join(parts[:2]), "/".join(parts[4:]))
            else:
                self.answer({"error": f"the stub does not know {path}"}, 404)

        do_GET = do_POST = do_PUT = do_HEAD = handle_any

        def upload(self, item: dict[str, Any]) -> dict[str, Any]:
            return {**item, "actions": {"upload": {"href": f"{hub.address}/blob/{item['oid']}"}}}

        def commit(self, name: str, body: bytes) -> None:
            for line in body.splitlines():
                told = json.loads(line)
                value = told["value"]
                if told["key"] == "file":
                    hub.held[name][value["path"]] = base64.b64decode(value["content"])
                elif told["key"] == "lfsFile":
                    hub.held[name][value["path"]] = hub.blobs[value["oid"]]
            self.answer(
                {
                    "commitUrl": f"{hub.address}/{name}/commit/{_state(hub, name)}",
                    "commitOid": _state(hub, name),
                    "hookOutput": "",
                }
            )

        def tell(self, name: str) -> None:
            files = hub.held.get(name)
            if files is None:
                self.answer({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")
                return
            self.answer(
                {
                    "_id": "1",
                    "id": name,
                    "sha": _state(hub, name),
                    "private": False,
                    "tags": [],
                    "siblings": [{"rfilename": path} for path in files],
                }
            )

        def give(self, name: str, path: str) -> None:
            content = hub.held.get(name, {}).get(path)
            if content is None:
                self.answer({"error": "Entry not found"}, 404, X_Error_Code="EntryNotFound")
                return
            tag = hashlib.sha256(content).hexdigest()
            self.answer(
                content, ETag=f'"{tag}"', X_Repo_Commit=_state(hub, name), Content_Type="application/octet-stream"
            )

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _state(hub: Hub, name: str) -> str:
    """What a commit is called: it changes with the content."""
    return _sha1(repr(sorted(hub.held[name].items())).encode())


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()  # as git does
