"""A page is open: what is kept for its person as long as it is, and given up when it ends."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from vaelab.ui.access.people import current, forget_session, has_roles, note_login
from vaelab.ui.access.uploads import UPLOADS


def note_visit() -> None:
    """Called by every run of the shell; does nothing on a server without roles."""
    if not has_roles():
        return
    person, page = current(), _page()
    UPLOADS.opened(person, page)
    note_login(page, person)


def _ended(page: str) -> None:
    UPLOADS.closed(page)
    forget_session(page)


@st.cache_resource(scope="session", on_release=_ended, show_spinner=False)
def _page() -> str:
    """Streamlit's name of the session; released when the session ends."""
    context = get_script_run_ctx()
    return context.session_id if context else ""
