"""What status.json and control.json hold: how a run stands, and what it is asked to do."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from vaelab.config.settings import LossConfig, OptimConfig
from vaelab.runs.processes import ProcessIdentity

State = Literal["queued", "running", "paused", "finished", "stopped", "failed", "diverged", "interrupted", "stalled"]
Desired = Literal["run", "pause", "step", "stop"]
ACTIVE: tuple[State, ...] = ("queued", "running", "paused", "stalled")
SILENT_SECONDS = 60.0  # a worker writes twice a second; a single step, or measuring the held-out images, takes longer


@dataclass(frozen=True, kw_only=True)
class Status:
    """What status.json says. heartbeat: seconds since 1970; throughput: images a second; epoch: 1-based, 0 before step 1; compiled_from:
    the first step that a compiled program took, None while all are eager.

    beat: the heartbeat by the computer's own clock, which nobody sets and which stands still while it sleeps, in seconds since
    it started; oom_kills: how many processes it had killed by then for lack of memory.
    """

    state: State = "queued"
    step: int = 0
    total_steps: int = 0
    epoch: int = 0
    heartbeat: float = 0.0
    beat: float | None = None
    queued_at: float = 0.0
    pid: int | None = None
    start_time: int | None = None
    boot_id: str | None = None
    device: str = ""
    device_memory_mb: float | None = None
    oom_kills: int | None = None
    throughput: float | None = None
    seconds: float = 0.0
    remaining_seconds: float | None = None
    compiled_from: int | None = None
    message: str = ""

    @property
    def is_active(self) -> bool:
        """Whether a worker has the run in hand: queued, running, paused, or stalled meanwhile."""
        return self.state in ACTIVE

    @property
    def process(self) -> ProcessIdentity | None:
        """The process that wrote this; None before one came up."""
        return None if self.pid is None else ProcessIdentity(self.pid, self.start_time, self.boot_id)

    @property
    def has_process(self) -> bool:
        """Whether the process that wrote this is still there."""
        return self.process is not None and self.process.is_alive()

    @property
    def is_from_here(self) -> bool:
        """Whether it was written on this computer since it started: then its process number means something."""
        return self.boot_id is not None and self.boot_id == ProcessIdentity.mine().boot_id

    @property
    def is_still(self) -> bool:
        """Whether the process that should be at work was stopped (SIGSTOP), or has been silent for too long: it hangs.

        Before a training has begun silence says nothing: a folder of many images takes minutes to read.
        """
        if self.process is not None and self.process.is_stopped():
            return True
        if self.beat is None or self.state == "queued" or not self.is_from_here:
            return False
        return time.monotonic() - self.beat > SILENT_SECONDS

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Control:
    """What control.json asks for. beta, lr: live dials, None while untouched; seq: counts changes; steps: single steps asked for.

    turn: seconds since 1970 that stand for the time of asking in the line before the device; None leaves the real one.
    """

    desired: Desired = "run"
    beta: float | None = None
    lr: float | None = None
    seq: int = 0
    steps: int = 0
    turn: float | None = None


T = TypeVar("T")  # Status, Control, or the state of another process

MOST = 2**53  # what a float counts exactly
MOST_PID = 2**22  # the largest process number of Linux
# What each field may be, in status.json, control.json and the state of a job; None is allowed where it is the default.
_WHOLE = {
    "step": MOST,
    "total_steps": MOST,
    "epoch": MOST,
    "compiled_from": MOST,
    "start_time": MOST,
    "pid": MOST_PID,
    "oom_kills": MOST,
    "seq": MOST,
    "steps": MOST,
    "round": MOST,
    "rounds": MOST,
    "version": MOST,
}
_REAL = (
    "heartbeat",
    "beat",
    "queued_at",
    "device_memory_mb",
    "throughput",
    "seconds",
    "remaining_seconds",
    "turn",
    "remaining",
    "asked_at",
)
_DIALS = {"beta": LossConfig.bounds("beta"), "lr": OptimConfig.bounds("lr")}
_TEXT = ("boot_id", "device", "message")


def checked(kind: type[T], values: dict[str, Any]) -> tuple[T, tuple[str, ...]]:
    """A dataclass from what a file held, and the names of fields that held what they may not: those stand at their default.

    Fields that are not known, which a newer version may have written, are left out.
    """
    good: dict[str, Any] = {}
    bad: list[str] = []
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name not in values:
            continue
        value = values[field.name]
        if (value is None and field.default is None) or _is_allowed(kind, field.name, value):
            good[field.name] = value
        else:
            bad.append(field.name)
    return kind(**good), tuple(bad)


def _is_allowed(kind: type, name: str, value: Any) -> bool:
    if name in _WHOLE:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _WHOLE[name]
    if name in _REAL:
        return _is_real(value)
    if name in _DIALS:
        return isinstance(value, int | float) and not isinstance(value, bool) and _DIALS[name].allow(value)
    if name in _TEXT:
        return isinstance(value, str)
    choices = get_args(_hints(kind)[name])
    if get_origin(_hints(kind)[name]) is Mapping:
        return isinstance(value, dict) and all(_is_real(figure) for figure in value.values())
    return isinstance(value, str) and value in choices


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MOST  # NaN is not below


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
