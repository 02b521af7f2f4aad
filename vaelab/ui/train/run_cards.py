"""Runs on record as cards: thumbnail, state, the loss so far."""

from __future__ import annotations

import streamlit as st

from vaelab.config.errors import VaeLabError
from vaelab.runs import store
from vaelab.runs.store import Run
from vaelab.ui import pictures
from vaelab.ui.charts import training_charts
from vaelab.ui.error_text import in_words
from vaelab.ui.text import language, t
from vaelab.ui.train.live import arrays_of, latest_snapshot
from vaelab.ui.widgets import figure, page_link, state_badge

CARDS = 8
COLUMNS = 4
THUMBNAILS = 3
SPARKLINE_POINTS = 60


def run_cards() -> None:
    """The newest runs; where there is none, what a run is."""
    st.markdown(f"#### {t('start.runs')}", anchors=False)
    on_record = store.list_runs()
    if not on_record:
        st.info(t("start.no_runs"), icon=":material/history:")
        return
    for first in range(0, min(CARDS, len(on_record)), COLUMNS):
        for k, column in enumerate(st.columns(COLUMNS), start=first):
            if k < len(on_record):
                with column, st.container(border=True, key=f"card_{k}", height="stretch"):
                    _card(on_record[k])
    if len(on_record) > CARDS:
        st.caption(t("start.older", count=len(on_record) - CARDS))


def _card(run: Run) -> None:
    status = run.status()
    with st.container(height="stretch", border=False):  # the last line of a card ends it, with figures or without
        st.markdown(f"**{run.name}**", wrap=False)
        damage = run.damage()
        try:
            arrays = arrays_of(run, latest_snapshot(run))
        except VaeLabError as error:
            arrays, damage = {}, damage or str(error)
        if arrays:
            sheet = pictures.strip(arrays["samples"][:THUMBNAILS], THUMBNAILS)
        else:
            sheet = pictures.empty_strip(1, THUMBNAILS)
        st.image(sheet, output_format="PNG", alt=t("start.samples"))
        rows = run.metrics()
        if damage is not None:
            st.caption(in_words(damage, language()))
        elif rows:
            _, losses = training_charts.thin(*training_charts.steps_and(rows, "loss"), points=SPARKLINE_POINTS)
            st.metric(
                t("train.term_loss"),
                t("start.last_loss", loss=figure(rows[-1]["loss"])),
                chart_data=[float(value) for value in losses],
                label_visibility="collapsed",
            )
        else:
            st.caption(t("start.no_loss"))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", wrap=False):
        page_link("train", t("start.open_run"), run=run.name)
        state_badge("damaged" if damage is not None else status.state)
