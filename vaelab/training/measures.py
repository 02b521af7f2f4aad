"""What a training measures: sums kept on the device between two rows, held-out images, and its own speed."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaelab import data
from vaelab.config.settings import LossConfig
from vaelab.models.latent_model import LatentModel
from vaelab.models.losses import floor
from vaelab.models.model_config import ModelConfig
from vaelab.runs.run_config import RunConfig
from vaelab.training.batches import ImageSet, Noise
from vaelab.training.group import ALONE, Group

CHUNK = 500  # images per forward pass of a measurement
FLOOR_IMAGES = 2000
SPEED_SECONDS = 1.0


def elbo_terms(
    model: LatentModel, x: Tensor, y: Tensor | None, eps: Tensor | None, cfg: LossConfig
) -> tuple[Tensor, Tensor]:
    """Both terms of the ELBO, per image, in nats; training and evaluation share it.

    x: (B, C, H, W); y: (B,) or None; eps: (B, Z) or None for an autoencoder -> recon (B,), KL per dimension (B, Z).
    """
    terms = model.cfg.method.terms(model, x, y, eps, cfg)
    return terms["recon"], terms["kl_per_dim"]


@dataclass(frozen=True)
class Means:
    """Averages per image since the last row, in nats. kl_per_dim: Z numbers, or one for the whole code."""

    recon: float
    loss: float
    kl_per_dim: list[float]
    curves: dict[str, float]  # the method's further terms
    images: int

    @property
    def kl(self) -> float:
        """The KL term, summed over dimensions."""
        return sum(self.kl_per_dim)

    def all(self) -> list[float]:
        """Every number."""
        return [self.recon, self.loss, *self.kl_per_dim, *self.curves.values()]


class Meter:
    """Adds up the terms of a loss on the device, so that no step waits for the host."""

    def __init__(self, cfg: ModelConfig, device: torch.device) -> None:
        self._curves = tuple(cfg.method.curves)
        # recon, loss, each dimension's KL, then the method's further terms
        dims = cfg.latent_dim if cfg.method.kl_by_dimension else 1
        self.sums = torch.zeros(2 + dims + len(self._curves), device=device)
        self.images = 0

    @torch.no_grad()
    def of(self, terms: dict[str, Tensor], loss: Tensor) -> Tensor:
        """What a batch adds to the sums. terms: as a method's `terms` gives them; loss: the batch's mean, ()."""
        totals = torch.stack([terms["recon"].sum(), loss * len(terms["recon"])])
        curves = [terms[name].sum().reshape(1) for name in self._curves]
        return torch.cat([totals, terms["kl_per_dim"].sum(dim=0), *curves])

    def add(self, sums: Tensor, images: int) -> None:
        """Count a batch in: what `of` said of it, and how many images it has."""
        self.sums += sums
        self.images += images

    def read(self) -> Means:
        """The means since the last call, which start anew. Waits for the device."""
        recon, loss, *rest = (self.sums / self.images).tolist()
        dims = len(rest) - len(self._curves)
        means = Means(recon, loss, rest[:dims], dict(zip(self._curves, rest[dims:], strict=True)), self.images)
        self.sums.zero_()
        self.images = 0
        return means


class HeldOut:
    """A fixed part of the test images with fixed noise: every measurement of a run asks the same questions."""

    def __init__(self, dataset: data.Dataset, cfg: RunConfig, images: int, device: torch.device) -> None:
        rows = np.linspace(0, max(0, len(dataset.test) - 1), images).round().astype(np.int64)
        self._test = ImageSet(dataset.test.take(rows), cfg.model, device)
        train_rows = np.linspace(0, len(dataset.train) - 1, min(FLOOR_IMAGES, len(dataset.train))).astype(np.int64)
        self._train_part = dataset.train.take(train_rows)
        self._cfg, self._device = cfg, device
        self._noise = Noise(cfg.model.latent_dim, cfg.seed, device)
        self._floors: dict[str, float] = {}

    @torch.no_grad()
    def measure(self, model: LatentModel, beta: float, group: Group = ALONE) -> dict[str, float]:
        """test_recon, test_kl, test_loss (at beta), the method's further terms as test_NAME, test_floor and the training images' floor.

        {} without test images. Every process of the group calls this at the same step.
        """
        if not len(self._test):
            return {}
        method = self._cfg.model.method
        names = ("recon", "kl", *method.curves)
        sums = torch.zeros(len(names), device=self._device)
        for index, start in enumerate(range(0, len(self._test), CHUNK)):
            part = group.part(min(CHUNK, len(self._test) - start))
            x, y = self._test.take(slice(start + part.rows.start, start + part.rows.stop))
            eps = self._noise.of(self._cfg.model, index, part.images, "held-out")
            with group.sharing(part):
                terms = method.terms(model, x, y, None if eps is None else eps[part.rows], self._cfg.loss)
            terms["kl"] = terms["kl_per_dim"]
            sums += part.weight * torch.stack([terms[name].sum() for name in names])
        group.add_up(sums)
        means: dict[str, float] = dict(zip(names, (sums / len(self._test)).tolist(), strict=True))
        found = {f"test_{name}": value for name, value in means.items()}
        return found | {"test_loss": method.combine(self._cfg.model, means, beta)} | self.floors(model)

    def floors(self, model: LatentModel) -> dict[str, float]:
        """The smallest reconstruction terms possible, on the test part and on up to 2,000 training images.

        Computed once, unless the method changes how a pixel is scored.
        """
        method = self._cfg.model.method
        if not self._floors or not method.fixed_likelihood:
            train = ImageSet(self._train_part, self._cfg.model, self._device)
            loss = method.scored(model, self._cfg.loss)
            self._floors = {"test_floor": self._floor(self._test, loss), "floor": self._floor(train, loss)}
        return self._floors

    def _floor(self, images: ImageSet, loss: LossConfig) -> float:
        sums = [floor(images.take(slice(i, i + CHUNK))[0], loss).sum() for i in range(0, len(images), CHUNK)]
        return float(torch.stack(sums).sum()) / len(images)


class Pace:
    """Seconds of training, counted on from earlier ones, and images a second over the last second."""

    def __init__(self, seconds: float) -> None:
        self._before = seconds
        self._since = time.perf_counter()
        self._recent: deque[tuple[float, int]] = deque([(self._since, 0)])

    @property
    def seconds(self) -> float:
        """Since the training began, over all resumes."""
        return self._before + time.perf_counter() - self._since

    def tick(self, images: int) -> None:
        """One step with so many images is done."""
        now = time.perf_counter()
        self._recent.append((now, self._recent[-1][1] + images))
        while len(self._recent) > 2 and now - self._recent[1][0] >= SPEED_SECONDS:
            self._recent.popleft()

    @property
    def throughput(self) -> float | None:
        """Images a second; None before the first step."""
        (start, before), (end, now) = self._recent[0], self._recent[-1]
        return (now - before) / (end - start) if end > start else None
