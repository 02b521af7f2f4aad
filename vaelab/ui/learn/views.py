"""A lesson whose stage has several views: the row of names above it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

T = TypeVar("T")


def choice(
    label: str,
    options: Sequence[T],
    key: str,
    words: Callable[[T], str],
    *,
    show_label: bool = False,
    help: str | None = None,
    on_change: Callable[[], None] | None = None,
) -> T:
    """One of several options as a row of buttons; the first until another is chosen.

    The value is put in place anew at every run: the browser answers with the words that it shows, and after a change of
    language those are others.
    """
    known = st.session_state.get(key)
    st.session_state[key] = known if known in options else options[0]
    picked = st.segmented_control(
        label,
        list(options),
        key=key,
        format_func=words,
        required=True,
        label_visibility="visible" if show_label else "collapsed",
        help=help,
        on_change=on_change,
    )
    return options[0] if picked is None else picked
