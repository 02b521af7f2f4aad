"""The Classroom page: the line of trainings on the left, on the right who one is and what goes with it."""

from __future__ import annotations

import html

import streamlit as st

from vaelab.ui.access import sign_in
from vaelab.ui.access.people import Person, current, has_login, has_password, has_roles, sign_out_here
from vaelab.ui.classroom import limits_view
from vaelab.ui.classroom.line_view import whole_line
from vaelab.ui.rooms.room_bar import room_panel
from vaelab.ui.text import language, t
from vaelab.ui.widgets import theme

SIDE = 340  # pixels


def page() -> None:
    """Everything below the title."""
    if not has_roles():
        st.info(t("classroom.no_roles"), icon=":material/person:")
        return
    person = current()
    with st.container(horizontal=True, gap="large"):
        wide = st.container(width="stretch", gap="small")
        side = st.container(width=SIDE, gap="small", key="classroom_side")
    with wide:
        st.markdown(f"**{t('classroom.line')}**")
        whole_line()
        if person.role == "teacher":
            st.markdown(f"**{t('classroom.limits')}**")
            limits_view.change()
    with side:
        room_panel()
        _who(person)
        if person.role == "teacher":
            limits_view.students_runs()
        else:
            st.markdown(f"**{t('classroom.yours_limits')}**")
            limits_view.used(person)


def _who(person: Person) -> None:
    """Which role one has, what it means, and the way in or out."""
    with st.container(border=True, gap="small"):
        icon = ":material/school:" if person.role == "teacher" else ":material/person:"
        st.markdown(f"{icon} **{t(f'classroom.role_{person.role}')}**")
        st.caption(t(f"classroom.role_{person.role}_how"))
        if person.role == "teacher":
            st.button(
                t("classroom.sign_out"), key="sign_out", icon=":material/logout:", on_click=_leave, width="stretch"
            )
            return
        if has_password():
            target = html.escape(sign_in.address(language(), theme(), f"classroom?lang={language()}"))
            st.html(f'<a class="vl-sign-in" href="{target}" target="_self">{html.escape(t("classroom.sign_in"))}</a>')
        if has_login() and st.button(
            t("classroom.log_in" if not st.user.is_logged_in else "classroom.log_out"),
            key="log_in",
            icon=":material/account_circle:",
            width="stretch",
        ):
            st.logout() if st.user.is_logged_in else st.login()


def _leave() -> None:
    """End the sign-in, and the login where there is one."""
    sign_out_here()
    if has_login() and st.user.is_logged_in:
        st.logout()
