"""The rooms of this server: what each teacher shows, who follows, and what was answered. In memory alone: a new start of the server ends them.

Somebody is the hash of their browser's word (Person.tag). Whoever listens to a room is called at every change, from any thread, with what
has changed: "shown", "z", "pointer", "counts" or "over".
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vaelab.config.errors import RunError

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that looks like another
CODE_LENGTH = 6
SERVER = "VAELAB_SERVER"  # of several behind one address: the letter that codes of this one begin with, by which a proxy finds it
ENDS_SECONDS = 4 * 3600.0  # a room whose teacher has not been there for so long ends
MOST_ROOMS = 100
MOST_IN_A_ROOM = 500
STREAMED_PAGE = "decode"  # its z travels by itself, many times a second
STREAMED = ("z", "label", "tab")  # of its address

Change = Literal["shown", "z", "pointer", "counts", "over"]
Listener = Callable[[Change], None]
Message = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """What the teacher's page shows. page: its name; query: of its address; state: what is chosen on it; version: counts changes."""

    page: str
    query: Mapping[str, str]
    state: Mapping[str, Any]
    version: int = 0


@dataclass
class Room:
    """A room. owner: the teacher; seen: when they were there last; guests: who joined; answers: lesson: who: what they guessed; z, pointer: as streamed."""

    code: str
    owner: str
    seen: float
    shown: Shown | None = None
    guests: set[str] = field(default_factory=set)
    answers: dict[str, dict[str, str]] = field(default_factory=dict)
    z: Message | None = None
    pointer: Message | None = None
    pages: dict[object, tuple[str, bool]] = field(
        default_factory=dict
    )  # open pages of guests: who, and whether it follows
    listeners: dict[object, Listener] = field(default_factory=dict)


