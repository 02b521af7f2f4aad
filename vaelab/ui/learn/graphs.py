"""Lesson 6: a Bayesian network, a Markov network and the VAE as graphs whose nodes can be pressed."""

from __future__ import annotations

import streamlit as st

from vaelab.ui.learn.frame import Hand, Lesson, Section, lesson_page
from vaelab.ui.learn.graphs_bayes import bayes_view
from vaelab.ui.learn.graphs_case import case_view
from vaelab.ui.learn.graphs_markov import COUPLING, FIELD, agreeing, markov_view
from vaelab.ui.learn.graphs_vae import vae_view
from vaelab.ui.learn.prediction import Prediction
from vaelab.ui.text import t

LESSON = Lesson(
    "learn_graphs",
    (
        Section(
            "idea",
            r"\begin{aligned} p(b,e,a,j,m) ={}& p(b)\,p(e)\,p(a|b,e) \\ & \cdot p(j|a)\,p(m|a) \end{aligned}",
        ),
        Section("away", None, {"graphs_view": "alarm", "graphs_seen_alarm": {"alarm": 1, "earthquake": 1}}),
        Section("case", None, {"graphs_view": "case", "graphs_case_number": 0, "graphs_case_seen": {}}),
        Section("vae", r"p(x,z) = p(z)\,p_\theta(x|z)", {"graphs_view": "vae", "graphs_node": "z"}),
        Section(
            "separation",
            None,
            {
                "graphs_view": "alarm",
                "graphs_seen_alarm": {"mary": 1},
                "graphs_a_alarm": "burglary",
                "graphs_b_alarm": "earthquake",
            },
            extra=True,
        ),
        Section(
            "markov",
            r"p(x) = \frac{1}{Z} \prod_{i-j} e^{J s_i s_j} \prod_i e^{h s_i}",
            {"graphs_view": "markov", "graphs_coupling": 1.0, "graphs_seen_markov": {"anna": 1}},
            extra=True,
            hand=Hand({"coupling": COUPLING, "field": FIELD}, {"graphs_view": "markov"}, agreeing),
        ),
    ),
    (
        ("lessons.networks", "joint"),
        ("lessons.networks", "weights"),
        ("lessons.networks", "given"),
        ("lessons.networks", "posteriors"),
        ("lessons.acquittal", "fewest"),
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


VIEWS = ("alarm", "case", "vae", "sprinkler", "markov")  # the last two belong to the extra


def stage() -> None:
    """One of the graphs, or an accused cause to free."""
    st.session_state.setdefault("graphs_view", "alarm")
    words = {name: t(f"learn_graphs.view_{name}") for name in VIEWS}
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
        elif view == "case":
            case_view()
        elif view == "vae":
            vae_view()
        else:
            bayes_view(view or "alarm")


def page() -> None:
    """The whole lesson."""
    lesson_page(LESSON, stage)
