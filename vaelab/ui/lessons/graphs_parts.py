"""Lesson 6: what both kinds of network share: nodes that are observed by a press, and the question who tells whom something."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import streamlit as st

from vaelab.lessons.networks import Table, dependence, posteriors
from vaelab.lessons.separation import Path
from vaelab.ui.components.graph_view import Node, pressed
from vaelab.ui.lessons import html
from vaelab.ui.text import t

Place = tuple[float, float]

STYLE = """
.vl .two { display: grid; grid-template-columns: 1fr 1fr; gap: 20px; }
.vl .two > div { height: 238px; }
@media (max-width: 640px) { .vl .two { grid-template-columns: 1fr; } .vl .two > div { height: auto; } }
.vl h5 { margin: 0 0 4px; padding: 0; font-size: 14px; }
.vl td { padding-top: 1px; padding-bottom: 1px; }
.vl p { margin: 4px 0; line-height: 1.35; }
.vl .open { color: var(--vl-eps-text); } .vl .blocked { color: var(--vl-sigma-text); }
"""


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


def observe(name: str, nodes: Sequence[str]) -> Callable[[], None]:
    """What a press does: not observed, then true, then false, then not observed again."""

    def turn() -> None:
        node = pressed(f"graphs_graph_{name}", nodes)
        if node is None:
            return
        known = dict(seen(name))
        following = {None: 1, 1: 0, 0: None}[known.pop(node, None)]
        st.session_state[f"graphs_seen_{name}"] = known if following is None else {**known, node: following}

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


def independence(
    table: Table,
    nodes: tuple[str, ...],
    a: str,
    b: str,
    known: Mapping[str, int],
    found: Sequence[tuple[Path, str | None]],
    arrow: Callable[[str, str], str],
) -> str:
    """Every path between a and b, open or blocked, and the same question asked of the numbers. found: path, where it is blocked."""
    heading = f"<h5>{t('learn_graphs.tells', a=title(a), b=title(b))}</h5>"
    if a == b:
        return heading + f"<p>{t('learn_graphs.same')}</p>"
    others = {node: value for node, value in known.items() if node not in (a, b)}
    lines = []
    for path, where in found:
        words = title(path[0])
        for before, node in pairwise(path):
            words += f" {arrow(before, node)} {title(node)}"
        verdict = t("learn_graphs.path_open") if where is None else t("learn_graphs.path_blocked", node=title(where))
        lines.append(f"<p>{words}<br><b class={'open' if where is None else 'blocked'}>{verdict}</b></p>")
    rows = []
    for value in (1, 0):
        answer = posteriors(table, nodes, {**others, b: value})
        rows.append(
            (t(f"learn_graphs.if_{value}", a=title(a), b=title(b)), "–" if answer is None else percent(answer[a]))
        )
    largest = dependence(table, nodes, a, b, tuple(others))
    rows.append((t("learn_graphs.dependence"), f"{largest:.6f}"))
    separate = all(where is not None for _, where in found)
    verdict = t("learn_graphs.separate") if separate else t("learn_graphs.connected")
    head = f'<p><b class="{"blocked" if separate else "open"}">{verdict}</b></p>'
    return heading + head + html.table(("", "P"), rows, numbers=(1,)) + "".join(lines[:2])
