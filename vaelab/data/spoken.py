"""What data sets call their classes and factors, in the words of a language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from vaelab.config.texts import Language, has_text, say
from vaelab.images.palette import contrast, own_colour

# "long 3", "blue #5bc0de": the word is translated, the code is left out.
NUMBERED = re.compile(r"(?P<word>.+?)(?P<rest> \d+)?(?: #[0-9a-fA-F]{6})?")


def label_title(label: str, lang: Language) -> str:
    """The name of a label, "class" or a factor: hair_colour -> hair colour."""
    return word_of(label.replace("_", " "), lang)


def value_names(names: Iterable[str], lang: Language) -> tuple[str, ...]:
    """The names of all values of a label, each its own. One without a translation, as in a folder of the user, stays as it is.

    Colours lose their code: those of one word are numbered from the darkest on.
    """
    return _names(tuple(names), lang)


@lru_cache(maxsize=512)
def _names(every: tuple[str, ...], lang: Language) -> tuple[str, ...]:
    """As above, kept: a page asks for those of every label, and colours are compared with each other."""
    words = [_value(name, lang) for name in every]
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


def word_of(word: str, lang: Language) -> str:
    """One word or sentence that a data set says of itself; a name or an address stays as it is."""
    key = f"names.{word}"
    return say(lang, key) if has_text(key) else word


def _value(name: str, lang: Language) -> str:
    parts = NUMBERED.fullmatch(name)
    return word_of(parts["word"], lang) + (parts["rest"] or "") if parts else name
