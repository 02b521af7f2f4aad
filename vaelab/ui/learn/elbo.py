"""Lesson 7: the ELBO's two terms, and how far the bound lies below log p(x)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from vaelab.lessons.race import Plan, RaceFrame
from vaelab.ui.learn.elbo_bound import DRAWN, SHIFT, WIDTH, bound_stage, told
from vaelab.ui.learn.elbo_derived import jensen_stage, kl_stage, onto_stage
from vaelab.ui.learn.frame import Hand, Lesson, Section, lesson_page
from vaelab.ui.learn.prediction import Prediction
from vaelab.ui.learn.race_view import lane_curves, lane_pictures, race_of, race_stage
from vaelab.ui.learn.views import choice
from vaelab.ui.text import t

if TYPE_CHECKING:
    from vaelab.lessons.small_vae import Lane

STEPS = 1_500
NAMES = ("kl_only", "recon_only", "both")
PICTURES = 4
VIEWS = ("three", "kl", "jensen", "onto", "bound")

LESSON = Lesson(
    "learn_elbo",
    (
        Section(
            "terms",
            r"\begin{aligned} \mathrm{ELBO}(x) ={}& \mathbb{E}_{q(z|x)}[\log p(x|z)] \\ &- \mathrm{KL}(q(z|x)\,\|\,p(z)) \end{aligned}",
        ),
        Section("three", sets={"elbo_view": "three"}),
        Section(
            "kl",
            r"\mathrm{KL}(q\,\|\,p) = \mathbb{E}_q\!\left[\log \frac{q(z)}{p(z)}\right] \ge 0",
            {"elbo_view": "kl"},
        ),
        Section(
            "jensen",
            r"\log \mathbb{E}[w] \ge \mathbb{E}[\log w]",
            {"elbo_view": "jensen"},
        ),
        Section("onto", r"\log p(x) = \mathrm{ELBO}(x) + \mathrm{KL}(q(z|x)\,\|\,p(z|x))", {"elbo_view": "onto"}),
        Section(
            "tight",
            None,
            {"elbo_view": "bound", "elbo_model": "linear", "elbo_shift": 1.0, "elbo_width": 1.0},
            hand=Hand({"shift": SHIFT, "width": WIDTH}, {"elbo_view": "bound"}, partial(told, "gap")),
        ),
        Section(
            "more",
            r"L_K = \mathbb{E}\left[\log \frac1K \sum_{k=1}^K \frac{p(x, z_k)}{q(z_k|x)}\right]",
            {"elbo_view": "bound", "elbo_k": 100},
            hand=Hand({"k": DRAWN}, {"elbo_view": "bound"}, partial(told, "rest")),
        ),
        Section("exact", r"p(x) = \mathcal{N}(x;\, m,\, WW^\top + s^2 I)"),
    ),
    (
        ("lessons.elbo_terms", "kl_only"),
        ("lessons.elbo_terms", "recon_only"),
        ("lessons.small_vae", "vae_terms"),
        ("lessons.divergence", "divergence"),
        ("lessons.divergence", "jensen"),
        ("lessons.divergence", "line_elbo"),
        ("lessons.importance", "log_weights"),
        ("lessons.importance", "estimates"),
        ("lessons.importance", "effective"),
        ("lessons.ppca", "log_likelihood"),
        ("lessons.ppca", "exact_elbo"),
        ("lessons.ppca", "kl_to_posterior"),
        ("lessons.importance", "log_evidence_on_grid"),
    ),
    ("train", {}),
    Prediction(("one", "hundred", "many", "never"), "one"),
)


def page() -> None:
    """The whole lesson."""
    lesson_page(LESSON, stage)


def stage() -> None:
    """Three trainings side by side, or the bound below log p(x)."""
    race = race_of("elbo", Plan(_lanes, STEPS))
    view = choice(t("learn_elbo.view"), VIEWS, "elbo_view", lambda name: t(f"learn_elbo.view_{name}"))
    if view == "three":
        race_stage(race, "elbo_race", three)
    elif view == "bound":
        bound_stage(race)
    else:
        race.look()  # its models are in use in the other views
        {"kl": kl_stage, "jensen": jensen_stage, "onto": onto_stage}[view]()


def _lanes() -> tuple[Lane, ...]:
    from vaelab.lessons.elbo_terms import lanes

    return lanes()


def three(frame: RaceFrame) -> None:
    """A column for each contestant: what it minimises, both terms as curves, its pictures."""
    for number, (column, name) in enumerate(zip(st.columns(3, gap="small"), NAMES, strict=True)):
        with column, st.container(gap="xsmall"):
            st.markdown(f"**{t(f'learn_elbo.lane_{name}')}**", help=t(f"learn_elbo.lane_{name}_help"))
            lane_curves(frame.lanes[number].curves if frame.lanes else {}, frame.steps, f"elbo_curves_{name}")
            lane_pictures(frame, number, PICTURES)
