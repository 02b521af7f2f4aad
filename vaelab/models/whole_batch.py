"""A batch that several processes share: what is said of the whole batch needs the others' images too.

A method that compares images with each other writes `whole(codes)` for the codes of all of them. In one process that is `codes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import torch
from torch import Tensor


class Split(Protocol):
    """How a batch lies on the processes. images: of the whole batch; first: the place of this process's first image in it."""

    @property
    def images(self) -> int: ...

    @property
    def first(self) -> int: ...

    def add_up(self, tensor: Tensor) -> None:
        """Replace a tensor by its sum over all processes, each of which calls this with one of the same shape."""


_split: ContextVar[Split | None] = ContextVar("split", default=None)


@contextmanager
def split_by(split: Split | None) -> Iterator[None]:
    """Within, the batch at hand is a part of a larger one. None: it is whole."""
    before = _split.set(split)
    try:
        yield
    finally:
        _split.reset(before)


def first_image() -> int:
    """The place of this process's first image in the whole batch."""
    split = _split.get()
    return 0 if split is None else split.first


def whole(rows: Tensor) -> Tensor:
    """The same of every image of the batch, in the batch's order: (b, ...) of this process's images -> (B, ...).

    The gradient comes back from all processes. Every process must call it, in the same order.
    """
    split = _split.get()
    if split is None:
        return rows
    gathered: Tensor = _Gathered.apply(rows, split)  # type: ignore[no-untyped-call]
    return gathered


class _Gathered(torch.autograd.Function):
    """Rows of all processes; exact, because each row is added to zeros only."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, split: Split) -> Tensor:
        ctx.split, ctx.own = split, slice(split.first, split.first + len(rows))
        everything = rows.new_zeros(split.images, *rows.shape[1:])
        everything[ctx.own] = rows
        split.add_up(everything)
        return everything

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        ctx.split.add_up(total)  # what every process's loss says of these rows
        return total[ctx.own], None
