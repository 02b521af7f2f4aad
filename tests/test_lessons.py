"""Every lesson has both languages, a question with its answer, its code and its link, and opens without an error."""

import importlib
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from vaelab.ui.learn.frame import Lesson, lessons
from vaelab.ui.pages import PAGES, page
from vaelab.ui.source import source_of
from vaelab.ui.text import LANGUAGES, strings

SHELL = Path(__file__).parents[1] / "vaelab" / "ui" / "shell.py"
TIMEOUT = 180  # seconds: a slow machine under load, not a measure of anything
NAMES = [entry.name for entry in lessons()]
NEEDED = ("page_title", "lead", "question", "answer", "link")


def lesson(name: str) -> Lesson:
    """The lesson that the page of this name shows: vaelab/ui/lessons/kinds.py for learn_kinds."""
    found = importlib.import_module(f"vaelab.ui.learn.{name.removeprefix('learn_')}").LESSON
    assert isinstance(found, Lesson)
    return found


def test_there_are_ten_in_teaching_order():
    planned = [entry.name for entry in PAGES if entry.group == "learn"]
    assert planned[0] == "learn"
    assert planned[1:] == NAMES
    assert len(NAMES) == 10


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_has_its_parts(name):
    shown = lesson(name)
    assert shown.name == name
    assert len(shown.sections) >= 3
    assert shown.code
    for module, definition in shown.code:
        assert len(source_of(module, definition)) > 40
    assert page(shown.link[0]) is not None
    assert not shown.link[0].startswith("learn"), "the link leads to the place in the lab where it happens for real"
    for language in LANGUAGES:
        texts = strings(language, name)
        wanted = [*NEEDED, *(f"{s.key}_title" for s in shown.sections), *(s.key for s in shown.sections)]
        wanted += [f"{s.key}_do" for s in shown.sections if s.sets]
        assert [key for key in wanted if not texts.get(key, "").strip()] == [], language
        chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in "".join(texts.values()))
        assert (chinese > 300) == (language == "zh"), "a translation that is one"


@pytest.mark.parametrize("language", list(LANGUAGES))
@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_opens(name, language, tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    app = AppTest.from_file(str(SHELL), default_timeout=TIMEOUT)
    app.query_params["lang"] = language
    app.run()
    app.switch_page(str(SHELL.parents[2] / "pages" / f"{name}.py"))
    app.query_params["lang"] = language
    app.run()
    assert not app.exception
    assert not app.error
    shown = "\n".join(str(element.value) for element in app.markdown)
    assert strings(language, name)["lead"] in shown
    answer = app.toggle(key=f"answer_{name}").set_value(True).run()
    assert not answer.exception
    assert strings(language, name)["answer"] in "\n".join(str(element.value) for element in answer.markdown)


def test_the_overview_is_in_teaching_order_on_a_phone_too(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    app = AppTest.from_file(str(SHELL), default_timeout=TIMEOUT).run()
    app.switch_page(str(SHELL.parents[2] / "pages" / "learn.py")).run()
    # A phone shows columns below each other: what stands first in the page's tree stands first there.
    leads = [strings("en", name)["lead"] for name in NAMES]
    assert [caption.value for caption in app.caption if caption.value in leads] == leads
