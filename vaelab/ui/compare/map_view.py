"""The maps of the compared models side by side: the codes of the same images, turned to match, one image ringed in all."""

from __future__ import annotations

from typing import Any

import streamlit as st
from numpy.typing import NDArray

from vaelab.analysis import comparison
from vaelab.analysis.projections import align, pca_plane
from vaelab.analysis.separation import Labels, separation
from vaelab.images.palette import value_colours
from vaelab.runs.store import Run
from vaelab.ui.charts import comparison as charts
from vaelab.ui.names import label_title, value_names
from vaelab.ui.text import t
from vaelab.ui.widgets import theme

WIDTH, SIDE = (
    1120,
    330,
)  # pixels of a laptop's page, shared by the maps, and of one where there is room: all ends above the fold
COLOUR_WIDTH = 260
MOST_COLOURS = 24


def maps(runs: list[Run]) -> None:
    """The two main directions of every model's codes. Raises VaeLabError where the codes of a model cannot be had."""
    st.fragment(_view)(runs)


def _view(runs: list[Run]) -> None:
    with st.spinner(t("compare.encoding"), show_time=True):
        codes = {run.name: comparison.codes(run) for run in runs}
        planes = {name: pca_plane(known.mu) for name, known in codes.items()}
    first = next(iter(codes))
    same = len({(run.config().data.name, len(codes[run.name])) for run in runs}) == 1
    if same:
        planes = {name: align(plane, planes[first]) for name, plane in planes.items()}
    else:
        st.caption(t("compare.other_maps"))
    labels = {name: pair for name, pair in codes[first].labels.items() if len(pair[1]) <= MOST_COLOURS} if same else {}
    label = _colour(labels, planes[first])
    values, names = (None, ()) if label is None else (labels[label][0], value_names(labels[label][1]))
    own = () if label is None else value_colours(labels[label][1], theme())
    side = min(SIDE, (WIDTH - charts.BETWEEN * (len(runs) - 1)) // len(runs))
    chart = charts.maps(
        charts.map_rows(planes, values, names),
        theme(),
        {"label": label_title(label) if label else t("compare.model"), "image": t("compare.image")},
        tuple(codes),
        dict(zip(names, own, strict=True)),
        side,
        matched=same,
    )
    with st.container(key="compare_plots"):
        st.altair_chart(chart, key="compare_maps", width="content", alt=t("compare.maps_alt"))
    st.caption(t("compare.maps_how" if same else "compare.maps_each", count=len(codes[first])))


def _colour(labels: Labels, plane: NDArray[Any]) -> str | None:
    """What the dots are coloured by, at first what separates best on the first map; None where nothing is known of the images."""
    if not labels:
        return None
    names = sorted(labels, key=lambda name: -separation(plane, labels[name][0]))
    return st.selectbox(
        t("compare.colour"),
        names,
        key="compare_colour",
        format_func=label_title,
        help=t("compare.colour_help"),
        width=COLOUR_WIDTH,
    )
