"""Lesson 6: the two Bayesian networks; observe by a press, watch a cause being explained away, ask for d-separation."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np

from vaelab.lessons.networks import ALARM, SPRINKLER, BayesNet, Table, given, joint, posteriors
from vaelab.lessons.separation import blocked_at, d_separated, edges_of
from vaelab.ui import tags
from vaelab.ui.components.graph.graph_view import Edge
from vaelab.ui.learn.graphs_parts import Drawing, Place, Rules, network_view, percent, seen, title
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
STORIES: dict[str, tuple[str, str, str]] = {
    "alarm": ("burglary", "alarm", "earthquake"),
    "sprinkler": ("sprinkler", "wet", "rain"),
}
HEIGHT = 270


def bayes_view(name: str) -> None:
    """One network: the graph, the story in numbers, and the question whether two nodes tell of each other."""
    net = NETS[name]
    table = joint(net)
    drawing = Drawing(
        name,
        net.nodes,
        PLACES[name],
        [Edge(a, b) for a, b in edges_of(net.parents)],
        HEIGHT,
        STORIES[name][::2],
        {node: _tip(net, node) for node in net.nodes},
    )
    rules = Rules(
        partial(blocked_at, net.parents),
        partial(d_separated, net.parents),
        lambda before, node: "→" if before in net.parents[node] else "←",
    )
    network_view(drawing, rules, table, _story(name, table))


def _story(name: str, table: Table) -> str:
    """Explaining away in three lines, and how likely it was to observe what is observed."""
    nodes, known = NETS[name].nodes, seen(name)
    cause, effect, rival = STORIES[name]
    rows = []
    for evidence in ({}, {effect: 1}, {effect: 1, rival: 1}):
        answer = posteriors(table, nodes, evidence)
        assert answer is not None  # the books' tables allow each of these
        words = ", ".join(title(node) for node in evidence)
        rows.append((f"P({title(cause)}{' | ' + words if words else ''})", percent(answer[cause])))
    probability = float(given(table, nodes, known).sum())
    said = t("learn_graphs.probability", p=f"{100 * probability:.4g}", n=table.size)
    if not known:
        said = t("learn_graphs.nothing_seen")
    if probability == 0.0:
        said = f"<b class=open>{t('learn_graphs.impossible')}</b>"
    heading = f"<h5>{t('learn_graphs.away_heading')}</h5>"
    return (
        heading + tags.table(("", "P"), rows, numbers=(1,)) + f"<p>{said}</p><p class=muted>{t('learn_graphs.how')}</p>"
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
