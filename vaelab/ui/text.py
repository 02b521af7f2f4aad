"""The words of a session: ``t("train.start")`` reads the key ``start`` of text/LANGUAGE/train.json in the language that it shows."""

from __future__ import annotations

from typing import cast
from urllib.parse import parse_qs, urlsplit

import streamlit as st

from vaelab.config.places import TEXTS
from vaelab.config.texts import LANGUAGES, Language, has_text, say, strings

__all__ = ["LANGUAGES", "TEXT_DIR", "Language", "has_text", "language", "language_of_page", "strings", "t"]

TEXT_DIR = TEXTS


def language() -> Language:
    """The language of this session: chosen, from the address, from the browser, else English."""
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
