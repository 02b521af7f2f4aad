"""Sentences of errors in the session's language.

vaelab itself writes English, for the command line and for whoever imports it. text/en/errors.json holds the sentences that a
user of the app can meet, as they are raised; the Chinese one beside it says the same. A sentence that is not there stays English.
"""

from __future__ import annotations

import re
import string
from functools import cache

from vaelab.ui.names import escaped
from vaelab.ui.text import Language, language, strings

PAGE = "errors"


def in_words(sentence: str, lang: Language | None = None) -> str:
    """The sentence of an error in the session's language, or in lang where no session asks (an HTTP route)."""
    lang = lang or language()
    if lang == "en":
        return sentence
    for key, pattern in _patterns().items():
        found = pattern.fullmatch(sentence)
        if found and key in strings(lang, PAGE):
            return strings(lang, PAGE)[key].format(**found.groupdict())
    return sentence


def in_markdown(sentence: str, lang: Language | None = None) -> str:
    """The same for a place that reads Markdown: a name in it, which a person typed, is shown as it is."""
    return escaped(in_words(sentence, lang))


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """Of every English sentence, the most specific first: its placeholders as named groups."""
    texts = strings("en", PAGE)
    return {key: _pattern(texts[key]) for key in sorted(texts, key=lambda key: -len(texts[key]))}


def _pattern(template: str) -> re.Pattern[str]:
    parts = (
        re.escape(words) + (f"(?P<{name}>.+?)" if name else "")
        for words, name, *_ in string.Formatter().parse(template)
    )
    return re.compile("".join(parts), re.DOTALL)
