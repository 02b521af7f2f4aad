"""The lessons as a short list, for the first page."""

from __future__ import annotations

import streamlit as st

from vaelab.ui.learn.frame import lessons
from vaelab.ui.text import t
from vaelab.ui.widgets import page_link

COLUMNS = 2


def lessons_list() -> None:
    """A link to each lesson, in teaching order down the columns."""
    entries = lessons()
    if not entries:
        return
    st.markdown(f"**{t('start.lessons')}** :small[{t('start.lessons_how')}]")
    rows = -(-len(entries) // COLUMNS)
    with st.container(key="start_lessons"):
        for k, column in enumerate(st.columns(COLUMNS, gap="small")):
            with column, st.container(gap=None):
                for number, entry in enumerate(entries[k * rows : (k + 1) * rows], k * rows + 1):
                    page_link(entry.name, f"{number}. {t(f'{entry.name}.page_title')}")
