"""The words of a session: ``t("train.start")`` reads the key ``start`` of text/LANGUAGE/train.json in the language that it shows."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import cast
from urllib.parse import parse_qs, urlsplit

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from vaelab.config.places import TEXTS
from vaelab.config.texts import LANGUAGES, Language, has_text, say, strings

__all__ = ["LANGUAGES", "TEXT_DIR", "Language", "has_text", "language", "language_of_page", "listed", "strings", "t"]

TEXT_DIR = TEXTS


_KEPT = threading.local()  # .run: the context of the thread's script; .language: of its session


def language() -> Language:
    """The language of this session: chosen, from the address, from the browser, else English.

    Kept for a run of the script, which asks some hundred times: `language_may_differ` begins each.
    """
    run = get_script_run_ctx(suppress_warning=True)
    if run is None:
        return _language()
    if getattr(_KEPT, "run", None) is not run:
        _KEPT.run, _KEPT.language = run, _language()
    return cast(Language, _KEPT.language)


def language_may_differ() -> None:
    """Ask the session again: the page's script runs, and one of its controls may have been the language's."""
    _KEPT.run = None


def _language() -> Language:
    chosen = st.session_state.get("lang") or st.query_params.get("lang")
    if chosen in LANGUAGES:
        return cast(Language, chosen)
    return "zh" if (st.context.locale or "").lower().startswith("zh") else "en"


def language_of_page(address: str) -> Language:
    """The language that a page's address names, as shell.py puts it there; English where it names none."""
    try:
        named = parse_qs(urlsplit(address).query).get("lang", [""])[0]
    except ValueError:  # an address that is none, such as "//["
        return "en"
    return named if named in LANGUAGES else "en"


def t(key: str, **values: object) -> str:
    """The string ``page.key`` in the session's language, with {placeholders} filled in."""
    return say(language(), key, **values)


def listed(names: Iterable[str]) -> str:
    """Names one after the other, set apart as the session's language does."""
    return t("common.comma").join(names)
