"""Two more browser engines behind one small face: Gecko through WebDriver BiDi, which Firefox itself speaks, and WebKitGTK through Selenium.

Playwright drives neither of the system's own builds.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from visitors import ARRIVED, STEP

from vaelab.cli.bench.app_server import free_port

WAIT = 300  # seconds: nothing is measured, and a loaded machine is slow
SIZE = {"width": 1280, "height": 800}
# Finds through the shadow roots in which the lab's widgets live.
DEEP = """const deep = (css, root = document) => [...root.querySelectorAll(css),
    ...[...root.querySelectorAll("*")].flatMap((e) => e.shadowRoot ? deep(css, e.shadowRoot) : [])];"""
QUIET = """user_pref("app.update.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("browser.startup.homepage", "about:blank");
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "");
user_pref("intl.accept_languages", "en");
"""


class Driver(Protocol):
    """What an engine's own driver has to know."""

    errors: list[str]  # of the page's scripts, where the engine tells them

    def open(self, address: str) -> None:
        """Go to an address."""

    def evaluate(self, body: str) -> Any:
        """Run the body of a function on the page and give what it returns, as JSON can carry it."""

    def drag(self, points: list[tuple[float, float]]) -> None:
        """Press at the first point (CSS pixels of the view), move over the others and let go."""

    def choose_file(self, css: str, path: Path) -> None:
        """Hand a file to the first file input that a selector finds."""


class Window:
    """One window of an engine."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        """Go to an address and wait for the end of the page's first run."""
        self.driver.open(address)
        self.until("return !!deep('h1, h2, h3, h4, [role=heading]').length")
        self.until("return !deep('[data-testid=stApp][data-test-script-state=running]').length")

    def is_in(self, address: str) -> bool:
        """Whether the window shows a page of this app."""
        return bool(self.value("return location.origin") == address)

    def walk(self, path: str, title: str) -> None:
        """Go to another page within the app, as the browser's own Back does, and wait for the end of that page's run."""
        self.value(f"({STEP})({json.dumps(path)})")
        self.until(f"return ({ARRIVED})({json.dumps(title)})")

    def value(self, body: str) -> Any:
        """What a function's body returns; `deep(css)` is known in it."""
        return self.driver.evaluate(f"{DEEP}\n{body}")

    def until(self, body: str) -> Any:
        """Wait for the body to return something true; that."""
        end = time.monotonic() + WAIT
        while not (found := self.value(body)):
            assert time.monotonic() < end, f"waited {WAIT} s for: {body}\nthe page says: {self.text()[:600]}"
            time.sleep(0.2)  # a look goes through every element, and takes from what is waited for
        return found

    def text(self) -> str:
        """All words of the page outside its widgets."""
        return str(self.value("return document.body.innerText"))

    def press(self, words: str, within: str = "body") -> None:
        """Click the first visible button or choice below a selector that bears the words."""
        self.until(
            f"""const found = deep("button, label", document.querySelector({json.dumps(within)}) ?? document).find((e) =>
                e.innerText.includes({json.dumps(words)}) && e.getClientRects().length && !e.disabled);
            found?.click(); return !!found;"""
        )


