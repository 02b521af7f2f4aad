"""The processes that share one training, over a network: how they meet, add up and part, and how each learns that another is gone.

Two ways lead from one to the other. Sums and orders are torch.distributed's: gloo, and NCCL between cards. Everything that must
get through when those hang goes by the key-value store of torch's launcher, which a thread looks at twice a second: a sign of
life of each process, the sentence of one that failed, the end.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import Store  # type: ignore[attr-defined]
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from vaelab.config.errors import ConfigError, RunError
from vaelab.models.device import describe, memory_mb
from vaelab.training.group import END, Group, Order

BEAT_SECONDS = 0.5
SILENCE_SECONDS = 60.0  # without a sign of life a process is lost; VAELAB_SILENCE_SECONDS
MEET_SECONDS = 300.0  # until all are there
SUM_SECONDS = 600.0  # the longest that a process may keep the others waiting in a step
EXPLAIN_SECONDS = 5.0  # to find out which process is gone, once it is known that one is
GRACE_SECONDS = 10.0  # for this process to leave a sum that never ends, before it is ended
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Place:
    """Which of the processes this is, as torch's launcher says. local: of those on this computer."""

    rank: int
    size: int
    local_rank: int
    local_size: int

    @classmethod
    def here(cls) -> Self | None:
        """From the environment; None for a process on its own. Raises ConfigError for numbers that cannot be."""
        size, rank = _number("WORLD_SIZE", 1), _number("RANK", 0)
        if size == 1:
            return None
        place = cls(rank, size, _number("LOCAL_RANK", rank), _number("LOCAL_WORLD_SIZE", size))
        if not (0 <= rank < size and 0 <= place.local_rank < place.local_size <= size):
            raise ConfigError(f"RANK must be from 0 to WORLD_SIZE - 1, got {rank} of {size} (start with torchrun)")
        return place


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdigit() or (name == "WORLD_SIZE" and int(text) < 1):
        raise ConfigError(f"{name} must be the whole number that torchrun sets, got {text!r} (start with torchrun)")
    return int(text)


def _silence() -> float:
    text = os.environ.get("VAELAB_SILENCE_SECONDS", str(SILENCE_SECONDS))
    if not text.replace(".", "", 1).isdigit() or float(text) < 4 * BEAT_SECONDS:
        raise ConfigError(
            f"VAELAB_SILENCE_SECONDS must be at least {4 * BEAT_SECONDS:g} seconds, got {text!r} (leave it out for"
            f" {SILENCE_SECONDS:g})"
        )
    return float(text)


