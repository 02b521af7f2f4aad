"""What status.json and control.json hold: how a run stands, and what it is asked to do."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from vaelab.runs.processes import ProcessIdentity

State = Literal["queued", "running", "paused", "finished", "stopped", "failed", "diverged", "interrupted"]
Desired = Literal["run", "pause", "step", "stop"]
ACTIVE: tuple[State, ...] = ("queued", "running", "paused")


@dataclass(frozen=True, kw_only=True)
class Status:
    """What status.json says. heartbeat: seconds since 1970; throughput: images a second; epoch: 1-based, 0 before step 1."""

    state: State = "queued"
    step: int = 0
    total_steps: int = 0
    epoch: int = 0
    heartbeat: float = 0.0
    queued_at: float = 0.0
    pid: int | None = None
    start_time: int | None = None
    boot_id: str | None = None
    device: str = ""
    device_memory_mb: float | None = None
    throughput: float | None = None
    seconds: float = 0.0
    remaining_seconds: float | None = None
    message: str = ""

    @property
    def is_active(self) -> bool:
        """Whether a worker has the run in hand: queued, running or paused."""
        return self.state in ACTIVE

    @property
    def has_process(self) -> bool:
        """Whether the process that wrote this is still there."""
        return self.pid is not None and ProcessIdentity(self.pid, self.start_time, self.boot_id).is_alive()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Control:
    """What control.json asks for. beta, lr: live dials, None while untouched; seq: counts changes; steps: single steps asked for."""

    desired: Desired = "run"
    beta: float | None = None
    lr: float | None = None
    seq: int = 0
    steps: int = 0


T = TypeVar("T", Status, Control)


def known_fields(kind: type[T], values: dict[str, Any]) -> T:
    """A dataclass from the fields that it knows; a newer version may have written more."""
    names = {field.name for field in dataclasses.fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in names})
