"""The shape that most widgets share: a folder NAME with NAME.js and NAME.css, in the colours of both themes, in a place of a known height."""

from __future__ import annotations

from functools import cache
from typing import Any

import streamlit as st

from vaelab.ui import styles
from vaelab.ui.components.carrier import FOLDER, component
from vaelab.ui.components.decoder.decoder_view import stylesheet
from vaelab.ui.components.keeping import keeping
from vaelab.ui.text import t


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


@cache
def _component(name: str) -> Any:
    """The component, registered once a process."""
    css = stylesheet() + (FOLDER / f"{name}/{name}.css").read_text(encoding="utf-8")
    return component(f"vaelab_{name}", f"{name}/{name}.js", t("decode.scripts_failed"), css)
