"""Lesson 10: five classic mistakes, each trained wrong and right side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from vaelab.lessons.race import Plan, RaceFrame
from vaelab.ui.learn.frame import Lesson, Section, lesson_page
from vaelab.ui.learn.pitfalls_diagnose import diagnose
from vaelab.ui.learn.pitfalls_parts import EPOCH, LINE, PITFALLS, SIDES, STEPS, Array, body_of, epoch_losses
from vaelab.ui.learn.prediction import Prediction
from vaelab.ui.learn.race_view import lane_curves, lane_pictures, race_of, race_stage, short
from vaelab.ui.learn.views import choice
from vaelab.ui.text import t

if TYPE_CHECKING:
    from vaelab.lessons.small_vae import Lane

RECENT = 20  # epochs over which a printed loss is compared with the mean
VIEWS = ("diagnose", *PITFALLS)

LESSON = Lesson(
    "learn_pitfalls",
    (
        Section("diagnose", sets={"pitfalls_which": "diagnose"}),
        Section(
            "std", r"\sigma = e^{\frac12 \log \sigma^2} \ne e^{\log \sigma^2} = \sigma^2", {"pitfalls_which": "std"}
        ),
        Section(
            "pixels",
            r"-x \log \hat x - (1 - x) \log (1 - \hat x)",
            {"pitfalls_which": "pixels"},
            methods=("sigma-vae",),
        ),
        Section(
            "reduction",
            r"\tfrac1D\,\mathrm{recon} + \mathrm{KL} = \tfrac1D (\mathrm{recon} + D \cdot \mathrm{KL})",
            {"pitfalls_which": "reduction"},
        ),
        Section("report", sets={"pitfalls_which": "report"}),
        Section("collapse", sets={"pitfalls_which": "collapse"}, methods=("vae-free-bits",)),
    ),
    (
        *(("lessons.pitfalls", f"{pitfall.code}_{side}") for pitfall in PITFALLS.values() for side in SIDES),
        ("lessons.pitfall_lanes", "patient"),
        ("lessons.pitfalls", "refusal"),
        ("lessons.pitfall_lanes", "drawn_spread"),
        ("models.losses", "active_units"),
    ),
    ("train", {}),
    Prediction(("kl", "recon", "pictures"), "recon"),
)


def page() -> None:
    """The whole lesson."""
    lesson_page(LESSON, stage)


def stage() -> None:
    """A patient to diagnose, or the chosen pitfall as a race between the wrong line and the right one."""
    name = choice(t("learn_pitfalls.which"), VIEWS, "pitfalls_which", lambda k: t(f"learn_pitfalls.name_{k}"))
    if name == "diagnose":
        diagnose()
        return

    def lanes() -> Sequence[Lane]:
        from vaelab.lessons.pitfall_lanes import LANES

        return LANES[name]()

    def draw(frame: RaceFrame) -> None:
        both(name, frame)

    race_stage(race_of(f"pitfall_{name}", Plan(lanes, STEPS)), f"pitfalls_{name}", draw)
    if name == "pixels":
        from vaelab.lessons.pitfalls import refusal

        st.caption(t("learn_pitfalls.refused", said=refusal(-1.0)))


def both(name: str, frame: RaceFrame) -> None:
    """Wrong on the left, right on the right: the line, what its loop prints, a figure that tells, the pictures."""
    pitfall = PITFALLS[name]
    for number, (column, side) in enumerate(zip(st.columns(2, gap="medium"), SIDES, strict=True)):
        with column, st.container(gap="xsmall"):
            icon = {"wrong": ":material/close:", "right": ":material/check:"}[side]
            st.markdown(f"**{icon} {t(f'learn_pitfalls.{side}')}**")
            st.code(
                body_of("lessons.pitfalls", f"{pitfall.code}_{side}"),
                language="python",
                wrap_lines=True,
                height=32 + LINE * pitfall.lines,
            )
            curves = frame.lanes[number].curves if frame.lanes else {}
            told = reported(curves, side) if name == "report" else curves
            lane_curves(
                told,
                frame.steps,
                f"pitfalls_{name}_{side}",
                names=pitfall.names,
                height=130,
                domain=pitfall.domain,
                compact=True,
            )
            st.markdown(
                check_words(name, side, frame, number), help=t(f"learn_pitfalls.check_{name}_help", count=RECENT)
            )
            lane_pictures(frame, number, 5)


def reported(curves: Mapping[str, Array], side: str) -> dict[str, Array]:
    """What the loop prints: one loss for each epoch, by the wrong or the right way of adding up."""
    from vaelab.lessons import pitfalls

    report = pitfalls.report_wrong if side == "wrong" else pitfalls.report_right
    return {"loss": np.repeat([report(epoch) for epoch in epoch_losses(curves)], EPOCH)}


def check_words(name: str, side: str, frame: RaceFrame, number: int) -> str:
    """The figure by which one can tell, in words; a dash before the first step."""
    value = "–"
    if frame.lanes and frame.step:
        lane = frame.lanes[number]
        if name == "report":
            printed = reported(lane.curves, side)["loss"][::EPOCH][-RECENT:]
            if len(printed):
                means = np.mean(epoch_losses(lane.curves)[-RECENT:], axis=1)
                value = f"{np.sqrt(np.mean((printed - means) ** 2)):.3f}"
        else:
            found = lane.figures["check"]
            whole = name in ("reduction", "collapse")
            value = f"{found:.0f}" if whole else short(found)
    return t(f"learn_pitfalls.check_{name}", value=value)
