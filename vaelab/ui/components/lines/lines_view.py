"""Lines of code, some of which can be pressed (lines.js)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import streamlit as st

from vaelab.images.palette import Role, css_variables_of_both
from vaelab.ui import styles
from vaelab.ui.components.carrier import FOLDER, component
from vaelab.ui.components.presses import taken
from vaelab.ui.text import t

ENTRY = "lines/lines.js"


@dataclass(frozen=True)
class Line:
    """kind: "here" for the part that has just run, "past" for what ran before it, "" for what is to come; name: what a press tells, "" for a
    line that cannot be pressed; says: what a press does, in words; broken: whether it is."""

    text: str
    kind: str = ""
    name: str = ""
    says: str = ""
    broken: bool = False


def lines_view(key: str, lines: Sequence[Line], role: Role, label: str, on_press: Callable[[], None]) -> None:
    """Draw the lines, those of the part that ran in the colour of its role. on_press: `pressed(key, ...)` then names lines. Call it inside a fragment."""
    st.html(styles.rule(key, min_height="calc(238px + 122px * var(--vl-stage))"))
    _component()(
        key=key,
        data={"lines": [asdict(line) for line in lines], "role": role, "label": label, "taken": taken(key)},
        on_presses_change=on_press,
    )


@cache
def _component() -> Any:
    """The component, registered once a process."""
    css = f".lines{{{css_variables_of_both()}}}" + (FOLDER / "lines/lines.css").read_text(encoding="utf-8")
    return component("vaelab_lines", ENTRY, t("decode.scripts_failed"), css)
