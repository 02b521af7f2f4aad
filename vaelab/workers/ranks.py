"""One training on several devices: process 0 of those that torch's launcher started leads and writes, the others follow.

The others need no run directory: process 0 tells them the settings, the weights and where training stands. They need the images.
"""

from __future__ import annotations

import hashlib
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np
import torch

from vaelab import __version__, data
from vaelab.config.errors import RunError, VaeLabError, unexpected
from vaelab.models import device as devices
from vaelab.models.latent_model import LatentModel
from vaelab.runs.recorder import Recorder
from vaelab.runs.run_config import RunConfig
from vaelab.training import trainer
from vaelab.training.first_weights import new_model
from vaelab.training.replica import follow as follow_training
from vaelab.training.trainer import Outcome
from vaelab.workers.peers import Peers, Place, described


class _Stopped(Exception):
    """Somebody asked for a stop before the training began."""


def lead(recorder: Recorder, place: Place) -> Outcome:
    """Train as process 0, with a recorder. Raises VaeLabError, whose sentence names the process that failed if it was another."""
    cfg = recorder.run.config()
    device = _device(cfg, place)

    def meanwhile() -> None:
        recorder.update()
        if recorder.poll().desired == "stop":
            raise _Stopped

    def last_word(reason: str) -> None:
        recorder.close("failed", reason)

    try:
        with Peers.meet(place) as peers:
            peers.watch.last_word, peers.watch.on_stop = last_word, recorder.request_stop
            peers.wait_for(range(place.size), meanwhile)
            peers.say("settings", {"config": cfg.to_dict(), "version": __version__})
            model, dataset = _prepared(cfg)
            peers.say(f"ready/{place.rank}", described(device, _digest(dataset)))
            others = [peers.hear_of(f"ready/{rank}", meanwhile) for rank in range(place.size)]
            _check_alike(others)
            peers.say("go", others)
            peers.connect(device, *_of_each(others))
            return trainer.fit(model, dataset, cfg, recorder, device, peers)
    except _Stopped:
        return Outcome("stopped")


def follow(place: Place) -> int:
    """Train as another process than 0. -> the exit status; process 0 is told what went wrong."""
    with Peers.meet(place) as peers, _signals_to(peers):
        try:
            peers.wait_for([0])
            settings = peers.hear_of("settings")
            if settings["version"] != __version__:
                raise RunError(
                    f"all processes must run the same version of VAE Lab, got {__version__} beside {settings['version']}"
                )
            cfg = RunConfig.from_dict(settings["config"])
            device = _device(cfg, place)
            model, dataset = _prepared(cfg)
            peers.say(f"ready/{place.rank}", described(device, _digest(dataset)))
            others = peers.hear_of("go")
            peers.connect(device, *_of_each(others))
            follow_training(model, dataset, cfg, device, peers)
        except VaeLabError as error:
            return _gave_up(peers, str(error))
        except Exception as error:  # whatever it is, process 0 must hear of it
            traceback.print_exc()
            return _gave_up(peers, unexpected(error, "its output"))
    return 0


def _gave_up(peers: Peers, sentence: str) -> int:
    """The exit status of a process that cannot go on: 0 where another one ended the training in an orderly way."""
    if peers.watch.reason is None:
        peers.fail(sentence)
    if peers.watch.reason != "":
        print(f"rank {peers.rank}: {sentence}", file=sys.stderr, flush=True)
    return 0 if peers.watch.reason == "" else 1


def _device(cfg: RunConfig, place: Place) -> torch.device:
    """The device of this process. Raises ConfigError where the computer has fewer than processes."""
    device = devices.choose(cfg.device)
    if device.type == "cpu":
        return device  # as many as somebody asks torchrun for
    devices.check_count(cfg.device, place.local_size)
    return torch.device(device.type, place.local_rank)


def _prepared(cfg: RunConfig) -> tuple[LatentModel, data.Dataset]:
    dataset = data.load(
        cfg.data.name, image_size=cfg.data.image_size, channels=cfg.model.channels, limit=cfg.data.limit
    )
    return new_model(cfg.model, cfg.seed), dataset


def _digest(dataset: data.Dataset) -> str:
    """What tells these images and labels from others."""
    digest = hashlib.blake2b(digest_size=16)
    for images in (dataset.train, dataset.test):
        digest.update(np.ascontiguousarray(images.pixels).tobytes())
        digest.update(b"" if images.labels is None else np.ascontiguousarray(images.labels).tobytes())
    return digest.hexdigest()


def _check_alike(processes: list[dict[str, str]]) -> None:
    """Raises RunError where a process has other images than process 0."""
    for rank, process in enumerate(processes):
        if process["images"] != processes[0]["images"]:
            raise RunError(
                f"all processes must have the same images, and rank {rank} on {process['host']} has others than rank 0 on"
                f" {processes[0]['host']} (copy the data folder, or set VAELAB_DATA to a shared one)"
            )


def _of_each(processes: list[dict[str, str]]) -> tuple[list[str], list[str]]:
    return [process["device"] for process in processes], [process["host"] for process in processes]


@contextmanager
def _signals_to(peers: Peers) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask process 0 for a stop with a checkpoint; this process goes on until it says so."""

    def stop(number: int, frame: FrameType | None) -> None:
        peers.watch.wants_stop = True

    before: dict[int, Callable[..., Any] | int | None] = {
        number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
