"""Lesson 6: inference against sums written out by hand, separation against the numbers of random tables."""

import itertools
import math
from functools import partial

import numpy as np
import pytest

from vaelab.lessons.networks import (
    ALARM,
    FRIENDS,
    SPRINKLER,
    BayesNet,
    MarkovNet,
    dependence,
    joint,
    posteriors,
    weights,
)
from vaelab.lessons.separation import blocked_at, d_separated, edges_of, paths, separated
from vaelab.models.latent_model import build
from vaelab.models.model_config import ModelConfig
from vaelab.ui.components import presses
from vaelab.ui.components.graph.graph_view import Edge
from vaelab.ui.learn import graphs_parts, graphs_vae
from vaelab.ui.source import source_of
from vaelab.ui.text import strings, t

NETS = {"alarm": ALARM, "sprinkler": SPRINKLER}


def chance(net: BayesNet, state: dict[str, int]) -> float:
    """p(state), factor by factor."""
    product = 1.0
    for node, parents in net.parents.items():
        entry = net.chances[node]
        for parent in parents:
            entry = entry[state[parent]]
        product *= entry if state[node] else 1.0 - entry
    return product


def strength(net: MarkovNet, state: dict[str, int], coupling: float, field: float) -> float:
    """The weight of a state of a Markov network, factor by factor."""
    sign = {node: 2 * value - 1 for node, value in state.items()}
    energy = sum(coupling * sign[a] * sign[b] for a, b in net.edges) + field * sum(sign.values())
    return math.exp(energy)


def states(nodes: tuple[str, ...]):
    return [dict(zip(nodes, values, strict=True)) for values in itertools.product((0, 1), repeat=len(nodes))]


def ask(
    probability: dict[tuple[int, ...], float], nodes: tuple[str, ...], evidence: dict[str, int], node: str
) -> float:
    fits = {s: p for s, p in probability.items() if all(s[nodes.index(n)] == v for n, v in evidence.items())}
    return sum(p for s, p in fits.items() if s[nodes.index(node)]) / sum(fits.values())


def all_evidence(nodes: tuple[str, ...]):
    for values in itertools.product((None, 0, 1), repeat=len(nodes)):
        yield {node: value for node, value in zip(nodes, values, strict=True) if value is not None}


@pytest.mark.parametrize("name", NETS)
def test_posteriors_of_a_bayesian_network(name):
    net = NETS[name]
    table = joint(net)
    assert table.sum() == pytest.approx(1.0, abs=1e-12)
    by_hand = {tuple(s.values()): chance(net, s) for s in states(net.nodes)}
    asked = 0
    for evidence in all_evidence(net.nodes):
        found = posteriors(table, net.nodes, evidence)
        possible = any(by_hand[tuple(s.values())] > 0 and evidence.items() <= s.items() for s in states(net.nodes))
        assert (found is not None) == possible
        if found is not None:
            for node in net.nodes:
                assert found[node] == pytest.approx(ask(by_hand, net.nodes, evidence, node), abs=1e-12)
            asked += 1
    assert asked > 60


def test_figures_known_from_the_books():
    table = joint(ALARM)
    assert posteriors(table, ALARM.nodes, {"john": 1, "mary": 1})["burglary"] == pytest.approx(0.284, abs=5e-4)
    assert posteriors(table, ALARM.nodes, {"alarm": 1})["burglary"] == pytest.approx(0.374, abs=5e-4)
    table = joint(SPRINKLER)
    assert posteriors(table, SPRINKLER.nodes, {"wet": 1})["sprinkler"] == pytest.approx(0.4298, abs=5e-5)
    assert posteriors(table, SPRINKLER.nodes, {"wet": 1})["rain"] == pytest.approx(0.7079, abs=5e-5)
    assert posteriors(table, SPRINKLER.nodes, {"wet": 1, "rain": 1})["sprinkler"] == pytest.approx(0.1945, abs=5e-5)


def test_explaining_away():
    """A second cause takes the blame from the first, although the two know nothing of each other."""
    table, nodes = joint(ALARM), ALARM.nodes
    alone = posteriors(table, nodes, {"earthquake": 1})["burglary"]
    alarm = posteriors(table, nodes, {"alarm": 1})["burglary"]
    both = posteriors(table, nodes, {"alarm": 1, "earthquake": 1})["burglary"]
    assert alone == pytest.approx(0.001, abs=1e-12)
    assert both == pytest.approx(0.95 * 0.001 / (0.95 * 0.001 + 0.29 * 0.999), abs=1e-12)
    assert both < 0.01 < alarm


