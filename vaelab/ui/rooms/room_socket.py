"""The WebSocket between a page of somebody in a room and the server: what is shown, z and the pointer go down, following goes up.

Messages are JSON objects of one key. To a student: {"shown": version or null}, {"z": {model, z, label, tab}}, {"pointer": {at, x, y} or null},
{"over": true}. To the teacher: {"counts": [following, alone]}, {"answers": {lesson: {guess: how many}}}, {"over": true}. From a student:
{"follows": true or false}. From the teacher: {"z": ...}, {"pointer": ...}. A slow browser gets the newest of each, not all.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from vaelab.ui.access.people import Person, has_roles, of_request
from vaelab.ui.access.rules import may
from vaelab.ui.components.carrier import PREFIX
from vaelab.ui.components.routes import asking_socket, base_path
from vaelab.ui.rooms.rooms import ROOMS, Change

NAME = "room"
NO_ROOM = 4404  # a close code of ours: this browser is in no room
MOST_CHARACTERS = 65_536  # of a message
MOST_NUMBERS = 4096  # of a z
MOST_WORD = 200  # characters of a name


def room_routes() -> list[WebSocketRoute]:
    """The one address; the cookie tells which room is meant."""
    return [asking_socket("follow_room", f"{base_path()}{PREFIX}/{NAME}", talk)]


async def talk(socket: WebSocket) -> None:
    """Serve one page until it goes or the room ends."""
    person = of_request(socket)
    leads = person.role == "teacher"
    code = ROOMS.owned(person.tag) if leads else ROOMS.joined(person.tag)
    await socket.accept()
    if not has_roles() or code is None:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(NO_ROOM)
        return
    page, loop = object(), asyncio.get_running_loop()
    due: dict[Change, None] = {}  # in the order of their coming
    woken = asyncio.Event()

    def mark(change: Change) -> None:
        due[change] = None
        woken.set()

    def heard(change: Change) -> None:
        with contextlib.suppress(RuntimeError):  # the server is ending
            loop.call_soon_threadsafe(mark, change)

    if not ROOMS.listen(code, page, heard):
        await socket.close(NO_ROOM)
        return
    for change in ("counts",) if leads else ("shown", "z", "pointer"):
        mark(change)  # type: ignore[arg-type]
    sender = asyncio.create_task(_send(socket, code, leads, due, woken))
    receiver = asyncio.create_task(_receive(socket, code, page, person, leads))
    try:
        await asyncio.wait({sender, receiver}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ROOMS.unlisten(code, page)
        for task in (sender, receiver):
            task.cancel()
        await asyncio.gather(sender, receiver, return_exceptions=True)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it is closed already
            await socket.close()


async def _send(socket: WebSocket, code: str, leads: bool, due: dict[Change, None], woken: asyncio.Event) -> None:
    """What is due, as it stands when it is sent."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await woken.wait()
            woken.clear()
            while due:
                change = next(iter(due))
                del due[change]
                for message in _messages(code, leads, change):
                    await socket.send_text(json.dumps(message, separators=(",", ":")))
                if change == "over":
                    await socket.close()
                    return


def _messages(code: str, leads: bool, change: Change) -> list[dict[str, Any]]:
    if change == "over":
        return [{"over": True}]
    if leads:
        return [{"counts": ROOMS.counts(code)}, {"answers": ROOMS.answers(code)}] if change == "counts" else []
    if change == "shown":
        shown = ROOMS.shown(code)
        return [{"shown": shown.version if shown else None}]
    if change == "counts":
        return []
    streamed = ROOMS.streamed(code, change)
    return [] if streamed is None and change == "z" else [{change: streamed}]


async def _receive(socket: WebSocket, code: str, page: object, person: Person, leads: bool) -> None:
    """What the page tells; anything that is not of the protocol ends the talk."""
    with contextlib.suppress(
        WebSocketDisconnect, RuntimeError, ValueError, OverflowError
    ):  # RuntimeError: also of deep nesting
        while True:
            text = await socket.receive_text()
            if len(text) > MOST_CHARACTERS:
                raise ValueError("too long")
            told = json.loads(text)
            if not isinstance(told, dict) or len(told) != 1:
                raise ValueError("not one key")
            ((kind, value),) = told.items()
            if not leads and kind == "follows" and isinstance(value, bool):
                ROOMS.here(code, page, person.tag, value)
            elif leads and kind == "z" and may("open_room", person=of_request(socket)):  # a sign-out ends it at once
                ROOMS.stream(person.tag, "z", _z(value))
            elif leads and kind == "pointer" and may("open_room", person=of_request(socket)):
                ROOMS.stream(person.tag, "pointer", None if value is None else _pointer(value))
            else:
                raise ValueError(f"{kind} is not of the protocol")


def _z(value: Any) -> dict[str, Any]:
    """A z as decoders tell it. Raises ValueError for anything else."""
    if not isinstance(value, dict) or set(value) != {"model", "z", "label", "tab"}:
        raise ValueError("not a z")
    z, label = value["z"], value["label"]
    if not isinstance(z, list) or len(z) > MOST_NUMBERS or not all(map(_is_finite, z)):
        raise ValueError("z must be finite numbers")
    if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < 10_000:
        raise ValueError("label must be a class")
    return {"model": _word(value["model"]), "z": z, "label": label, "tab": _word(value["tab"])}


def _pointer(value: Any) -> dict[str, Any]:
    """Where the teacher points: a share of the width and height of the element of a class. Raises ValueError."""
    if not isinstance(value, dict) or set(value) != {"at", "x", "y"}:
        raise ValueError("not a pointer")
    if not (_is_finite(value["x"]) and _is_finite(value["y"])):
        raise ValueError("a pointer must be somewhere")
    return {"at": _word(value["at"]), "x": value["x"], "y": value["y"]}


def _word(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value) > MOST_WORD:
        raise ValueError("not a name")
    return value


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
