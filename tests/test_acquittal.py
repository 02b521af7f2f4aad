"""Lesson 6's cases: the fewest observations are the fewest, and the defence on the page is told so."""

from __future__ import annotations

import itertools

import pytest
from test_lesson_views import opened, words

from vaelab.lessons.acquittal import CASES, fewest
from vaelab.lessons.networks import joint
from vaelab.ui.text import strings

TEXTS = strings("en", "learn_graphs")
WANTED = {"alarm": [{"earthquake": 1}], "calm": [], "grass": [{"cloudy": 1, "rain": 1}]}


def chance(case, observed):
    """P(accused | facts, observed), by adding up combinations one by one."""
    nodes, table = case.net.nodes, joint(case.net)
    known, both, one = {**case.facts, **observed}, 0.0, 0.0
    for values in itertools.product((0, 1), repeat=len(nodes)):
        state = dict(zip(nodes, values, strict=True))
        if all(state[node] == value for node, value in known.items()):
            both += table[values]
            one += table[values] * state[case.accused]
    return one / both


@pytest.mark.parametrize("name", list(CASES))
def test_the_fewest_observations_are_the_fewest(name):
    case = CASES[name]
    assert list(fewest(case)) == WANTED[name]
    least = len(WANTED[name][0]) if WANTED[name] else len(case.open) + 1
    for size in range(len(case.open) + 1):
        for nodes in itertools.combinations(case.open, size):
            for values in itertools.product((0, 1), repeat=size):
                observed = dict(zip(nodes, values, strict=True))
                assert case.chance(observed) == pytest.approx(chance(case, observed), abs=1e-12)
                if size < least:
                    assert not case.frees(observed), observed


def test_with_the_alarm_known_the_calls_change_nothing():
    """The reason that the lesson gives for two of the cases."""
    for name in ("alarm", "calm"):
        for observed in ({"john": 1}, {"mary": 0}, {"john": 0, "mary": 0}):
            assert CASES[name].chance(observed) == pytest.approx(CASES[name].chance({}))


def test_the_defence_is_heard(tmp_path, monkeypatch):
    app = opened(
        "graphs", {"graphs_view": "case", "graphs_case_seen": {"john": 1, "earthquake": 1}}, tmp_path, monkeypatch
    )
    assert TEXTS["case_more"].format(used=2, least=1) in words(app)
    app.button(key="case_again").click().run()
    assert TEXTS["case_how"] in words(app)
    app.button(key="case_cannot").click().run()
    assert TEXTS["case_can"].format(least=1) in words(app)
    app.session_state["graphs_case_seen"] = {"earthquake": 1}
    app.run()
    assert TEXTS["case_fewest"].format(used=1, least=1) in words(app)
    assert "0.33 %" in words(app)
    app.button(key="case_next").click().run()
    assert "Case 2 of 3" in words(app)
    app.button(key="case_cannot").click().run()
    assert TEXTS["case_cannot_right"] in words(app)


def test_what_no_later_lesson_needs_is_folded_away(tmp_path, monkeypatch):
    app = opened("graphs", {}, tmp_path, monkeypatch)
    folded = [block for block in app.expander if TEXTS["separation_title"] in block.label]
    assert len(folded) == 1
    inside = "\n".join(str(element.value) for element in folded[0].markdown)
    assert TEXTS["markov"] in inside
    assert TEXTS["vae"] not in inside
