"""Every lesson has both languages, a question with its answer, its code and its link, and opens without an error."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from vaelab.models.presets import presets
from vaelab.ui.components.progress import progress_view
from vaelab.ui.learn.frame import Lesson, lessons
from vaelab.ui.learn.marks import MARKS, joined
from vaelab.ui.learn.prediction import Estimate, Prediction
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


def test_they_are_in_teaching_order():
    planned = [entry.name for entry in PAGES if entry.group == "learn"]
    assert planned[0] == "learn"
    assert planned[1:] == NAMES
    assert len(NAMES) == 12


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_has_its_parts(name):
    shown = lesson(name)
    assert shown.name == name
    assert len(shown.sections) >= 3
    assert all(len(source_of(*section.shows)) > 40 for section in shown.sections if section.shows)
    assert shown.code
    for module, definition in shown.code:
        assert len(source_of(module, definition)) > 40
    assert page(shown.link[0]) is not None
    assert not shown.link[0].startswith("learn"), "the link leads to the place in the lab where it happens for real"
    for language in LANGUAGES:
        texts = strings(language, name)
        wanted = [*NEEDED, *(f"{s.key}_title" for s in shown.sections), *(s.key for s in shown.sections)]
        wanted += [f"{s.key}_do" for s in shown.sections if s.sets]
        wanted += shown.asked.reasons
        assert [key for key in wanted if not texts.get(key, "").strip()] == [], language
        chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in "".join(texts.values()))
        assert (chinese > 300) == (language == "zh"), "a translation that is one"


def test_what_a_lesson_links_to_can_be_trained():
    linked = {name: {method for section in lesson(name).sections for method in section.methods} for name in NAMES}
    assert set().union(*linked.values()) <= set(presets())
    assert linked["learn_pitfalls"] == {"sigma-vae", "vae-free-bits"}
    assert linked["learn_beyond"] == {"flow-vae", "iwae", "mixture-vae", "vamp-vae"}
    assert linked["learn_generators"] == {"autoencoder", "vq-vae"}


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
    texts, asked = strings(language, name), lesson(name).asked
    for guess in guesses(asked)[: None if language == "en" else 1]:  # each costs a few runs of the page
        said = predicted(app, name, guess, joined(texts["answer"]))
        assert joined(texts["answer"]) in said
        reasons = [key for key in asked.reasons if key.startswith("why_") and joined(texts[key]) in said]
        assert reasons == fitting(asked, guess), "the reason that fits, and no other"
        assert (strings(language, "lessons")["hit"] in said) == (not reasons)
        assert name in app.session_state[progress_view.KEY]
        assert MARKS.findall(said) == [], "a line may break before this mark"
        app.button(key=f"again_{name}").click().run()


def fitting(asked: Prediction | Estimate, guess: str | float) -> list[str]:
    """The reasons that belong to one of `guesses`."""
    if isinstance(asked, Prediction):
        return [] if guess == asked.right else [f"why_{guess}"]
    return {asked.low: ["why_low"], asked.high: ["why_high"]}.get(guess, [])


def guesses(asked: Prediction | Estimate) -> list[str | float]:
    """Everything that may be chosen; of a number one of each kind."""
    if isinstance(asked, Prediction):
        return list(asked.options)
    near = asked.low + asked.step * round((asked.right - asked.low) / asked.step)
    return [asked.low, round(near, 6), asked.high]


def predicted(app: AppTest, name: str, guess: str | float, answer: str) -> str:
    """What the page says after a prediction; nothing of the answer comes before it."""
    assert answer not in "\n".join(str(element.value) for element in app.markdown)
    if isinstance(guess, str):
        assert app.button(key=f"compare_{name}").disabled
        app.radio(key=f"guess_{name}").set_value(guess).run()
    else:
        app.slider(key=f"guess_{name}").set_value(guess).run()
    app.button(key=f"compare_{name}").click().run()
    assert not app.exception
    return "\n".join(str(element.value) for element in app.markdown)


def test_a_number_that_is_near_enough_is_right():
    asked = Estimate(0.0, 2.0, 0.05, right=0.83, near=0.1)
    assert [asked.fault(g) for g in (0.0, 0.7, 0.75, 0.83, 0.9, 0.95, 2.0)] == [
        *("why_low", "why_low", "", "", "", "why_high", "why_high")
    ]


def test_what_the_lessons_call_right_is_computed():
    """The two numbers that are to be predicted, from their formulas; the padding from the formula of sizes."""
    assert lesson("learn_latent").asked.right == pytest.approx(1.5 / np.hypot(1.0, 1.5), abs=0.005)
    assert lesson("learn_reparam").asked.right == 15 / 4
    halves = [p for p in range(8) if (32 + 2 * p - 3) / 2 + 1 == 16]
    assert halves == []
    assert lesson("learn_autoencoder").asked.right == "none"


def test_the_overview_is_in_teaching_order_on_a_phone_too(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    app = AppTest.from_file(str(SHELL), default_timeout=TIMEOUT).run()
    app.switch_page(str(SHELL.parents[2] / "pages" / "learn.py")).run()
    # A phone shows columns below each other: what stands first in the page's tree stands first there.
    leads = [strings("en", name)["lead"] for name in NAMES]
    assert [caption.value for caption in app.caption if caption.value in leads] == leads


def test_a_chinese_mark_stays_with_the_formula_before_it():
    assert joined("给出 $p(y|x)$。横线 $x$，它 $a$ 和 $b$）。") == (
        "给出 $p(y|x)\\text{。}$横线 $x\\text{，}$它 $a$ 和 $b\\text{）。}$"
    )
    assert joined("不影响 $p(x|A)$。$p(y|x)$ 没有") == "不影响 $p(x|A)\\text{。}$\u200b$p(y|x)$ 没有"
    for name in NAMES:
        assert [key for key, text in strings("zh", name).items() if "$$" in joined(text)] == []
        texts = strings("en", name)
        assert all(joined(text) == text for text in texts.values()), "English has marks of its own"
