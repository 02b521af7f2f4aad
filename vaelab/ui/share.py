"""A link to a page as it stands here: its address, with what was chosen on it, also as a QR picture for a class to scan.

Most of a page's state is in its address already. What is not, the choices and sliders of a lesson or of the map, travels in one value,
`with`: compressed JSON of what the session holds under the page's own names. Whoever opens the link gets it put back before the page
is drawn; what does not fit any more is left out, and said.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st

from vaelab.ui.pages import PAGES
from vaelab.ui.text import t

VALUE = "with"  # in the address
MOST_BYTES = 8_000  # unpacked: no link makes us read more
MOST_KEYS = 60
MOST_ITEMS = 40  # of one choice
RESTORED = "share_restored"  # in the session: what a link has put there, until its page has been drawn
_KEY = re.compile(r"[a-z][a-z0-9_]{1,60}", re.ASCII)
_TEXT = re.compile(r"[\w .,:+/−-]{0,80}")  # a choice's code; nothing that could be Markdown
# Pages whose address says everything.
_WHOLE = ("start", "train", "decode", "classroom", "learn")


def names_of(page: str) -> tuple[str, ...]:
    """How the keys begin that hold a page's choices."""
    if page in _WHOLE:
        return ()
    own = f"{page.removeprefix('learn_')}_"
    return (own, "lesson_") if page.startswith("learn_") else (own,)


def packed(page: str, state: Mapping[str, Any]) -> str:
    """What of a session belongs into a link to a page; empty where there is nothing."""
    starts = names_of(page)
    kept = {}
    for name, value in state.items():
        if not (isinstance(name, str) and starts and name.startswith(starts) and _KEY.fullmatch(name)):
            continue
        if value is False or value is None:  # a button that is not pressed, a switch at its default
            continue
        plain = plain_value(value)
        if plain is not None:
            kept[name] = plain
    if not kept:
        return ""
    content = json.dumps(kept, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(zlib.compress(content, 9)).decode().rstrip("=")


def unpacked(page: str, text: str) -> dict[str, Any] | None:
    """The way back; None for a text that no link of ours holds."""
    try:
        reader = zlib.decompressobj()
        content = reader.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), MOST_BYTES)
        found = json.loads(content) if reader.eof else None
    except (binascii.Error, zlib.error, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or len(found) > MOST_KEYS:
        return None
    starts = names_of(page)
    known = {}
    for name, value in found.items():
        fits = starts and name.startswith(starts) and _KEY.fullmatch(name) and not name.endswith("_error")
        plain = restored_value(value) if fits else None
        if plain is None:
            return None
        known[name] = plain
    return known


def plain_value(value: Any) -> Any:
    """As JSON: a number, a short code, or some of them; None for anything else. A tuple is told from a list."""
    if isinstance(value, str):
        return value if _TEXT.fullmatch(value) else None
    if isinstance(value, bool | int | float):
        return value if value == value and abs(value) < 1e12 else None
    if isinstance(value, list | tuple) and len(value) <= MOST_ITEMS:
        items = [plain_value(item) for item in value]
        if any(item is None or isinstance(item, list | dict) for item in items):
            return None
        return items if isinstance(value, list) else {"tuple": items}
    return None


def restored_value(plain: Any) -> Any:
    """The way back; None for what `plain_value` cannot have made."""
    if isinstance(plain, dict):
        items = plain.get("tuple") if len(plain) == 1 else None
        return tuple(items) if isinstance(items, list) and plain_value(items) == items else None
    return plain if plain_value(plain) == plain else None


def take_over(page: str) -> None:
    """Put back what a link holds, before its page is drawn, and take it out of the address."""
    text = st.query_params.get(VALUE)
    if text is None:
        return
    del st.query_params[VALUE]
    found = unpacked(page, text)
    if found is None:
        st.warning(t("common.link_damaged"), icon=":material/link_off:")
        return
    for name, value in found.items():
        st.session_state[name] = value
    st.session_state[RESTORED] = sorted(found)


def fitted() -> None:
    """The page was drawn with what a link put there."""
    st.session_state.pop(RESTORED, None)


def leave_out() -> bool:
    """After a page that failed: forget what a link put there. Whether there was anything, so that the page is worth another try."""
    names = st.session_state.pop(RESTORED, None)
    for name in names or ():
        st.session_state.pop(name, None)
    if names:
        st.session_state["share_stale"] = True
    return bool(names)


def say_what_is_left_out() -> None:
    """Once, above a page that was opened without a part of its link."""
    if st.session_state.pop("share_stale", False):
        st.warning(t("common.link_stale"), icon=":material/link_off:")


def link(page: str) -> str:
    """The address of the page as it stands."""
    query = {name: st.query_params.get_all(name) for name in st.query_params}
    state = packed(page, {str(name): value for name, value in st.session_state.items()})
    if state:
        query[VALUE] = [state]
    return f"{app_address(st.context.url or '')}/{'' if page == 'start' else page}?{urlencode(query, doseq=True)}"


def app_address(url: str) -> str:
    """Where the app begins, of `st.context.url`: without a page and a slash at the end.

    Streamlit cuts off the name of a page before it puts the present one there, also where it is the end of a longer one: on learn_latent,
    .../learn_/learn_latent is told.
    """
    names = sorted((entry.name for entry in PAGES), key=len, reverse=True)
    root = url.partition("?")[0].rstrip("/")
    root = next((root.removesuffix(f"/{name}") for name in names if root.endswith(f"/{name}")), root)
    above, _, last = root.rpartition("/")
    return above if last and any(last + name in names for name in names) else root


def _whole_page() -> None:
    """Run the whole page when the button is pressed.

    The browser sends what changes in one moment together (a view that is left by this very press tells where it stands), and asks then
    for the run of that view's fragment alone: the button's content would stay empty.
    """
    st.rerun()


def share_button(page: str) -> None:
    """The button, and behind it the link and its picture; made when it is opened, of the page as it stands then."""
    popover = st.popover(
        t("common.share"),
        icon=":material/share:",
        help=t("common.share_help"),
        key="share",
        on_change=_whole_page,
    )
    if not popover.open:
        return
    address = link(page)
    with popover:
        st.markdown(t("common.share_how"))
        st.code(address, language=None, wrap_lines=True)
        qr_picture(address)


def qr_picture(address: str) -> None:
    """An address as a picture for a camera; said where only this computer can go there."""
    st.image(f"data:image/svg+xml;base64,{_qr(address)}", width=220, alt=t("common.share_picture"))
    if urlsplit(address).hostname in ("localhost", "127.0.0.1", "::1"):
        st.markdown(f":small[{t('common.share_local')}]")


@st.cache_data(max_entries=64, show_spinner=False)
def _qr(address: str) -> str:
    """A QR picture of an address, base64 of SVG, dark on white in both themes: so cameras expect it."""
    import segno

    buffer = io.BytesIO()
    segno.make(address, error="l", micro=False).save(buffer, kind="svg", scale=4, border=3, dark="#000", light="#fff")
    return base64.b64encode(buffer.getvalue()).decode()
