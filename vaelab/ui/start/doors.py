"""The ways on from the first page; only those that lead somewhere are shown."""

from __future__ import annotations

import streamlit as st

from vaelab.ui.pages import open_page, page
from vaelab.ui.text import t

DOORS = (("train", ":material/model_training:"), ("decode", ":material/tune:"), ("learn", ":material/school:"))


def doors() -> None:
    """A button and a sentence for each way, the first one primary."""
    for name, icon in DOORS:
        if page(name) is None:
            continue
        with st.container(border=True, gap="xsmall"):
            if st.button(
                t(f"start.door_{name}"),
                icon=icon,
                key=f"door_{name}",
                type="primary" if name == "train" else "secondary",
                width="stretch",
            ):
                open_page(name)
            st.caption(t(f"start.door_{name}_text"))
