"""Lesson 6: what both kinds of network share: nodes that are observed by a press, and the question who tells whom something."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import streamlit as st

from vaelab.lessons.networks import Table, dependence, given, posteriors
from vaelab.lessons.separation import Path, paths
from vaelab.ui import tags
from vaelab.ui.components.graph.graph_view import Edge, Node, graph
from vaelab.ui.components.presses import pressed
from vaelab.ui.text import t

Place = tuple[float, float]

NONE = 1e-12  # a difference that is no more than this is rounding


def percent(p: float) -> str:
    """A probability with two decimals of a per cent."""
    return f"{100 * p:.2f} %"


def title(node: str) -> str:
    """The node's name in words."""
    return t(f"learn_graphs.node_{node}")


def seen(name: str) -> dict[str, int]:
    """What is observed in a network of the page."""
    found: dict[str, int] = st.session_state.get(f"graphs_seen_{name}", {})
    return found


def turned(known: Mapping[str, int], node: str) -> dict[str, int]:
    """What is observed after a press of a node: not observed, then true, then false, then not observed again."""
    rest = {name: value for name, value in known.items() if name != node}
    following = {None: 1, 1: 0, 0: None}[known.get(node)]
    return rest if following is None else {**rest, node: following}


def observe(name: str, nodes: Sequence[str]) -> Callable[[], None]:
    """What a press does in a network of the page."""

    def turn() -> None:
        for node in pressed(f"graphs_graph_{name}", nodes):
            st.session_state[f"graphs_seen_{name}"] = turned(seen(name), node)

    return turn


def clear_button(name: str) -> None:
    """Forget every observation."""
    st.button(
        t("learn_graphs.clear"),
        key=f"graphs_clear_{name}",
        icon=":material/visibility_off:",
        help=t("learn_graphs.clear_help"),
        disabled=not seen(name),
        on_click=lambda: st.session_state.update({f"graphs_seen_{name}": {}}),
    )


def chance_nodes(
    places: Mapping[str, Place], chances: Mapping[str, float] | None, known: Mapping[str, int], tips: Mapping[str, str]
) -> list[Node]:
    """A box for each node with P(true) as a bar; a node that is observed is filled. chances: None where nothing fits."""
    nodes = []
    for node, (x, y) in places.items():
        p = None if chances is None else chances[node]
        value = "–" if p is None else percent(p)
        state = t("learn_graphs.state_free") if node not in known else t(f"learn_graphs.state_{known[node]}")
        nodes.append(
            Node(
                node,
                title(node),
                x,
                y,
                name=t("learn_graphs.says", node=title(node), state=state, value=value),
                role="total" if node in known else "z",
                width=160,
                share=p or 0.0,
                value=value,
                filled=node in known,
                tip=tips.get(node, ""),
            )
        )
    return nodes


def pair_pickers(name: str, nodes: Sequence[str], first: str, second: str) -> tuple[str, str]:
    """Two nodes to ask about."""
    state, words = st.session_state, {node: title(node) for node in nodes}
    for which, default in (("a", first), ("b", second)):
        key = f"graphs_{which}_{name}"
        # Set anew: the list would keep the words of another language.
        state[key] = state[key] if state.get(key) in words else default
        st.selectbox(
            t(f"learn_graphs.pair_{which}"),
            list(nodes),
            key=key,
            format_func=words.__getitem__,
            help=t(f"learn_graphs.pair_{which}_help"),
            width=170,
        )
    return state[f"graphs_a_{name}"], state[f"graphs_b_{name}"]


@dataclass(frozen=True)
class Drawing:
    """A network as its view draws it. height: of the sheet; tips: what a node says on hover; pair: asked about at first."""

    name: str
    nodes: tuple[str, ...]
    places: Mapping[str, Place]
    edges: Sequence[Edge]
    height: int
    pair: tuple[str, str]
    tips: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """Who tells whom something in a network. blocked_at: where known nodes block a path; separated: whether they block
    all between two nodes; arrow: the sign between two neighbours.
    """

    blocked_at: Callable[[Path, Collection[str]], str | None]
    separated: Callable[[str, str, Collection[str]], bool]
    arrow: Callable[[str, str], str]


def network_view(drawing: Drawing, rules: Rules, table: Table, aside: str) -> None:
    """The graph, its controls, and in two columns `aside` (HTML) and whether two chosen nodes tell of each other."""
    name, known = drawing.name, seen(drawing.name)
    graph(
        f"graphs_graph_{name}",
        chance_nodes(drawing.places, posteriors(table, drawing.nodes, known), known, drawing.tips),
        drawing.edges,
        name=t(f"learn_graphs.graph_{name}"),
        height=drawing.height,
        on_press=observe(name, drawing.nodes),
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="graphs_pair"):
        clear_button(name)
        a, b = pair_pickers(name, drawing.nodes, *drawing.pair)
    told = independence(drawing, rules, table, a, b)
    st.html(tags.stage(f"<div class=two><div>{aside}</div><div>{told}</div></div>"))


def independence(drawing: Drawing, rules: Rules, table: Table, a: str, b: str) -> str:
    """Every path between a and b, open or blocked, the verdict, and the same question asked of the numbers."""
    heading = f"<h5>{t('learn_graphs.tells', a=title(a), b=title(b))}</h5>"
    if a == b:
        return heading + f"<p>{t('learn_graphs.same')}</p>"
    others = {node: value for node, value in seen(drawing.name).items() if node not in (a, b)}
    lines = []
    for path in paths([(edge.start, edge.end) for edge in drawing.edges], a, b)[:2]:
        where = rules.blocked_at(path, others)
        words = title(path[0])
        for before, node in pairwise(path):
            words += f" {rules.arrow(before, node)} {title(node)}"
        verdict = t("learn_graphs.path_open") if where is None else t("learn_graphs.path_blocked", node=title(where))
        lines.append(f"<p>{words}<br><b class={'open' if where is None else 'blocked'}>{verdict}</b></p>")
    rows = []
    for value in (1, 0):
        answer = posteriors(table, drawing.nodes, {**others, b: value})
        rows.append(
            (t(f"learn_graphs.if_{value}", a=title(a), b=title(b)), "–" if answer is None else percent(answer[a]))
        )
    # At the values observed, as are the rows above: an open path may carry nothing there.
    largest = dependence(given(table, drawing.nodes, others), drawing.nodes, a, b, tuple(others))
    rows.append((t("learn_graphs.dependence"), f"{largest:.6f}"))
    separate = rules.separated(a, b, others)
    verdict = t(f"learn_graphs.{'separate' if separate else 'by_chance' if largest < NONE else 'connected'}")
    head = f'<p><b class="{"blocked" if separate else "open"}">{verdict}</b></p>'
    return heading + head + tags.table(("", "P"), rows, numbers=(1,)) + "".join(lines)
