"""The stage's side of the numbers in a lesson's text (held.js): it reruns with the stage, so that a number moves nothing but the stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from vaelab.ui.components.widget import widget

Moved = tuple[str, str, Any]  # section, name in its sentence, value


def held_view(
    key: str, values: Mapping[str, float], words: Mapping[str, str], on_move: Callable[[list[Moved]], None]
) -> None:
    """Tell the sentences how things stand. values: by their names in the session; words: by "section name"; on_move: called before the stage's rerun.

    Call it inside the stage's fragment, after what it draws: a sentence moves on when it was told.
    """

    def moved() -> None:
        on_move(_told(key)[1])

    data = {"turn": _told(key)[0], "values": dict(values), "words": dict(words)}
    widget("held", key, data, on_moved_change=moved)


def _told(key: str) -> tuple[int, list[Moved]]:
    """The browser's newest turn, and what it moved; turn 0 and nothing where it tells something else."""
    answer = st.session_state.get(key)
    told: Any = answer.get("moved") if answer else None
    try:
        return int(told["turn"]), [(str(section), str(name), value) for section, name, value in told["moved"]]
    except (LookupError, TypeError, ValueError, OverflowError):
        return 0, []
