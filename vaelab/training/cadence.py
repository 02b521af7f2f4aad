"""When a training measures, as pure functions of the step: the same run always writes the same rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from vaelab.config.errors import ConfigError
from vaelab.config.settings import OptimConfig

MAX_ROWS = 2000  # a live chart redraws all of them
ROW_IMAGES = 1000  # images between two rows, if that is less than a tenth of an epoch
HELD_OUT = 1000
FORWARD_SHARE = 3  # a training step costs about three forward passes
EVAL_SHARE = 0.05  # of the time goes into held-out measurements


@dataclass(frozen=True)
class Cadence:
    """The steps of a training and which of them are measured. Steps count from 1, held_out is a number of images."""

    images: int
    batch_size: int
    epochs: int
    held_out: int

    @classmethod
    def of(cls, train_images: int, test_images: int, optim: OptimConfig, processes: int = 1) -> Self:
        """Raises ConfigError when a batch is larger than the set, or has no image for each of the processes that share it."""
        if optim.batch_size > train_images:
            raise ConfigError(
                f"optim.batch_size must be at most the number of training images, {train_images}, got {optim.batch_size}"
                f" (choose {train_images} or less, or train on more images)"
            )
        if optim.batch_size < processes:
            raise ConfigError(
                f"optim.batch_size must be at least the number of devices, {processes}, got {optim.batch_size}"
                " (take larger batches, or fewer devices)"
            )
        # Measured at the end of every epoch, so its size is what bounds the cost for small sets.
        held_out = min(HELD_OUT, test_images, max(100, int(train_images * FORWARD_SHARE * EVAL_SHARE)))
        return cls(train_images, optim.batch_size, optim.epochs, held_out)

    @property
    def steps_per_epoch(self) -> int:
        """The last batch of an epoch may be smaller; it is kept."""
        return math.ceil(self.images / self.batch_size)

    @property
    def total_steps(self) -> int:
        """Updates of the whole training."""
        return self.steps_per_epoch * self.epochs

    @property
    def row_every(self) -> int:
        """Steps between two rows, once training is under way."""
        lively = min(self.steps_per_epoch // 10, ROW_IMAGES // self.batch_size)
        return max(1, lively, math.ceil(self.total_steps / MAX_ROWS))

    @property
    def eval_every(self) -> int:
        """Steps between two held-out measurements within an epoch: a multiple of row_every."""
        images = self.held_out / (FORWARD_SHARE * EVAL_SHARE)
        return self.row_every * max(1, math.ceil(images / self.batch_size / self.row_every))

    def epoch(self, step: int) -> int:
        """The epoch, from 1, that a step belongs to; 0 before the first step."""
        return math.ceil(step / self.steps_per_epoch)

    def batch(self, step: int) -> slice:
        """Where the step's images stand in its epoch's order."""
        start = (step - 1) % self.steps_per_epoch * self.batch_size
        return slice(start, min(start + self.batch_size, self.images))

    def ends_epoch(self, step: int) -> bool:
        """Whether an epoch that is reported ends here: every one, or every n-th if there are very many."""
        stride = math.ceil(self.epochs / (MAX_ROWS // 2))
        return step == self.total_steps or step % (self.steps_per_epoch * stride) == 0

    def row_due(self, step: int) -> bool:
        """After steps 1, 2, 4, 8, then ever further apart up to the steady pace, and at the end of an epoch.

        Never further than an eighth of the way so far, so that very many epochs, whose steady pace is slow, look alive too.
        """
        octave = 1 << (step.bit_length() - 1)
        early = step < self.row_every and step % max(octave // 8, min(octave, 4)) == 0
        return early or step % self.row_every == 0 or self.ends_epoch(step)

    def eval_due(self, step: int) -> bool:
        """Whether the row of this step also measures the held-out images."""
        return step % self.eval_every == 0 or self.ends_epoch(step)
