"""What all commands share: the --json switch, aligned tables, one JSON object on stdout."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from vaelab.runs.files import finite_or_none

Function = TypeVar("Function", bound=Callable[..., Any])


def json_option(function: Function) -> Function:
    """--json, the same for every command."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")(function)


def run_argument(function: Function) -> Function:
    """RUN: a name, a path, or a name in weights/."""
    return click.argument("run_name", metavar="RUN")(function)


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on one line; NaN and infinity, which JSON does not have, as null."""
    click.echo(json.dumps(finite_or_none(value), allow_nan=False, ensure_ascii=False))


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lines with aligned columns, numbers to the right."""
    cells = [list(headers), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(headers))]
    numeric = [bool(rows) and all(isinstance(row[i], int | float | None) for row in rows) for i in range(len(headers))]
    lines = [
        "  ".join(
            c.rjust(w) if right else c.ljust(w) for c, w, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in cells
    ]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return str(value)
