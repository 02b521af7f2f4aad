"""The shape of a lesson: text on the left, the thing that moves on the right, then the question, the code and the way on.

    LESSON = Lesson("learn_joint", (Section("table"), Section("slice", r"p(x|y) = p(x,y)/p(y)", {"joint_y": 3})), ..., asked)

    def stage() -> None: ...          # a fragment: its controls rerun nothing else

    def page() -> None:
        lesson_page(LESSON, stage)

Words are keys of text/{en,zh}/NAME.json: "lead"; per section "KEY_title", "KEY" and, where it sets something, "KEY_do"; "question",
with what prediction.py needs, "answer", "link"; where a number is dragged in a sentence, "KEY_hand".
tests/test_lessons.py holds every lesson to this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from vaelab.models.presets import preset
from vaelab.ui import share
from vaelab.ui.components.held.held_view import Moved, held_view
from vaelab.ui.components.progress.progress_view import finished
from vaelab.ui.components.sentence.sentence_view import Number, sentence
from vaelab.ui.learn.marks import joined
from vaelab.ui.learn.prediction import Estimate, Prediction, question
from vaelab.ui.pages import PAGES, PageEntry
from vaelab.ui.source import source_of
from vaelab.ui.text import language, t
from vaelab.ui.widgets import page_link

TEXT_WIDTH = 430  # pixels: about 60 characters, which leaves the stage more than half of 1280
TO_SET = "lesson_sets"  # in the session: what a button of the text sets, after all that a hand has told of the stage in the same moment


def nothing() -> Mapping[str, str]:
    """What a stage tells a sentence that only moves it."""
    return {}


@dataclass(frozen=True)
class Hand:
    """Numbers of a sentence that are dragged where they stand. numbers: by their placeholders; sets: session values by which the stage
    shows them; tells: what the stage, once drawn, puts into the other placeholders."""

    numbers: Mapping[str, Number]
    sets: Mapping[str, Any] = field(default_factory=dict)
    tells: Callable[[], Mapping[str, str]] = nothing


@dataclass(frozen=True)
class Section:
    """A paragraph or two. latex: a formula below it; sets: session values that its button puts in place on the stage; shows:
    (module, definition) whose source is unfolded below it; extra: no later lesson needs it, so it is folded away below the others;
    hand: of the sentence "KEY_hand"; methods: models that do this, each a link to Train."""

    key: str
    latex: str | None = None
    sets: Mapping[str, Any] = field(default_factory=dict)
    shows: tuple[str, str] | None = None
    extra: bool = False
    hand: Hand | None = None
    methods: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lesson:
    """One lesson. code: (module, definition) pairs that the stage runs; link: (page, address values) where it happens for real;
    asked: what its reader predicts, and what is right."""

    name: str
    sections: tuple[Section, ...]
    code: tuple[tuple[str, str], ...]
    link: tuple[str, Mapping[str, str]]
    asked: Prediction | Estimate


def lessons() -> list[PageEntry]:
    """Every lesson that exists, in teaching order."""
    return [entry for entry in PAGES if entry.group == "learn" and entry.name != "learn" and entry.exists]


def lesson_page(lesson: Lesson, stage: Callable[[], None]) -> None:
    """Build a lesson's page. stage: draws what moves, about 650 pixels high; it is run as a fragment."""
    st.session_state.update(st.session_state.pop(TO_SET, {}))
    with st.container(horizontal=True, gap="large"):
        with st.container(width=TEXT_WIDTH, key="lesson_text"):
            st.markdown(joined(t(f"{lesson.name}.lead")))
            for section in lesson.sections:
                if not section.extra:
                    _section(lesson, section)
            _extra(lesson)
            st.fragment(question)(lesson.name, lesson.asked)
            _code(lesson)
            page_link(lesson.link[0], t(f"{lesson.name}.link"), icon=":material/science:", **lesson.link[1])
            _take_home(lesson)
            _ways_on(lesson)
        with st.container(width="stretch", key="lesson_stage"):
            st.fragment(_staged)(lesson, stage)


