"""What a teacher's page shows, taken as plain values, and a student's page put where the teacher's is.

What a page shows is what a link to it holds (share.py): its name, its address and the choices of a lesson or a map. The language stays the
student's own.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from vaelab.ui import share
from vaelab.ui.access.people import current
from vaelab.ui.pages import PageEntry
from vaelab.ui.pages import page as page_named
from vaelab.ui.rooms.rooms import ROOMS, Shown

OWN = ("lang", "room", share.VALUE)  # of an address: not told, not taken over
SETTINGS = "set_"  # how the keys of a new training's settings begin, which write themselves into the address
APPLIED = "room_applied"  # in the session: the version that its page shows
TOLD = "room_told"  # in the session: what this page has told the room
UNSHOWN = ("classroom",)  # pages that are the teacher's own business


def tell(page: str) -> None:
    """The teacher's page tells its room what it shows, where that is another thing than it told before: of two open pages, the one that was
    touched last is followed.
    """
    if page in UNSHOWN:
        return
    new = shown_now(page)
    if st.session_state.get(TOLD) != new:
        st.session_state[TOLD] = new
        ROOMS.show(current().tag, new)


def shown_now(page: str) -> Shown:
    """What the page that runs now shows."""
    query = {
        name: st.query_params[name] for name in st.query_params if name not in OWN and not name.startswith(SETTINGS)
    }
    starts = (*share.names_of(page), *((SETTINGS,) if page == "train" else ()))
    state = {}
    for name, value in st.session_state.items():
        if isinstance(name, str) and starts and name.startswith(starts):
            plain = value if value is None else share.to_plain(name, value)
            if plain is not None or value is None:
                state[name] = plain
    return Shown(page, query, state)


def catch_up(entry: PageEntry) -> None:
    """Show what the teacher shows; entry: the page that is about to be drawn. Does not return where that is another one."""
    code = ROOMS.joined(current().tag)
    shown = ROOMS.shown(code) if code else None
    target = page_named(shown.page) if shown else None
    if shown is None or target is None:
        return
    st.session_state[APPLIED] = shown.version
    _put(shown.state)
    lang = str(st.session_state.get("lang", "en"))
    if target == entry:
        st.query_params.from_dict({"lang": lang, **shown.query})
    else:
        st.switch_page(target.path, query_params={"lang": lang, **shown.query})


def _put(state: Any) -> None:
    """The choices of a page. A button, which is off in both, must not be set; an upload is the student's own."""
    changed = {}
    for name, plain in state.items():
        mine = st.session_state.get(name)
        value = None if plain is None else share.from_plain(name, plain)
        if value == mine and type(value) is type(mine):
            continue
        if value in (None, False) and share.to_plain(name, mine) in (None, False):
            continue
        changed[name] = value
    share.put(changed)
