"""Where a view stands in the browser (shared/mount.js), as a few numbers that the session holds and a link brings back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

MOST_KEPT = 300  # numbers


def keeping(key: str) -> tuple[list[float], Callable[[], None]]:
    """The few numbers that say where a view stands in the browser, kept in the session under KEY_kept, and the callback of its `kept`."""
    place = f"{key}_kept"

    def keep() -> None:  # before the page is run: the link above the view is made first
        answer = st.session_state.get(key)
        if told := _numbers(answer.get("kept") if answer else None):
            st.session_state[place] = told

    return _numbers(st.session_state.get(place)), keep


def _numbers(told: Any) -> list[float]:
    """What a browser or a link says of a widget, as far as it can be so; else nothing."""
    if not isinstance(told, list) or len(told) > MOST_KEPT:
        return []
    if not all(isinstance(value, int | float) and abs(value) < 1e12 for value in told):
        return []
    return [float(value) for value in told]


def opened_at(key: str) -> tuple[list[float], Callable[[], None]]:
    """As `keeping`, with the numbers that a session began with: of a view whose data is large and must not be sent again after each gesture."""
    kept, keep = keeping(key)
    first: list[float] = st.session_state.setdefault(
        f"opened_{key}", kept
    )  # not under the page's names: no link holds it
    return first, keep
