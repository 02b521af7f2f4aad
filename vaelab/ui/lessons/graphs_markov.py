"""Lesson 6: the Markov network; two sliders set its potentials, the partition function makes probabilities of them."""

from __future__ import annotations

import itertools

import numpy as np
import streamlit as st

from vaelab.lessons.networks import FRIENDS, Table, posteriors, weights
from vaelab.lessons.separation import cut_at, paths
from vaelab.palette import Role
from vaelab.ui.components.graph_view import Edge, graph
from vaelab.ui.lessons import html
from vaelab.ui.lessons.graphs_parts import (
    STYLE,
    Place,
    chance_nodes,
    clear_button,
    independence,
    observe,
    pair_pickers,
    percent,
    seen,
    title,
)
from vaelab.ui.text import t
from vaelab.ui.widgets import figure

PLACES: dict[str, Place] = {"anna": (150, 45), "ben": (490, 45), "chen": (490, 175), "dora": (150, 175)}
SHOWN = 4  # combinations listed, the most probable first


def markov_view() -> None:
    """Four friends in a ring, each inclined to agree with their neighbours."""
    state, known = st.session_state, seen("markov")
    state.setdefault("graphs_coupling", 0.5)
    state.setdefault("graphs_field", 0.0)
    with st.container(horizontal=True, gap="medium"):
        coupling = st.slider(
            t("learn_graphs.coupling"), -2.0, 2.0, step=0.1, key="graphs_coupling", help=t("learn_graphs.coupling_help")
        )
        field = st.slider(
            t("learn_graphs.field"), -1.0, 1.0, step=0.1, key="graphs_field", help=t("learn_graphs.field_help")
        )
    table = weights(FRIENDS, coupling, field)
    chances = posteriors(table, FRIENDS.nodes, known)
    role: Role = "prior" if abs(coupling) < 0.05 else "sigma" if coupling > 0 else "eps"
    graph(
        "graphs_graph_markov",
        chance_nodes(PLACES, chances, known, {}),
        [Edge(a, b, arrow=False, role=role, width=1.2 + 3 * abs(coupling)) for a, b in FRIENDS.edges],
        name=t("learn_graphs.graph_markov"),
        height=220,
        on_press=observe("markov", FRIENDS.nodes),
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        clear_button("markov")
        a, b = pair_pickers("markov", FRIENDS.nodes, "anna", "chen")
    others = [node for node in known if node not in (a, b)]
    found = [(path, cut_at(path, others)) for path in paths(FRIENDS.edges, a, b) if a != b]
    right = independence(table, FRIENDS.nodes, a, b, known, found, lambda _before, _node: "–")
    st.html(html.stage(f"<div class=two><div>{_partition(table)}</div><div>{right}</div></div>", STYLE))


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
    return f"{heading}<p class=n>{said}</p>{html.table(head, rows, numbers=(1, 2))}<p class=muted>{t('learn_graphs.partition_how')}</p>"
