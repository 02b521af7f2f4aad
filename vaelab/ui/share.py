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
import traceback
import zlib
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st

from vaelab.ui.names import as_code
from vaelab.ui.pages import PAGES
from vaelab.ui.text import language, listed, strings, t

VALUE = "with"  # in the address
MOST_BYTES = 8_000  # unpacked: no link makes us read more
MOST_KEYS = 60
MOST_ITEMS = 40  # of one choice
MOST_NESTED = 300  # of one list among what a board or a graph of a lesson holds
RESTORED = "share_restored"  # in the session: what a link or a room has put there, until its page has been drawn
BY_LINK = "share_by_link"  # in the session: whether that was a link
AGAIN = "share_again"  # in the session: the parts of it that a second try puts there, after others failed
LONGEST_SAID = 40  # characters of an unknown word that are repeated
LEFT_OUT = "share_left_out"  # in the session: the parts of a link that its page could not show
NOT_HELD = "share_not_held"  # in the session: what links to its pages cannot hold, in words
MOST_QR = 2_900  # bytes of an address: a QR picture takes 2,953
_KEY = re.compile(r"[a-z][a-z0-9_]{1,60}", re.ASCII)
_TEXT = re.compile(r"[\w .,:+/−-]{0,80}")  # a choice's code; nothing that could be Markdown
_NESTED = re.compile(r"_(kept|seen)(_|$)")  # names of what a view keeps, which may be more than a choice
# Pages whose address says everything.
_WHOLE = ("classroom", "learn")
# Pages whose address says nearly everything, and how the rest is called.
_VIEWS = {"start": "start_decoder_kept", "decode": "decode_view_kept", "train": "train_colour_by"}


def names_of(page: str) -> tuple[str, ...]:
    """How the keys begin that hold a page's choices."""
    if page in _VIEWS:
        return (_VIEWS[page],)
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
        plain = to_plain(name, value)
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
        plain = from_plain(name, value) if fits else None
        if plain is None:
            return None
        known[name] = plain
    return known


def to_plain(name: str, value: Any) -> Any:
    """What a session holds under a name, as JSON; None for what no link holds. Lists and dictionaries in one another are for names that say so."""
    return nested_value(value) if _NESTED.search(name) else plain_value(value)


def from_plain(name: str, plain: Any) -> Any:
    """The way back; None for what `to_plain` cannot have made."""
    if not _NESTED.search(name):
        return restored_value(plain)
    value = _unwrapped(plain)
    return value if value is not None and nested_value(value) == plain else None


def nested_value(value: Any, depth: int = 3) -> Any:
    """As JSON: numbers, short codes, lists and dictionaries of them down to a depth; a dictionary is wrapped, so that it is no tuple."""
    if isinstance(value, dict | list):
        most, items = (MOST_KEYS, value.values()) if isinstance(value, dict) else (MOST_NESTED, value)
        plain = [nested_value(item, depth - 1) for item in items]
        if depth == 0 or len(plain) > most or any(item is None for item in plain):
            return None
        if isinstance(value, list):
            return plain
        named = all(isinstance(name, str) and _TEXT.fullmatch(name) for name in value)
        return {"map": dict(zip(value, plain, strict=True))} if named else None
    return None if isinstance(value, tuple) else plain_value(value)


def _unwrapped(plain: Any, depth: int = 3) -> Any:
    if isinstance(plain, list) and depth:
        return [_unwrapped(item, depth - 1) for item in plain]
    if isinstance(plain, dict):
        inner = plain.get("map")
        return (
            {name: _unwrapped(item, depth - 1) for name, item in inner.items()}
            if depth and isinstance(inner, dict)
            else None
        )
    return plain


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
    found = st.session_state.pop(AGAIN, None)
    if text is not None:
        del st.query_params[VALUE]
        found = unpacked(page, text)
        if found is None:
            st.warning(t("common.link_damaged"), icon=":material/link_off:")
    if found is None:
        return
    put(found)
    st.session_state[BY_LINK] = True


def put(values: dict[str, Any]) -> None:
    """Set choices of the page that is drawn next; where they make it fail it is drawn without them."""
    for name, value in values.items():
        st.session_state[name] = value
    st.session_state[RESTORED] = values


def fitted(page: str) -> None:
    """The page was drawn with what a link put there; what stands otherwise now did not fit."""
    restored: dict[str, Any] = st.session_state.pop(RESTORED, {})
    if not st.session_state.pop(BY_LINK, False):
        return  # who follows a room has opened no link
    for name, value in restored.items():
        if st.session_state.get(name, value) != value:
            left_out(_called(page, name))


def leave_out(page: str, error: Exception) -> bool:
    """After a page that failed: forget what a link put there, of it only what the failure tells of where it tells that.

    Whether there was anything, so that the page is worth another try.
    """
    restored: dict[str, Any] = st.session_state.pop(RESTORED, {})
    first: BaseException = error
    while first.__context__ is not None:  # a fragment raises another one of it
        first = first.__context__
    keys = [
        frame.f_locals.get("key") for frame, _ in traceback.walk_tb(first.__traceback__)
    ]  # of the control that failed
    bad = [name for name in restored if name in keys or f"'{name}'" in str(first)] or list(restored)
    for name in bad:
        st.session_state.pop(name, None)
        left_out(_called(page, name))
    if rest := {name: value for name, value in restored.items() if name not in bad}:
        st.session_state[AGAIN] = rest
    return bool(restored)


def left_out(part: str) -> None:
    """A part of a link that is unknown here or does not fit any more, in words; they stand above the page, which opens without it."""
    st.session_state.setdefault(LEFT_OUT, []).append(part)


def one_of(name: str, known: Collection[str], usual: str) -> str:
    """What the address says of `name`, where that is one of those known; else the usual one, and what was asked for is said to be left out."""
    asked = st.query_params.get(name, usual)
    if asked in known:
        return asked
    left_out(as_code(asked[:LONGEST_SAID]))
    del st.query_params[name]
    return usual


def _called(page: str, name: str) -> str:
    """What a choice is called: its control's label where that has the choice's name, else the name."""
    own = name.removeprefix(f"{page.removeprefix('learn_')}_").removesuffix("_kept")
    words = strings(language(), page).get(own, "")
    return words if words and "{" not in words else f"`{own}`"


def say_what_is_left_out() -> None:
    """Once, above a page that was opened without a part of its link."""
    parts = dict.fromkeys(st.session_state.pop(LEFT_OUT, ()))
    if parts:
        st.warning(t("common.link_stale", parts=listed(parts)), icon=":material/link_off:")


def not_held(part: str, words: str | None) -> None:
    """Tell who makes a link that this part of the page, "PAGE.NAME", is not in it; None where it is."""
    st.session_state.setdefault(NOT_HELD, {})[part] = words


def _absent(page: str) -> list[str]:
    """What of the page as it stands no link can hold, in words."""
    parts: dict[str, str | None] = st.session_state.get(NOT_HELD, {})
    return [words for part, words in parts.items() if words and part.partition(".")[0] == page]


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
        if absent := _absent(page):
            st.caption(t("common.share_without", parts=listed(absent)))
        st.code(address, language=None, wrap_lines=True)
        if len(address) <= MOST_QR:
            qr_picture(address)
        else:
            st.caption(t("common.share_long"))


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
