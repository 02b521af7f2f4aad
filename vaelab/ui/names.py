"""What data sets call their classes and factors, in the words of the session's language."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vaelab.data import spoken
from vaelab.ui import text


def label_title(label: str) -> str:
    """The name of a label, "class" or a factor: hair_colour -> hair colour."""
    return spoken.label_title(label, text.language())


def value_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names of all values of a label, each its own, as `vaelab.data.spoken` has them."""
    return spoken.value_names(names, text.language())


def said_of_itself(words: str) -> str:
    """The licence or the source of a data set; a name or an address stays as it is."""
    return spoken.word_of(words, text.language())


# What Markdown would read in the midst of words: emphasis, links, pictures, formulas, icons and coloured words.
_MARKS = re.compile(r"[\\*\[<$]|~(?=~)|(?<!\w)_|_(?!\w)|:(?=[\w+/-]+[:\[])")


def escaped(words: str) -> str:
    """Words of which a person typed some, for Markdown: shown as they are. What stands between backticks is code already."""
    if words.count("`") % 2:
        words = words.replace("`", "'")
    parts = words.split("`")
    return "`".join(part if k % 2 else _MARKS.sub(lambda mark: f"\\{mark[0]}", part) for k, part in enumerate(parts))


def as_code(name: str) -> str:
    """A name that a person typed, for Markdown: shown letter by letter, read as nothing."""
    return f"`{' '.join(name.replace('`', chr(39)).split())}`"
