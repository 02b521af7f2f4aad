"""The models that a benchmark of the browser's decoder measures: those that come with the project, or runs that were asked for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vaelab.config.errors import VaeLabError
from vaelab.export.bundle import frame_rates, supported
from vaelab.runs import store


@dataclass(frozen=True)
class Chosen:
    """names: of the models to measure; told: a sentence for each that the server decodes, and what Train expects of each that was asked for."""

    names: tuple[str, ...]
    told: tuple[str, ...] = ()


def shipped_models() -> tuple[str, ...]:
    """Names of the models of weights/. Raises VaeLabError when there are none."""
    names = tuple(store.shipped())
    if not names:
        raise VaeLabError(
            "weights/ must hold a model to be measured, but is empty (train them with scripts/train_weights.py)"
        )
    return names


def choose(asked: Sequence[str] | None, folder: Path) -> Chosen:
    """What is measured. Runs are copied into the folder, where the measured app finds them and leaves no trace in them.

    asked: names or paths of runs, names of shipped models; None: every shipped model. Raises RunError for one that does not exist,
    VaeLabError where the browser decodes none of them.
    """
    if not asked:
        return Chosen(shipped_models())
    names, told = [], []
    for run in map(store.find, dict.fromkeys(asked)):
        model = run.config().model
        if reason := supported(model):
            told.append(f"{run.name}: {reason}")
            continue
        slow, quick, slow_grid, quick_grid = (f"{rate:.0f}" for rate in frame_rates(model))
        one, grid = (" to ".join(dict.fromkeys(rates)) for rates in ((slow, quick), (slow_grid, quick_grid)))
        told.append(
            f"{run.name}: Train expects {one} single pictures/s and {grid} grids/s, on a slow to a quick laptop."
        )
        if run.name not in store.shipped():
            shutil.copytree(run.path, folder / run.name)
        names.append(run.name)
    if not names:
        raise VaeLabError(f"a model must be decoded in the browser to be measured there, but: {' '.join(told)}")
    return Chosen(tuple(names), tuple(told))
