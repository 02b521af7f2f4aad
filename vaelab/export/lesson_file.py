"""A lesson as one HTML file: its words, and those of its views that need no server, in both languages and themes, without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vaelab.config.errors import ExportError
from vaelab.config.places import COMPONENTS
from vaelab.config.texts import LANGUAGES, Language, say
from vaelab.export.html_file import MOST_BYTES, document
from vaelab.export.joined import joined
from vaelab.images.palette import THEMES, Theme, css_variables

ENTRY = "file/lesson.js"
INSTEAD = {"engine/source.js": "file/embedded.js"}  # what would fetch weights finds them in the file
WIDGETS = ("budget", "cloud", "frozen", "guess", "patch", "twin")  # as lesson.js knows them
SHEETS = (
    "decoder/decoder.css",
    *(f"{name}/{name}.css" for name in WIDGETS),
    "file/file.css",
    "file/lesson.css",
)
WORDS = ("theme", "light", "dark", "language", "lesson_views", "lesson_code", "lesson_question", "lesson_answer")
# shell.css has these on every page of the app: a file is shown on a laptop.
SIZES = ":root{--vl-views:0;--vl-high:0;--vl-stage:0;--vl-whole:0}"


@dataclass(frozen=True)
class View:
    """Something to move. widget: a folder of WIDGETS; title, how: in words of each language; data: what the widget is given, in each language.

    themed: what of it follows the theme.
    """

    widget: str
    title: Mapping[Language, str]
    how: Mapping[Language, str]
    data: Mapping[Language, Mapping[str, Any]]
    themed: Mapping[Theme, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """The words of a lesson in one language. lead, question, answer: HTML; left_out: what only the app shows.

    sections: (title, HTML, words of the button that opens a view or "", number of the view).
    """

    title: str
    lead: str
    sections: Sequence[tuple[str, str, str, int]]
    question: str
    answer: str
    left_out: str


def make(
    told: Mapping[Language, Told], views: Sequence[View], code: Sequence[tuple[str, str]], weights: Mapping[str, bytes]
) -> str:
    """The file. code: (name, source) of what the lesson runs; weights: bundles by the ids that the views' data name as addresses.

    Raises ExportError where it would be larger than 5 MB.
    """
    words = {
        lang: {
            "title": told[lang].title,
            "lead": told[lang].lead,
            "sections": [list(section) for section in told[lang].sections],
            "question": told[lang].question,
            "answer": told[lang].answer,
            "left_out": told[lang].left_out,
            "text": {name: say(lang, f"file.{name}") for name in WORDS},
        }
        for lang in LANGUAGES
    }
    facts = {
        "words": words,
        "views": [
            {
                "widget": v.widget,
                "title": v.title,
                "how": v.how,
                "data": v.data,
                "themed": v.themed,
            }
            for v in views
        ],
        "code": [list(pair) for pair in code],
    }
    script = "\n" + joined(ENTRY, INSTEAD)
    style = SIZES + "".join(f'.vaelab[data-theme="{theme}"]{{{css_variables(theme)}}}' for theme in THEMES)
    style += "".join((COMPONENTS / sheet).read_text(encoding="utf-8") for sheet in SHEETS)
    html = document(told["en"].title, script, style, facts, weights)
    size = len(html.encode())
    if size > MOST_BYTES:
        raise ExportError(
            f"the lesson would make a file of {size / 1e6:.1f} MB, more than the {MOST_BYTES / 1e6:.0f} MB that can be mailed"
        )
    return html
