"""Every word the app shows, in English and Chinese: ``t("train.start")`` reads the key ``start`` of text/LANGUAGE/train.json."""

from __future__ import annotations

import json
import logging
from functools import cache
from pathlib import Path
from typing import Literal, cast
from urllib.parse import parse_qs, urlsplit

import streamlit as st

Language = Literal["en", "zh"]

LANGUAGES: dict[Language, str] = {"en": "English", "zh": "中文"}
TEXT_DIR = Path(__file__).parent / "text"

_log = logging.getLogger(__name__)


@cache
def strings(language: Language, page: str) -> dict[str, str]:
    """All strings of one page; empty for a page that has none. Keys are flat: a dot in a key is part of its name."""
    path = TEXT_DIR / language / f"{page}.json"
    if not path.is_file():
        return {}
    texts: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return texts


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
    """The string ``page.key`` in the session's language, with {placeholders} filled in.

    A key that is missing shows English, then itself, and is logged: tests/test_text.py fails on it, a user never does.
    """
    page, _, name = key.partition(".")
    fallbacks: tuple[Language, ...] = (language(), "en")
    for lang in fallbacks:
        template = strings(lang, page).get(name)
        if template is not None:
            return template.format(**values) if values else template
    _log.error("no text for %r", key)
    return name


def has_text(key: str) -> bool:
    """Whether a string is there, for names that come from data (a data set of the user has no translation)."""
    page, _, name = key.partition(".")
    return name in strings("en", page)
