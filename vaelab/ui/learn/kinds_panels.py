"""The numbers below the board of lesson 1: mass, Bayes' rule, a place far away, a missing coordinate."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vaelab.images import palette
from vaelab.images.palette import Theme
from vaelab.lessons.kinds import Kinds, apart, differences, one_joint, rank
from vaelab.lessons.mixtures import class_given_first, mass_inside, mass_near, mass_outside, missing, plane
from vaelab.ui.learn.chart_shape import shaped
from vaelab.ui.learn.kinds_fields import REACH, SIDE, worst
from vaelab.ui.learn.number_table import Cell, Key, Shares, Words, number_table, signed, small
from vaelab.ui.text import t

Array = NDArray[np.float64]

NEAR = 1.0  # plane units around the probe
CHART = 150  # pixels, as kinds.css keeps free


def mass_panel(kinds: Kinds, before: Kinds, probe: Array, theme: Theme) -> None:
    """The total mass of each density, where it lies, and what the last change did to it at the probe."""
    near, rest, out = palette.colour("z", theme), palette.colour("prior", theme), palette.colour("eps", theme)
    rows: list[list[Cell]] = []
    pairs = [("p(x)", kinds.generative, before.generative)]
    pairs += [
        (f"p(x|{name})", now, then) for name, now, then in zip("AB", kinds.conditional, before.conditional, strict=True)
    ]
    for name, now, then in pairs:
        inside, outside, close = mass_inside(now, REACH), mass_outside(now, REACH), mass_near(now, probe, NEAR, REACH)
        bar = Shares(((close, near), (inside - close, rest), (outside, out)), width=110)
        here, was = (float(np.exp(model.score_samples(probe[None])[0])) for model in (now, then))
        figures = [f"{value:.4f}" for value in (close, inside - close, outside, inside + outside, here, was)]
        rows.append([name, bar, *figures])
    parts = (("near", near), ("rest", rest), ("outside", out))
    keys = [Key(t(f"learn_kinds.mass_{name}"), colour) for name, colour in parts]
    others = [t(f"learn_kinds.mass_{name}") for name in ("total", "probe", "before")]
    number_table(["", t("learn_kinds.meter"), *keys, *others], rows, theme)
    cells = kinds.discriminative.predict_proba(plane(REACH, SIDE))[:, 1]
    answer = kinds.discriminative.predict_proba(probe[None])[0]
    over_plane = float(cells.sum() * (2.0 * REACH / SIDE) ** 2)
    told = t("learn_kinds.mass_posterior", a=f"{answer[0]:.4f}", b=f"{answer[1]:.4f}", plane=f"{over_plane:.1f}")
    st.caption(told)


def bayes_panel(kinds: Kinds, theme: Theme) -> None:
    """Both sides of Bayes' rule: within one joint, and between three models that were fitted apart."""
    cells = plane(REACH, SIDE)
    exact = worst(differences(one_joint(kinds, cells), kinds.priors))
    off = apart(kinds, cells)
    parts = (off.posterior, off.evidence, off.likelihood)
    rules = ("p(y|x) = p(x|y) p(y) / p(x)", "p(x) = Σ p(x|y) p(y)", "p(x|y) = p(y|x) p(x) / p(y)")
    rows = [
        [rule, small(largest), f"{np.abs(part).mean():.4f}", f"{np.abs(part).max():.4f}"]
        for rule, largest, part in zip(rules, exact, parts, strict=True)
    ]
    number_table([t(f"learn_kinds.bayes_{name}") for name in ("rule", "joint", "mean", "most")], rows, theme)
    st.caption(t("learn_kinds.bayes_note"))


def ask_panel(kinds: Kinds, points: Array, probe: Array, theme: Theme) -> None:
    """What each kind answers about the probe."""
    chance = kinds.discriminative.predict_proba(probe[None])[0]
    built = one_joint(kinds, probe[None]).posterior[0]
    whole = float(kinds.generative.score_samples(probe[None])[0])
    each = [float(model.score_samples(probe[None])[0]) for model in kinds.conditional]
    below = rank(kinds, points, probe)
    sure = t("learn_kinds.sure" if chance.max() > 0.95 else "learn_kinds.unsure", name="AB"[int(chance.argmax())])
    typical = t("learn_kinds.is_outlier" if below == 0 else "learn_kinds.is_typical", share=f"{below:.0%}")
    rows: list[list[Cell]] = [
        ["p(y|x)", f"A {chance[0]:.4f}", f"B {chance[1]:.4f}", Words(sure)],
        ["p(x)", f"log p {signed(whole)} {t('learn_kinds.nats')}", "", Words(typical)],
        ["p(x|y)", f"A log p {signed(each[0])}", f"B log p {signed(each[1])}", Words(t("learn_kinds.ask_conditional"))],
        ["p(x|y) p(y) / p(x)", f"A {built[0]:.4f}", f"B {built[1]:.4f}", Words(t("learn_kinds.ask_bayes"))],
    ]
    place = f"({signed(probe[0])}, {signed(probe[1])})"
    number_table([t("learn_kinds.asked", place=place), "", "", ""], rows, theme)


def missing_panel(kinds: Kinds, probe: Array, theme: Theme) -> None:
    """x2 is missing: the mixture conditions in closed form, the discriminative model has no way to."""
    line, evidence = missing(kinds.generative, float(probe[0]))
    shares = class_given_first(kinds, float(probe[0]))
    at = np.linspace(-REACH, REACH, 121)
    rows = pd.DataFrame({"x2": at, "density": line.density(at)})
    left, right = st.columns([1, 1.3])  # so that no cell of the table needs a second line
    with left, st.container(key="kinds_missing"):
        st.altair_chart(_conditional_chart(rows, theme), width="stretch", key="kinds_missing_chart", alt="p(x₂ | x₁)")
    with right:
        table: list[list[Cell]] = [
            ["log p(x₁)", f"{signed(evidence, 3)} {t('learn_kinds.nats')}"],
            [t("learn_kinds.mean"), f"{signed(line.mean, 3)} ± {line.sigma:.3f}"],
            ["p(A|x₁), p(B|x₁)", f"{shares[0]:.3f}, {shares[1]:.3f}"],
            [t("learn_kinds.logistic"), Words(t("learn_kinds.cannot"))],
        ]
        number_table([t("learn_kinds.given", first=signed(probe[0])), ""], table, theme)


def _conditional_chart(rows: pd.DataFrame, theme: Theme) -> alt.Chart:
    title = alt.TitleParams("p(x₂ | x₁), x₂ →", fontSize=12, anchor="start")
    chart: alt.Chart = (
        alt.Chart(rows, title=title)
        .mark_area(
            line={"color": palette.colour("decoder", theme)},
            color=palette.colour("decoder", theme),
            opacity=0.35,
            aria=False,
        )
        .encode(
            x=alt.X(
                "x2:Q", title=None, axis=alt.Axis(values=[-4, -2, 0, 2, 4], grid=False), scale=alt.Scale(nice=False)
            ),
            y=alt.Y("density:Q", title=None, axis=alt.Axis(tickCount=3)),
            tooltip=[
                alt.Tooltip("x2:Q", title="x₂", format=".2f"),
                alt.Tooltip("density:Q", title="p(x₂|x₁)", format=".4f"),
            ],
        )
    )
    return shaped(chart, CHART)
