"""A joint distribution of two discrete variables as a table, and everything that follows from it by adding and dividing.

Tables have a row for each y and a column for each x; information is in nats. Cover and Thomas 2006, chapter 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vaelab.config.errors import ConfigError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Marginals:
    """p(x): (columns,) and p(y): (rows,)."""

    x: Array
    y: Array


def normalise(weights: Array) -> Array:
    """The joint p(x, y) of a table of weights: each divided by the sum of all, so that they add up to 1.

    Raises ConfigError for negative weights or none at all.
    """
    total = weights.sum()
    if not (np.isfinite(total) and total > 0 and (weights >= 0).all()):
        raise ConfigError("the table must hold weights of 0 or more, at least one above 0 (paint some mass)")
    joint: Array = weights / total
    return joint


def marginals(joint: Array) -> Marginals:
    """Add up what is not asked for: p(x) over the rows, p(y) over the columns."""
    return Marginals(x=joint.sum(axis=0), y=joint.sum(axis=1))


def given_row(joint: Array, row: int) -> Array:
    """p(x|y) for one y: its row, divided by what the row adds up to. -> (columns,); zeros for a row without mass."""
    slice_ = joint[row]
    total = slice_.sum()
    return slice_ / total if total > 0 else np.zeros_like(slice_)


def given_column(joint: Array, column: int) -> Array:
    """p(y|x) for one x: its column, divided by what the column adds up to. -> (rows,); zeros for a column without mass."""
    return given_row(joint.T, column)


def product(margins: Marginals) -> Array:
    """The joint that has these margins and no dependence: p(x) p(y)."""
    return np.outer(margins.y, margins.x)


def entropy(p: Array) -> float:
    """-sum p log p in nats, over any shape; a cell without mass adds nothing."""
    held = p[p > 0]
    return float(-(held * np.log(held)).sum())


def mutual_information(joint: Array) -> float:
    """How much one of the two tells about the other: KL of p(x, y) from p(x) p(y), in nats; 0 where they are independent."""
    apart = product(marginals(joint))
    held = joint > 0
    return float((joint[held] * np.log(joint[held] / apart[held])).sum())
