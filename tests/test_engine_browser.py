"""The browser decoder in Chromium: the numbers of PyTorch on both paths, also where a policy forbids WebAssembly."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import engine_cases
import pytest
from conftest import WAIT

from vaelab.cli.bench.chromium import chromium
from vaelab.runs import store

pytestmark = pytest.mark.browser

PROJECT = Path(__file__).resolve().parent.parent
NO_WASM = "script-src 'self' 'unsafe-inline'"  # without 'wasm-unsafe-eval' a browser may not compile WebAssembly


class Handler(SimpleHTTPRequestHandler):
    """The project's files, and the cases below /cases/."""

    def __init__(self, *arguments: Any, cases: Path, policy: str | None, **named: Any) -> None:
        self.cases, self.policy = cases, policy
        super().__init__(*arguments, directory=str(PROJECT), **named)

    def translate_path(self, path: str) -> str:
        return (
            str(self.cases / path.removeprefix("/cases/"))
            if path.startswith("/cases/")
            else super().translate_path(path)
        )

    def end_headers(self) -> None:
        if self.policy:
            self.send_header("Content-Security-Policy", self.policy)
        super().end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Quiet."""


@contextlib.contextmanager
def served(cases: Path, policy: str | None = None) -> Iterator[str]:
    """A server of the loopback address in a thread; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, cases=cases, policy=policy))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def parity(cases: Path, paths: list[str], policy: str | None = None) -> list[dict[str, Any]]:
    with chromium() as browser, served(cases, policy) as address:
        page = browser.new_page()
        page.set_default_timeout(WAIT)
        page.goto(f"{address}/tests/js/parity.html")
        page.locator("html[data-ready]").wait_for(state="attached")
        return list(page.evaluate("(paths) => window.parity(paths)", paths))


def shipped_cases(folder: Path, z: int) -> list[dict[str, object]]:
    names = store.shipped()
    return [
        engine_cases.write_case(folder, name, engine_cases.shipped(store.find(name)), "decoder", z) for name in names
    ]


def test_both_paths_have_pytorchs_numbers(tmp_path: Path, whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every architecture (more of each in Node: test_engine_node.py), a network of one's own, and a hundred z of every shipped model, or a thousand."""
    cases = engine_cases.architectures(tmp_path, n=40 if whole else 10) + shipped_cases(
        tmp_path, 1000 if whole else 100
    )
    cases.append(engine_cases.write_case(tmp_path, "own", engine_cases.own_palette(monkeypatch), "decoder", 26))
    engine_cases.write_cases(tmp_path, cases)
    results = parity(tmp_path, ["wasm", "js"])
    assert len(results) == 2 * len(cases)
    assert len(cases) > len(engine_cases.CONFIGS) + len(store.shipped())
    for result in results:
        assert result["path"] == result["asked"]
        assert result["worst"] <= engine_cases.TOLERANCE, result


def test_where_webassembly_is_forbidden_plain_javascript_answers(tmp_path: Path) -> None:
    model = engine_cases.drawn(engine_cases.CONFIGS[5])
    engine_cases.write_cases(tmp_path, [engine_cases.write_case(tmp_path, "case", model, "decoder", 40)])
    (result,) = parity(tmp_path, ["auto"], NO_WASM)
    assert result["path"] == "js"
    assert result["worst"] <= engine_cases.TOLERANCE
    (result,) = parity(tmp_path, ["auto"])
    assert result["path"] == "wasm"
