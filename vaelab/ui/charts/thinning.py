"""A measured curve from rows of metrics.jsonl, in as many points as can be seen. Without a chart: the first page draws lines of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
MAX_POINTS = 300  # of one curve: more than the pixels of its panel carry nothing, and cost time at every tick


def thin(steps: Array, values: Array, points: int = MAX_POINTS) -> tuple[Array, Array]:
    """At most `points` averages over equal shares of a curve; a curve that is short enough comes back as it is."""
    if len(steps) <= points:
        return steps, values
    edges = np.linspace(0, len(steps), points + 1).astype(int)[:-1]
    counts = np.diff([*edges, len(steps)])
    return np.add.reduceat(steps, edges) / counts, np.add.reduceat(values, edges) / counts


def steps_and(metrics: Sequence[Mapping[str, Any]], key: str) -> tuple[Array, Array]:
    """(steps, values) of the rows that measured `key`."""
    pairs = [(row["step"], row[key]) for row in metrics if row.get(key) is not None]
    steps, values = np.array(pairs, dtype=float).reshape(-1, 2).T
    return steps, values
