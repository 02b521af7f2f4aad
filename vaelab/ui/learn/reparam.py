"""Lesson 8: why a draw stops the gradient, and how reparameterization opens its way."""

from __future__ import annotations

import numpy as np
import streamlit as st

from vaelab.images.palette import markdown
from vaelab.lessons.gradients import COSTS, averaged, reparameterized_gradients, score_function_gradients
from vaelab.ui.components.frozen.frozen_view import frozen_view
from vaelab.ui.components.sentence.sentence_view import Number
from vaelab.ui.learn.frame import Hand, Lesson, Section, lesson_page
from vaelab.ui.learn.number_table import signed
from vaelab.ui.learn.prediction import Estimate
from vaelab.ui.learn.reparam_charts import ROLES, gradient_chart, gradient_rows
from vaelab.ui.learn.reparam_path import draw_button, path_view
from vaelab.ui.learn.views import choice
from vaelab.ui.text import t
from vaelab.ui.ticking import ticking_chart
from vaelab.ui.widgets import figure

VIEWS = ("path", "variance", "pinned")
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
REPEATS = 2_000  # means in a histogram
PINNED = 24
NONE = 1e-9  # a derivative that is no more than this is 0
MOVES = ("mu", "sigma")
SAID = 66  # pixels: two lines
RATIO = "reparam_ratio"  # in the session: of the two variances that were shown last
MU = Number("reparam_mu", -2.5, 2.5, 0.05, 0.8, "learn_reparam.mu", "mu")
SIGMA = Number("reparam_sigma", 0.1, 1.5, 0.05, 0.6, "learn_reparam.sigma", "sigma")
SIZE = Number("reparam_size", SIZES[0], SIZES[-1], 1, 1, "learn_reparam.size", "z", SIZES)


def _drawn() -> dict[str, str]:
    """The draw of the first view: eps, and the z that it becomes."""
    state = st.session_state
    eps = float(_noise(1)[0])
    z = float(state[MU.key]) + float(state[SIGMA.key]) * eps
    return {"eps": signed(eps), "z": signed(z)}


def _ratio() -> dict[str, str]:
    known = st.session_state.get(RATIO)
    return {} if known is None else {"ratio": figure(known, 3)}


LESSON = Lesson(
    "learn_reparam",
    (
        Section("stop", sets={"reparam_view": "path", "reparam_trick": "without"}),
        Section(
            "trick",
            r"z = \mu + \sigma\,\varepsilon,\quad \varepsilon \sim \mathcal{N}(0, 1)",
            {"reparam_view": "path", "reparam_trick": "with"},
            hand=Hand({"mu": MU, "sigma": SIGMA}, {"reparam_view": "path", "reparam_trick": "with"}, _drawn),
        ),
        Section("pinned", sets={"reparam_view": "pinned", "reparam_pin": True}),
        Section(
            "other",
            r"\nabla\, \mathbb{E}[f(z)] = \mathbb{E}[f(z)\, \nabla \log q(z)]",
            {"reparam_view": "variance", "reparam_cost": "far", "reparam_size": 1},
            hand=Hand({"mu": MU, "size": SIZE}, {"reparam_view": "variance"}, _ratio),
        ),
        Section("step", sets={"reparam_view": "variance", "reparam_cost": "step"}),
    ),
    (
        ("lessons.gradient_path", "follow_gradient"),
        ("lessons.gradients", "reparameterized_gradients"),
        ("lessons.gradients", "score_function_gradients"),
        ("lessons.gradients", "averaged"),
        ("models.posteriors", "GaussianPosterior.sample"),
    ),
    ("decode", {"tab": "pipeline"}),
    Estimate(0.25, 10.0, 0.25, right=3.75, near=0.75),
)


def page() -> None:
    """The whole lesson."""
    lesson_page(LESSON, stage)