@pytest.mark.parametrize("coupling", [-2.0, -0.4, 0.0, 0.7, 2.0])
@pytest.mark.parametrize("field", [-1.0, 0.0, 0.3])
def test_the_markov_network(coupling, field):
    table = weights(FRIENDS, coupling, field)
    by_hand = {tuple(s.values()): strength(FRIENDS, s, coupling, field) for s in states(FRIENDS.nodes)}
    assert table.sum() == pytest.approx(sum(by_hand.values()), rel=1e-12)
    for evidence in all_evidence(FRIENDS.nodes):
        found = posteriors(table, FRIENDS.nodes, evidence)
        for node in FRIENDS.nodes:
            assert found[node] == pytest.approx(ask(by_hand, FRIENDS.nodes, evidence, node), abs=1e-12)


@pytest.mark.parametrize("coupling", [-1.3, 0.0, 0.9])
def test_the_partition_function_of_a_ring(coupling):
    """Transfer matrix of the Ising ring: Z = (2 cosh J)^n + (2 sinh J)^n."""
    expected = (2 * math.cosh(coupling)) ** 4 + (2 * math.sinh(coupling)) ** 4
    assert weights(FRIENDS, coupling, 0.0).sum() == pytest.approx(expected, rel=1e-12)


def random_net(generator: np.random.Generator, size: int) -> BayesNet:
    """A directed graph with random arrows and tables that agree with it and with nothing more."""
    names = [f"n{k}" for k in range(size)]
    parents = {
        name: tuple(other for other in names[:k] if generator.random() < 0.45)[:3] for k, name in enumerate(names)
    }
    return BayesNet(parents, {n: generator.uniform(0.05, 0.95, (2,) * len(p)) for n, p in parents.items()})


def questions(nodes: tuple[str, ...]):
    for a, b in itertools.combinations(nodes, 2):
        others = [node for node in nodes if node not in (a, b)]
        for count in range(len(others) + 1):
            for known in itertools.combinations(others, count):
                yield a, b, known


def test_d_separation_is_independence_of_random_tables():
    generator = np.random.default_rng(0)
    verdicts = {True: 0, False: 0}
    for _ in range(25):
        net = random_net(generator, 5)
        table = joint(net)
        for a, b, known in questions(net.nodes):
            verdict = d_separated(net.parents, a, b, known)
            verdicts[verdict] += 1
            measured = dependence(table, net.nodes, a, b, known)
            assert (measured < 1e-12) == verdict, (net.parents, a, b, known, measured)
    assert min(verdicts.values()) > 200


def test_separation_in_a_markov_network_is_independence():
    generator = np.random.default_rng(1)
    seen = set()
    for _ in range(12):
        names = tuple(f"n{k}" for k in range(5))
        edges = tuple(pair for pair in itertools.combinations(names, 2) if generator.random() < 0.4)
        net = MarkovNet(names, edges)
        table = weights(net, 0.8, 0.3)
        for a, b, known in questions(names):
            verdict = separated(edges, a, b, known)
            seen.add(verdict)
            assert (dependence(table, names, a, b, known) < 1e-12) == verdict, (edges, a, b, known)
    assert seen == {True, False}


def test_dependence_is_what_its_definition_says():
    net = random_net(np.random.default_rng(2), 4)
    table = joint(net)
    largest = 0.0
    by_hand = {tuple(s.values()): chance(net, s) for s in states(net.nodes)}
    for value in (0, 1):
        p = {s: q for s, q in by_hand.items() if s[1] == value}
        total = sum(p.values())
        for a, b in itertools.product((0, 1), repeat=2):
            pair = sum(q for s, q in p.items() if s[3] == a and s[0] == b) / total
            alone = (
                sum(q for s, q in p.items() if s[3] == a) / total * sum(q for s, q in p.items() if s[0] == b) / total
            )
            largest = max(largest, abs(pair - alone))
    assert dependence(table, net.nodes, "n3", "n0", ("n1",)) == pytest.approx(largest, abs=1e-12)


