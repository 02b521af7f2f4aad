"""The decoder as a file to give away: a button that makes it when it is asked for."""

from __future__ import annotations

import streamlit as st

from vaelab.config.errors import VaeLabError
from vaelab.runs.store import Run
from vaelab.ui.error_text import in_words
from vaelab.ui.text import t


def share_button(run: Run) -> None:
    """Download one HTML file with the living decoder of a run; where it cannot be made, the button says why."""
    from vaelab.export import one_file

    refused = ""
    try:
        one_file.check(run)
        run.model_file()
    except VaeLabError as error:
        refused = in_words(str(error))
    st.download_button(
        t("file.share"),
        lambda: one_file.make(run).bytes,  # made in a thread of Streamlit's own when the button is pressed
        f"{run.name}.html",
        "text/html",
        key="decode_share",
        icon=":material/share:",
        help=refused or t("file.share_help"),
        on_click="ignore",
        disabled=bool(refused),
        width="stretch",
    )
