"""Demonstrations on a page: a list of ideas and methods, a button that trains them side by side, and what to look for meanwhile."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from vaelab.config.errors import VaeLabError
from vaelab.lessons.demonstrations import Demonstration, demonstrations, planned, run_names
from vaelab.models.presets import preset
from vaelab.ui import doing
from vaelab.ui.classroom.limits_view import limits_in_words
from vaelab.ui.error_text import in_markdown
from vaelab.ui.pages import open_page
from vaelab.ui.text import has_text, language, t

SHOWN = "demo"  # in the address: the demonstration whose runs are compared
ERROR = "demo_error"  # in the session: why the last start was refused


def demo_button(key: str) -> None:
    """The button, and behind it the list with what each shows."""
    known = demonstrations()
    with st.popover(t("demos.button"), icon=":material/co_present:", help=t("demos.button_help"), key=f"{key}_demos"):
        name = st.selectbox(
            t("demos.choose"),
            list(known),
            key=f"{key}_demo",
            format_func=lambda name: title(known[name]),
            help=t("demos.choose_help"),
        )
        demo = known[name]
        st.markdown(look_for(demo))
        st.markdown(t("demos.lanes", lanes=" · ".join(run_names(demo))))
        if st.button(
            t("demos.start", count=len(demo.lanes)),
            key=f"{key}_demo_start",
            type="primary",
            icon=":material/play_arrow:",
            help=t("demos.start_help"),
        ):
            _start(demo)
        limits_in_words()
    if refusal := st.session_state.pop(ERROR, None):
        st.error(refusal, icon=":material/error:")


def title(demo: Demonstration) -> str:
    """What it is called in the session's language; a method of one's own has the title that it declares."""
    if demo.method:
        return t("demos.method", method=preset(demo.method).words.titled(language()))
    return t(f"demos.title_{demo.name}")


def look_for(demo: Demonstration) -> str:
    """What to watch; of a method without words here, what it says of itself."""
    key = f"demos.look_{demo.name}"
    return t(key) if has_text(key) else preset(demo.method).words.helped(language())


def what_to_look_for(shown: Sequence[str]) -> None:
    """The words of the demonstration that the address names, while its runs are those that are shown. shown: names of runs."""
    demo = demonstrations().get(st.query_params.get(SHOWN, ""))
    if demo is not None and _are_of(demo, shown):
        st.info(f"**{title(demo)}.** {look_for(demo)}", icon=":material/visibility:")


def _are_of(demo: Demonstration, shown: Sequence[str]) -> bool:
    """Whether each run has the name of a lane, or that with a number behind, where the name was taken."""
    lanes = [re.escape(lane) for lane in run_names(demo)]
    return all(re.fullmatch(rf"({'|'.join(lanes)})(-\d+)?", name) for name in shown)


def _start(demo: Demonstration) -> None:
    """Start its trainings and show them; a refusal is told beside the button, and nothing has begun."""
    try:
        runs = doing.train_all(planned(demo.name))
    except VaeLabError as error:
        st.session_state[ERROR] = in_markdown(str(error))
        st.rerun()
    for name in ("compare_models", "compare_view"):
        st.session_state.pop(name, None)  # the address says it
    open_page("compare", **{SHOWN: demo.name, "models": ",".join(run.name for run in runs), "view": demo.view})
