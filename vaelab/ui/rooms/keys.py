"""Keys for who presents (keys.js): those that the browser cannot do alone are done here."""

from __future__ import annotations

from functools import cache
from typing import Any

import streamlit as st

from vaelab.config.errors import VaeLabError
from vaelab.runs.store import Run
from vaelab.ui import doing
from vaelab.ui.access import seen
from vaelab.ui.access.rules import may
from vaelab.ui.components.carrier import FOLDER, component
from vaelab.ui.components.decoder.decoder_view import stylesheet
from vaelab.ui.error_text import in_markdown
from vaelab.ui.pages import PAGES, PageEntry, open_page
from vaelab.ui.text import t

KEY = "keys"
PRESSED = "keys_pressed"  # in the session: what is to be done when the page runs
WORDS = ("title", "present", "next", "previous", "pause", "random", "point", "list", "on", "close")


def keys() -> None:
    """Listen; below the page, since nothing is drawn."""
    _component()(key=KEY, data={"text": {word: t(f"keys.{word}") for word in WORDS}}, on_key_change=_pressed)


def _pressed() -> None:
    st.session_state[PRESSED] = str(st.session_state[KEY].key or "").partition(" ")[0]


def obey(entry: PageEntry) -> None:
    """Do what a key asked for. entry: the page that is about to be drawn; may leave for another one."""
    pressed = st.session_state.pop(PRESSED, None)
    if pressed in ("next", "previous"):
        open_page(lesson_beside(entry.name, 1 if pressed == "next" else -1))
    elif pressed == "pause":
        _pause()


def lesson_beside(name: str, step: int) -> str:
    """The lesson after a page or before it; from a page that is none, the first or the last, and from these two on the list of all."""
    lessons = [page.name for page in PAGES if page.group == "learn" and page.name != "learn" and page.exists]
    if name not in lessons:
        return lessons[0 if step > 0 else -1]
    place = lessons.index(name) + step
    return lessons[place] if 0 <= place < len(lessons) else "learn"


def _pause() -> None:
    """Pause the training that one looks at, else the newest that one may, or let it go on."""
    run = _training()
    if run is None:
        st.toast(t("keys.no_training"), icon=":material/pause:")
        return
    paused = run.desired().desired in ("pause", "step")
    try:
        if paused:
            doing.unpause(run)
        else:
            doing.pause(run)
    except VaeLabError as error:
        st.toast(in_markdown(str(error)), icon=":material/error:")
        return
    st.toast(t("keys.goes_on" if paused else "keys.paused", name=run.name), icon=":material/pause:")


def _training() -> Run | None:
    mine = [run for run in seen.list_runs() if run.status().is_active and may("steer", run)]
    return next((run for run in mine if run.name == st.session_state.get("run_name")), next(iter(mine), None))


@cache
def _component() -> Any:
    """The component, registered once a process."""
    css = stylesheet() + (FOLDER / "keys" / "keys.css").read_text(encoding="utf-8")
    return component("vaelab_keys", "keys/keys.js", t("decode.scripts_failed"), css)