def test_an_open_path_that_carries_nothing_is_said_to_be_so(monkeypatch):
    """Dry grass tells of the sprinkler and the rain one by one: its table is then a product. Wet grass is not."""
    table, drawing = (
        joint(SPRINKLER),
        graphs_parts.Drawing(
            "sprinkler",
            SPRINKLER.nodes,
            {},
            [Edge(a, b) for a, b in edges_of(SPRINKLER.parents)],
            1,
            ("sprinkler", "rain"),
        ),
    )
    rules = graphs_parts.Rules(
        partial(blocked_at, SPRINKLER.parents), partial(d_separated, SPRINKLER.parents), lambda _before, _node: "-"
    )
    verdicts = {0: "by_chance", 1: "connected", None: "separate"}
    for wet, verdict in verdicts.items():
        known = {"cloudy": 1} if wet is None else {"cloudy": 1, "wet": wet}
        monkeypatch.setattr(graphs_parts.st, "session_state", {"graphs_seen_sprinkler": known})
        told = graphs_parts.independence(drawing, rules, table, "sprinkler", "rain")
        assert t(f"learn_graphs.{verdict}") in told
        assert ("0.000000" in told) == (verdict != "connected")


def test_paths_and_where_they_are_blocked():
    edges = edges_of(ALARM.parents)
    assert paths(edges, "burglary", "earthquake") == [("burglary", "alarm", "earthquake")]
    path = ("burglary", "alarm", "earthquake")
    assert blocked_at(ALARM.parents, path, ()) == "alarm"
    assert blocked_at(ALARM.parents, path, ("alarm",)) is None
    assert blocked_at(ALARM.parents, path, ("mary",)) is None  # something below the collider is known
    assert blocked_at(ALARM.parents, ("john", "alarm", "mary"), ("alarm",)) == "alarm"
    assert len(paths(FRIENDS.edges, "anna", "chen")) == 2
    assert len(paths(edges_of(SPRINKLER.parents), "sprinkler", "rain")) == 2


def test_every_node_of_the_vae_leads_to_its_code():
    counts = graphs_vae._sizes()
    model = build(ModelConfig())
    halves = {"phi": [model.features, model.head], "theta": [model.decoder]}
    for name, modules in halves.items():
        assert counts[name] == f"{sum(p.numel() for m in modules for p in m.parameters()):,}"
    for node, (*_, (module, definition)) in graphs_vae.NODES.items():
        assert len(source_of(module, definition)) > 40, node
    assert {end for edge in graphs_vae.EDGES for end in (edge.start, edge.end)} == set(graphs_vae.NODES)


def test_the_graphical_model_is_what_the_solid_arrows_join():
    """The text counts two random variables an image and names the other nodes of the plate as steps of the computation."""
    solid = {end for edge in graphs_vae.EDGES if not edge.dashed for end in (edge.start, edge.end)}
    assert solid == {"prior", "z", "x", "theta"}
    assert {name for name in solid if name not in graphs_vae.BOXED} - {"theta"} == {"z", "x"}, "variables are circles"
    plate = {name for name, (_, x, *_) in graphs_vae.NODES.items() if 112 < x < 112 + 416}
    assert plate - solid == {"mu", "sigma", "eps"}
    for language, two, boxed in (
        ("en", "two random variables", "it is no variable"),
        ("zh", "两个随机变量", "它不是变量"),
    ):
        said = strings(language, "learn_graphs")["vae"]
        assert two in said
        assert boxed in said
        assert all(sign in said for sign in (r"$\mu$", r"$\sigma$", r"$\varepsilon$"))


def test_a_press_goes_from_true_to_false_to_nothing(monkeypatch):
    state = {}
    for module in (presses, graphs_parts):
        monkeypatch.setattr(module.st, "session_state", state)
    turn, told = graphs_parts.observe("markov", FRIENDS.nodes), []
    for count in (1, 2, 3):
        state["graphs_graph_markov"] = {"presses": {"count": count, "names": ["ben"] * count}}
        turn()
        told.append(dict(graphs_parts.seen("markov")))
    assert told == [{"ben": 1}, {"ben": 0}, {}]


def test_parents_may_be_named_in_any_order():
    swapped = BayesNet(
        {**ALARM.parents, "alarm": ("earthquake", "burglary")},
        {**ALARM.chances, "alarm": np.transpose(ALARM.chances["alarm"])},
    )
    assert np.allclose(joint(swapped), joint(ALARM), atol=1e-15)
