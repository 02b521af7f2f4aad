"""Figures of the compared models: curves on one axis, and a table of what was measured and of the settings that differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vaelab.analysis import comparison
from vaelab.analysis.comparison import AXES, TERMS, Axis
from vaelab.runs.store import Run
from vaelab.ui.charts import comparison as charts
from vaelab.ui.compare.choose import choose
from vaelab.ui.text import language, listed, t
from vaelab.ui.ticking import ticking_chart
from vaelab.ui.widgets import clock

HEIGHT = 250
NATS = ("loss", "above", "recon", "kl")
TICK = 2.0  # seconds between two looks at runs in training


def figures(runs: list[Run]) -> None:
    """Curves above, table below; both follow a training that runs."""
    live = any(run.status().is_active for run in runs)
    own_terms = dict.fromkeys(name for run in runs for name in run.config().model.method.curves)
    left, right = st.columns(2)
    with left:
        term = choose("term", (*TERMS, *own_terms), lambda name: _term(runs, name))
    with right:
        axis = choose("axis", AXES, lambda name: t(f"compare.axis_{name}"))
    st.fragment(_both, run_every=TICK if live else None)(runs, term, axis)


def _term(runs: list[Run], name: str) -> str:
    if name in TERMS:
        return t(f"compare.term_{name}")
    words = next(run.config().model.method.curves[name] for run in runs if name in run.config().model.method.curves)
    return words.titled(language())


def _both(runs: list[Run], term: str, axis: Axis) -> None:
    found = {run.name: comparison.curve(run, term, axis) for run in runs}
    if any(len(x) for curve in found.values() for x, _ in curve):
        title = t("compare.nats") if term in TERMS else _term(runs, term)  # a longer one would not fit the axis
        ticking_chart(
            charts.curves,
            charts.curve_rows(found),
            {"axis": t(f"compare.axis_{axis}"), "term": title, "model": t("compare.model")},
            key="compare_curves",
            alt_text=t("compare.curves_alt"),
            models=tuple(run.name for run in runs),
            height=HEIGHT,
        )
        st.caption(t("compare.curves_how"))
    for words, names in _shipped(runs, {name: len(held_out[0]) for name, (_, held_out) in found.items()}).items():
        if names:
            st.caption(t(f"compare.shipped_{words}", names=listed(names)))
    _table(runs)


def _shipped(runs: list[Run], points: dict[str, int]) -> dict[str, list[str]]:
    """The shipped models by what is known of their training: some moments of it, its end, nothing of this term."""
    found: dict[str, list[str]] = {"film": [], "end": [], "none": []}
    for run in runs:
        if run.is_shipped:
            found["none" if points[run.name] == 0 else "end" if points[run.name] == 1 else "film"].append(run.name)
    return found


def _table(runs: list[Run]) -> None:
    rows = table(runs)
    nats = st.column_config.NumberColumn(format="%.2f")
    counts = st.column_config.NumberColumn(format="localized")
    kinds = {t(f"compare.column_{name}"): nats for name in NATS} | {t("compare.column_parameters"): counts}
    st.dataframe(rows, hide_index=True, key="compare_table", column_config=kinds)
    st.download_button(
        t("compare.download"),
        rows.to_csv(index=False).encode("utf-8-sig"),  # with the mark by which spreadsheets know UTF-8
        "vaelab-compare.csv",
        "text/csv",
        icon=":material/download:",
        help=t("compare.download_help"),
        on_click="ignore",
    )


def table(runs: list[Run]) -> pd.DataFrame:
    """A row for each model: what was measured, then the settings in which they differ."""
    measured = [comparison.figures(run) for run in runs]
    known = {
        t("compare.model"): [run.name for run in runs],
        **{t(f"compare.column_{name}"): _rounded([getattr(m, name) for m in measured]) for name in NATS},
        t("compare.column_active"): [f"{'–' if m.active is None else m.active} / {m.dims}" for m in measured],
        t("compare.column_parameters"): [m.parameters for m in measured],
        t("compare.column_epochs"): [m.epochs for m in measured],
        t("compare.column_time"): [clock(m.seconds) for m in measured],
    }
    settings = {
        name: ["–" if value is None else str(value) for value in values]
        for name, values in comparison.differing([run.config() for run in runs]).items()
    }
    return pd.DataFrame(known | settings)


def _rounded(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else round(value, 2) for value in values])
