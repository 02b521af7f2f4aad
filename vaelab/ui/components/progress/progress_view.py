"""Which lessons are done, kept in the browser's own storage: it outlives a reload and a restart, and needs no account."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

import streamlit as st

from vaelab.ui.components.carrier import loader_js
from vaelab.ui.text import t

KEY = "lessons_done"


def finished(names: Collection[str]) -> set[str]:
    """Those of the named lessons that this browser has done; empty until the browser has told, which reruns the page."""
    answer = _component()(
        key="progress_keeper", data={"done": sorted(_known()), "tell": list(names)}, on_done_change=lambda: None
    ).done
    told = answer if isinstance(answer, list) else []
    _known().update(name for name in names if name in told)
    return _known().intersection(names)


def remember(name: str) -> None:
    """Note that a lesson is done, in the session and in the browser."""
    _known().add(name)
    _component()(key=f"progress_{name}", data={"done": [name], "tell": []}, on_done_change=lambda: None)


def _known() -> set[str]:
    known: set[str] = st.session_state.setdefault(KEY, set())
    return known


@cache
def _component() -> Any:
    """The component, registered once a process."""
    return st.components.v2.component(
        "vaelab_progress", js=loader_js("progress/progress.js", t("decode.scripts_failed"))
    )
