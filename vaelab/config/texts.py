"""The catalogue of words in English and Chinese: ``say("zh", "decode.example", n=3)`` reads ``example`` of text/zh/decode.json."""

from __future__ import annotations

import json
import logging
from functools import cache
from typing import Literal

from vaelab.config.places import TEXTS

Language = Literal["en", "zh"]

LANGUAGES: dict[Language, str] = {"en": "English", "zh": "中文"}

_log = logging.getLogger(__name__)


@cache
def strings(language: Language, page: str) -> dict[str, str]:
    """All strings of one page; empty for a page that has none. Keys are flat: a dot in a key is part of its name."""
    path = TEXTS / language / f"{page}.json"
    if not path.is_file():
        return {}
    texts: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return texts


def say(language: Language, key: str, **values: object) -> str:
    """The string ``page.key`` in a language, with {placeholders} filled in.

    A key that is missing shows English, then itself, and is logged: tests/test_text.py fails on it, a user never does.
    """
    page, _, name = key.partition(".")
    fallbacks: tuple[Language, ...] = (language, "en")
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
