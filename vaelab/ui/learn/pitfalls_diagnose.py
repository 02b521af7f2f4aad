"""Lesson 10, first view: a training with one of the five mistakes is diagnosed from its curves and pictures; only then its code is shown."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from vaelab.lessons.race import Plan, Race, RaceFrame
from vaelab.ui.learn.pitfalls_parts import EPOCH, LINE, PITFALLS, SIDES, STEPS, Array, body_of, epochs_of
from vaelab.ui.learn.race_view import lane_curves, lane_pictures, race_of, race_stage
from vaelab.ui.text import t

if TYPE_CHECKING:
    from vaelab.lessons.small_vae import Lane

LANE_NAMES = ("patient", "healthy")
HEALTHY = (0.0, 50.0)  # nats, of the curves of a training in which nothing falls below 0
ENOUGH = 5  # epochs after which a diagnosis may be given
SERIES = ("recon", "kl", "loss")
ORDER, NUMBER, GIVEN, HITS, EARLY = (
    f"pitfalls_diagnose_{word}" for word in ("order", "number", "given", "hits", "early")
)


def case() -> str:
    """The mistake of the patient at hand; they come in another order in every session."""
    state = st.session_state
    if sorted(state.get(ORDER, ())) != sorted(PITFALLS):
        state[ORDER] = random.sample(list(PITFALLS), len(PITFALLS))
        state[HITS] = {}
    state.setdefault(HITS, {})  # a link brings the order and the patient, not somebody's score
    if state.get(NUMBER) not in range(len(PITFALLS)):
        state[NUMBER] = 0
    return str(state[ORDER][state[NUMBER]])


def diagnose() -> None:
    """The patient beside a healthy training; a choice of five; after it what gave the mistake away, and the code."""
    name = case()

    def lanes() -> Sequence[Lane]:
        from vaelab.lessons.pitfall_lanes import patient

        return patient(name)

    def draw(frame: RaceFrame) -> None:
        _wards(name, frame)

    number, count = st.session_state[NUMBER] + 1, len(PITFALLS)
    st.markdown(
        t("learn_pitfalls.patient_number", number=number, count=count, hits=sum(st.session_state[HITS].values()))
    )
    race = race_of(f"diagnose_{name}", Plan(lanes, STEPS))
    _diagnosis(name, race)  # outside of what ticks, so that a choice draws all of it anew
    race_stage(race, f"diagnose_{number}", draw)
    given = st.session_state.get(GIVEN)
    if given in PITFALLS:
        _told(name, given)


def printed(curves: Mapping[str, Array], wrongly: bool) -> dict[str, Array]:
    """What a loop prints of each term, an epoch at a time: the mean over its batches, or (wrongly) its last batch alone."""
    from vaelab.lessons import pitfalls

    report = pitfalls.report_wrong if wrongly else pitfalls.report_right
    return {term: np.repeat([report(epoch) for epoch in epochs_of(curves, term)], EPOCH) for term in SERIES}


def axis_of(curves: Mapping[str, Array]) -> tuple[float, float]:
    """The axis by what the curves have shown, nats: one chosen by the mistake would name it before the first step."""
    fell = any(len(values) and float(values.min()) < 0.0 for values in curves.values())
    return PITFALLS["pixels"].domain if fell else HEALTHY


def _wards(name: str, frame: RaceFrame) -> None:
    for number, (column, lane) in enumerate(zip(st.columns(2, gap="medium"), LANE_NAMES, strict=True)):
        with column, st.container(gap="xsmall"):
            icon = {"patient": ":material/sick:", "healthy": ":material/check:"}[lane]
            st.markdown(f"**{icon} {t(f'learn_pitfalls.{lane}')}**")
            curves = frame.lanes[number].curves if frame.lanes else {}
            shown = printed(curves, wrongly=lane == "patient" and name == "report")
            lane_curves(
                shown,
                frame.steps,
                f"diagnose_{name}_{lane}",
                height=120,
                domain=axis_of(shown),
                compact=True,
            )
            lane_pictures(frame, number, 5)


def _diagnosis(name: str, race: Race) -> None:
    """The list of mistakes and the button that compares; closed once a diagnosis was given."""
    state = st.session_state
    words = {key: t(f"learn_pitfalls.{key}_title") for key in PITFALLS}
    key = f"diagnose_guess_{name}"
    state[key] = (
        state.get(key) if state.get(key) in words else None
    )  # set anew: it would keep the words of another language
    given = state.get(GIVEN) in PITFALLS

    def give() -> None:
        state[EARLY] = race.look().step < ENOUGH * EPOCH
        if not state[EARLY]:
            state[GIVEN] = state.get(key)
            state[HITS].setdefault(name, state[GIVEN] == name)  # the first answer counts

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        guess = st.selectbox(
            t("learn_pitfalls.diagnosis"),
            list(words),
            key=key,
            format_func=words.__getitem__,
            placeholder=t("learn_pitfalls.diagnosis_none"),
            disabled=given,
        )
        st.button(
            t("learn_pitfalls.diagnose_do_it"),
            key="diagnose_give",
            icon=":material/stethoscope:",
            on_click=give,
            disabled=guess is None or given,
            help=t("learn_pitfalls.diagnose_help"),
        )
    if state.pop(EARLY, False):
        st.toast(t("learn_pitfalls.diagnose_early"), icon=":material/hourglass_top:")


def _told(name: str, given: str) -> None:
    """Whether it was right, what would have shown the other mistake, what gave this one away, and both lines."""
    right = given == name
    icon, ink, word = ("check", "green", "right_diagnosis") if right else ("close", "orange", "wrong_diagnosis")
    title = t(f"learn_pitfalls.{name}_title")
    st.markdown(f":{ink}[:material/{icon}: **{t(f'learn_pitfalls.{word}', title=title)}**]")
    if not right:
        st.markdown(t(f"learn_pitfalls.would_{given}"))
    st.markdown(t(f"learn_pitfalls.gave_{name}"))
    for column, side in zip(st.columns(2, gap="medium"), SIDES, strict=True):
        pitfall = PITFALLS[name]
        with column:
            st.caption(t(f"learn_pitfalls.{side}"))
            code = body_of("lessons.pitfalls", f"{pitfall.code}_{side}")
            st.code(code, language="python", wrap_lines=True, height=32 + LINE * pitfall.lines)

    def go_on() -> None:
        state = st.session_state
        state[NUMBER] = (state[NUMBER] + 1) % len(PITFALLS)
        state[GIVEN] = None
        if state[NUMBER] == 0:  # all five were seen: others come, in another order
            state.pop(ORDER)

    st.button(t("learn_pitfalls.next_patient"), key="diagnose_next", icon=":material/arrow_forward:", on_click=go_on)
