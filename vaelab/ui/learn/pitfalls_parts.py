"""What the views of lesson 10 share: the five mistakes, the lines of their code, the losses of whole epochs."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.lessons.race import BATCH
from vaelab.ui.source import source_of

Array = NDArray[Any]
STEPS = 1_200
TRAIN_IMAGES = 1_500
EPOCH = TRAIN_IMAGES // BATCH  # updates
SIDES = ("wrong", "right")
LINE = 21  # pixels of a line of code


@dataclass(frozen=True)
class Pitfall:
    """One mistake: the pair of functions CODE_wrong and CODE_right, how many lines they need, the range of its curves in nats."""

    code: str
    lines: int
    domain: tuple[float, float] = (0.0, 50.0)
    names: tuple[str, ...] = ("recon", "kl", "loss")


PITFALLS = {
    "std": Pitfall("sample", 2),
    "pixels": Pitfall("pixels", 2, (-1e12, 50.0), ("recon", "loss")),
    "reduction": Pitfall("recon", 3),
    "report": Pitfall("report", 5, (20.0, 40.0), ("loss",)),
    "collapse": Pitfall("charge", 3),
}


def body_of(module: str, name: str) -> str:
    """A function's statements as they stand in its source, without its first line and its description."""
    source = source_of(module, name)
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    first = definition.body[1]  # after the description
    lines = source.splitlines()[first.lineno - 1 :]
    return "\n".join(line[first.col_offset :] for line in lines)


def epochs_of(curves: Mapping[str, Array], term: str) -> list[list[float]]:
    """A term's value in every batch of every whole epoch so far."""
    values = np.asarray(curves.get(term, ()))
    whole = len(values) // EPOCH
    return [[float(v) for v in epoch] for epoch in values[: whole * EPOCH].reshape(whole, EPOCH)]


def epoch_losses(curves: Mapping[str, Array]) -> list[list[float]]:
    """The batch losses of every whole epoch so far."""
    return epochs_of(curves, "loss")
