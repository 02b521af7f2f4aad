"""Small tables of computed numbers: fixed width, low rows, a bar of shares where a cell is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from vaelab.images.palette import Theme

LEFT = ' style="text-align:left"'


@dataclass(frozen=True)
class Words:
    """A cell that holds a remark: aligned left, allowed to wrap."""

    text: str


@dataclass(frozen=True)
class Shares:
    """A cell that is a bar of parts of 1. parts: (share, #RRGGBB); width: pixels that it takes at least, fewer on a phone."""

    parts: tuple[tuple[float, str], ...]
    width: int = 30


@dataclass(frozen=True)
class Key:
    """A column's name with the colour that stands for it in a bar of shares. code: #RRGGBB."""

    text: str
    code: str


Cell = str | Words | Shares


def number_table(head: Sequence[str | Key], rows: Sequence[Sequence[Cell]], theme: Theme) -> None:
    """A table whose first column names the rows. Cells are ready-made text: the caller gives digits and units."""
    wordy = [any(isinstance(cell, Words) for cell in column) for column in zip(*rows, strict=False)]
    top = "".join(f"<th{LEFT if left else ''}>{_name(name)}</th>" for name, left in zip(head, wordy, strict=False))
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    st.html(f'<div class="vl-numbers-room"><table class="vl-numbers"><tr>{top}</tr>{body}</table></div>')


def _name(name: str | Key) -> str:
    if isinstance(name, Key):
        return f'<i class="key" style="background:{name.code}"></i>{escape(name.text)}'
    return escape(name)


def _cell(cell: Cell) -> str:
    if isinstance(cell, Words):
        return f'<td class="words">{escape(cell.text)}</td>'
    if isinstance(cell, Shares):
        parts = "".join(
            f'<i style="width:{100 * max(0.0, share):.2f}%;background:{code}"></i>' for share, code in cell.parts
        )
        return f'<td><div class="bar" style="min-width:min({cell.width}px, 9vw)">{parts}</div></td>'
    return f"<td>{escape(cell)}</td>"


def small(value: float) -> str:
    """A rounding-level difference: 3.6e-15, or 0 where the two agree in every bit."""
    return "0" if value == 0 else f"{value:.1e}"


def signed(value: float, digits: int = 2) -> str:
    """A number with a real minus sign, and no minus zero."""
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")
