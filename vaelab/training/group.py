"""The processes of one training as each of them sees the others: whose part of a batch is whose, sums, and what process 0 says.

A training in one process is a group of one, `Group` itself. workers/peers.py has the one that talks over a network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from vaelab.models.device import describe, memory_mb
from vaelab.models.whole_batch import split_by


@dataclass(frozen=True)
class Order:
    """What process 0 says to the others before they go on: take so many steps at these dials, the last with a row if it is single.

    0 steps: wait for the next word, as in a pause. A negative number: the training ends.
    """

    steps: int
    beta: float = 0.0
    lr: float = 0.0
    single: bool = False


END = Order(-1)
WAIT = Order(0)


@dataclass(frozen=True)
class Part:
    """The images of a batch that a process computes: rows of it, (b,), beginning at first. weight: of its sums in the sum over all.

    It is 1 where the batch is split, and 1/N where each of N processes computes a whole batch too small for a share for each.
    """

    rows: slice
    images: int  # of the whole batch
    weight: float = 1.0

    @property
    def first(self) -> int:
        """Where the part begins."""
        return int(self.rows.start)

    @property
    def loss_weight(self) -> float:
        """What the mean over the part counts for in the mean over the batch."""
        return self.weight * int(self.rows.stop - self.rows.start) / self.images


class Group:
    """A training in a single process."""

    rank = 0
    size = 1

    @property
    def leads(self) -> bool:
        """Whether this is process 0: it alone decides and writes."""
        return self.rank == 0

    def part(self, images: int) -> Part:
        """This process's part of a batch: consecutive images, the first processes one more where they do not divide."""
        if self.size == 1:
            return Part(slice(0, images), images)
        if images < self.size:
            return Part(slice(0, images), images, 1.0 / self.size)
        each, more = divmod(images, self.size)
        start = self.rank * each + min(self.rank, more)
        return Part(slice(start, start + each + (self.rank < more)), images)

    def sharing(self, part: Part) -> AbstractContextManager[None]:
        """Within, methods see the whole batch of which this part is computed here (models/whole_batch.py)."""
        if self.size == 1 or part.weight != 1.0:
            return nullcontext()
        return split_by(_Split(self, part))

    def add_up(self, tensor: Tensor) -> None:
        """Replace a tensor by its sum over all processes."""

    def share(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by those of process 0."""

    def tell(self, order: Order) -> None:
        """Say to the others what is to be done; process 0 alone."""

    def hear(self) -> Order:
        """What process 0 says; the others alone."""
        raise NotImplementedError("process 0 hears nobody")

    @contextmanager
    def together(self) -> Iterator[None]:
        """Around steps that all take. Where an error leaves it, the others are not where process 0 believes them to be."""
        yield

    def devices(self, device: torch.device) -> str:
        """A name for people of all devices that train."""
        return describe(device)

    def memory_mb(self, device: torch.device) -> float | None:
        """The most memory used so far on all of them together, in MiB; None where it is not known."""
        return memory_mb(device)


ALONE = Group()


@dataclass(frozen=True)
class _Split:
    """A part as models/whole_batch.py asks for it."""

    group: Group
    part: Part

    @property
    def images(self) -> int:
        return self.part.images

    @property
    def first(self) -> int:
        return self.part.first

    def add_up(self, tensor: Tensor) -> None:
        self.group.add_up(tensor)
