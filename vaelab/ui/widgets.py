"""Small pieces that several pages share: the theme, states, figures with units, links between pages, the run picker."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from vaelab.images.palette import Theme
from vaelab.runs import store
from vaelab.runs.status import State
from vaelab.runs.store import Run
from vaelab.ui.access import seen
from vaelab.ui.access.people import ALONE, current
from vaelab.ui.names import escaped
from vaelab.ui.pages import page
from vaelab.ui.text import t

BadgeColour = Literal["blue", "green", "orange", "red", "gray"]
STATE_BADGES: dict[State | Literal["damaged"], tuple[str, BadgeColour]] = {
    "damaged": (":material/heart_broken:", "red"),
    "queued": (":material/hourglass_empty:", "gray"),
    "running": (":material/play_arrow:", "blue"),
    "paused": (":material/pause:", "orange"),
    "finished": (":material/check:", "green"),
    "stopped": (":material/stop:", "gray"),
    "failed": (":material/error:", "red"),
    "diverged": (":material/trending_up:", "red"),
    "interrupted": (":material/power_off:", "orange"),
    "stalled": (":material/hourglass_disabled:", "orange"),
}


def theme() -> Theme:
    """The theme that the browser shows; light until it has told."""
    return "dark" if st.context.theme.type == "dark" else "light"


def state_text(state: State | Literal["damaged"]) -> str:
    """The state in words."""
    return t(f"common.state_{state}")


def state_badge(state: State | Literal["damaged"]) -> None:
    """The state as a badge with its icon; damaged: a run whose files cannot be read."""
    icon, colour = STATE_BADGES[state]
    st.badge(state_text(state), icon=icon, color=colour)


def clock(seconds: float | None) -> str:
    """A duration as 0:07, 12:34, 1:02:03 or, from 100 on, 250 h; a dash where it is not known."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 100:
        return f"{hours:,} h"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def figure(value: float | None, digits: int = 4) -> str:
    """A number with so many significant digits, thousands separated and a true minus sign; a dash where there is none.

    From ten millions on, which only a diverging training reaches, as a power of ten.
    """
    if value is None:
        return "–"
    if abs(value) >= 1e7:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    whole = len(str(int(abs(value))))
    return f"{value:,.{max(0, digits - whole)}f}".replace("-", "−")


def page_link(name: str, label: str, /, *, icon: str | None = None, **query: str) -> bool:
    """A link to a page with values in its address; nothing, and False, where the page does not exist."""
    entry = page(name)
    if entry is None:
        return False
    target = {"lang": str(st.session_state.get("lang", "en")), **query}
    st.page_link(entry.path, label=label, icon=icon or entry.icon, query_params=target, width="stretch")
    return True


ABSENT = "run_absent"  # in the session: the run that was asked for and is not there
MODEL = "model_name"  # in the session: the model that Decode, Latent space and Your image show


def choose_run(run: Run | None) -> None:
    """Show this run from now on: in the address, and in the session for when a page switch empties the address."""
    if run is not None and run.name != st.session_state.get("run_name"):
        st.session_state[MODEL] = run.name  # a new choice here is what the other pages show next
    st.session_state["run_name"] = run.name if run else ""
    if run is None:
        st.query_params.pop("run", None)
    elif st.query_params.get("run") != run.name:
        st.query_params["run"] = run.name


def _concerns(run: Run) -> bool:
    """Whether a run in training is shown to who comes anew: not somebody else's to the teacher, who sees them all."""
    person = current()
    return person is ALONE or not run.owner.is_student or person.owns(run.owner)


def picked_run() -> Run | None:
    """The run that the page shows; None stands for a new training. Who comes anew sees a run in training first, unless settings are in the address."""
    on_record = {run.name: run for run in seen.list_runs()}
    named = st.query_params.get("run")
    if not named:
        by_link = any(name.startswith("set_") for name in st.query_params)
        named = "" if by_link else st.session_state.get("run_name")
    model = st.session_state.get(MODEL) if named is None else None
    if named is None:
        named = next((name for name, run in on_record.items() if _concerns(run) and run.status().is_active), "")
    if named and named not in on_record:
        if named not in store.shipped():  # a shipped model may have been chosen on another page; it is not trained here
            st.session_state[ABSENT] = named
        named = ""
    if named:
        st.session_state.pop(ABSENT, None)
    elif absent := st.session_state.get(ABSENT):  # until something is chosen: a page that connects again is drawn again
        st.warning(t("common.no_such_run", name=escaped(absent)))
    choose_run(on_record.get(named))
    if model:
        st.session_state[MODEL] = model  # nobody chose the run in training, so the other pages keep their model
    return on_record.get(named)


def run_picker(shown: Run | None) -> None:
    """The list of runs on record, a new training first, standing at the run that is shown."""
    on_record = {run.name: run for run in seen.list_runs()}
    st.session_state["run_pick"] = shown.name if shown else ""

    def words(name: str) -> str:
        return name or t("common.new_run")  # not the state: the browser answers with these words, which must not change

    def chosen() -> None:
        st.session_state.pop(ABSENT, None)
        choose_run(on_record.get(st.session_state["run_pick"]))

    st.selectbox(
        t("common.run"),
        ["", *on_record],
        key="run_pick",
        format_func=words,
        on_change=chosen,
        help=t("common.help_run"),
    )


def fold_button(key: str) -> bool:
    """A small button that folds a column away and back; whether it is folded now."""
    folded = bool(st.session_state.get(key, False))

    def turn() -> None:
        st.session_state[key] = not folded

    icon = ":material/left_panel_open:" if folded else ":material/left_panel_close:"
    words = t("common.unfold") if folded else t("common.fold")
    st.button(words if not folded else "", key=f"{key}_button", icon=icon, help=words, on_click=turn, type="tertiary")
    return folded
