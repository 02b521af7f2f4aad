"""Who trains and who waits for what. A student sees how many go first and whose they are, no other student's name."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from vaelab.config.errors import VaeLabError
from vaelab.runs.queue import trainings_at_once
from vaelab.runs.store import Run
from vaelab.ui import doing
from vaelab.ui.access.people import current
from vaelab.ui.access.rules import may
from vaelab.ui.guard import show_error
from vaelab.ui.names import escaped
from vaelab.ui.text import t
from vaelab.ui.widgets import STATE_BADGES, clock, page_link, state_text
from vaelab.workers import line as queue
from vaelab.workers.line import Place

LOOK_AGAIN = 2.0  # seconds


def named(place: Place) -> str:
    """What a training is called for who looks: by its name where they can see it, else only that it is another student's."""
    return escaped(place.run.name) if may("see_run", place.run) else t("classroom.somebody")


def place_in_line(run: Run) -> None:
    """Why a run waits: which one has the device, and how many go first. Nothing while it is about to begin."""
    mine = queue.place_of(run)
    busy = [place for place in queue.line() if place.state in ("running", "stalled") and place.run != run]
    busy = [place for place in busy if mine is None or place.device == mine.device]
    if mine is None or not mine.waits or len(busy) < trainings_at_once():
        return
    stalled = [place for place in busy if place.state == "stalled"]
    if stalled:
        st.warning(t("train.queue_stalled", name=named(stalled[0])), icon=STATE_BADGES["stalled"][0])
        return
    name = named(busy[0])
    sentence = t("train.queue_ahead", name=name, count=mine.ahead) if mine.ahead else t("train.queue_next", name=name)
    st.info(sentence, icon=STATE_BADGES["queued"][0])


def whole_line() -> None:
    """Everything in training and in line, looked at every two seconds."""
    st.fragment(_whole, run_every=LOOK_AGAIN)()


def _whole() -> None:
    places = queue.line()
    st.caption(t("classroom.line_how", count=trainings_at_once()))
    if not places:
        st.info(t("classroom.line_empty"), icon=":material/event_seat:")
        return
    waiting = 0
    for place in places:
        waiting += place.waits
        _row(places, place, waiting)


def _row(places: tuple[Place, ...], place: Place, number: int) -> None:
    """One training. number: its place in the line, from 1, where it waits."""
    run, key = place.run, place.run.name
    seen = may("see_run", run)
    with (
        st.container(border=True, key=f"line_{places.index(place)}"),
        st.container(horizontal=True, vertical_alignment="center", gap="small"),
    ):
        icon, colour = STATE_BADGES[place.state]
        words = t("classroom.waits", number=number) if place.waits else state_text(place.state)
        st.badge(words, icon=icon, color=colour, width=130)
        with st.container(width="stretch", gap=None):
            if seen:
                page_link("train", f"**{escaped(run.name)}**", icon=":material/arrow_forward:", run=run.name)
            else:
                st.markdown(t("classroom.somebody"))
            st.caption(" · ".join(_facts(place)))
        if may("reorder") and place.waits:
            for way, arrow in (("up", "arrow_upward"), ("down", "arrow_downward")):
                _button(
                    f"line_{way}_{key}",
                    arrow,
                    t(f"classroom.line_{way}"),
                    lambda way=way: doing.move(run, way),  # type: ignore[misc]
                    disabled=not queue.may_move(places, run, way),  # type: ignore[arg-type]
                )
        if may("steer", run):
            cancel = "classroom.line_cancel" if place.waits else "classroom.line_stop"
            _button(f"line_stop_{key}", "close" if place.waits else "stop", t(cancel), lambda: doing.stop(run))


def _facts(place: Place) -> list[str]:
    whose = (
        t("classroom.yours")
        if current().owns(place.owner)
        else t("classroom.of_student" if place.owner.is_student else "classroom.of_teacher")
    )
    status = place.run.status()
    facts = [whose, place.device] if may("see_run", place.run) else [place.device]
    if place.waits:
        facts.append(t("classroom.waited", time=clock(max(0.0, time.time() - place.since))))
    elif status.remaining_seconds is not None:
        facts.append(t("classroom.remaining", time=clock(status.remaining_seconds)))
    if place.owner.minutes is not None:
        facts.append(t("classroom.most_minutes", minutes=f"{place.owner.minutes:g}"))
    return facts


def _button(key: str, icon: str, help_text: str, action: Callable[[], object], *, disabled: bool = False) -> None:
    if st.button("", key=key, icon=f":material/{icon}:", help=help_text, disabled=disabled):
        try:
            action()
        except VaeLabError as error:
            show_error(error)
        else:
            queue.line(fresh=True)
            st.rerun(scope="fragment")
