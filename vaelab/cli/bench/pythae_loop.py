"""The trainer of pythae (0.1.2, an optional package) on the same model, images and batch: what a good library's loop reaches."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import time
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from vaelab import data
from vaelab.models.latent_model import build
from vaelab.runs.run_config import RunConfig


def is_installed() -> bool:
    """Whether there is a pythae to compare with: pip install pythae==0.1.2."""
    return find_spec("pythae") is not None


class _Enough(Exception):
    """Ends pythae's training from within a step."""


def pythae_speed(cfg: RunConfig, images: data.Dataset, device: torch.device, seconds: float, warm: float) -> float:
    """Images a second of its BaseTrainer with a VAE of our encoder and decoder. warm: seconds that are left out at first."""
    models, trainers = import_module("pythae.models"), import_module("pythae.trainers")
    batch, shape = cfg.optim.batch_size, images.train.pixels.shape[1:]
    config = models.VAEConfig(input_dim=tuple(shape), latent_dim=cfg.model.latent_dim, reconstruction_loss="bce")
    model = models.VAE(config, *_halves(build(cfg.model)))
    x = torch.from_numpy(images.train.pixels.copy()).float().div_(255.0)
    known = import_module("pythae.data.datasets").BaseDataset(x, torch.zeros(len(x)))
    marks: list[float] = []

    def count() -> None:
        marks.append(time.perf_counter())
        if marks[-1] - marks[0] > warm + seconds:
            raise _Enough

    with tempfile.TemporaryDirectory() as folder:
        how = trainers.BaseTrainerConfig(
            output_dir=folder, num_epochs=100_000, per_device_train_batch_size=batch, learning_rate=cfg.optim.lr,
            no_cuda=device.type == "cpu",
        )  # fmt: skip
        logging.disable(logging.INFO)  # it tells every epoch
        try:
            with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(_Enough):
                trainer = trainers.BaseTrainer(
                    model, train_dataset=known, training_config=how, callbacks=[_watch(count)]
                )
                trainer.prepare_training()
                trainer.train()
        finally:
            logging.disable(logging.NOTSET)
    counted = [mark for mark in marks if mark - marks[0] >= warm]
    return (len(counted) - 1) * batch / (counted[-1] - counted[0])


def _halves(model: nn.Module) -> tuple[Any, Any]:
    """Our model as pythae's encoder, which holds all weights, and decoder."""
    networks, answer = import_module("pythae.models.nn"), import_module("pythae.models.base.base_utils").ModelOutput
    whole: Any = model

    class Encoder(networks.BaseEncoder):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.whole = whole

        def forward(self, x: Tensor) -> Any:
            q = self.whole.encode(x)
            return answer(embedding=q.mu, log_covariance=q.logvar)

    class Decoder(networks.BaseDecoder):  # type: ignore[name-defined, misc]
        def forward(self, z: Tensor) -> Any:
            return answer(reconstruction=whole.decode(z))

    return Encoder(), Decoder()


def _watch(count: Any) -> Any:
    callbacks = import_module("pythae.trainers.training_callbacks")

    class Watch(callbacks.TrainingCallback):  # type: ignore[name-defined, misc]
        def on_train_step_end(self, training_config: Any, **_: Any) -> None:
            count()

    return Watch()