class Rooms:
    """All rooms. clock: seconds that never go back. Safe from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rooms: dict[str, Room] = {}

    # ---- the teacher

    def open(self, owner: str) -> str:
        """The code of the owner's room, a new one where there is none. Raises RunError for too many rooms."""
        with self._lock:
            now = self._clock()
            old = [room for room in self._rooms.values() if now - room.seen > ENDS_SECONDS]
            for room in old:
                del self._rooms[room.code]
            mine = self._of(owner)
            if mine is None:
                if len(self._rooms) >= MOST_ROOMS:
                    raise RunError(f"this server has {MOST_ROOMS} rooms already (close one first)")
                mine = Room(self._free_code(), owner, now)
                self._rooms[mine.code] = mine
        for room in old:
            _tell(room, "over")
        return mine.code

    def _free_code(self) -> str:
        first = server_letter()
        while True:
            code = first + "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH - len(first)))
            if code not in self._rooms:
                return code

    def close(self, owner: str) -> None:
        """End the owner's room; everybody in it is free."""
        with self._lock:
            room = self._of(owner)
            if room is not None:
                del self._rooms[room.code]
        if room is not None:
            _tell(room, "over")

    def _of(self, owner: str) -> Room | None:
        return next((room for room in self._rooms.values() if room.owner == owner), None) if owner else None

    def owned(self, owner: str) -> str | None:
        """The code of the owner's room."""
        with self._lock:
            room = self._of(owner)
            return room.code if room else None

    def show(self, owner: str, new: Shown) -> None:
        """The owner's page shows this now; its version is counted here."""
        with self._lock:
            room = self._of(owner)
            if room is None:
                return
            room.seen = self._clock()
            before = room.shown
            if before is not None and _same(before, new):
                return
            light = before is not None and _differs_by_stream(before, new, room.z)
            version = before.version + (not light) if before else 1
            room.shown = Shown(new.page, dict(new.query), dict(new.state), version)
        if not light:
            _tell(room, "shown")

    def stream(self, owner: str, kind: Literal["z", "pointer"], message: Message | None) -> None:
        """z while it is dragged, or where the teacher points (None: nowhere)."""
        with self._lock:
            room = self._of(owner)
            if room is None:
                return
            room.seen = self._clock()
            if kind == "z":
                room.z = message
            else:
                room.pointer = message
        _tell(room, kind)

    def counts(self, code: str) -> tuple[int, int]:
        """(who follows, who looks around by themselves) of those whose page is there; somebody with two pages counts once."""
        with self._lock:
            room = self._rooms.get(code)
            there = list(room.pages.values()) if room else []
        following = {who for who, follows in there if follows}
        return len(following), len({who for who, _ in there} - following)

    def answers(self, code: str) -> dict[str, dict[str, int]]:
        """By lesson, how many guessed what, the most frequent first; nobody by name."""
        with self._lock:
            room = self._rooms.get(code)
            given = {lesson: list(found.values()) for lesson, found in room.answers.items()} if room else {}
        return {lesson: dict(Counter(found).most_common()) for lesson, found in given.items() if found}

    # ---- a student

    def join(self, code: str, who: str) -> bool:
        """Come into a room. Whether there is such a room, with a place left."""
        with self._lock:
            room = self._rooms.get(code)
            if room is None or not who or (who not in room.guests and len(room.guests) >= MOST_IN_A_ROOM):
                return False
            others = [other for other in self._rooms.values() if other is not room and who in other.guests]
            for other in others:
                _forget(other, who)
            room.guests.add(who)
        for other in others:
            _tell(other, "counts")
        return True

    def leave(self, who: str) -> None:
        """Go out of whatever room one is in; what one has answered is forgotten."""
        with self._lock:
            mine = [room for room in self._rooms.values() if who in room.guests]
            for room in mine:
                _forget(room, who)
        for room in mine:
            _tell(room, "counts")

    def joined(self, who: str) -> str | None:
        """The code of the room that somebody is in."""
        with self._lock:
            return next((code for code, room in self._rooms.items() if who in room.guests), None)

    def answer(self, who: str, lesson: str, guess: str | None) -> None:
        """What somebody in a room has guessed in a lesson; None takes it back."""
        with self._lock:
            room = next((room for room in self._rooms.values() if who in room.guests), None)
            if room is None or room.answers.get(lesson, {}).get(who) == guess:
                return
            given = room.answers.setdefault(lesson, {})
            given.pop(who, None)
            if guess is not None:
                given[who] = guess[:80]
        _tell(room, "counts")

    # ---- both

    def shown(self, code: str) -> Shown | None:
        """What the teacher of a room shows; None before anything, and where there is no such room."""
        with self._lock:
            room = self._rooms.get(code)
            return room.shown if room else None

    def streamed(self, code: str, kind: Literal["z", "pointer"]) -> Message | None:
        """The newest z, or where the teacher points."""
        with self._lock:
            room = self._rooms.get(code)
            return None if room is None else room.z if kind == "z" else room.pointer

    def listen(self, code: str, page: object, listener: Listener) -> bool:
        """Hear of changes in a room until `unlisten(code, page)`. Whether there is such a room."""
        with self._lock:
            room = self._rooms.get(code)
            if room is not None:
                room.listeners[page] = listener
            return room is not None

    def here(self, code: str, page: object, who: str, follows: bool) -> None:
        """A guest's page is open, and whether it follows."""
        with self._lock:
            room = self._rooms.get(code)
            if room is None or who not in room.guests:
                return
            room.pages[page] = (who, follows)
        _tell(room, "counts")

    def unlisten(self, code: str, page: object) -> None:
        """The page has gone."""
        with self._lock:
            room = self._rooms.get(code)
            if room is None:
                return
            room.listeners.pop(page, None)
            gone = room.pages.pop(page, None)
        if gone is not None:
            _tell(room, "counts")


def server_letter() -> str:
    """What codes of this server begin with; empty where it is the only one."""
    letter = os.environ.get(SERVER, "").strip().upper()
    return letter if len(letter) == 1 and letter in LETTERS else ""


def is_elsewhere(code: str) -> bool:
    """Whether a code is that of a room on another server behind the same address."""
    here = server_letter()
    return bool(here) and len(code) == CODE_LENGTH and set(code) <= set(LETTERS) and not code.startswith(here)


def _forget(room: Room, who: str) -> None:
    room.guests.discard(who)
    room.pages = {page: known for page, known in room.pages.items() if known[0] != who}
    for given in room.answers.values():
        given.pop(who, None)


def _tell(room: Room, change: Change) -> None:
    """Tell all who listen; called without the lock, so that a listener may look."""
    for listener in list(room.listeners.values()):
        listener(change)


def _same(one: Shown, other: Shown) -> bool:
    return (one.page, dict(one.query), dict(one.state)) == (other.page, dict(other.query), dict(other.state))


def _differs_by_stream(before: Shown, new: Shown, z: Message | None) -> bool:
    """Whether only that has changed which pages have got by the stream already: nobody needs to draw a page anew for it."""
    if z is None or not before.page == new.page == STREAMED_PAGE or z.get("model") != new.query.get("run"):
        return False
    rest = [{name: value for name, value in each.query.items() if name not in STREAMED} for each in (before, new)]
    return rest[0] == rest[1] and dict(before.state) == dict(new.state)


ROOMS = Rooms()
