"""A heat map whose cells are buttons (heat.js): a figure over two settings, each cell a run. Python hears which cell was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vaelab.images.palette import STOPS
from vaelab.ui.components.widget import widget
from vaelab.ui.text import t


@dataclass(frozen=True)
class Cell:
    """One run. value: None while it is not measured; shown: the value in words, or why there is none."""

    name: str
    value: float | None
    shown: str


@dataclass(frozen=True)
class Axis:
    """A setting with its values in words."""

    title: str
    values: Sequence[str]


def heat_view(
    key: str, figure: str, x: Axis, y: Axis, cells: Sequence[Sequence[Cell | None]], chosen: str, ends: tuple[str, str]
) -> str | None:
    """Draw the table. -> the name of the run whose cell was chosen, if any.

    figure: what the cells tell, with its unit; cells: rows of y, columns of x, None where there is no run; chosen: the run that is shown; ends: the
    lowest and the highest value in words. Call it inside a fragment.
    """
    values = [cell.value for row in cells for cell in row if cell and cell.value is not None]
    low, high = (min(values), max(values)) if values else (0.0, 0.0)

    def spec(cell: Cell | None) -> dict[str, Any] | None:
        if cell is None:
            return None
        share = None if cell.value is None else (cell.value - low) / (high - low) if high > low else 0.5
        return {"name": cell.name, "shown": cell.shown, "share": share}

    data = {
        "figure": figure,
        "x": {"title": x.title, "values": list(x.values)},
        "y": {"title": y.title, "values": list(y.values)},
        "cells": [[spec(cell) for cell in row] for row in cells],
        "chosen": chosen,
        "ends": list(ends) if values else [],
        "stops": list(STOPS),
        "text": {name: t(f"compare.heat_{name}") for name in ("cell", "cell_help", "none", "scale")},
    }
    answer = widget("heat", key, data, on_cell_change=lambda: None)
    told: str | None = answer.cell
    return told
