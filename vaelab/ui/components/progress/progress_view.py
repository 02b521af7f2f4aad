"""Which lessons are done and what was predicted in them, kept in the browser's own storage: it outlives a reload and a restart,
and needs no account. A lesson is done when its reader predicted and compared."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

import streamlit as st

from vaelab.ui.components.carrier import component
from vaelab.ui.text import t

KEY = "lessons_done"
GUESSES = "lessons_predicted"


def finished(names: Collection[str]) -> set[str]:
    """Those of the named lessons that this browser has done; empty until the browser has told, which reruns the page."""
    _mount("progress_keeper", names)
    return _known().intersection(names)


def predicted(name: str) -> str | float | None:
    """What was predicted in a lesson, in this session or before; None where nothing was, or until the browser has told."""
    _mount(f"progress_{name}", [name])
    found: str | float | None = _guesses().get(name)
    return found


def predict(name: str, guess: str | float | None) -> None:
    """Note a prediction: the lesson is done. None: forget the prediction, to make another one; the lesson stays done."""
    _guesses()[name] = guess
    if guess is not None:
        _known().add(name)


def _mount(key: str, names: Collection[str]) -> None:
    """Give the browser what this session knows, and take what it knows of the named lessons. It is checked: it is not ours."""
    state = _component()(
        key=key,
        data={
            "done": sorted(_known()),
            "tell": list(names),
            "guesses": {name: guess for name, guess in _guesses().items() if name in names},
        },
        on_done_change=lambda: None,
        on_guesses_change=lambda: None,
    )
    done, guesses = state.done, state.guesses
    if isinstance(done, list):
        _known().update(name for name in names if name in done)
    if isinstance(guesses, dict):
        for name in names:
            if isinstance(guesses.get(name), str | int | float):
                _guesses().setdefault(name, guesses[name])


def _known() -> set[str]:
    known: set[str] = st.session_state.setdefault(KEY, set())
    return known


def _guesses() -> dict[str, str | float | None]:
    guesses: dict[str, str | float | None] = st.session_state.setdefault(GUESSES, {})
    return guesses


@cache
def _component() -> Any:
    """The component, registered once a process."""
    return component("vaelab_progress", "progress/progress.js", t("decode.scripts_failed"))