def stage() -> None:
    """Three views of one draw z ~ N(mu, sigma^2) and a function f of it."""
    starts = {number.key: number.start for number in (MU, SIGMA, SIZE)}
    for key, value in {**starts, "reparam_seed": 0, "reparam_pin": True}.items():
        st.session_state.setdefault(key, value)
    view = choice(t("learn_reparam.view"), VIEWS, "reparam_view", lambda name: t(f"learn_reparam.view_{name}"))
    cost = choice(
        t("learn_reparam.cost"),
        tuple(COSTS),
        "reparam_cost",
        lambda name: t(f"learn_reparam.cost_{name}"),
        show_label=True,
        help=t("learn_reparam.cost_help"),
    )
    if view == "pinned":
        for name in ("reparam_mu", "reparam_sigma"):
            st.session_state[name] = st.session_state[name]  # their sliders are away
        pinned(cost)
        return
    left, right = st.columns(2, gap="medium")
    with left:
        mu = st.slider(t(MU.label), MU.low, MU.high, step=MU.step, key=MU.key, help=t("learn_reparam.mu_help"))
    with right:
        sigma = st.slider(
            t(SIGMA.label), SIGMA.low, SIGMA.high, step=SIGMA.step, key=SIGMA.key, help=t("learn_reparam.sigma_help")
        )
    if view == "path":
        path_view(COSTS[cost], mu, sigma)
    else:
        variance(cost, mu, sigma)


def _noise(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.random.default_rng(st.session_state["reparam_seed"]).standard_normal(count)


def variance(name: str, mu: float, sigma: float) -> None:
    """Both estimators as histograms over one range, their means and variances beside the exact gradient."""
    left, right = st.columns(2, gap="medium")
    with left, st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        by = choice(
            t("learn_reparam.by"),
            MOVES,
            "reparam_by",
            lambda m: {"mu": "∂/∂μ", "sigma": "∂/∂σ"}[m],
            show_label=True,
            help=t("learn_reparam.by_help"),
        )
        draw_button("reparam_again_variance")
    with right:
        size = st.select_slider(t(SIZE.label), SIZES, key=SIZE.key, help=t("learn_reparam.size_help"))
        less = st.toggle(t("learn_reparam.baseline"), key="reparam_baseline", help=t("learn_reparam.baseline_help"))
    cost, at = COSTS[name], MOVES.index(by)
    taken = cost.mean(mu, sigma) if less else 0.0
    eps = _noise(REPEATS * size)
    estimates = {
        "reparam": averaged(reparameterized_gradients(cost, mu, sigma, eps)[at], size),
        "score": averaged(score_function_gradients(cost, mu, sigma, mu + sigma * eps, taken)[at], size),
    }
    exact = cost.exact(mu, sigma)[at]
    rows = gradient_rows(estimates, exact)
    texts = {word: t(f"learn_reparam.{word}") for word in ("reparam", "score", "exact", "share")}
    for word, values in estimates.items():
        error = values.std(ddof=1) / np.sqrt(len(values))
        st.markdown(
            t(
                "learn_reparam.estimate",
                name=markdown(ROLES[word], f"**{t(f'learn_reparam.{word}')}**"),
                mean=f"{values.mean():.3f} ± {error:.2g}",
                exact=f"{exact:.3f}",
                variance=figure(float(values.var(ddof=1))),
            ),
            help=t(f"learn_reparam.{word}_help"),
        )
        ticking_chart(
            gradient_chart, rows, texts, key=f"reparam_{word}", alt_text=t("learn_reparam.histogram_alt"), name=word
        )
    ratio = float(estimates["score"].var(ddof=1)) / max(float(estimates["reparam"].var(ddof=1)), 1e-300)
    st.session_state[RATIO] = None if name == "step" else ratio
    with st.container(height=SAID, border=False):
        if name != "step":
            st.markdown(
                t("learn_reparam.ratio" if ratio >= 1.0 else "learn_reparam.ratio_below", ratio=figure(ratio, 3))
            )
        else:
            st.markdown(t("learn_reparam.no_slope") if abs(exact) > NONE else t("learn_reparam.no_slope_right"))


def pinned(name: str) -> None:
    """The same noise again and again while mu is dragged; or other noise at every move, to compare."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        pin = st.toggle(t("learn_reparam.pin"), key="reparam_pin", help=t("learn_reparam.pin_help"))
        draw_button("reparam_again")
    state = st.session_state
    frozen_view("reparam_frozen", name, state["reparam_mu"], state["reparam_sigma"], _noise(PINNED).tolist(), pin)
