"""The bar above every page of who is in a room (room.js draws it), and the room's place on the page Classroom.

For the teacher it says how many follow and what they have answered, and a tick tells the room what the page shows. A student's page follows
until a hand is laid on it: that is the browser's own business, and Python hears only when there is something to show.
"""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from vaelab.config.errors import VaeLabError
from vaelab.ui import doing, share
from vaelab.ui.access.people import VISITOR, current, has_roles
from vaelab.ui.components.carrier import PREFIX
from vaelab.ui.components.widget import widget
from vaelab.ui.error_text import in_markdown
from vaelab.ui.names import escaped
from vaelab.ui.pages import PageEntry
from vaelab.ui.rooms import following, room_socket
from vaelab.ui.rooms.rooms import CODE_LENGTH, ROOMS, is_elsewhere
from vaelab.ui.text import language, strings, t

TICK = 0.3  # seconds between two looks at what the teacher's page shows
LINK = "room"  # in an address: the code of a room to join
KEY = "room_bar"  # the component's
WANTED = "room_wanted"  # in the session: the browser asks to show what the teacher shows
ONCE = "room_once"  # in the session: what to say above the page, once
WORDS = (
    "room_code_short", "room_following", "room_alone", "room_back", "room_leave", "room_over", "room_counts", "room_answered", "room_show_answers",
    "room_hide_answers", "room_lost",
)  # fmt: skip


def come_in(entry: PageEntry) -> None:
    """Join by a link, and show what the teacher shows. Draws nothing; may leave for another page, for which nothing should have been drawn."""
    if has_roles():
        _join_by_link()
        if current().role == "student" and st.session_state.pop(WANTED, False):
            following.catch_up(entry)


def room_bar(entry: PageEntry) -> None:
    """The bar above the page."""
    if not has_roles():
        return
    person = current()
    said = st.session_state.pop(ONCE, None)
    if said:
        st.warning(said, icon=":material/meeting_room:")
    leads = person.role == "teacher"
    code = ROOMS.owned(person.tag) if leads else ROOMS.joined(person.tag)
    if code is not None:
        with st.container(gap=None):
            _draw(entry.name, code, leads)
            if leads:
                st.fragment(_look, run_every=TICK)(entry.name)


def _look(page: str) -> None:
    """Tell the room; not in a run of the page itself, in which a pressed button would count as chosen.

    Its place is above the page, at the same number on every page: a tick that is on its way while pages are switched finds it there.
    """
    context = get_script_run_ctx()
    if context is not None and context.fragment_ids_this_run:
        following.tell(page)


def _draw(page: str, code: str, leads: bool) -> None:
    """The component. Its data changes with the page and when something was shown, and with nothing else."""
    guesses = strings(language(), page) if leads and page.startswith("learn_") else {}
    data: dict[str, Any] = {
        "role": "teacher" if leads else "student",
        "code": code,
        "address": f"{PREFIX}/{room_socket.NAME}",
        "page": page,
        "applied": None if leads else st.session_state.get(following.APPLIED),
        "guesses": {name.removeprefix("guess_"): said for name, said in guesses.items() if name.startswith("guess_")},
        "text": {"keys": t("keys.button"), "keys_tip": t("keys.title")}
        | {word.removeprefix("room_"): t(f"classroom.{word}") for word in WORDS},
    }
    widget("room", KEY, data, on_wants_change=_wanted)


def _wanted() -> None:
    """The browser asks: to show what is shown ("show"), to leave the room ("leave"), or to look again since there is none ("gone")."""
    asked = str(st.session_state[KEY].wants or "").partition(" ")[0]
    if asked == "show":
        st.session_state[WANTED] = True
    elif asked == "leave":
        doing.leave_room()


def _join_by_link() -> None:
    code = st.query_params.get(LINK)
    if code is None:
        return
    del st.query_params[LINK]
    if current().role == "student":
        join(code)


def join(code: str) -> bool:
    """Join a room by its code and show what its teacher shows; says so above the page where that cannot be."""
    code = code.strip().upper()[: 2 * CODE_LENGTH]
    if VISITOR in st.session_state:
        st.session_state[ONCE] = t("classroom.room_cookie")
        return False
    if ROOMS.joined(current().tag) != code and not doing.join_room(code):
        words = "room_elsewhere" if is_elsewhere(code) else "room_unknown"
        st.session_state[ONCE] = t(f"classroom.{words}", code=escaped(code), link=f"{_root()}/?{LINK}={code}")
        return False
    st.session_state[WANTED] = True
    return True


def room_panel() -> None:
    """On the page Classroom: the teacher opens and closes a room and shows its code and picture; a student types the code."""
    with st.container(border=True, gap="small", key="room_panel"):
        st.markdown(f":material/cast_for_education: **{t('classroom.room')}**")
        if current().role == "teacher":
            _teachers_panel()
            st.caption(t("classroom.room_keys"))
        elif (code := ROOMS.joined(current().tag)) is not None:
            st.caption(t("classroom.room_in", code=code))
        else:
            st.text_input(
                t("classroom.room_join"),
                key="room_code",
                max_chars=2 * CODE_LENGTH,
                help=t("classroom.room_join_help"),
                on_change=_typed,
            )


def _typed() -> None:
    code = str(st.session_state.get("room_code") or "")
    if code.strip():
        join(code)


def _teachers_panel() -> None:
    code = ROOMS.owned(current().tag)
    if code is None:
        st.caption(t("classroom.room_open_how"))
        st.button(t("classroom.room_open"), key="room_open", icon=":material/add:", on_click=_open, width="stretch")
        return
    st.markdown(t("classroom.room_code", code=code))
    share.qr_picture(f"{_root()}/?{LINK}={code}")
    st.button(
        t("classroom.room_close"), key="room_close", icon=":material/close:", on_click=doing.close_room, width="stretch"
    )


def _root() -> str:
    """The address of the app, as this browser has it."""
    return share.app_address(st.context.url or "")


def _open() -> None:
    try:
        doing.open_room()
    except VaeLabError as error:
        st.session_state[ONCE] = in_markdown(str(error))


def tell_answer(lesson: str, guess: str | float | None) -> None:
    """What the student who looks at a lesson has predicted in it, for the room's count; None: nothing."""
    if has_roles() and current().role == "student":
        ROOMS.answer(
            current().tag, lesson, None if guess is None else f"{guess:g}" if isinstance(guess, float) else str(guess)
        )
