"""The three views of lesson 11: the posterior, the bound and the prior of one small model, whose every figure is exact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab.images import palette
from vaelab.images.palette import markdown
from vaelab.lessons.curved import (
    CURVES,
    FAMILIES,
    FLOWS,
    PRIORS,
    SHAPES,
    Curve,
    Family,
    log_evidence,
    log_likelihood,
    log_standard,
    plane,
    posterior,
)
from vaelab.lessons.importance import LARGEST, effective, estimates
from vaelab.ui.components.bent.bent_view import Panel, bent_view, circles
from vaelab.ui.components.sentence.sentence_view import Number
from vaelab.ui.learn.beyond_charts import density_chart, density_rows
from vaelab.ui.learn.elbo_bound import COUNTS
from vaelab.ui.learn.elbo_charts import bound_chart, bound_rows
from vaelab.ui.learn.evidence_bar import evidence_bar, settled
from vaelab.ui.learn.number_table import Cell, Key, Shares, number_table
from vaelab.ui.learn.views import choice
from vaelab.ui.text import t
from vaelab.ui.ticking import ticking_chart
from vaelab.ui.widgets import figure, theme

if TYPE_CHECKING:
    from vaelab.lessons.bent import Fitted

Array = NDArray[Any]
FIT = 5e-4  # nats that an optimiser leaves, below which two heights are the same
SEEN = Number("beyond_x", -2.0, 3.0, 0.5, 0.0, "learn_beyond.x", "total")
DRAWN = Number("beyond_k", COUNTS[0], LARGEST, 1, 10, "learn_beyond.k", "z", COUNTS)
STEPS, PARTS = (4, 8), (3, 8)  # at first, at most
WINDOW = 4.0  # of the planes, on both sides
SIDE = 121  # of a field along each axis
POINTS = 500  # draws that are shown
DRAWS = 8 * LARGEST  # of the estimates
BAR = (-6.5, 0.0)  # nats
PRIOR_BAR = (-3.2, -1.3)
TOLD = "beyond_told"  # in the session, nats


def told(name: str) -> dict[str, str]:
    """A distance that a view has shown last, for a sentence of the text: "gap" of the ELBO, "rest" of the bound with K draws."""
    known = st.session_state.get(TOLD)
    return {name: figure(settled(known[name], FIT), 3)} if known and name in known else {}


@st.cache_data(max_entries=4, show_spinner=False)
def _noise(count: int) -> Array:
    return np.random.default_rng(0).standard_normal((count, 2))


def _chosen() -> tuple[Curve, float, Family, int, Fitted, float]:
    """The controls that two views share: decoder, x, family and steps; the best q of that family, and log p(x)."""
    from vaelab.lessons.bent import fit

    st.session_state.setdefault("beyond_curve", "bend")
    st.session_state.setdefault(SEEN.key, SEEN.start)
    left, right = st.columns(2, gap="medium")
    with left:
        curve = choice(
            t("learn_beyond.curve"), CURVES, "beyond_curve", lambda c: t(f"learn_beyond.curve_{c}"),
            show_label=True, help=t("learn_beyond.curve_help"),
        )  # fmt: skip
    with right:
        x = st.slider(t(SEEN.label), SEEN.low, SEEN.high, step=SEEN.step, key=SEEN.key, help=t("learn_beyond.x_help"))
    with left:
        family = choice(
            t("learn_beyond.family"), FAMILIES, "beyond_family", lambda f: t(f"learn_beyond.family_{f}"),
            show_label=True, help=t("learn_beyond.family_help"),
        )  # fmt: skip
    steps = kept("beyond_steps", STEPS[0])
    if st.session_state["beyond_view"] == "posterior" and family in FLOWS:
        with right:
            steps = st.slider(
                t("learn_beyond.steps"), 1, STEPS[1], key="beyond_steps", help=t("learn_beyond.steps_help")
            )
    with st.spinner(t("learn_beyond.fitting"), show_time=False):
        found = fit(family, curve, float(x), steps if family in FLOWS else 0)
    return curve, float(x), family, steps, found, log_evidence(curve, float(x))


def kept(key: str, usual: int) -> int:
    """Where a slider stands that may not be shown now: Streamlit forgets it else."""
    st.session_state[key] = number = int(st.session_state.get(key, usual))
    return number


def _field(curve: Curve, x: float) -> Array:
    return posterior(curve, x, plane(WINDOW, SIDE)[0])


def posterior_stage() -> None:
    """The true posterior beside the q that is nearest to it, and what is left between bound and log p(x)."""
    from vaelab.lessons.bent import fit

    curve, x, family, steps, found, truth = _chosen()
    rings = found.q.way(circles())
    panels = (
        Panel(t("learn_beyond.true_posterior"), "total", _field(curve, x), rings=rings),
        Panel(t("learn_beyond.best_q"), "encoder", None, found.q.way(_noise(POINTS)), rings),
    )
    bent_view("beyond_planes", panels, WINDOW)
    _bar(found.elbo, truth)
    gap = truth - found.elbo
    st.session_state[TOLD] = {**st.session_state.get(TOLD, {}), "gap": gap}
    parts = {"bound": found.elbo, "gap": settled(gap, FIT), "truth": truth}
    st.markdown(t("learn_beyond.told", **_words(parts), **_names()))
    purple, orange = palette.colour("encoder", theme()), palette.colour("eps", theme())
    rows: list[list[Cell]] = []
    for name in FAMILIES:
        if name in FLOWS and name != family and (name, curve, x, steps) not in _fitted():
            rows.append([t(f"learn_beyond.family_{name}"), "–", t("learn_beyond.not_fitted"), ""])
            continue
        bound = fit(name, curve, x, steps if name in FLOWS else 0).elbo
        _fitted().add((name, curve, x, steps))
        away = max(0.0, truth - bound)
        bar = Shares(((1.0 - min(1.0, away / 3.0), purple), (min(1.0, away / 3.0), orange)), width=90)
        rows.append([t(f"learn_beyond.family_{name}"), figure(bound), figure(settled(away, FIT), 3), bar])
    head: list[str | Key] = [
        t("learn_beyond.family"),
        t("learn_beyond.elbo_nats"),
        Key(t("learn_beyond.gap_nats"), orange),
        "",
    ]
    number_table(head, rows, theme())


def _fitted() -> set[tuple[str, str, float, int]]:
    """What this session has asked for: a flow takes a second or two, so none is fitted unasked."""
    known: set[tuple[str, str, float, int]] = st.session_state.setdefault("lesson11_fitted", set())
    return known


def bound_stage() -> None:
    """The same q, K draws of it, and the bound that they prove."""
    st.session_state.setdefault(DRAWN.key, DRAWN.start)
    curve, x, family, steps, found, truth = _chosen()
    k = int(st.select_slider(t(DRAWN.label), COUNTS, key=DRAWN.key, help=t("learn_beyond.k_help")))
    place, state = "lesson11_weights", (family, curve, x, steps)
    kept = st.session_state.get(place)
    if kept is None or kept[0] != state:
        z, log_q = found.q.draw(_noise(DRAWS))
        weights = log_likelihood(curve, x, z) + log_standard(z) - log_q
        answers = {count: estimates(weights, count) for count in COUNTS}
        kept = st.session_state[place] = (state, z, weights, answers)
    _, z, weights, answers = kept
    shown = min(k, POINTS)
    share = np.exp(weights[:shown] - np.logaddexp.reduce(weights[:shown]))
    counting = effective(weights, k)
    left, right = st.columns(2, gap="small")
    with left:
        panel = Panel(t("learn_beyond.weighed"), "total", _field(curve, x), z[None, :shown], sizes=share)
        bent_view("beyond_weights", (panel,), WINDOW)
    with right:
        texts = {word: t(f"learn_elbo.{word}") for word in ("draws", "nats", "bound", "truth", "elbo")}
        rows = bound_rows(answers, truth, found.elbo, k)
        ticking_chart(bound_chart, rows, texts, key="beyond_bounds", alt_text=t("learn_elbo.chart_alt"), height=220)
    bound = found.elbo if k == 1 else float(answers[k].mean())
    _bar(bound, truth)
    rest = truth - bound
    st.session_state[TOLD] = {**st.session_state.get(TOLD, {}), "rest": rest}
    parts = {"bound": bound, "gap": settled(rest, FIT), "truth": truth, "elbo": found.elbo}
    st.markdown(t("learn_beyond.told_k", k=f"{k:,}", counting=f"{counting:,.1f}", **_words(parts), **_names()))


def prior_stage() -> None:
    """The aggregate posterior beside the prior, and three heights: the bound, log p(x), and the most that any prior can reach."""
    from vaelab.lessons import fitted_priors
    from vaelab.lessons.fitted_priors import fit, log_data

    left, right = st.columns(2, gap="medium")
    with left:
        prior = choice(
            t("learn_beyond.prior_label"), PRIORS, "beyond_prior", lambda p: t(f"learn_beyond.prior_{p}"),
            show_label=True, help=t("learn_beyond.prior_help"),
        )  # fmt: skip
        shape = choice(
            t("learn_beyond.family"), SHAPES, "beyond_shape", lambda f: t(f"learn_beyond.family_{f}"),
            show_label=True, help=t("learn_beyond.shape_help"),
        )  # fmt: skip
    parts = kept("beyond_parts", PARTS[0])
    if prior != "standard":
        with right:
            parts = st.slider(
                t("learn_beyond.parts"), 1, PARTS[1], key="beyond_parts", help=t("learn_beyond.parts_help")
            )
    with st.spinner(t("learn_beyond.fitting"), show_time=False):
        answer = fit(prior, shape, parts if prior != "standard" else 1)
    every = slice(
        *np.searchsorted(np.linspace(-fitted_priors.WIDE, fitted_priors.WIDE, fitted_priors.SIDE), [-WINDOW, WINDOW])
    )
    marks = None if prior == "standard" else answer.marks
    panels = (
        Panel(t("learn_beyond.aggregate"), "encoder", answer.aggregate[every, every]),
        Panel(t("learn_beyond.prior_shown"), "prior", answer.prior[every, every], marks=marks),
    )
    bent_view("beyond_priors", panels, WINDOW)
    texts = {word: t(f"learn_beyond.{word}") for word in ("density", "data", "model")} | {"x": "x"}
    rows = density_rows(fitted_priors.SEEN, np.exp(log_data(fitted_priors.SEEN)), answer.model)
    ticking_chart(density_chart, rows, texts, key="beyond_density", alt_text=t("learn_beyond.density_alt"), height=110)
    colours = [palette.colour(role, theme()) for role in ("encoder", "eps", "prior")]
    ends = (answer.elbo, answer.truth, answer.most)
    st.html(evidence_bar(list(zip(ends, colours, strict=True)), *PRIOR_BAR, ends[1:], t("learn_beyond.prior_bar_alt")))
    shown = {
        "bound": answer.elbo,
        "gap": settled(answer.truth - answer.elbo, FIT),
        "truth": answer.truth,
        "lack": settled(answer.most - answer.truth, FIT),
        "most": answer.most,
        "apart": settled(answer.apart, FIT),
    }
    st.markdown(
        t("learn_beyond.told_prior", **_words(shown), **_names(), lack_name=markdown("prior", t("learn_beyond.lack")))
    )
    if answer.pseudo is not None:
        found = ", ".join(figure(float(u), 3) for u in np.sort(answer.pseudo))
        st.caption(t("learn_beyond.pseudo", found=found))


def _bar(bound: float, truth: float) -> None:
    colours = (palette.colour("encoder", theme()), palette.colour("eps", theme()))
    st.html(evidence_bar(tuple(zip((bound, truth), colours, strict=True)), *BAR, (truth,), t("learn_beyond.bar_alt")))


def _words(values: Mapping[str, float]) -> dict[str, str]:
    return {name: figure(value) for name, value in values.items()}


def _names() -> dict[str, str]:
    return {
        "bound_name": markdown("encoder", t("learn_beyond.bound_name")),
        "gap_name": markdown("eps", t("learn_beyond.gap")),
    }
