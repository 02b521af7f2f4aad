"""Sweeps among the runs on record: those that are the same but for one setting or two, however they were started, as the cells of a table.

Nothing is written about a sweep: the settings of its runs tell it. So runs of `vaelab sweep`, of a Slurm array and of the page are found alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from vaelab.runs.plan import TRAIN_OPTIONS
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run

LEAST = 3  # runs: two are compared better side by side
MOST_VALUES = 64  # of one setting
_WHERE_IT_RAN = ("device",)  # says nothing about what was learned

Settings = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Sweep:
    """Runs that differ in the settings x and y alone; y is "" where only one setting varies.

    xs, ys: the values on record, ascending; cells: (row of ys, column of xs) -> the newest run with these values; rest: what all have in common.
    """

    x: str
    y: str
    xs: tuple[Any, ...]
    ys: tuple[Any, ...]
    cells: Mapping[tuple[int, int], Run]
    rest: Settings

    @property
    def runs(self) -> list[Run]:
        """Every run of it, row by row."""
        return [self.cells[place] for place in sorted(self.cells)]


def settings_of(cfg: RunConfig) -> Settings:
    """What a person chose for a training, by the names of `plan`'s arguments; a method's own settings by theirs."""
    found: dict[str, Any] = {}
    for option, (_, section, field) in TRAIN_OPTIONS.items():
        name = option.removeprefix("--").replace("-", "_")
        if name not in _WHERE_IT_RAN:
            found[name] = getattr(getattr(cfg, section) if section else cfg, field)
    if cfg.model.is_usual:
        found["network"] = ""  # follows the model
    if cfg.model.has_fixed_code:
        found["latent_dim"] = None  # follows the network
    return tuple((found | dict(cfg.model.settings)).items())


def sweeps(known: Iterable[tuple[Run, Settings]]) -> list[Sweep]:
    """Every sweep among runs, the largest first. known: runs with their settings, the newest first.

    Of two settings: at least two values of each, and three cells; of one: three values, unless they are a row or a column of such a table.
    """
    listed = [(run, dict(settings)) for run, settings in known]
    names = list(dict.fromkeys(name for _, settings in listed for name in settings))
    varied = [name for name in names if len({settings.get(name) for _, settings in listed}) > 1]
    tables = [sweep for pair in combinations(varied, 2) for sweep in _grouped(listed, *pair) if _is_table(sweep)]
    inside = {(frozenset(run.name for run in sweep.runs)) for sweep in tables}
    rows = [
        sweep
        for name in varied
        for sweep in _grouped(listed, name, "")
        if LEAST <= len(sweep.xs) <= MOST_VALUES
        and not any({run.name for run in sweep.runs} <= whole for whole in inside)
    ]
    return sorted([*tables, *rows], key=lambda sweep: -len(sweep.cells))


def _is_table(sweep: Sweep) -> bool:
    """Whether two settings really vary against one another: more than one row, one column or one diagonal."""
    across, down = len(sweep.xs), len(sweep.ys)
    return 2 <= across <= MOST_VALUES and 2 <= down <= MOST_VALUES and len(sweep.cells) > max(across, down, LEAST - 1)


def _grouped(listed: list[tuple[Run, dict[str, Any]]], x: str, y: str) -> list[Sweep]:
    """The runs in groups that agree in everything but x and y."""
    groups: dict[Settings, dict[tuple[Any, Any], Run]] = {}
    for run, settings in listed:
        if x not in settings or (y and y not in settings):
            continue
        rest = tuple((name, value) for name, value in settings.items() if name not in (x, y))
        groups.setdefault(rest, {}).setdefault((settings.get(y), settings[x]), run)
    found = []
    for rest, cells in groups.items():
        xs, ys = (tuple(sorted({place[k] for place in cells}, key=_order)) for k in (1, 0))
        at = {(ys.index(down), xs.index(across)): run for (down, across), run in cells.items()}
        found.append(Sweep(x, y, xs, ys, at, rest))
    return found


def _order(value: Any) -> tuple[bool, float, str]:
    """Numbers by size, then words."""
    is_number = isinstance(value, int | float)
    return (not is_number, float(value) if is_number else 0.0, str(value))