def _staged(lesson: Lesson, stage: Callable[[], None]) -> None:
    """The stage, and below it what tells the text's numbers how it stands."""
    share.not_held(f"{lesson.name}.race", None)  # of the view before
    stage()
    hands = {section.key: section.hand for section in lesson.sections if section.hand}
    if not hands:
        return

    def moved(told: list[Moved]) -> None:
        for section, name, value in told:
            hand = hands.get(section)
            if hand and name in hand.numbers:
                put(hand, hand.numbers[name], value)

    values = {number.key: _standing(number) for hand in hands.values() for number in hand.numbers.values()}
    words = {f"{section} {name}": told for section, hand in hands.items() for name, told in hand.tells().items()}
    held_view(f"held_{lesson.name}", values, words, moved)


def put(hand: Hand, number: Number, value: Any) -> None:
    """Show on the stage what a sentence says; nothing where a browser says what no number can be."""
    try:
        place = number.at(value)
    except (TypeError, ValueError, OverflowError):
        return
    st.session_state.update({**hand.sets, number.key: place})


def _standing(number: Number) -> float:
    """Where a number stands; where it starts, as long as its control is not drawn or a link said what it cannot be."""
    try:
        return number.at(st.session_state.get(number.key, number.start))
    except (TypeError, ValueError, OverflowError):
        return number.start


def _extra(lesson: Lesson) -> None:
    """What no later lesson needs, folded away."""
    sections = [section for section in lesson.sections if section.extra]
    if not sections:
        return
    titles = t("lessons.between").join(t(f"{lesson.name}.{section.key}_title") for section in sections)
    with st.expander(t("lessons.extra", titles=titles), icon=":material/add_circle:"):
        for section in sections:
            _section(lesson, section)


def _section(lesson: Lesson, section: Section) -> None:
    st.markdown(f"#### {t(f'{lesson.name}.{section.key}_title')}", anchors=False)
    st.markdown(joined(t(f"{lesson.name}.{section.key}")))
    if section.latex:
        st.latex(section.latex)
    if section.hand:
        sentence(f"hand_{section.key}", f"{lesson.name}.{section.key}_hand", section.key, section.hand.numbers)
    if section.shows:
        with st.expander(section.shows[1], icon=":material/code:"):
            st.code(source_of(*section.shows), language="python")
    if section.sets:
        st.button(
            t(f"{lesson.name}.{section.key}_do"),
            key=f"do_{lesson.name}_{section.key}",
            icon=":material/play_circle:",
            on_click=st.session_state.update,
            args=({TO_SET: dict(section.sets)},),
        )
    for name in section.methods:
        title = preset(name).words.titled(language())
        page_link("train", t("lessons.method", name=title), icon=":material/model_training:", set_model=name)


def _code(lesson: Lesson) -> None:
    with st.expander(t("lessons.code"), icon=":material/code:"):
        for module, definition in lesson.code:
            st.caption(f"vaelab.{module}.{definition}")
            st.code(source_of(module, definition), language="python")


def _take_home(lesson: Lesson) -> None:
    from vaelab.ui.learn.lesson_home import take_home  # knows the lessons, which know this

    take_home(lesson)


def _ways_on(lesson: Lesson) -> None:
    """Links to the lesson before and the one after."""
    names = [entry.name for entry in lessons()]
    place = names.index(lesson.name)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        for step, words, icon in ((-1, "previous", ":material/arrow_back:"), (1, "next", ":material/arrow_forward:")):
            if 0 <= place + step < len(names):
                name = names[place + step]
                label = t("common.named", name=t(f"lessons.{words}"), value=t(f"{name}.page_title"))
                page_link(name, label, icon=icon)


def overview() -> None:
    """The page "Learn": every lesson with a sentence, and which ones are done."""
    entries = lessons()
    done = finished([entry.name for entry in entries])
    st.markdown(t("lessons.intro"))
    st.progress(
        len(done) / max(1, len(entries)),
        t("lessons.progress", done=len(done), all=len(entries)),
    )
    for first in range(0, len(entries), 2):  # a row at a time: a phone puts columns below each other
        for number, column in enumerate(st.columns(2), first):
            if number < len(entries):
                with column:
                    _card(number + 1, entries[number], entries[number].name in done)


def _card(number: int, entry: PageEntry, done: bool) -> None:
    """One lesson of the overview, as high as its neighbour."""
    with st.container(border=True, gap="xsmall", height="stretch"):
        icon = ":material/check_circle:" if done else entry.icon
        page_link(entry.name, f"**{number}. {t(f'{entry.name}.page_title')}**", icon=icon)
        st.caption(t(f"{entry.name}.lead"))