class Firefox:
    """WebDriver BiDi (W3C) over Firefox's own WebSocket."""

    def __init__(self, address: str) -> None:
        import websocket

        self.errors: list[str] = []
        self._numbers = itertools.count(1)
        self._socket = websocket.create_connection(address, timeout=WAIT, suppress_origin=True)
        self.command("session.new", capabilities={"alwaysMatch": {"acceptInsecureCerts": False}})
        self.command("session.subscribe", events=["log.entryAdded"])
        self._context = self.command("browsingContext.getTree")["contexts"][0]["context"]
        self.command("browsingContext.setViewport", context=self._context, viewport=SIZE)
        self._go("about:blank")  # a page like any other: no script is let into the browser's own, with which it begins

    def command(self, method: str, **params: Any) -> Any:
        """One command and its answer; what the page logs meanwhile is kept."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            told = json.loads(self._socket.recv())
            if told.get("method") == "log.entryAdded":
                entry = told["params"]
                if entry["type"] == "javascript" and entry["level"] == "error":
                    self.errors.append(str(entry["text"]))
            elif told.get("id") == number:
                assert told["type"] == "success", told
                return told["result"]

    def close(self) -> None:
        """Let go of the connection; the browser is ended by who started it."""
        self._socket.close()

    def open(self, address: str) -> None:
        known = list(self.errors)
        self._go("about:blank")
        self.errors = known  # what a page was still fetching when it is left is no error of it
        self._go(address)

    def _go(self, address: str) -> None:
        self.command("browsingContext.navigate", context=self._context, url=address, wait="interactive")

    def evaluate(self, body: str) -> Any:
        expression = f"JSON.stringify((() => {{ {body} }})() ?? null)"
        target = {"context": self._context}
        told = self.command("script.evaluate", expression=expression, target=target, awaitPromise=False)
        assert told["type"] == "success", told
        return json.loads(told["result"]["value"])

    def drag(self, points: list[tuple[float, float]]) -> None:
        moves: list[dict[str, Any]] = [
            {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 16} for x, y in points
        ]
        moves.insert(1, {"type": "pointerDown", "button": 0})
        moves.append({"type": "pointerUp", "button": 0})
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": moves}
        self.command("input.performActions", context=self._context, actions=[mouse])

    def choose_file(self, css: str, path: Path) -> None:
        locator = {"type": "css", "value": css}
        node = self.command("browsingContext.locateNodes", context=self._context, locator=locator)["nodes"][0]
        element = {"sharedId": node["sharedId"]}
        self.command("input.setFiles", context=self._context, element=element, files=[str(path)])


class WebKit:
    """Selenium over WebKitWebDriver; it tells nothing of a page's script errors."""

    def __init__(self, driver: Any) -> None:
        self.errors: list[str] = []
        self._driver = driver

    def open(self, address: str) -> None:
        self._driver.get(address)

    def evaluate(self, body: str) -> Any:
        return json.loads(self._driver.execute_script(f"return JSON.stringify((() => {{ {body} }})() ?? null)"))

    def drag(self, points: list[tuple[float, float]]) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        chain = ActionChains(self._driver, duration=16)
        mouse = chain.w3c_actions.pointer_action
        for k, (x, y) in enumerate(points):
            mouse.move_to_location(round(x), round(y))
            if k == 0:
                mouse.pointer_down()
        mouse.pointer_up()
        chain.perform()

    def choose_file(self, css: str, path: Path) -> None:
        self._driver.find_element("css selector", css).send_keys(str(path))


def missing(engine: str) -> str:
    """What an engine's tests need and this machine lacks, for a person; nothing where all is there."""
    wanted = ("firefox-esr", "firefox") if engine == "firefox" else ("WebKitWebDriver",)
    if not any(map(shutil.which, wanted)):
        return f"{wanted[0]} is not installed"
    if engine == "webkit" and not (shutil.which("Xvfb") and _mini_browser()):
        return "Xvfb or WebKitGTK's MiniBrowser is not installed"
    return ""


@contextlib.contextmanager
def window(engine: str) -> Iterator[Window]:
    """A window of `firefox` or `webkit`, closed at the end."""
    with _firefox() if engine == "firefox" else _webkit() as driver:
        yield Window(driver)


@contextlib.contextmanager
def _firefox() -> Iterator[Firefox]:
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        (Path(profile) / "user.js").write_text(QUIET)
        program = shutil.which("firefox-esr") or shutil.which("firefox")
        command = [str(program), "--headless", "--no-remote", "--profile", profile, f"--remote-debugging-port={port}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                driver = _connected(process, f"ws://127.0.0.1:{port}/session")
                yield driver
                driver.close()
            finally:
                process.terminate()


def _connected(process: subprocess.Popen[bytes], address: str) -> Firefox:
    end = time.monotonic() + WAIT
    while True:
        try:
            return Firefox(address)
        except OSError:
            assert process.poll() is None, "Firefox ended"
            assert time.monotonic() < end, "Firefox does not answer"
            time.sleep(0.1)


def _mini_browser() -> Path | None:
    return next(iter(sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))), None)


@contextlib.contextmanager
def _webkit() -> Iterator[WebKit]:
    from selenium import webdriver
    from selenium.webdriver.webkitgtk.service import Service

    with _screen() as display:
        options = webdriver.WebKitGTKOptions()
        options.binary_location = str(_mini_browser())
        options.add_argument("--automation")
        # A container has no user namespaces for the engine's own sandbox.
        freed = {"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1", "LIBGL_ALWAYS_SOFTWARE": "1"}
        env = os.environ | {"DISPLAY": display} | freed
        service = Service(shutil.which("WebKitWebDriver"), env=env)
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of Selenium by Selenium
            driver = webdriver.WebKitGTK(options=options, service=service)
        try:
            driver.set_window_size(SIZE["width"], SIZE["height"])
            yield WebKit(driver)
        finally:
            driver.quit()


@contextlib.contextmanager
def _screen() -> Iterator[str]:
    """A screen that nobody sees; its name."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as process:
        os.close(write)
        try:
            with os.fdopen(read) as told:
                yield f":{told.readline().strip()}"
        finally:
            process.terminate()
