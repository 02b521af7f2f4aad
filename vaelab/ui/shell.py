"""The script that Streamlit runs for every page: language, menu, title row, one frame for errors."""

from __future__ import annotations

import streamlit as st

from vaelab.config.errors import VaeLabError
from vaelab.ui import share, warming
from vaelab.ui.access.people import current, has_roles
from vaelab.ui.access.visit import note_visit
from vaelab.ui.delivery import wait_until_sent
from vaelab.ui.guard import show_error
from vaelab.ui.pages import PAGES, PageEntry
from vaelab.ui.pictures import favicon
from vaelab.ui.rooms.keys import keys, obey
from vaelab.ui.rooms.room_bar import come_in, room_bar
from vaelab.ui.styles import style_of
from vaelab.ui.text import LANGUAGES, language, language_may_differ, t
from vaelab.ui.widgets import page_link


def keep_language() -> None:
    """Mirror the session's language in the address, so that a shared link and a reload keep it."""
    language_may_differ()
    st.session_state.setdefault("lang", language())
    if st.query_params.get("lang") != st.session_state["lang"]:
        st.query_params["lang"] = st.session_state["lang"]


def carry_choices() -> None:
    """Set every choice of the settings anew when the language changes.

    The browser answers a list with the words that it shows; words of the other language would reset it to its default.
    """
    for key, value in st.session_state.items():
        if str(key).startswith("set_") and isinstance(value, str | int | float):
            st.session_state[str(key)] = value


def header(entry: PageEntry) -> None:
    """The page's title on the left, sharing and the language switch on the right, in one row; with roles, between them who one is."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", wrap=False):
        st.markdown(f"### {t(f'{entry.name}.page_title')}", anchors=False, width="stretch")
        if has_roles():
            with st.container(width="content", key="role"):
                role = current().role
                icon = ":material/school:" if role == "teacher" else ":material/person:"
                page_link("classroom", t(f"classroom.role_{role}"), icon=icon)
        with st.container(width="content", key="share_place"):
            share.share_button(entry.name)
        st.segmented_control(
            t("common.language"),
            list(LANGUAGES),
            key="lang",
            required=True,
            on_change=carry_choices,
            format_func=lambda lang: LANGUAGES[lang],
            label_visibility="collapsed",
            width="content",
        )


def draw(entry: PageEntry, chosen: st.Page) -> None:
    """The page; where it fails over what a link has put there, once more without that."""
    try:
        chosen.run()
    except VaeLabError as error:
        show_error(error)
    except Exception as error:
        if not share.leave_out(entry.name, error):
            raise
        st.rerun()
    else:
        share.fitted(entry.name)


def main() -> None:
    """Build the menu and run the chosen page."""
    st.set_page_config(page_title="VAE Lab", page_icon=favicon(), layout="wide")
    keep_language()
    note_visit()
    menu: dict[str, list[st.Page]] = {}
    entries: dict[str, PageEntry] = {}
    for entry in PAGES:
        if entry.exists:
            item = entry.in_menu()
            entries[item.url_path] = entry
            menu.setdefault(t(f"common.group_{entry.group}") if entry.group else "", []).append(item)
    chosen = st.navigation(menu, position="top")
    entry = entries[chosen.url_path]
    st.html(style_of(entry.name))
    share.take_over(entry.name)
    come_in(entry)
    header(entry)
    room_bar(entry)
    obey(entry)
    above = st.container()
    draw(entry, chosen)
    with above:
        share.say_what_is_left_out()
    keys()
    wait_until_sent()
    warming.page_is_out()


main()
