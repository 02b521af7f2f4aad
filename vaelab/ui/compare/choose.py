"""A choice among a few words, as every view of the page has some: what is drawn, along what, which pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from vaelab.ui.text import t

Name = TypeVar("Name", bound=str)


def choose(name: str, options: Sequence[Name], words: Callable[[Name], str]) -> Name:
    """The chosen option, at first the first one. name: of its texts compare.NAME and compare.NAME_help."""
    chosen: Name = st.segmented_control(
        t(f"compare.{name}"),
        list(options),
        default=options[0],
        required=True,
        key=f"compare_{name}",
        format_func=words,
        help=t(f"compare.{name}_help"),
    )
    return chosen
