"""No traceback reaches a user: every error becomes one sentence in the session's language."""

from __future__ import annotations

import logging

import streamlit as st

from vaelab.config.errors import VaeLabError
from vaelab.ui.error_text import in_markdown
from vaelab.ui.text import t

_log = logging.getLogger(__name__)


def show_error(error: Exception) -> bool:
    """Show an error as one sentence. Returns True, by which Streamlit's own display of it is left out.

    VaeLabError carries a sentence for the user; anything else is a defect of ours, told as such and logged in full.
    """
    if isinstance(error, VaeLabError):
        st.error(in_markdown(str(error)), icon=":material/error:")
    else:
        _log.error("unexpected error in a page", exc_info=error)
        st.error(t("common.unexpected_error", kind=type(error).__name__), icon=":material/bug_report:")
    return True
