"""A graph whose nodes can be pressed: circles and boxes with bars, arrows, plates (graph.js draws them)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import streamlit as st

from vaelab.images.palette import THEMES, Role, css_variables
from vaelab.ui import styles
from vaelab.ui.components.carrier import FOLDER, component
from vaelab.ui.components.presses import taken
from vaelab.ui.text import t

ENTRY = "graph/graph.js"
SHEET = 640  # its width, as graph.js has it


@dataclass(frozen=True)
class Node:
    """A node at x, y (its middle). share: its bar from 0 to 1, None for no bar; value: the words beside the bar.

    filled: drawn as known, by the convention of graphical models; picked: framed as chosen; name: what a screen reader
    says; tip: more about it, on hover.
    """

    id: str
    label: str
    x: float
    y: float
    name: str
    role: Role = "z"
    width: float = 132
    height: float = 58
    shape: str = "box"  # or circle
    value: str = ""
    share: float | None = None
    filled: bool = False
    picked: bool = False
    tip: str = ""


@dataclass(frozen=True)
class Edge:
    """From one node to another. arrow: directed; dashed: inference, which is no part of the model itself; width: pixels."""

    start: str
    end: str
    arrow: bool = True
    dashed: bool = False
    role: Role = "prior"
    width: float = 1.6


@dataclass(frozen=True)
class Plate:
    """A frame around what is repeated, its words in a lower corner."""

    x: float
    y: float
    width: float
    height: float
    label: str


def graph(
    key: str,
    nodes: Sequence[Node],
    edges: Sequence[Edge],
    *,
    name: str,
    height: int,
    plates: Sequence[Plate] = (),
    on_press: Callable[[], None],
) -> None:
    """Draw a graph on a sheet 640 wide and `height` high, enlarged to the width there is. name: what it shows, in words.

    on_press: called when nodes were pressed; `pressed(key, ...)` then names them. Call it inside a fragment.
    """
    data = {
        "name": name,
        "height": height,
        "nodes": [asdict(node) for node in nodes],
        "edges": [asdict(edge) for edge in edges],
        "plates": [asdict(plate) for plate in plates],
        "taken": taken(key),
    }
    # The place is kept free until the browser has the script that draws.
    st.html(styles.rule(f"{key}_place", aspect_ratio=f"{SHEET} / {height}", max_height="var(--vl-room-graph)"))
    with st.container(key=f"{key}_place"):
        _component()(key=key, data=data, on_presses_change=on_press)


@cache
def _component() -> Any:
    """The component, registered once a process."""
    themes = "".join(f'.vl-graph[data-theme="{theme}"]{{{css_variables(theme)}}}' for theme in THEMES)
    css = themes + (FOLDER / "graph/graph.css").read_text(encoding="utf-8")
    return component("vaelab_graph", ENTRY, t("decode.scripts_failed"), css)
