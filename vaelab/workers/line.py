"""The line before the devices: which trainings compute, which wait for which, and how the teacher reorders it. No torch."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Literal

from vaelab.config.errors import RunError, VaeLabError
from vaelab.config.places import runs_root
from vaelab.models.device import likely
from vaelab.runs import store
from vaelab.runs.owner import Owner
from vaelab.runs.status import State
from vaelab.runs.store import Run

FRESH_SECONDS = 0.5  # thirty pages that look at once read the runs once
BEFORE = 1.0  # seconds by which the first of a line is preceded


@dataclass(frozen=True)
class Place:
    """A training in hand. ahead: how many that wait go first; turn: seconds since 1970, which orders those of one rank; since: when it was asked for."""

    run: Run
    owner: Owner
    state: State
    device: str
    turn: float
    ahead: int
    since: float

    @property
    def waits(self) -> bool:
        """Whether it waits for the device."""
        return self.state == "queued"


_lock = threading.Lock()
_known: tuple[float, str, tuple[Place, ...]] = (0.0, "", ())


def line(*, fresh: bool = False) -> tuple[Place, ...]:
    """Every training in hand: those that compute, those that are paused, then those that wait, the next one first.

    At most FRESH_SECONDS old, unless it must be fresh.
    """
    global _known
    root = str(runs_root())
    with _lock:
        read_at, of, places = _known
        if fresh or of != root or time.monotonic() - read_at > FRESH_SECONDS:
            places = _read()
            _known = (time.monotonic(), root, places)
        return places


def _read() -> tuple[Place, ...]:
    found: list[Place] = []
    for run in store.list_runs():
        status = run.status()
        if not status.is_active:
            continue
        try:
            device = likely(run.config().device)
        except VaeLabError:
            continue  # a damaged run stands in no line
        turn = run.desired().turn
        at = status.queued_at if turn is None else turn
        found.append(Place(run, run.owner, status.state, device, at, 0, status.queued_at))
    order = {"running": 0, "stalled": 0, "paused": 1, "queued": 2}
    found.sort(key=lambda place: (order[place.state], place.owner.rank, place.turn, place.run.name))
    counted: dict[str, int] = {}
    placed = []
    for place in found:
        ahead = counted.get(place.device, 0) if place.waits else 0
        if place.waits:
            counted[place.device] = ahead + 1
        placed.append(Place(place.run, place.owner, place.state, place.device, place.turn, ahead, place.since))
    return tuple(placed)


def place_of(run: Run) -> Place | None:
    """Where a run stands; None for one that is not in hand."""
    return next((place for place in line() if place.run == run), None)


def may_move(places: tuple[Place, ...], run: Run, way: Literal["up", "down"]) -> bool:
    """Whether there is a neighbour of its rank, before the same device, to change places with."""
    return _neighbours(places, run, way) is not None


def move(run: Run, way: Literal["up", "down"]) -> None:
    """Let a waiting run change places with its neighbour. Students' runs stay behind the teacher's. Raises RunError where there is none."""
    beside = _neighbours(line(fresh=True), run, way)
    if beside is None:
        raise RunError(f"run {run.name} has nobody of its kind to change places with (reload the page)")
    near, far = beside
    beyond = near - BEFORE if way == "up" else near + BEFORE
    run.ask(turn=beyond if far is None else (near + far) / 2)
    line(fresh=True)


def _neighbours(places: tuple[Place, ...], run: Run, way: Literal["up", "down"]) -> tuple[float, float | None] | None:
    """The turn of the neighbour that a run passes, and of the one beyond it."""
    mine = next((place for place in places if place.run == run and place.waits), None)
    if mine is None:
        return None
    alike = [p for p in places if p.waits and p.device == mine.device and p.owner.rank == mine.owner.rank]
    k = alike.index(mine)
    step = -1 if way == "up" else 1
    if not 0 <= k + step < len(alike):
        return None
    beyond = k + 2 * step
    return alike[k + step].turn, alike[beyond].turn if 0 <= beyond < len(alike) else None
