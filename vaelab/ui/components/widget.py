"""The shape that most widgets share: a folder NAME with NAME.js and NAME.css, in the colours of both themes, in a place of a known height."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import streamlit as st

from vaelab.ui import styles
from vaelab.ui.components.carrier import FOLDER, loader_js
from vaelab.ui.components.decoder.decoder_view import stylesheet
from vaelab.ui.text import t

MOST_KEPT = 40  # numbers


def widget(name: str, key: str, data: dict[str, Any], *, keeps: bool = False, **callbacks: Any) -> Any:
    """Draw the widget of a folder; what it answers.

    keeps: the session holds, under KEY_kept, the few numbers that say where it stands in the browser: a link then opens it there.
    The room that it takes in a wide window, its variable in shell.css, is kept free until the browser has the script that draws.
    callbacks: on_STATE_change. Call it inside a fragment.
    """
    st.html(styles.rule(key, min_height=f"var(--vl-room-{name})"))
    if not keeps:
        return _component(name)(key=key, data=data, **callbacks)
    kept, keep = keeping(key)
    return _component(name)(key=key, data=data | {"kept": kept}, on_kept_change=keep, **callbacks)


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


@cache
def _component(name: str) -> Any:
    """The component, registered once a process."""
    css = stylesheet() + (FOLDER / f"{name}/{name}.css").read_text(encoding="utf-8")
    return st.components.v2.component(
        f"vaelab_{name}", css=css, js=loader_js(f"{name}/{name}.js", t("decode.scripts_failed"))
    )
