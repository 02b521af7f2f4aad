"""Predict first: what a lesson asks, what may be predicted, and the reason that fits a wrong guess.

Prediction(("all", "one", "none"), "one")     # words: text/{en,zh}/LESSON.json, "guess_KEY", and "why_KEY" for the wrong ones
Estimate(0.0, 2.0, 0.05, right=0.83, near=0.1)  # words: "guess", "why_low", "why_high"
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from vaelab.ui.components.progress.progress_view import predict, predicted
from vaelab.ui.learn.marks import joined
from vaelab.ui.rooms.room_bar import tell_answer
from vaelab.ui.text import t

Guess = str | float


@dataclass(frozen=True)
class Prediction:
    """A choice of sentences, one of which is right."""

    options: tuple[str, ...]
    right: str

    def accepts(self, guess: object) -> bool:
        """Whether a browser may say so: what it kept is not to be trusted."""
        return guess in self.options

    def fault(self, guess: Guess) -> str:
        """The key of the reason that fits a wrong guess; empty for the right one."""
        return "" if guess == self.right else f"why_{guess}"

    @property
    def reasons(self) -> tuple[str, ...]:
        """The keys of all its words."""
        wrong = tuple(f"why_{option}" for option in self.options if option != self.right)
        return (*(f"guess_{option}" for option in self.options), *wrong)


@dataclass(frozen=True)
class Estimate:
    """A number from low to high. near: how far from the right one a guess may lie."""

    low: float
    high: float
    step: float
    right: float
    near: float

    def accepts(self, guess: object) -> bool:
        """Whether a browser may say so."""
        return isinstance(guess, int | float) and not isinstance(guess, bool) and self.low <= guess <= self.high

    def fault(self, guess: Guess) -> str:
        """The key of the reason that fits a wrong guess; empty for one that is near enough."""
        away = float(guess) - self.right
        if abs(away) <= self.near + 1e-9:
            return ""
        return "why_low" if away < 0 else "why_high"

    @property
    def reasons(self) -> tuple[str, ...]:
        """The keys of all its words."""
        return ("guess", "why_low", "why_high")


def question(lesson: str, asked: Prediction | Estimate) -> None:
    """The question, a guess, and only after it the answer with the reason that fits: a fragment, which reruns nothing else."""
    with st.container(border=True, key="lesson_question"):
        st.markdown(f"**:material/psychology_alt: {t('lessons.question')}** {joined(t(f'{lesson}.question'))}")
        known = predicted(lesson)
        is_told = known is not None and asked.accepts(known)
        tell_answer(lesson, known if is_told else None)
        if known is not None and is_told:
            _compared(lesson, asked, known)
        else:
            _ask(lesson, asked)


def _ask(lesson: str, asked: Prediction | Estimate) -> None:
    key = f"guess_{lesson}"
    guess: Guess | None
    if isinstance(asked, Prediction):
        words = {option: t(f"{lesson}.guess_{option}") for option in asked.options}
        guess = st.radio(
            t("lessons.yours"),
            asked.options,
            index=None,
            key=key,
            format_func=words.__getitem__,
            label_visibility="collapsed",
        )
    else:
        middle = asked.low + asked.step * round((asked.high - asked.low) / asked.step / 2)
        guess = st.slider(t(f"{lesson}.guess"), asked.low, asked.high, middle, asked.step, key=key)
    # The button names the guess at the time of the press: a callback runs before the page does.
    st.button(
        t("lessons.compare"),
        key=f"compare_{lesson}",
        icon=":material/compare_arrows:",
        on_click=predict,
        args=(lesson, guess),
        disabled=guess is None,
        help=t("lessons.compare_help"),
    )


def _compared(lesson: str, asked: Prediction | Estimate, guess: Guess) -> None:
    fault = asked.fault(guess)
    said = t(f"{lesson}.guess_{guess}") if isinstance(asked, Prediction) else f"{float(guess):g}"
    st.markdown(f":small[{t('lessons.yours')}]  \n**{said}**")
    if fault:
        st.markdown(f":orange[:material/close: **{t('lessons.miss')}**] {joined(t(f'{lesson}.{fault}'))}")
    else:
        st.markdown(f":green[:material/check: **{t('lessons.hit')}**]")
    st.markdown(joined(t(f"{lesson}.answer")))
    st.button(
        t("lessons.again"),
        key=f"again_{lesson}",
        icon=":material/undo:",
        type="tertiary",
        on_click=predict,
        args=(lesson, None),
    )
