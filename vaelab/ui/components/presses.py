"""What was pressed in a view, nothing of it lost and nothing twice (shared/presses.js): of two presses before an answer Streamlit keeps the last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st


def taken(key: str) -> int:
    """How many presses in a view the session has answered; the view counts on from there."""
    count: int = st.session_state.get(_place(key), 0)
    return count


def pressed(key: str, known: Sequence[str]) -> list[str]:
    """What was pressed since the last call, in order; within on_presses_change. known: all else that a browser tells is left out."""
    told: Any = (st.session_state.get(key) or {}).get("presses")
    if not isinstance(told, dict):
        return []
    count, names = told.get("count"), told.get("names")
    if type(count) is not int or not isinstance(names, list) or count <= (before := taken(key)):
        return []
    st.session_state[_place(key)] = count
    return [name for name in names[-(count - before) :] if isinstance(name, str) and name in known]


def _place(key: str) -> str:
    return f"taken_{key}"  # not under the page's names: no link holds it
