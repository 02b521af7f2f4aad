"""What every process of a training holds, and the steps that all of them take together; alone, that is the whole training."""

from __future__ import annotations

from dataclasses import replace

import torch

from vaelab import data
from vaelab.models.latent_model import LatentModel
from vaelab.runs.run_config import RunConfig
from vaelab.training.batches import ImageSet, Noise, Shuffle
from vaelab.training.cadence import Cadence
from vaelab.training.checkpoints import Progress, moments_of, set_moments
from vaelab.training.first_weights import lay_out, start_from_images
from vaelab.training.group import Group
from vaelab.training.measures import HeldOut, Meter
from vaelab.training.schedules import beta_at, lr_at
from vaelab.training.split_step import SplitStep, check_split
from vaelab.training.step import RecordedStep, Step, optimizer_for


class Replica:
    """A model with its optimiser and images, at a step. Its weights are those of every other process of the group."""

    def __init__(
        self, model: LatentModel, dataset: data.Dataset, cfg: RunConfig, device: torch.device, group: Group
    ) -> None:
        """Raises ConfigError when config and data do not fit together, or a batch has no image for each process."""
        self.model, self.cfg, self.device, self.group = model, cfg, device, group
        self.method = cfg.model.method
        self.cadence = Cadence.of(len(dataset.train), len(dataset.test), cfg.optim, group.size)
        self.images = ImageSet(dataset.train, cfg.model, device)
        self.shuffle = Shuffle(len(self.images), cfg.seed, device)
        self.noise = Noise(cfg.model.latent_dim, cfg.seed, device)
        self.held_out = HeldOut(dataset, cfg, self.cadence.held_out, device)
        self.meter = Meter(cfg.model, device)
        model.train().to(device)
        start_from_images(model, self.images)
        lay_out(model)
        self.optimizer = optimizer_for(model, cfg, device)
        self.update = self._how_to_update()
        self.at = Progress(beta=cfg.loss.beta, lr=cfg.optim.lr)
        self.beta, self.lr = cfg.loss.beta, cfg.optim.lr  # as the schedules make them of the dials in this step

    def _how_to_update(self) -> Step:
        parts = self.model, self.cfg, self.optimizer, self.meter
        if self.group.size > 1:
            return SplitStep(*parts, self.group)
        return (RecordedStep if self.device.type == "cuda" else Step)(*parts)

    def agree(self) -> None:
        """Begin where process 0 stands. Raises ConfigError where the method cannot learn from a batch in parts."""
        if self.group.size == 1:
            return
        stand = torch.tensor(
            [self.at.step, self.at.seconds, self.at.beta, self.at.lr, self.meter.images], dtype=torch.float64
        )
        moments = {name: t.to(self.device) for name, t in moments_of(self.model, self.optimizer).items()}
        self.group.share([stand, self.meter.sums, *self.model.state_dict().values(), *moments.values()])
        step, seconds, beta, lr, images = stand.tolist()
        self.at = Progress(step=int(step), seconds=seconds, beta=beta, lr=lr)
        self.meter.images = int(images)
        set_moments(self.model, self.optimizer, moments)
        x, y = self.images.take(slice(0, self.cfg.optim.batch_size))
        check_split(self.model, x, y, self.noise.of(self.cfg.model, 0, len(x)), self.cfg, self.group)

    def take_step(self) -> int:
        """One batch, as the seed, the step and the dials have it. -> its images, on all processes together."""
        step = self.at.step + 1
        self.beta = beta_at(step, self.cadence.total_steps, self.at.beta, self.cfg.schedule)
        self.lr = lr_at(step, self.cadence.total_steps, self.at.lr, self.cfg.optim.rate)
        rows = self.shuffle.rows(self.cadence.epoch(step), self.cadence.batch(step))
        eps = self.noise.of(self.cfg.model, step, len(rows))
        images, own = len(rows), slice(None)
        if isinstance(self.update, SplitStep):
            self.update.part = self.group.part(images)
            own = self.update.part.rows
            eps = None if eps is None else eps[own]
        x, y = self.images.draw(rows, self.noise, step, own)
        self.update(x, y, eps, self.beta, self.lr)
        self.at = replace(self.at, step=step)
        return images

    def measure(self) -> dict[str, float]:
        """The held-out images, where it is their turn at this step, which all processes know; else {}."""
        return self.held_out.measure(self.model, self.beta, self.group) if self.cadence.eval_due(self.at.step) else {}


def follow(model: LatentModel, dataset: data.Dataset, cfg: RunConfig, device: torch.device, group: Group) -> None:
    """Share a training that process 0 leads (trainer.py), to its end; nothing is written here.

    Raises ConfigError when config and data do not fit together, RunError when process 0 is lost.
    """
    replica = Replica(model, dataset, cfg, device, group)
    replica.agree()
    while (order := group.hear()).steps >= 0:
        if order.steps == 0:
            continue
        replica.at = replace(replica.at, beta=order.beta, lr=order.lr)
        for _ in range(order.steps):
            replica.take_step()
        if order.single or replica.cadence.row_due(replica.at.step):
            replica.measure()
            replica.meter.read()
