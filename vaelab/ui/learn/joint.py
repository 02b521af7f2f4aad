"""Lesson 2: joint, marginal and conditional distributions of a table that the reader paints."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab.images import palette
from vaelab.images.field_colours import coloured
from vaelab.images.palette import STOPS, Theme
from vaelab.lessons.joint_table import (
    entropy,
    given_column,
    given_row,
    marginals,
    mutual_information,
    normalise,
    product,
)
from vaelab.ui.components.board.board_view import Board, State
from vaelab.ui.learn.frame import Lesson, Section, lesson_page
from vaelab.ui.learn.number_table import Cell, Words, number_table, small
from vaelab.ui.learn.prediction import Prediction
from vaelab.ui.text import t
from vaelab.ui.widgets import theme

LESSON = Lesson(
    "learn_joint",
    (
        Section("table", r"\sum_x \sum_y p(x, y) = 1", {"joint_preset": "two"}),
        Section("margins", r"p(x) = \sum_y p(x, y)"),
        Section("slices", r"p(x|y) = \frac{p(x, y)}{p(y)}", {"joint_preset": "slice"}),
        Section("independent", r"p(x, y) = p(x)\,p(y)", {"joint_preset": "product"}),
        Section("information", r"I = \sum_{x,y} p(x,y) \log \frac{p(x,y)}{p(x)\,p(y)}", {"joint_preset": "diagonal"}),
    ),
    (
        ("lessons.joint_table", "normalise"),
        ("lessons.joint_table", "marginals"),
        ("lessons.joint_table", "given_row"),
        ("lessons.joint_table", "mutual_information"),
    ),
    ("latent", {}),
    Prediction(("zero", "free", "same"), "free"),
)
ROWS, COLUMNS = 6, 8
TOP = 20  # largest weight of a cell: twenty strokes
SHADES = 21

Array = NDArray[np.float64]


def _start() -> Array:
    """Two hills, so that x and y depend on each other: whole weights of 0 to 9."""
    rows, columns = np.indices((ROWS, COLUMNS))
    hills = 9.0 * np.exp(-((columns - 2) ** 2) / 2.4 - (rows - 4) ** 2 / 1.4)
    hills += 6.0 * np.exp(-((columns - 5.5) ** 2) / 2.0 - (rows - 1) ** 2 / 1.2)
    return np.rint(hills)


def _valid(state: State) -> bool:
    """Whether the browser's table can be used: whole weights of 0 to TOP, not all 0, and a row and a column of it."""
    weights = np.array(state["weights"], dtype=float)
    inside = weights.shape == (ROWS * COLUMNS,) and bool(((weights >= 0) & (weights <= TOP)).all())
    at = state["row"], state["column"]
    whole = all(type(place) is int for place in at)  # 2.0 and True equal whole numbers, but are no index
    return inside and weights.sum() > 0 and whole and at[0] in range(ROWS) and at[1] in range(COLUMNS)


def _flat(table: Array) -> list[float]:
    return [float(value) for value in table.ravel()]


BOARD = Board("joint_board", "table", {"weights": _flat(_start()), "row": 4, "column": 3}, _valid)


def _apply_preset(name: str | None) -> None:
    """Put the table into the state that a section's button asks for."""
    if name == "two":
        BOARD.put(**BOARD.start)
    elif name == "slice":
        BOARD.put(row=(BOARD.state()["row"] + 1) % ROWS)
    elif name == "product":
        margins = marginals(normalise(_table(BOARD.state())))
        apart = product(margins)
        BOARD.put(weights=_flat(TOP * apart / apart.max()))
    elif name == "diagonal":
        rows, columns = np.indices((ROWS, COLUMNS))
        BOARD.put(weights=_flat(np.where(ROWS - 1 - rows == columns, 10.0, 0.0)), row=2, column=3)


def _table(state: State) -> Array:
    return np.array(state["weights"], dtype=float).reshape(ROWS, COLUMNS)


def _view(joint: Array, state: State) -> dict[str, Any]:
    """The view of board/table.js."""
    margins = marginals(joint)
    shades = np.linspace(0.0, 1.0, SHADES)
    return {
        "rows": ROWS,
        "columns": COLUMNS,
        "top": TOP,
        "xs": [f"x={k + 1}" for k in range(COLUMNS)],
        "ys": [f"y={ROWS - k}" for k in range(ROWS)],
        "px": _flat(margins.x),
        "py": _flat(margins.y),
        "px_y": _flat(given_row(joint, state["row"])),
        "py_x": _flat(given_column(joint, state["column"])),
        "stops": _shades(shades),
    }


def _shades(shades: Array) -> list[str]:
    table = coloured(shades, STOPS, 0.0, 1.0)
    return ["#" + "".join(f"{value:02X}" for value in row) for row in table]


def stage() -> None:
    """The table with its margins and slices, and the numbers that follow."""
    shown = theme()
    _apply_preset(st.session_state.pop("joint_preset", None))
    state = BOARD.state()
    joint = normalise(_table(state))
    BOARD.draw(_view(joint, state), palette.class_colours(shown)[:2])
    _numbers(joint, state, shown)


def _numbers(joint: Array, state: State, shown: Theme) -> None:
    margins, row, column = marginals(joint), state["row"], state["column"]
    x, y = f"x={column + 1}", f"y={ROWS - row}"
    cell, across, down = joint[row, column], given_row(joint, row)[column], given_column(joint, column)[row]
    sums = [
        joint.sum(),
        margins.x.sum(),
        margins.y.sum(),
        given_row(joint, row).sum(),
        given_column(joint, column).sum(),
    ]
    number_table(
        [t("learn_joint.adds_up"), "p(x, y)", "p(x)", "p(y)", f"p(x|{y})", f"p(y|{x})"],
        [["Σ", *(f"{value:.4f}" if value else t("learn_joint.no_slice") for value in sums)]],
        shown,
    )
    information = mutual_information(joint)
    by_entropy = entropy(margins.x) + entropy(margins.y) - entropy(joint)
    verdict = t("learn_joint.independent_yes" if information < 1e-9 else "learn_joint.independent_no")
    rows: list[list[Cell]] = [
        [
            f"p({x}, {y})",
            f"{cell:.4f}",
            Words(_multiplied(f"p({x}|{y}) p({y})", float(across), float(margins.y[row]))),
        ],
        ["", "", Words(_multiplied(f"p({y}|{x}) p({x})", float(down), float(margins.x[column])))],
        [f"p({x}) p({y})", f"{margins.x[column] * margins.y[row]:.4f}", Words(verdict)],
        [
            t("learn_joint.mutual"),
            f"{max(0.0, information):.4f} {t('learn_joint.nats')}",
            Words(
                t(
                    "learn_joint.by_entropy",
                    value=f"{max(0.0, by_entropy):.4f}",
                    gap=small(abs(information - by_entropy)),
                )
            ),
        ],
    ]
    number_table([t("learn_joint.cell"), "", t("learn_joint.made_of")], rows, shown)


def _multiplied(name: str, slice_: float, margin: float) -> str:
    """A slice times its margin, written out; a margin of 0 leaves no slice to take."""
    if margin == 0:
        return t("learn_joint.nothing_there", name=name)
    return f"{name} = {slice_:.4f} × {margin:.4f} = {slice_ * margin:.4f}"


def page() -> None:
    """Build the page."""
    lesson_page(LESSON, stage)
