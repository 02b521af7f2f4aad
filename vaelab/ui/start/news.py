"""What is new: trainings that run and the last ones, each with its pictures and its loss so far."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

import streamlit as st

from vaelab.config.errors import VaeLabError
from vaelab.images.palette import colour
from vaelab.runs.store import Run
from vaelab.ui import pictures
from vaelab.ui.access import seen
from vaelab.ui.charts.thinning import steps_and, thin
from vaelab.ui.error_text import in_markdown
from vaelab.ui.text import language, t
from vaelab.ui.train.live_pictures import arrays_of, latest_snapshot
from vaelab.ui.widgets import figure, page_link, state_badge, theme

CARDS = 5  # on a projector; start.css hides what a laptop has no room for
THUMBNAILS = 4
SPARKLINE_POINTS = 60
WIDE, HIGH = 120, 22  # of a sparkline, pixels


def news() -> None:
    """Runs in training first, then the newest others; where there is none, what a run is."""
    st.markdown(f"**{t('start.runs')}**")
    on_record = seen.list_runs()
    if not on_record:
        st.info(t("start.no_runs"), icon=":material/history:")
        return
    newest = on_record[: 4 * CARDS]  # only these are asked for their state
    shown = sorted(newest, key=lambda run: not run.status().is_active)[:CARDS]
    for k, run in enumerate(shown):
        with st.container(border=True, gap="xsmall", key=f"news_{k}"):
            _card(run)
    if len(on_record) > len(shown):
        st.caption(t("start.older", count=f"{len(on_record):,}"))


def _card(run: Run) -> None:
    damage = run.damage()
    try:
        arrays = arrays_of(run, latest_snapshot(run))
    except VaeLabError as error:
        arrays, damage = {}, damage or str(error)
    with st.container(horizontal=True, vertical_alignment="center", wrap=False, gap="small"):
        page_link("train", f"**{run.name}**", icon=":material/arrow_forward:", run=run.name)
        state_badge(run.status().state if damage is None else "damaged")
    if damage is not None:
        st.caption(in_markdown(damage, language()))
        return
    sheet = (
        pictures.strip(arrays["samples"][:THUMBNAILS], THUMBNAILS) if arrays else pictures.empty_strip(1, THUMBNAILS)
    )
    st.image(sheet, output_format="PNG", alt=t("start.samples"))
    rows = run.metrics()
    if not rows:
        st.caption(t("start.no_loss"))
        return
    _, losses = thin(*steps_and(rows, "loss"), points=SPARKLINE_POINTS)
    words = t("start.last_loss", loss=figure(rows[-1]["loss"]))
    line = sparkline([float(value) for value in losses], colour("total", theme()))
    st.html(f'<div class="vl news-loss">{line}<span>{words}</span></div>')


def sparkline(values: Sequence[float], ink: str) -> str:
    """A line of values as a small picture, the largest at the top; it says nothing that the words beside it do not say better."""
    low, high = min(values), max(values)
    step = WIDE / max(1, len(values) - 1)
    points = (
        (k * step, 1 + (HIGH - 2) * (1 - (value - low) / ((high - low) or 1.0))) for k, value in enumerate(values)
    )
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    line = f'<polyline points="{drawn}" fill="none" stroke="{ink}" stroke-width="1.5"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{HIGH}">{line}</svg>'
    return f'<img alt="" src="data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}">'
