"""What data sets call their classes and factors, in the words of the session's language."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vaelab.ui.text import has_text, t

# "long 3", "blue #5bc0de": the word is translated.
NUMBERED = re.compile(r"(?P<word>.+?)(?P<rest> (?:\d+|#[0-9a-f]{6}))?")


def label_title(label: str) -> str:
    """The name of a label, "class" or a factor: hair_colour -> hair colour."""
    return _word(label.replace("_", " "))


def value_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names of a label's values. One that has no translation, as in a folder of the user, stays as it is."""
    return tuple(_value(name) for name in names)


def said_of_itself(words: str) -> str:
    """The licence or the source of a data set; a name or an address stays as it is."""
    return _word(words)


def _value(name: str) -> str:
    parts = NUMBERED.fullmatch(name)
    return _word(parts["word"]) + (parts["rest"] or "") if parts else name


def _word(word: str) -> str:
    return t(f"names.{word}") if has_text(f"names.{word}") else word
