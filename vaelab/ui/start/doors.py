"""The ways on from the first page; only those that lead somewhere are shown."""

from __future__ import annotations

import streamlit as st

from vaelab.ui.pages import open_page, page
from vaelab.ui.text import t

FIRST = ("train", ":material/model_training:")
OTHERS = (("latent", ":material/scatter_plot:"), ("image", ":material/add_photo_alternate:"))


def doors() -> None:
    """One wide button for a training, beneath it two for what to do with a model; each says more to who points at it."""
    _door(*FIRST, primary=True)
    with st.container(horizontal=True, gap="small", wrap=False):
        for name, icon in OTHERS:
            _door(name, icon)


def _door(name: str, icon: str, *, primary: bool = False) -> None:
    if page(name) is None:
        return
    pressed = st.button(
        t(f"start.door_{name}"),
        icon=icon,
        key=f"door_{name}",
        type="primary" if primary else "secondary",
        help=t(f"start.door_{name}_text"),
        width="stretch",
    )
    if pressed:
        open_page(name)
