"""What data sets call their classes and factors, in the words of the session's language."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vaelab.images.palette import contrast, own_colour
from vaelab.ui.text import has_text, t

# "long 3", "blue #5bc0de": the word is translated, the code is left out.
NUMBERED = re.compile(r"(?P<word>.+?)(?P<rest> \d+)?(?: #[0-9a-fA-F]{6})?")


def label_title(label: str) -> str:
    """The name of a label, "class" or a factor: hair_colour -> hair colour."""
    return _word(label.replace("_", " "))


def value_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names of all values of a label, each its own. One without a translation, as in a folder of the user, stays as it is.

    Colours lose their code: those of one word are numbered from the darkest on.
    """
    every = tuple(names)
    words = [_value(name) for name in every]
    found: list[str] = []
    for name, word in zip(every, words, strict=True):
        code = own_colour(name)
        alike = [other for other, same in zip(every, words, strict=True) if same == word and own_colour(other)]
        rank = sorted(alike, key=_brightness).index(name) + 1 if code and len(alike) > 1 else 0
        found.append(f"{word} {rank}" if rank else word)
    return tuple(found)


def _brightness(name: str) -> float:
    """How bright the colour that ends a value's name is: its contrast against black."""
    code = own_colour(name)
    return contrast(code, "#000000") if code else 0.0


# What Markdown would read in the midst of words: emphasis, links, pictures, formulas, icons and coloured words.
_MARKS = re.compile(r"[\\*\[<$]|~(?=~)|(?<!\w)_|_(?!\w)|:(?=[\w+/-]+[:\[])")


def escaped(text: str) -> str:
    """Words of which a person typed some, for Markdown: shown as they are. What stands between backticks is code already."""
    if text.count("`") % 2:
        text = text.replace("`", "'")
    parts = text.split("`")
    return "`".join(part if k % 2 else _MARKS.sub(lambda mark: f"\\{mark[0]}", part) for k, part in enumerate(parts))


def as_code(text: str) -> str:
    """A name that a person typed, for Markdown: shown letter by letter, read as nothing."""
    return f"`{' '.join(text.replace('`', chr(39)).split())}`"


def said_of_itself(words: str) -> str:
    """The licence or the source of a data set; a name or an address stays as it is."""
    return _word(words)


def _value(name: str) -> str:
    parts = NUMBERED.fullmatch(name)
    return _word(parts["word"]) + (parts["rest"] or "") if parts else name


def _word(word: str) -> str:
    return t(f"names.{word}") if has_text(f"names.{word}") else word