class Watch:
    """The thread that tells the others that this process lives, and notices when one of them does not any more.

    last_word: called with the reason before this process is ended from here, because it could not leave by itself.
    """

    def __init__(self, store: Store, place: Place) -> None:
        self._store, self._place = store, place
        self._silence = _silence()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="peers", daemon=True)
        self._seen = {rank: ("", time.monotonic()) for rank in self.others}
        self.beats: Counter[int] = Counter()  # signs of life of each process so far
        self.memory: dict[int, float] = {}  # MiB
        self.failed: dict[int, str] = {}  # what those that failed said
        self.reason: str | None = None  # why this training cannot go on, once it cannot; "" for an orderly end
        self.device: torch.device | None = None
        self.wants_stop = False  # a signal asked this process to stop: process 0 shall hear of it
        self.on_stop: Callable[[], None] = lambda: None  # process 0: some process was asked to stop
        self.last_word: Callable[[str], None] = lambda reason: None
        self._lost_at = 0.0

    @property
    def others(self) -> list[int]:
        """Those that this one watches: process 0 all others, they process 0."""
        return [0] if self._place.rank else list(range(1, self._place.size))

    def start(self) -> None:
        self._beat(0)
        self._thread.start()

    def stop(self) -> None:
        """No sign of life from now on: this process is leaving."""
        self._done.set()
        self._thread.join(BEAT_SECONDS + 1.0)

    def give_up(self, reason: str) -> None:
        """This training cannot go on; the first reason counts."""
        if self.reason is None:
            self.reason, self._lost_at = reason, time.monotonic()
            if self._place.rank == 0:
                self.say_end()

    def say_end(self) -> None:
        """Process 0: the others may go, or must."""
        with suppress(RuntimeError):  # the store may be gone as well
            self._store.set("end", self.reason or "")

    def last_sign(self, rank: int) -> float:
        """When a process last showed that it lives, on this one's clock."""
        return self._seen[rank][1]

    def _run(self) -> None:
        count = 0
        while not self._done.wait(BEAT_SECONDS):
            count += 1
            try:
                if self.reason is None:
                    self._beat(count)
                    self._look()
            except RuntimeError:  # torch's errors of a connection that is gone
                if not self._done.is_set():
                    self.give_up("The launcher of this training is gone; resume goes on from the last checkpoint.")
            if self.reason is not None and time.monotonic() - self._lost_at > GRACE_SECONDS:
                with suppress(Exception):
                    self.last_word(self.reason)
                os._exit(1 if self.reason else 0)

    def _beat(self, count: int) -> None:
        used = None if self.device is None else memory_mb(self.device)
        self._store.set(f"beat/{self._place.rank}", json.dumps([count, used or 0.0]))
        if self.wants_stop:
            self._store.set("stop", "1")

    def _look(self) -> None:
        now = time.monotonic()
        for rank in self.others:
            if self._store.check([f"failed/{rank}"]):
                self.failed[rank] = self._store.get(f"failed/{rank}").decode()
            beat = self._store.get(f"beat/{rank}").decode() if self._store.check([f"beat/{rank}"]) else ""
            if beat != self._seen[rank][0]:
                self._seen[rank] = beat, now
                self.beats[rank] += 1
                self.memory[rank] = float(json.loads(beat)[1])
            elif beat and now - self._seen[rank][1] > self._silence:
                self.give_up(self.silent(rank))
        for rank, sentence in self.failed.items():
            self.give_up(f"Rank {rank} of {self._place.size} failed: {sentence}")
        if self._place.rank == 0:
            if self._store.check(["stop"]):
                self.on_stop()
        elif self._store.check(["end"]):
            self.give_up(self._store.get("end").decode())

    def silent(self, rank: int) -> str:
        """The sentence for a process that is gone."""
        where = {"host": "?", "pid": "?"}
        with suppress(RuntimeError):  # the store may be gone as well
            where = json.loads(self._store.get(f"here/{rank}"))
        return (
            f"Rank {rank} of {self._place.size} on {where['host']} (process {where['pid']}) ended without a word, as one that"
            " was killed does; resume goes on from the last checkpoint."
        )


