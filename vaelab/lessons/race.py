"""Several small models trained side by side on the same batches, in one thread of the server, while somebody looks.

    race = RACES.get(owner, "elbo", Plan(lanes, steps=2_000))
    race.start()
    frame = race.look()     # at every tick: also what keeps the race going

torch is imported by the thread alone, so that a page opens without it.
"""

from __future__ import annotations

import atexit
import copy
import logging
import math
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from vaelab.lessons.small_images import SmallImages, as_pixels, small_digits
from vaelab.models.one_thread import keep_to_one

if TYPE_CHECKING:
    from torch import Tensor, optim

    from vaelab.lessons.small_vae import Lane, SmallVae

_log = logging.getLogger(__name__)

RaceState = Literal["preparing", "ready", "running", "paused", "finished", "failed"]
Halt = Literal["", "crowd", "away"]  # why a race pauses by itself: for newer ones, or because nobody looked
Array = NDArray[Any]

BATCH = 64
PICTURES = 8  # test images reconstructed, and as many samples, in every snapshot
SNAPSHOT_SECONDS = 0.4
FORGOTTEN = 10.0  # seconds without a look after which a race pauses itself
REST = 0.15  # share of each step's time that is left to the pages
MOST_RUNNING = 2  # races at once: the machine also answers pages
MOST_KEPT = 60  # of about 2 MB each: a class on one server


@dataclass(frozen=True)
class Plan:
    """What a race trains. lanes, images: answer the contestants, and what they see (both may import torch: the thread calls them); steps: updates."""

    lanes: Callable[[], Sequence[Lane]]
    steps: int
    lr: float = 2e-3
    seed: int = 0
    images: Callable[[], SmallImages] = small_digits


@dataclass(frozen=True)
class LaneFrame:
    """What is known of one contestant at a moment. C: recorded steps; N: test images.

    curves: (C,) of each of loss, recon, kl (as its own code reports them), in nats per image; recon, samples:
    (PICTURES, 1, H, W) uint8; mu, sigma: (N, Z), sigma None for an autoencoder; figures: numbers by name.
    """

    name: str
    curves: Mapping[str, Array]
    recon: Array
    samples: Array
    mu: Array
    sigma: Array | None
    figures: Mapping[str, float]


@dataclass(frozen=True)
class RaceFrame:
    """A race at a moment. remaining: seconds; originals: (PICTURES, 1, H, W) uint8; labels: (N,) of the test images.

    halt: why it is paused, where nobody asked for it.
    """

    state: RaceState
    step: int
    steps: int
    remaining: float | None
    originals: Array | None = None
    labels: Array | None = None
    lanes: tuple[LaneFrame, ...] = ()
    problem: str = ""
    halt: Halt = ""

    @property
    def is_moving(self) -> bool:
        """Whether the next look will show something else."""
        return self.state in ("preparing", "running")


@dataclass
class _Runner:
    """One contestant while it trains."""

    lane: Lane
    model: SmallVae
    optimiser: optim.Optimizer | None = (
        None  # made at the first step: torch then imports its compiler, for a second or two
    )
    history: dict[str, list[float]] = field(default_factory=lambda: {"loss": [], "recon": [], "kl": []})


_ALL: weakref.WeakSet[Race] = weakref.WeakSet()


def _pause_all() -> None:
    """Before the interpreter ends: a thread inside torch at that moment would bring the process down with an error."""
    for race in list(_ALL):
        race.pause()


atexit.register(_pause_all)


