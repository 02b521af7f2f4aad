"""Lesson 6: a Bayesian network, a Markov network and the VAE as graphs whose nodes can be pressed."""

from __future__ import annotations

import streamlit as st

from vaelab.ui.learn.frame import Lesson, Section, lesson_page
from vaelab.ui.learn.graphs_bayes import bayes_view
from vaelab.ui.learn.graphs_markov import markov_view
from vaelab.ui.learn.graphs_vae import vae_view
from vaelab.ui.learn.prediction import Prediction
from vaelab.ui.text import t

LESSON = Lesson(
    "learn_graphs",
    (
        Section("idea", r"p(b,e,a,j,m) = p(b)\,p(e)\,p(a|b,e)\,p(j|a)\,p(m|a)"),
        Section("away", None, {"graphs_view": "alarm", "graphs_seen_alarm": {"alarm": 1, "earthquake": 1}}),
        Section(
            "separation",
            None,
            {
                "graphs_view": "alarm",
                "graphs_seen_alarm": {"mary": 1},
                "graphs_a_alarm": "burglary",
                "graphs_b_alarm": "earthquake",
            },
        ),
        Section(
            "markov",
            r"p(x) = \frac{1}{Z} \prod_{i-j} e^{J s_i s_j} \prod_i e^{h s_i}",
            {"graphs_view": "markov", "graphs_coupling": 1.0, "graphs_seen_markov": {"anna": 1}},
        ),
        Section("vae", r"p(x,z) = p(z)\,p_\theta(x|z)", {"graphs_view": "vae", "graphs_node": "z"}),
    ),
    (
        ("lessons.networks", "joint"),
        ("lessons.networks", "weights"),
        ("lessons.networks", "given"),
        ("lessons.networks", "posteriors"),
        ("lessons.networks", "dependence"),
        ("lessons.separation", "paths"),
        ("lessons.separation", "blocked_at"),
        ("lessons.separation", "d_separated"),
        ("lessons.separation", "cut_at"),
        ("lessons.separation", "separated"),
    ),
    ("decode", {"run": "pixel-faces-conv-vae"}),
    Prediction(("always", "nothing", "clouds", "wet"), "clouds"),
)


def stage() -> None:
    """One of four graphs."""
    st.session_state.setdefault("graphs_view", "alarm")
    words = {name: t(f"learn_graphs.view_{name}") for name in ("alarm", "sprinkler", "markov", "vae")}
    with st.container(gap="xsmall"):
        view = st.segmented_control(
            t("learn_graphs.view"),
            list(words),
            key="graphs_view",
            required=True,
            format_func=words.__getitem__,
            label_visibility="collapsed",
        )
        if view == "markov":
            markov_view()
        elif view == "vae":
            vae_view()
        else:
            bayes_view(view or "alarm")


def page() -> None:
    """The whole lesson."""
    lesson_page(LESSON, stage)