class Peers(Group):
    """The group of a training on several devices; one object in each process."""

    def __init__(self, place: Place, store: Store) -> None:
        self.rank, self.size = place.rank, place.size
        self._store = store
        self.watch = Watch(store.clone(), place)  # type: ignore[attr-defined]  # a connection of its own
        self._in_step = False  # process 0: the others are busy, or something went wrong while they were
        self._connected = False
        self._devices = ""

    @classmethod
    @contextmanager
    def meet(cls, place: Place) -> Iterator[Self]:
        """Join the others at the address that torch's launcher gave; on leaving, they learn of it. Raises RunError."""
        try:
            store, _, _ = next(rendezvous("env://", place.rank, place.size, timeout=timedelta(seconds=MEET_SECONDS)))
        except (RuntimeError, ValueError) as error:
            raise RunError(
                f"rank {place.rank} of {place.size} could not reach the others (check MASTER_ADDR and MASTER_PORT, which"
                f" torchrun sets): {str(error).splitlines()[0]}"
            ) from error
        peers = cls(place, PrefixStore("vaelab", store))
        peers.say(f"here/{place.rank}", {"host": socket.gethostname(), "pid": os.getpid()})
        peers.watch.start()
        try:
            yield peers
        finally:
            peers._leave()

    def say(self, key: str, value: Any) -> None:
        """Put something where all can read it."""
        self._store.set(key, json.dumps(value))

    def fail(self, sentence: str) -> None:
        """Tell process 0 why this one cannot go on."""
        with suppress(RuntimeError):  # the store may be gone as well
            self._store.set(f"failed/{self.rank}", sentence)

    def wait_for(self, ranks: Iterable[int], meanwhile: Callable[[], None] = lambda: None) -> None:
        """Until these processes are there; raises RunError if one does not come, and whatever meanwhile raises."""
        deadline = time.monotonic() + MEET_SECONDS
        while missing := [rank for rank in ranks if not self._store.check([f"here/{rank}"])]:
            meanwhile()
            self._check()
            if time.monotonic() > deadline:
                raise RunError(
                    f"all {self.size} processes must come within {MEET_SECONDS:g} s, and rank"
                    f" {', '.join(map(str, missing))} did not (look at the output of the launcher)"
                )
            time.sleep(LOOK_SECONDS)

    def hear_of(self, key: str, meanwhile: Callable[[], None] = lambda: None) -> Any:
        """What one that is there will say; raises RunError if it is lost, and whatever meanwhile raises."""
        while not self._store.check([key]):
            meanwhile()
            self._check()
            time.sleep(LOOK_SECONDS)
        return json.loads(self._store.get(key))

    def connect(self, device: torch.device, devices: Sequence[str], hosts: Sequence[str]) -> None:
        """Open the ways for sums; all are there. devices, hosts: of each process."""
        if device.type == "cuda":
            torch.cuda.set_device(device)
        self._devices = _named(devices, hosts)
        with self._told():
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
                store=PrefixStore("sums", self._store),
                rank=self.rank,
                world_size=self.size,
                timeout=timedelta(seconds=SUM_SECONDS),
            )
        self._connected = True
        self.watch.device = device

    def add_up(self, tensor: Tensor) -> None:
        """Sum over all processes, in place; on every one the same bits."""
        with self._told():
            dist.all_reduce(tensor)

    @torch.no_grad()
    def share(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by those of process 0."""
        with self._told():
            for tensor in tensors:
                flat = tensor.detach().contiguous().clone()
                dist.broadcast(flat, src=0)
                tensor.copy_(flat)

    def tell(self, order: Order) -> None:
        """Say to the others what is to be done."""
        words = torch.tensor([order.steps, order.beta, order.lr, order.single], dtype=torch.float64)
        with self._told():
            dist.broadcast(words, src=0)

    def hear(self) -> Order:
        """What process 0 says."""
        words = torch.zeros(4, dtype=torch.float64)
        with self._told():
            dist.broadcast(words, src=0)
        steps, beta, lr, single = words.tolist()
        return Order(int(steps), beta, lr, bool(single))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Around steps that all take: after an error in them process 0 does not speak to the others any more."""
        self._in_step = True
        yield
        self._in_step = False

    def devices(self, device: torch.device) -> str:
        """Such as "4 x cuda (NVIDIA H100) on 2 computers"."""
        return self._devices

    def memory_mb(self, device: torch.device) -> float | None:
        """Of all processes together."""
        mine = memory_mb(device)
        return None if mine is None else mine + sum(self.watch.memory.values())

    def _leave(self) -> None:
        """Tell the others that this process leaves, if they may listen; then close."""
        if self.leads:
            if self._connected and not self._in_step and self.watch.reason is None:
                with suppress(RunError):
                    self.tell(END)
            self.watch.say_end()
        self.watch.stop()
        if self._connected and self.watch.reason is None:
            with suppress(RuntimeError):
                dist.destroy_process_group()

    def _check(self) -> None:
        if self.watch.reason is not None:
            raise RunError(self.watch.reason)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Around talking to the others. Raises RunError with the reason when one of them is gone."""
        self._check()
        try:
            yield
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # what every backend raises for a lost connection, and after its time is up
            raise RunError(self._explained(error)) from error

    def _explained(self, error: RuntimeError) -> str:
        """Which process is gone, found out by who still shows signs of life."""
        watch = self.watch
        before = watch.beats.copy()
        deadline = time.monotonic() + (EXPLAIN_SECONDS if self.leads else 2 * EXPLAIN_SECONDS)
        quiet = watch.others
        while watch.reason is None and time.monotonic() < deadline:
            # The last sign of one that is gone may be read late, so that two are asked for.
            quiet = [rank for rank in watch.others if watch.beats[rank] - before[rank] < 2]
            time.sleep(LOOK_SECONDS)
        if watch.reason is None:
            gone = min(quiet, key=watch.last_sign, default=None)
            broke = f"The connection between the processes broke: {error}"
            watch.give_up(broke if gone is None else watch.silent(gone))
        assert watch.reason is not None
        return watch.reason


def _named(devices: Sequence[str], hosts: Sequence[str]) -> str:
    names = " + ".join(f"{count} x {name}" for name, count in Counter(devices).items())
    computers = len(set(hosts))
    return names if computers == 1 else f"{names} on {computers} computers"


def described(device: torch.device, images_digest: str) -> dict[str, str]:
    """What a process says of itself before the training begins."""
    return {"device": describe(device), "host": socket.gethostname(), "images": images_digest}