class Race:
    """Small models trained on the same batches with the same noise. Every method may be called from any thread."""

    def __init__(self, plan: Plan, owner: tuple[str, str] = ("", "")) -> None:
        self.plan = plan
        self.owner = owner  # whose it is, and its name
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._runners: list[_Runner] = []
        self._shown = threading.Event()  # that there is a frame of the models as they stand
        self._clear()
        _ALL.add(self)

    def _clear(self) -> None:
        self._runners = []
        self._frozen: dict[str, tuple[SmallVae, int]] = {}
        self._state: RaceState = "preparing"
        self._wanted = False
        self._step = 0
        self._spent = 0.0
        self._halt: Halt = ""
        self._looked = self._built = time.monotonic()
        self._shown.clear()
        self._frame = RaceFrame("preparing", 0, self.plan.steps, None)

    def prepare(self, patience: float = 0.0) -> None:
        """Build the models and show them untrained, unless that was done. patience: seconds to wait for that."""
        with self._lock:
            if self._state == "preparing" and self._thread is None:
                self._go()
        self._shown.wait(patience)

    def start(self, patience: float = 0.0) -> None:
        """Train from where it stands to the end. patience: seconds to wait for the first step of untrained models."""
        with self._lock:
            self._looked = time.monotonic()
            if self._state in ("finished", "failed") or self._wanted:
                return
            self._wanted, self._halt = True, ""
            if self._step == 0:
                self._shown.clear()
            if self._state != "preparing":
                self._state = "running"
            if self._thread is None:
                self._go()
        self._shown.wait(patience)

    def pause(self, halt: Halt = "") -> None:
        """Stop after the step that is under way, and wait for it. halt: why, where nobody asked for it."""
        with self._lock:
            if self._wanted:
                self._halt = halt
            self._wanted = False
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def reset(self) -> None:
        """Back to untrained models."""
        while True:
            self.pause()
            with self._lock:
                if self._thread is None:  # else somebody has started it again: it must not be trained by two
                    self._clear()
                    self._go()
                    return

    def look(self) -> RaceFrame:
        """The newest frame; the race goes on for FORGOTTEN seconds more."""
        with self._lock:
            self._looked = time.monotonic()
            frame, state, step = self._frame, self._state, self._step
            remaining = None
            if state == "running" and step > 20:
                remaining = self._spent / step * (self.plan.steps - step)
            return RaceFrame(
                state,
                step,
                self.plan.steps,
                remaining,
                frame.originals,
                frame.labels,
                frame.lanes,
                frame.problem,
                self._halt,
            )

    @property
    def last_look(self) -> float:
        """When somebody looked last, on the monotonic clock."""
        return self._looked

    @property
    def is_running(self) -> bool:
        """Whether it trains now."""
        return self._wanted

    def trained(self, name: str) -> tuple[SmallVae, int] | None:
        """A lane's model as the newest frame shows it, which nothing changes any more, and its steps; None before one."""
        with self._lock:
            return self._frozen.get(name)

    def _go(self) -> None:
        self._thread = threading.Thread(target=self._run, name="lesson-race", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            keep_to_one()
            if not self._runners:
                self._build()
                self._built = time.monotonic()
            self._train()
        except Exception as error:  # the thread's last word: without it the page would wait for ever
            _log.exception("a training inside a lesson failed")
            with self._lock:
                self._wanted, self._state, self._thread = False, "failed", None
                self._frame = RaceFrame("failed", self._step, self.plan.steps, None, problem=type(error).__name__)
            self._shown.set()

    def _build(self) -> None:
        import torch

        from vaelab.lessons.small_vae import build

        images = self.plan.images()
        self._train_x = torch.from_numpy(images.train)
        self._test_x = torch.from_numpy(images.test)
        self._labels = images.labels
        self._generator = torch.Generator().manual_seed(self.plan.seed)
        fixed = torch.Generator().manual_seed(self.plan.seed + 1)
        lanes = self.plan.lanes()
        widest = max(lane.latents for lane in lanes)
        self._fixed_eps = torch.randn(PICTURES, widest, generator=fixed)
        runners = [_Runner(lane, build(lane, images.train.shape[1], self.plan.seed)) for lane in lanes]
        self._order: Tensor = torch.zeros(0, dtype=torch.long)
        with self._lock:
            self._runners = runners

    def _train(self) -> None:
        """Step after step until the end, or until nobody wants it; then the thread is no more."""
        due = time.monotonic() + (SNAPSHOT_SECONDS if self._step else 0.0)  # the first frame comes after one step
        while True:
            began = time.monotonic()
            with self._lock:
                # Whoever waits for the models need not have looked again meanwhile.
                if self._wanted and began - max(self._looked, self._built) > FORGOTTEN:
                    self._wanted, self._halt = False, "away"
                going = self._wanted and self._step < self.plan.steps
                if going:
                    self._state = "running"
            if not going:
                self._snapshot()
                with self._lock:
                    finished = self._step >= self.plan.steps
                    if self._wanted and not finished:
                        continue  # started again meanwhile
                    self._state = "finished" if finished else "paused" if self._step else "ready"
                    self._wanted, self._thread = False, None
                    self._shown.set()
                    return
            self._update()
            if time.monotonic() >= due:
                self._snapshot()
                self._shown.set()
                due = time.monotonic() + SNAPSHOT_SECONDS
            busy = time.monotonic() - began
            time.sleep(REST * busy)
            self._spent += (1.0 + REST) * busy

    def _update(self) -> None:
        """One step of every lane: the same images, the same noise."""
        import torch

        if len(self._order) < BATCH:
            self._order = torch.randperm(len(self._train_x), generator=self._generator)
        rows, self._order = self._order[:BATCH], self._order[BATCH:]
        widest = self._fixed_eps.shape[1]
        eps = torch.randn(len(rows), widest, generator=self._generator)
        x = self._train_x[rows]
        share = self._step / self.plan.steps
        told: list[Tensor] = []
        for runner in self._runners:
            if runner.optimiser is None:
                runner.optimiser = torch.optim.Adam(runner.model.parameters(), self.plan.lr, fused=True)
            terms = runner.lane.terms(runner.model, runner.lane.prepare(x), eps[:, : runner.lane.latents], share)
            runner.optimiser.zero_grad()
            torch.autograd.backward(terms.loss)
            runner.optimiser.step()
            told += [terms.loss, terms.recon, terms.kl]
        values = torch.stack(told).detach().tolist()  # at once: each call into torch hands the interpreter to others
        for k, value in enumerate(values):
            runner, name = self._runners[k // 3], ("loss", "recon", "kl")[k % 3]
            runner.history[name].append(value if math.isfinite(value) else math.nan)
        with self._lock:
            self._step += 1

    def _snapshot(self) -> None:
        import torch

        with torch.no_grad():
            lanes = tuple(self._lane_frame(runner) for runner in self._runners)
        frame = RaceFrame(
            "running",
            self._step,
            self.plan.steps,
            None,
            as_pixels(self._test_x[:PICTURES].numpy()),
            self._labels,
            lanes,
        )
        frozen = {r.lane.name: (copy.deepcopy(r.model).requires_grad_(False), self._step) for r in self._runners}
        with self._lock:
            self._frame, self._frozen = frame, frozen

    def _lane_frame(self, runner: _Runner) -> LaneFrame:
        import torch

        lane, model = runner.lane, runner.model
        q = model.encode(lane.prepare(self._test_x))
        sigma = None if q.logvar is None else torch.exp(0.5 * q.logvar).numpy()
        eps = self._fixed_eps[:, : lane.latents]
        recon = lane.picture(model.decode_logits(q.mean[:PICTURES]))
        return LaneFrame(
            lane.name,
            {name: np.array(values) for name, values in runner.history.items()},
            as_pixels(recon.numpy()),
            as_pixels(lane.picture(model.decode_logits(model.codes_of_noise(eps))).numpy()),
            q.mean.numpy().copy(),
            sigma,
            dict(lane.measure(model, lane.prepare(self._test_x))),
        )


class Races:
    """The races of all sessions: MOST_KEPT are kept and MOST_RUNNING run, those looked at last.

    One that is being looked at is kept in any case: its page would begin it anew, and another one would have to go.
    """

    def __init__(self) -> None:
        self._races: dict[tuple[str, str], Race] = {}
        self._lock = threading.Lock()

    def get(self, owner: str, name: str, plan: Plan) -> Race:
        """The race of this name of an owner (a session), made at the first call."""
        with self._lock:
            race = self._races.get((owner, name))
            if race is None:
                race = self._races[(owner, name)] = Race(plan, (owner, name))
            gone = self._forget_old(race)
        for old in gone:
            old.pause()
        return race

    def _forget_old(self, wanted: Race) -> list[Race]:
        """Drop and answer the races that nobody looks at, those looked at longest ago first, beyond the number kept."""
        now = time.monotonic()
        idle = [key for key, r in self._races.items() if r is not wanted and now - r.last_look > FORGOTTEN]
        idle.sort(key=lambda key: self._races[key].last_look)
        return [self._races.pop(key) for key in idle[: max(0, len(self._races) - MOST_KEPT)]]

    def start(self, race: Race, patience: float = 0.0) -> None:
        """Start a race, kept from now on where it had to go while nobody looked; those looked at longest ago pause where too many run.

        patience: as of Race.start.
        """
        race.start(patience)
        with self._lock:
            self._races[race.owner] = race
            others = (r for r in self._races.values() if r.is_running and r is not race)
            running = sorted(others, key=lambda r: r.last_look)
        for old in running[: max(0, len(running) + 1 - MOST_RUNNING)]:
            old.pause("crowd")


RACES = Races()
