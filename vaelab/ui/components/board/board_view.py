"""A board that the reader edits (board.js): points on a plane, a joint table to paint, a latent loop or handles on curves to drag.

    board = Board("kinds_board", "plane", START)
    state = board.state()                       # what the reader has edited last
    board.draw(view_of(state), colours)

The browser keeps what is edited and tells Python while a gesture runs; `put` replaces it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

import streamlit as st

from vaelab.ui import share, styles
from vaelab.ui.components.carrier import FOLDER, component
from vaelab.ui.text import language, strings, t

ENTRY = "board/board.js"
TEXTS = "board"
Mode = Literal["plane", "table", "loop", "curves"]
State = dict[str, Any]


class Board:
    """One board of the session. key: its name there; start: its state at first; valid: whether a state from the browser can be used."""

    def __init__(self, key: str, mode: Mode, start: State, valid: Callable[[State], bool]) -> None:
        self.key, self.mode, self.start, self.valid = key, mode, start, valid

    def state(self) -> State:
        """What the reader has edited last, or what was put there."""
        state: State = self._held()["state"]
        return state

    def before(self) -> State:
        """The state as it was before the last gesture."""
        before: State = self._held()["before"]
        return before

    def put(self, **parts: Any) -> None:
        """Replace parts of the state, in the browser as well."""
        held = self._held()
        held["before"] = held["state"]
        held["state"] = held["state"] | parts
        held["push"] += 1
        self._keep(held)

    def draw(self, view: State, colours: Sequence[str] | Mapping[str, str], name: str = "") -> None:
        """Show the board. view: what Python computed from the state, as the mode's JavaScript file describes it.

        name: of a view that is large and does not depend on the state; it is sent until the browser tells that it has it.
        """
        held = self._held()
        # Kept free until the browser has drawn it.
        st.html(styles.rule(f"{self.key}_view", min_height=f"var(--vl-room-{self.mode})"))
        known = bool(name) and held["has"] == name
        texts = {**strings("en", TEXTS), **strings(language(), TEXTS)}
        data = {name: held[name] for name in ("push", "seq", "state")}
        data |= {
            "mode": self.mode,
            "id": self.key,
            "view": None if known else view,
            "name": name,
            "colours": dict(colours) if isinstance(colours, Mapping) else list(colours),
            "text": texts,
        }
        _component()(key=f"{self.key}_view", data=data, on_edit_change=self._edited)

    def _held(self) -> dict[str, Any]:
        """What the session knows of the board. Its state stands beside it as KEY_kept, where a link puts one: that is then shown."""
        fresh = {"push": 0, "seq": 0, "state": self.start, "before": self.start, "moving": False, "has": ""}
        held: dict[str, Any] = st.session_state.setdefault(self.key, fresh)
        kept = st.session_state.get(f"{self.key}_kept", self.start)
        if kept != held["state"]:
            if self._fits(kept):
                held.update(before=held["state"], state=kept, push=held["push"] + 1)
            else:
                share.left_out(t("board.called"))
                self._keep(held)
        return held

    def _fits(self, state: Any) -> bool:
        """Whether a state of a browser or a link can be used."""
        try:
            return isinstance(state, dict) and state.keys() == self.start.keys() and self.valid(state)
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError):
            return False

    def _keep(self, held: dict[str, Any]) -> None:
        """For links: where it stands; nothing at the start, which a link need not tell."""
        if held["state"] == self.start:
            st.session_state.pop(f"{self.key}_kept", None)
        else:
            st.session_state[f"{self.key}_kept"] = held["state"]

    def _edited(self) -> None:
        """Take over what the browser tells, unless it was edited before the last `put`."""
        answer = st.session_state[f"{self.key}_view"].edit
        held = self._held()
        try:
            state, seq = {name: answer["state"][name] for name in self.start}, int(answer["seq"])
            held["has"] = str(answer.get("has", ""))
            if answer["push"] != held["push"] or not self._fits(state):
                return
            moving = not answer["done"]
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError):
            return  # not what board.js tells: the state stays
        if not held["moving"]:
            held["before"] = held["state"]
        held["state"], held["seq"], held["moving"] = state, seq, moving
        self._keep(held)


@cache
def _component() -> Any:
    """The component, registered once a process."""
    css = "".join((FOLDER / name).read_text(encoding="utf-8") for name in ("shared/button.css", "board/board.css"))
    return component("vaelab_board", ENTRY, t("decode.scripts_failed"), css)
