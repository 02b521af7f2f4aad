"""A training of a second or two, for tests: its images, its settings, and somebody at the controls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file

from vaelab import data
from vaelab.config.settings import DataConfig, OptimConfig
from vaelab.models.model_config import ModelConfig
from vaelab.runs.files import Row
from vaelab.runs.recorder import Recorder
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run, create_run
from vaelab.training import trainer
from vaelab.training.first_weights import new_model

CPU = torch.device("cpu")
CLOCKS = ("seconds", "throughput")


def images(channels: int = 3, train: int = 204, test: int = 40) -> data.Dataset:
    """Squares of random brightness on a random ground; the class says which is brighter."""
    draw = np.random.default_rng(3)
    pixels = np.repeat(draw.integers(0, 256, (train + test, channels, 1, 1), dtype=np.uint8), 32, axis=2).repeat(
        32, axis=3
    )
    inner = draw.integers(0, 256, len(pixels), dtype=np.uint8)
    pixels[:, :, 8:24, 8:24] = inner[:, None, None, None]
    everything = data.Images(pixels=pixels, labels=(inner > pixels[:, 0, 0, 0]).astype(np.int64))
    info = data.info("digits")
    return data.Dataset(info=info, train=everything.take(slice(train)), test=everything.take(slice(train, None)))


def settings(**changes: Any) -> RunConfig:
    """linear-vae, 41 steps of 5 images an epoch, a row every 4."""
    defaults: dict[str, Any] = {
        "data": DataConfig(name="digits"),
        "model": ModelConfig(name="linear-vae", latent_dim=3),
        "optim": OptimConfig(batch_size=5, epochs=2),
        "device": "cpu",
    }
    return RunConfig(**{**defaults, **changes})


class Steering:
    """Calls `act(recorder, row)` after each row, as somebody at the controls."""

    def __init__(self, act: Callable[[Recorder, Row], None]) -> None:
        self.act = act
        self.recorder: Recorder | None = None

    def __call__(self, row: Row) -> None:
        assert self.recorder is not None
        self.act(self.recorder, row)


def train(
    cfg: RunConfig,
    run: Run | None = None,
    act: Callable[[Recorder, Row], None] | None = None,
    dataset: data.Dataset | None = None,
) -> tuple[Run, trainer.Outcome]:
    """dataset: `images` unless given."""
    run = run or create_run(cfg)
    steering = Steering(act) if act else None
    recorder = Recorder(run, on_row=steering)
    if steering:
        steering.recorder = recorder
    dataset = dataset or images(cfg.model.channels)
    outcome = trainer.fit(new_model(cfg.model, cfg.seed), dataset, cfg, recorder, CPU)
    recorder.close(outcome.state, outcome.message)
    return run, outcome


def stop_at(step: int) -> Callable[[Recorder, Row], None]:
    def act(recorder: Recorder, row: Row) -> None:
        if row["step"] >= step:
            recorder.request_stop()

    return act


def numbers(run: Run) -> list[Row]:
    return [{key: value for key, value in row.items() if key not in CLOCKS} for row in run.metrics()]


def weights(run: Run) -> dict[str, np.ndarray[Any, Any]]:
    return load_file(run.model_file())
