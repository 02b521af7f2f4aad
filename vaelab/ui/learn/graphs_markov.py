"""Lesson 6: the Markov network; two sliders set its potentials, the partition function makes probabilities of them."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import streamlit as st

from vaelab.images.palette import Role
from vaelab.lessons.networks import FRIENDS, Table, weights
from vaelab.lessons.separation import cut_at, separated
from vaelab.ui import tags
from vaelab.ui.components.graph.graph_view import Edge
from vaelab.ui.components.sentence.sentence_view import Number
from vaelab.ui.learn.graphs_parts import Drawing, Place, Rules, network_view, percent, title
from vaelab.ui.text import t
from vaelab.ui.widgets import figure

PLACES: dict[str, Place] = {"anna": (150, 45), "ben": (490, 45), "chen": (490, 175), "dora": (150, 175)}
HEIGHT = 220
SHOWN = 4  # combinations listed, the most probable first
COUPLING = Number("graphs_coupling", -2.0, 2.0, 0.1, 0.5, "learn_graphs.coupling", "z")
FIELD = Number("graphs_field", -1.0, 1.0, 0.1, 0.0, "learn_graphs.field", "mu")


def markov_view() -> None:
    """Four friends in a ring, each inclined to agree with their neighbours."""
    for number in (COUPLING, FIELD):
        st.session_state.setdefault(number.key, number.start)
    with st.container(horizontal=True, gap="medium"):
        coupling = st.slider(
            t(COUPLING.label),
            COUPLING.low,
            COUPLING.high,
            step=COUPLING.step,
            key=COUPLING.key,
            help=t("learn_graphs.coupling_help"),
        )
        field = st.slider(
            t(FIELD.label), FIELD.low, FIELD.high, step=FIELD.step, key=FIELD.key, help=t("learn_graphs.field_help")
        )
    table = weights(FRIENDS, coupling, field)
    role: Role = "prior" if abs(coupling) < 0.05 else "sigma" if coupling > 0 else "eps"
    edges = [Edge(a, b, arrow=False, role=role, width=1.2 + 3 * abs(coupling)) for a, b in FRIENDS.edges]
    drawing = Drawing("markov", FRIENDS.nodes, PLACES, edges, HEIGHT, ("anna", "chen"))
    rules = Rules(cut_at, partial(separated, FRIENDS.edges), lambda _before, _node: "–")
    network_view(drawing, rules, table, _partition(table))


def agreeing() -> dict[str, str]:
    """How likely two neighbours agree, whatever was observed of anybody."""
    coupling, field = (float(st.session_state.get(number.key, number.start)) for number in (COUPLING, FIELD))
    table = weights(FRIENDS, coupling, field)
    first, second = (FRIENDS.nodes.index(node) for node in FRIENDS.edges[0])
    pair = table.sum(axis=tuple(axis for axis in range(table.ndim) if axis not in (first, second)))
    return {"agree": percent(float(np.trace(pair) / table.sum()))}


def _partition(table: Table) -> str:
    """Z, and how weights become probabilities."""
    z = float(table.sum())
    order = sorted(itertools.product((1, 0), repeat=4), key=lambda values: -table[values])
    rows = []
    for values in order[:SHOWN]:
        words = " ".join(
            f"{title(node)[0]}{'+' if value else '−'}" for node, value in zip(FRIENDS.nodes, values, strict=True)
        )
        rows.append((words, figure(float(table[values])), percent(float(table[values]) / z)))
    head = (t("learn_graphs.head_state"), t("learn_graphs.head_weight"), t("learn_graphs.head_p"))
    said = t("learn_graphs.partition", z=figure(z, 5), log=f"{np.log(z):.3f}")
    heading = f"<h5>{t('learn_graphs.partition_heading')}</h5>"
    return f"{heading}<p class=n>{said}</p>{tags.table(head, rows, numbers=(1, 2))}<p class=muted>{t('learn_graphs.partition_how')}</p>"
