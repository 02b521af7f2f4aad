"""Lesson 6: the two Bayesian networks; observe by a press, watch a cause being explained away, ask for d-separation."""

from __future__ import annotations

import itertools

import numpy as np
import streamlit as st

from vaelab.lessons.networks import ALARM, SPRINKLER, BayesNet, given, joint, posteriors
from vaelab.lessons.separation import blocked_at, edges_of, paths
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

NETS = {"alarm": ALARM, "sprinkler": SPRINKLER}
PLACES: dict[str, dict[str, Place]] = {
    "alarm": {
        "burglary": (150, 40),
        "earthquake": (490, 40),
        "alarm": (320, 135),
        "john": (150, 230),
        "mary": (490, 230),
    },
    "sprinkler": {"cloudy": (320, 40), "sprinkler": (150, 135), "rain": (490, 135), "wet": (320, 230)},
}
# Explaining away: a cause, the effect that both causes have, the other cause.
STORIES = {"alarm": ("burglary", "alarm", "earthquake"), "sprinkler": ("sprinkler", "wet", "rain")}
HEIGHT = 270


def bayes_view(name: str) -> None:
    """One network: the graph, the story in numbers, and the question whether two nodes tell of each other."""
    net, known = NETS[name], seen(name)
    table = joint(net)
    chances = posteriors(table, net.nodes, known)
    tips = {node: _tip(net, node) for node in net.nodes}
    graph(
        f"graphs_graph_{name}",
        chance_nodes(PLACES[name], chances, known, tips),
        [Edge(a, b) for a, b in edges_of(net.parents)],
        name=t(f"learn_graphs.graph_{name}"),
        height=HEIGHT,
        on_press=observe(name, net.nodes),
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        clear_button(name)
        a, b = pair_pickers(name, net.nodes, *STORIES[name][::2])
    known_others = [node for node in known if node not in (a, b)]
    found = [
        (path, blocked_at(net.parents, path, known_others)) for path in paths(edges_of(net.parents), a, b) if a != b
    ]

    def arrow(before: str, node: str) -> str:
        return "→" if before in net.parents[node] else "←"

    right = independence(table, net.nodes, a, b, known, found, arrow)
    probability = float(given(table, net.nodes, known).sum())
    st.html(html.stage(f"<div class=two><div>{_story(name, probability)}</div><div>{right}</div></div>", STYLE))


def _story(name: str, probability: float) -> str:
    """Explaining away in three lines, and how likely it was to observe what is observed."""
    net = NETS[name]
    table = joint(net)
    cause, effect, rival = STORIES[name]
    rows = []
    for evidence in ({}, {effect: 1}, {effect: 1, rival: 1}):
        answer = posteriors(table, net.nodes, evidence)
        assert answer is not None  # the books' tables allow each of these
        words = ", ".join(title(node) for node in evidence)
        rows.append((f"P({title(cause)}{' | ' + words if words else ''})", percent(answer[cause])))
    said = t("learn_graphs.probability", p=f"{100 * probability:.4g}", n=2 ** len(net.nodes))
    if not seen(name):
        said = t("learn_graphs.nothing_seen")
    if probability == 0.0:
        said = f"<b class=open>{t('learn_graphs.impossible')}</b>"
    heading = f"<h5>{t('learn_graphs.away_heading')}</h5>"
    return (
        heading + html.table(("", "P"), rows, numbers=(1,)) + f"<p>{said}</p><p class=muted>{t('learn_graphs.how')}</p>"
    )


def _tip(net: BayesNet, node: str) -> str:
    """The node's table in lines."""
    parents, chances = net.parents[node], np.asarray(net.chances[node], dtype=float)
    if not parents:
        return f"P({title(node)}) = {float(chances):g}"
    lines = []
    for values in itertools.product((1, 0), repeat=len(parents)):
        words = ", ".join(
            title(parent) if value else t("learn_graphs.not", node=title(parent))
            for parent, value in zip(parents, values, strict=True)
        )
        lines.append(f"P({title(node)} | {words}) = {chances[values]:g}")
    return "\n".join(lines)
