"""Small Bayesian and Markov networks of yes-or-no variables, with exact inference: every combination is enumerated.

A table of a network has one axis of length 2 for each node, in the order of `nodes`; index 1 means true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]
Evidence = Mapping[str, int]  # node: 0 or 1


@dataclass(frozen=True)
class BayesNet:
    """A directed network. parents: of every node; chances: P(node true | parents), one axis for each parent in order."""

    parents: Mapping[str, tuple[str, ...]]
    chances: Mapping[str, Any]

    @property
    def nodes(self) -> tuple[str, ...]:
        """In the order of the table's axes."""
        return tuple(self.parents)


@dataclass(frozen=True)
class MarkovNet:
    """An undirected network with a potential on every edge and every node."""

    nodes: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]


# Pearl 1988; the figures are those of Russell & Norvig, Artificial Intelligence, figure 14.2.
ALARM = BayesNet(
    {
        "burglary": (),
        "earthquake": (),
        "alarm": ("burglary", "earthquake"),
        "john": ("alarm",),
        "mary": ("alarm",),
    },
    {
        "burglary": 0.001,
        "earthquake": 0.002,
        "alarm": [[0.001, 0.29], [0.94, 0.95]],
        "john": [0.05, 0.90],
        "mary": [0.01, 0.70],
    },
)
# Murphy, A Brief Introduction to Graphical Models and Bayesian Networks, 1998.
SPRINKLER = BayesNet(
    {"cloudy": (), "sprinkler": ("cloudy",), "rain": ("cloudy",), "wet": ("sprinkler", "rain")},
    {"cloudy": 0.5, "sprinkler": [0.5, 0.1], "rain": [0.2, 0.8], "wet": [[0.0, 0.9], [0.9, 0.99]]},
)
FRIENDS = MarkovNet(
    ("anna", "ben", "chen", "dora"),
    (("anna", "ben"), ("ben", "chen"), ("chen", "dora"), ("dora", "anna")),
)


def joint(net: BayesNet) -> Table:
    """p of every combination: the product of p(node | parents) over the nodes. -> (2, ..., 2), sums to 1."""
    table: Table = np.ones((2,) * len(net.nodes))
    for node, parents in net.parents.items():
        true = np.asarray(net.chances[node], dtype=float)
        factor = np.stack([1.0 - true, true], axis=-1)
        table = table * spread(factor, (*parents, node), net.nodes)
    return table


def weights(net: MarkovNet, coupling: float, field: float) -> Table:
    """Unnormalised weight of every combination. -> (2, ..., 2); its sum is the partition function Z.

    With s = 1 for true and -1 for false: exp(coupling * s_a * s_b) on every edge, exp(field * s) on every node (Ising 1925).
    """
    table: Table = np.ones((2,) * len(net.nodes))
    for a, b in net.edges:
        pair = np.exp(coupling * np.array([[1.0, -1.0], [-1.0, 1.0]]))
        table = table * spread(pair, (a, b), net.nodes)
    for node in net.nodes:
        table = table * spread(np.exp(field * np.array([-1.0, 1.0])), (node,), net.nodes)
    return table


def spread(factor: NDArray[Any], names: tuple[str, ...], nodes: tuple[str, ...]) -> Table:
    """A factor over some nodes, its axes put where a table of all nodes has them; the others have length 1."""
    places = [nodes.index(name) for name in names]
    ordered = np.transpose(factor, np.argsort(places))
    return ordered.reshape([2 if k in places else 1 for k in range(len(nodes))])


def given(table: Table, nodes: tuple[str, ...], evidence: Evidence) -> Table:
    """The table with everything that contradicts the evidence set to 0; what is left sums to (Z times) p(evidence)."""
    kept = table
    for node, value in evidence.items():
        kept = kept * spread(np.eye(2)[value], (node,), nodes)
    return kept


def posteriors(table: Table, nodes: tuple[str, ...], evidence: Evidence) -> dict[str, float] | None:
    """P(node true | evidence) for every node; None where the evidence has probability 0. Needs no normalised table."""
    kept = given(table, nodes, evidence)
    total = kept.sum()
    if total == 0.0:
        return None
    return {node: float(np.take(kept, 1, axis=k).sum() / total) for k, node in enumerate(nodes)}


def dependence(table: Table, nodes: tuple[str, ...], a: str, b: str, known: tuple[str, ...]) -> float:
    """The largest |p(a, b | known) - p(a | known) p(b | known)| over all values; 0 where a and b are independent given known."""
    keep = (a, b, *known)
    others = tuple(k for k, node in enumerate(nodes) if node not in keep)
    small = np.moveaxis(
        table.sum(axis=others), np.argsort(np.argsort([nodes.index(n) for n in keep])), range(len(keep))
    )
    pair = small.reshape(2, 2, -1)  # every column one combination of the known nodes
    pair = pair[:, :, pair.sum(axis=(0, 1)) > 0]
    pair = pair / pair.sum(axis=(0, 1))
    product = pair.sum(axis=1)[:, None] * pair.sum(axis=0)[None]
    return float(np.abs(pair - product).max())
