"""Lesson 6: an accused cause, and the fewest observations that free it."""

from __future__ import annotations

import streamlit as st

from vaelab.lessons.acquittal import CASES, Case, fewest
from vaelab.lessons.separation import edges_of
from vaelab.ui.components.graph.graph_view import Edge, graph
from vaelab.ui.components.presses import pressed
from vaelab.ui.learn.graphs_bayes import HEIGHT, PLACES
from vaelab.ui.learn.graphs_parts import chance_nodes, percent, title, turned
from vaelab.ui.text import t

NETWORKS = {"alarm": "alarm", "calm": "alarm", "grass": "sprinkler"}  # whose drawing a case has
NUMBER, SEEN, CLAIMED = "graphs_case_number", "graphs_case_seen", "graphs_case_claimed"
SAID = 88  # pixels: four lines


def case_view() -> None:
    """The facts, the graph, how likely the accused is by now, and what the reader may still do."""
    state = st.session_state
    names = list(CASES)
    name = names[state.setdefault(NUMBER, 0) % len(names)]
    case, observed = CASES[name], dict(state.setdefault(SEEN, {}))
    accused = title(case.accused)
    st.markdown(
        t("learn_graphs.case_number", number=names.index(name) + 1, count=len(names), facts=_facts(case))
        + " "
        + t("learn_graphs.case_task", accused=accused, limit=percent(case.limit))
    )
    known = {**case.facts, **observed}
    chances = {node: chance for node in case.net.nodes if (chance := _chance(case, node, observed)) is not None}
    places = PLACES[NETWORKS[name]]
    key = f"graphs_case_{name}"

    def press() -> None:
        for node in pressed(key, list(case.open)):
            state[SEEN] = turned(state[SEEN], node)
            state[CLAIMED] = False

    graph(
        key,
        chance_nodes(places, chances if len(chances) == len(places) else None, known, {}),
        [Edge(a, b) for a, b in edges_of(case.net.parents)],
        name=t(f"learn_graphs.graph_{NETWORKS[name]}"),
        height=HEIGHT,
        on_press=press,
    )
    chance = case.chance(observed)
    st.markdown(
        t(
            "learn_graphs.case_now",
            accused=accused,
            chance="–" if chance is None else percent(chance),
            limit=percent(case.limit),
            used=len(observed),
        )
    )
    with st.container(height=SAID, border=False):
        st.markdown(_verdict(name, case, observed))
    _buttons(name, case, observed)


def _chance(case: Case, node: str, observed: dict[str, int]) -> float | None:
    from vaelab.lessons.networks import joint, posteriors

    found = posteriors(joint(case.net), case.net.nodes, {**case.facts, **observed})
    return None if found is None else found[node]


def _facts(case: Case) -> str:
    words = [title(node) if value else t("learn_graphs.not", node=title(node)) for node, value in case.facts.items()]
    return t("learn_graphs.case_and").join(words)


def _verdict(name: str, case: Case, observed: dict[str, int]) -> str:
    """What the reader's observations, or their claim that none will do, come to."""
    best = fewest(case)
    if case.frees(observed):
        least = len(best[0])
        key = "case_fewest" if len(observed) == least else "case_more"
        return f":green[**{t(f'learn_graphs.{key}', used=len(observed), least=least)}**] {t(f'learn_graphs.case_why_{name}')}"
    if st.session_state.get(CLAIMED):
        if best:
            return f":orange[**{t('learn_graphs.case_can', least=len(best[0]))}**]"
        return f":green[**{t('learn_graphs.case_cannot_right')}**] {t(f'learn_graphs.case_why_{name}')}"
    return t("learn_graphs.case_how")


def _buttons(name: str, case: Case, observed: dict[str, int]) -> None:
    state = st.session_state

    def go_on() -> None:
        state.update({NUMBER: (list(CASES).index(name) + 1) % len(CASES), SEEN: {}, CLAIMED: False})

    solved = case.frees(observed) or (bool(state.get(CLAIMED)) and not fewest(case))
    with st.container(horizontal=True, gap="small"):
        st.button(
            t("learn_graphs.case_cannot"),
            key="case_cannot",
            icon=":material/block:",
            on_click=state.update,
            args=({CLAIMED: True},),
            help=t("learn_graphs.case_cannot_help"),
            disabled=solved,
        )
        st.button(
            t("learn_graphs.case_again"),
            key="case_again",
            icon=":material/restart_alt:",
            on_click=state.update,
            args=({SEEN: {}, CLAIMED: False},),
            disabled=not observed,
        )
        st.button(
            t("learn_graphs.case_next"),
            key="case_next",
            icon=":material/arrow_forward:",
            type="primary" if solved else "secondary",
            on_click=go_on,
        )
