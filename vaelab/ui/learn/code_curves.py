"""Lesson 9: both terms of the loss over the steps that were taken, beside those of the training that was not broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from vaelab.images import palette
from vaelab.images.palette import Role, Theme
from vaelab.ui import tags
from vaelab.ui.charts.thinning import thin
from vaelab.ui.learn.chart_shape import shaped
from vaelab.ui.text import t
from vaelab.ui.ticking import ticking_chart
from vaelab.ui.widgets import figure

if TYPE_CHECKING:
    from vaelab.lessons.one_step import Training


def curves(now: Training) -> None:
    """Both terms of every step so far."""
    last = now.steps[-1]
    steps = np.array([step.number for step in now.steps], dtype=float)
    terms: tuple[tuple[str, Role, float, list[float], int], ...] = (
        ("recon", "decoder", last.recon, [step.recon for step in now.steps], 84),
        ("kl", "encoder", last.kl, [step.kl for step in now.steps], 64),
    )
    for term, role, value, values, height in terms:
        words = f'<span style="color:var(--vl-{role}-text)">{t(f"learn_code.term_{term}")} <span class=n>{figure(value, 5)}</span> {t("race.nats")}</span>'
        st.html(tags.stage(words))
        x, y = thin(steps, np.array(values))
        rows = pd.DataFrame({"step": x, "value": y, "newest": x == x[-1], "whole": False})
        # Of a training that nobody broke, only the newest point: a layer without rows would be told of on the console.
        since = now.broken_at if now.unbroken else len(now.steps) - 1
        other = [getattr(step, term) for step in (now.unbroken or now).steps[since:]]
        x, y = thin(steps[since:], np.array(other))
        rows = pd.concat([rows, pd.DataFrame({"step": x, "value": y, "newest": False, "whole": True})])
        texts = {word: t(f"learn_code.{word}") for word in ("step", "nats")}
        name = t(f"learn_code.term_{term}")
        ticking_chart(term_curve, rows, texts, key=f"code_curve_{term}", alt_text=name, role=role, height=height)


def term_curve(rows: pd.DataFrame, theme: Theme, texts: Mapping[str, str], role: Role, height: int) -> alt.LayerChart:
    """One term over the steps, the newest step as a point, so that the first step is seen too; of a training that was broken, the whole one
    dashed. texts: step, nats."""
    x = alt.X(
        "step:Q",
        title=None,
        axis=alt.Axis(tickCount=4, grid=False, format="d", tickMinStep=1),
        scale=alt.Scale(nice=False),
    )
    y = alt.Y("value:Q", title=None, axis=alt.Axis(tickCount=3, format="~r"), scale=alt.Scale(zero=False))
    hint = [
        alt.Tooltip("step:Q", title=texts["step"], format=".0f"),
        alt.Tooltip("value:Q", title=texts["nats"], format=".2f"),
    ]
    colour = palette.colour(role, theme)
    line = (
        alt.Chart(rows)
        .transform_filter(~alt.datum.whole)
        .mark_line(color=colour, strokeWidth=1.8)
        .encode(x=x, y=y, tooltip=hint)
    )
    dashed = (
        alt.Chart(rows)
        .transform_filter(alt.datum.whole)
        .mark_line(color=palette.colour("prior", theme), strokeWidth=1.5, strokeDash=[5, 3])
        .encode(x=x, y=y, tooltip=hint)
    )
    point = (
        alt.Chart(rows)
        .transform_filter(alt.datum.newest)
        .mark_point(color=colour, filled=True, size=44)
        .encode(x=x, y=y, tooltip=hint)
    )
    return shaped(alt.layer(dashed, line, point), height)
