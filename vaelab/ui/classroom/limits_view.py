"""What students may do, in words with units: for the student how much of it is used, for the teacher to change."""

from __future__ import annotations

import dataclasses

import streamlit as st

from vaelab.config.errors import VaeLabError
from vaelab.runs import store
from vaelab.runs.limits import NAMES, PREFIX, Limits, limits
from vaelab.ui import doing
from vaelab.ui.access.people import Person, current
from vaelab.ui.access.rules import may
from vaelab.ui.access.seen import own_runs
from vaelab.ui.access.uploads import MB, UPLOADS
from vaelab.ui.guard import show_error
from vaelab.ui.text import t

COLUMNS = 3
SAVED = "classroom_saved"  # in the session: the limits were kept just now


def limits_in_words() -> None:
    """One short paragraph beside what starts a training; nothing for who has no limits."""
    if current().does_all:
        return
    allowed, mine = limits(), own_runs(current())
    st.caption(
        t(
            "classroom.limits_training",
            used=len(mine),
            runs=f"{allowed.runs:,}",
            images=f"{allowed.images:,}",
            epochs=f"{allowed.epochs:,}",
            minutes=f"{allowed.minutes:,}",
            memory=f"{allowed.memory:,}",
        )
    )


def upload_in_words() -> None:
    """How many megabytes can be uploaded still, beside what takes an upload; nothing for who has no limits."""
    person = current()
    if person.does_all:
        return
    left, allowed = UPLOADS.left(person) / MB, limits()
    st.caption(t("classroom.upload_left", left=f"{left:,.1f}", most=f"{allowed.megabytes:,}"))


def used(person: Person) -> None:
    """A student's limits: bars of what is used up as it goes, and the others in a list."""
    allowed = limits()
    mine, taken = len(own_runs(person)), UPLOADS.taken(person) / MB
    _bar(mine, allowed.runs, t("classroom.used_runs", used=f"{mine:,}", most=f"{allowed.runs:,}"))
    _bar(taken, allowed.megabytes, t("classroom.used_megabytes", used=f"{taken:,.1f}", most=f"{allowed.megabytes:,}"))
    each = [
        t(f"classroom.each_{name}", most=f"{getattr(allowed, name):,}")
        for name in ("images", "epochs", "minutes", "memory")
    ]
    st.markdown(t("classroom.each_run") + "\n" + "".join(f"\n- {words}" for words in each))
    st.caption(t("classroom.limits_by_teacher"))


def _bar(value: float, most: int, words: str) -> None:
    st.progress(min(1.0, value / most) if most else 1.0, text=words)


def change() -> None:
    """The teacher's form: every limit with its unit. What is out of range is told, and nothing changes then."""
    now = limits()
    with st.form("classroom_limits", border=False):
        columns = st.columns(COLUMNS, gap="small")
        chosen: dict[str, int] = {}
        for k, name in enumerate(NAMES):
            bounds = Limits.bounds(name)
            with columns[k % COLUMNS]:
                value = st.number_input(
                    t(f"classroom.limit_{name}"),
                    min_value=int(bounds.low),
                    max_value=int(bounds.high),
                    value=getattr(now, name),
                    key=f"limit_{name}",
                    help=t(
                        "classroom.limit_help", text=t(f"classroom.limit_{name}_help"), variable=PREFIX + name.upper()
                    ),
                )
                chosen[name] = int(value)
        pressed = st.form_submit_button(t("classroom.limits_save"), icon=":material/save:", type="primary")
    if pressed:
        try:
            doing.change_limits(dataclasses.replace(now, **chosen))
        except VaeLabError as error:
            show_error(error)
        else:
            st.success(t("classroom.limits_saved"), icon=":material/check:")


def students_runs() -> None:
    """How many runs and uploads students have on the server, and the way to clear the runs after a lesson."""
    theirs = [run for run in store.list_runs() if run.owner.is_student]
    active = sum(run.status().is_active for run in theirs)
    st.markdown(t("classroom.students_runs", count=f"{len(theirs):,}", active=f"{active:,}"))
    idle = len(theirs) - active
    if not may("clear_runs"):
        return
    with st.popover(
        t("classroom.clear"), icon=":material/delete_sweep:", disabled=idle == 0, help=t("classroom.clear_help")
    ):
        st.markdown(t("classroom.clear_sure", count=f"{idle:,}"))
        if st.button(t("classroom.clear_yes"), key="classroom_clear", icon=":material/delete_forever:"):
            try:
                doing.clear_students_runs()
            except VaeLabError as error:
                show_error(error)
            else:
                st.rerun()
