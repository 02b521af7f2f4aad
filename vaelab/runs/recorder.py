"""The worker's side of a run directory: it alone writes status.json and metrics.jsonl, and it reads control.json."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from vaelab.runs.files import Row, Spare, append_row, end_torn_line, write_json
from vaelab.runs.memory import oom_kills
from vaelab.runs.processes import ProcessIdentity
from vaelab.runs.queue import DeviceQueue
from vaelab.runs.status import Control, Desired, State, Status
from vaelab.runs.store import Run

BEAT_SECONDS = 0.5
POLL_SECONDS = 0.2
HOLD_SECONDS = 0.1
STUDENTS_PAUSE = 600.0  # seconds: a paused run keeps its memory, and a class has many
MOST_OF_A_MESSAGE = 1000  # characters


def over_time(seconds: float) -> str:
    """Why a run that has trained for so long stopped."""
    return (
        f"It has trained for {seconds / 60:g} minutes, as long as a student's run may (the teacher can let it go on)."
    )


class Recorder:
    """What a training reports to. on_row hears every measured row; queue is the place before the device, if any."""

    def __init__(
        self, run: Run, *, queue: DeviceQueue | None = None, on_row: Callable[[Row], None] | None = None
    ) -> None:
        self.run = run
        self._queue = queue
        self._on_row = on_row
        self._stop = False
        self._steps_done = 0
        minutes = run.owner.minutes
        self._is_students, self._paused_too_long = run.owner.is_student, False
        self._most_seconds = None if minutes is None else 60.0 * minutes
        self._control = run.desired()
        self._polled = self._beaten = time.monotonic()
        identity = dataclasses.asdict(ProcessIdentity.mine())
        self.status = dataclasses.replace(run.status(), state="queued", message="", **identity)
        self._spare = Spare(run.path / "status.spare")
        end_torn_line(run.metrics_file)
        self._write_status()

    def request_stop(self) -> None:
        """Stop at the next step, as `stop` in control.json would; for signal handlers."""
        self._stop = True

    def poll(self) -> Control:
        """What is asked for now; looks at control.json a few times a second, whatever the rate of the calls."""
        now = time.monotonic()
        if now - self._polled >= POLL_SECONDS:
            self._polled = now
            self._control = self.run.desired()
        over = self._stop or self._is_over()
        return dataclasses.replace(self._control, desired="stop") if over else self._control

    def _is_over(self) -> bool:
        """Whether the run has trained for as long as its owner's runs may."""
        return self._most_seconds is not None and self.status.seconds >= self._most_seconds

    def beat_due(self) -> bool:
        """Whether `update` would write now; ask before computing costly fields."""
        return time.monotonic() - self._beaten >= BEAT_SECONDS

    def update(self, state: State | None = None, **changes: Any) -> None:
        """Change fields of the status. It is written twice a second, and at once when the state changes."""
        changed = state is not None and state != self.status.state
        self.status = dataclasses.replace(self.status, state=state or self.status.state, **changes)
        if changed or self.beat_due():
            self._write_status()

    def close(self, state: State, message: str = "") -> Status:
        """The last word: how the run ended, told on a full disk too. Frees the device."""
        if state == "stopped" and self._is_over():
            message = over_time(self._most_seconds or 0.0)
        elif state == "stopped" and self._paused_too_long:
            message = (
                f"It was paused for {STUDENTS_PAUSE / 60:g} minutes, as long as a student's run may be (resume it)."
            )
        self.status = dataclasses.replace(
            self.status,
            state=state,
            message=message[:MOST_OF_A_MESSAGE],
            throughput=None,
            remaining_seconds=None,
            heartbeat=time.time(),
            beat=time.monotonic(),
        )
        self._spare.write_json(self.run.status_file, self.status.to_dict())
        self._spare.give_back()
        if self._queue:
            self._queue.release()
        return self.status

    def log(self, row: Row) -> None:
        """Add a measured row."""
        append_row(self.run.metrics_file, row)
        if self._on_row:
            self._on_row(row)

    def event(self, kind: str, step: int, **values: Any) -> None:
        """Add an event to the rows: start, resume, dial, compiled, fallback or diverged."""
        append_row(self.run.metrics_file, {"event": kind, "step": step, "time": time.time(), **values})

    def wait_for_device(self) -> bool:
        """Wait for the turn of this run; a paused one lets others pass. False when it was told to stop meanwhile."""
        while True:
            self._polled = 0.0
            desired = self.poll().desired
            if desired == "stop":
                return False
            self._take_turn()
            if self._queue is None or (desired != "pause" and self._queue.try_take()):
                return True
            if desired == "pause":
                self._queue.release()
            self.update("paused" if desired == "pause" else "queued")
            time.sleep(2 * HOLD_SECONDS)

    def hold(self, meanwhile: Callable[[], None] = lambda: None) -> Desired:
        """Wait while paused; the heart goes on beating and another run may have the device. meanwhile: called ten times a second.

        Returns "step" once for every single step asked for, "run" when the run goes on and has the device, or "stop".
        A single step does not queue: it is one update. A student's run is not held for ever: "stop" after STUDENTS_PAUSE.
        """
        began = time.monotonic()
        while True:
            self._polled = 0.0
            control = self.poll()
            if control.desired == "stop":
                return "stop"
            self._paused_too_long = self._is_students and time.monotonic() - began >= STUDENTS_PAUSE
            if self._paused_too_long and control.desired != "run":
                return "stop"
            if control.steps > self._steps_done:
                self._steps_done += 1
                return "step"
            self._take_turn()
            if control.desired == "run" and (self._queue is None or self._queue.try_take()):
                self.update("running")
                return "run"
            if control.desired != "run" and self._queue:
                self._queue.release()
            self.update("queued" if control.desired == "run" else "paused", throughput=None, remaining_seconds=None)
            meanwhile()
            time.sleep(HOLD_SECONDS)

    def _take_turn(self) -> None:
        """Stand in the line where control.json says."""
        if self._queue:
            self._queue.stand_at(self._control.turn)

    def _write_status(self) -> None:
        self._beaten = time.monotonic()
        self.status = dataclasses.replace(self.status, heartbeat=time.time(), beat=self._beaten, oom_kills=oom_kills())
        write_json(self.run.status_file, self.status.to_dict())
