"""Lesson 11: what another posterior, another bound and another prior buy, on one model with exact answers."""

from __future__ import annotations

from functools import partial

from vaelab.ui.learn.beyond_views import DRAWN, SEEN, bound_stage, posterior_stage, prior_stage, told
from vaelab.ui.learn.frame import Hand, Lesson, Section, lesson_page
from vaelab.ui.learn.prediction import Prediction
from vaelab.ui.learn.views import choice
from vaelab.ui.text import t

VIEWS = ("posterior", "bound", "prior")

LESSON = Lesson(
    "learn_beyond",
    (
        Section(
            "example",
            r"p(x|z) = \mathcal{N}(x;\, f(z),\, 0.35^2), \quad z \in \mathbb{R}^2",
            {"beyond_view": "posterior", "beyond_curve": "bend", "beyond_family": "diagonal", "beyond_x": 0.0},
        ),
        Section(
            "full",
            r"z = \mu + L\,\epsilon, \quad q = \mathcal{N}(\mu,\, L L^\top)",
            {"beyond_view": "posterior", "beyond_curve": "line", "beyond_family": "full"},
        ),
        Section(
            "flow",
            r"\log q(z_T) = \log q(z_0) - \sum_{t=1}^T \log \left|\det \frac{\partial z_t}{\partial z_{t-1}}\right|",
            {"beyond_view": "posterior", "beyond_curve": "bend", "beyond_family": "planar", "beyond_x": 0.0},
            hand=Hand({"x": SEEN}, {"beyond_view": "posterior"}, partial(told, "gap")),
            methods=("flow-vae",),
        ),
        Section(
            "draws",
            r"L_K = \mathbb{E}\left[\log \frac1K \sum_{k=1}^K \frac{p(x, z_k)}{q(z_k|x)}\right]",
            {"beyond_view": "bound", "beyond_curve": "bend", "beyond_family": "diagonal", "beyond_k": 10},
            hand=Hand({"k": DRAWN}, {"beyond_view": "bound"}, partial(told, "rest")),
            methods=("iwae",),
        ),
        Section(
            "prior",
            r"\begin{aligned} \mathbb{E}_x[\mathrm{KL}(q(z|x)\,\|\,p(z))] ={}& I(x; z) \\ &+ \mathrm{KL}(\bar q(z)\,\|\,p(z)) \end{aligned}",
            {"beyond_view": "prior", "beyond_prior": "standard"},
        ),
        Section(
            "learned",
            r"p(z) = \frac1C \sum_{c=1}^C q(z|u_c)",
            {"beyond_view": "prior", "beyond_prior": "vamp", "beyond_parts": 3},
            methods=("mixture-vae", "vamp-vae"),
        ),
        Section("bill"),
    ),
    (
        ("lessons.curved", "decode"),
        ("lessons.curved", "log_evidence"),
        ("lessons.bent", "elbo"),
        ("models.flows", "Planar.forward"),
        ("models.flows", "InverseAutoregressive.forward"),
        ("models.flows", "FlowPosterior.draw"),
        ("lessons.importance", "estimates"),
        ("lessons.fitted_priors", "bounds"),
        ("lessons.fitted_priors", "Fit.components"),
        ("lessons.fitted_priors", "evidence"),
    ),
    ("train", {"set_model": "flow-vae"}),
    Prediction(("posterior", "bound", "prior", "all"), "prior"),
)


def page() -> None:
    """The whole lesson."""
    lesson_page(LESSON, stage)


def stage() -> None:
    """One of the three things that may be changed."""
    view = choice(t("learn_beyond.view"), VIEWS, "beyond_view", lambda name: t(f"learn_beyond.view_{name}"))
    {"posterior": posterior_stage, "bound": bound_stage, "prior": prior_stage}[view]()
