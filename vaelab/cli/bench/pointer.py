"""A steady hand: moves of a pointer or a finger sent to Chromium at a fixed rate, without waiting for one to be handled before the next is sent.

A driver that waits for each move measures itself: Chromium answers a move only with the frame that shows it, so a frame that takes 17 ms
instead of 16 would halve the rate of events. A hand does not wait either.
"""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any, Literal

Hand = Literal["drag", "hover", "touch"]  # a mouse with its button down, a mouse, a finger on the glass
MOVES_A_SECOND = 120  # twice the screen's rate, as a good mouse
SWINGS_A_SECOND = 0.5


def swing(port: int, url: str, middle: float, y: float, reach: float, seconds: float, hand: Hand = "drag") -> float:
    """Move a hand to and fro about (middle, y) CSS pixels in the page at this address; moves a second.

    port: Chromium's --remote-debugging-port. A mouse is pressed or not by who calls; a finger is put down first and lifted at the end.
    Raises LookupError when no page has the address.
    """
    from websockets.sync.client import connect

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
        targets: list[dict[str, Any]] = json.load(answer)
    found = [target["webSocketDebuggerUrl"] for target in targets if target["url"] == url]
    if not found:
        raise LookupError(f"no page of the browser has the address {url}")
    moves = sent = 0
    with connect(found[0], max_size=None) as socket:

        def send(method: str, params: dict[str, Any]) -> None:
            nonlocal sent
            sent += 1
            socket.send(json.dumps({"id": sent, "method": method, "params": params}))

        if hand == "touch":
            send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": middle, "y": y}]})
        begin = time.perf_counter()
        while (now := time.perf_counter() - begin) < seconds:
            moves += 1
            x = middle + reach * _triangle(SWINGS_A_SECOND * now)
            if hand == "touch":
                send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y}]})
            else:
                pressed = {"button": "left", "buttons": 1} if hand == "drag" else {}
                send("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y, **pressed})
            time.sleep(max(0.0, moves / MOVES_A_SECOND - (time.perf_counter() - begin)))
        if hand == "touch":
            send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        for _ in range(sent):
            socket.recv(timeout=30)  # every move has been handled
    return moves / seconds


def _triangle(turns: float) -> float:
    """0, up to 1, down to -1 and back in one turn, at an even speed: a sine rests at its ends, where nothing is to be painted."""
    return 4 * abs((turns - 0.25) % 1 - 0.5) - 1
