"""A cause is accused; which observations free it? The fewest, found by trying every set of them on the exact table."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from vaelab.lessons.networks import ALARM, SPRINKLER, BayesNet, Evidence, joint, posteriors


@dataclass(frozen=True)
class Case:
    """facts: observed and not to be taken back; limit: P(accused) at or below it frees."""

    net: BayesNet
    accused: str
    facts: Evidence
    limit: float

    @property
    def open(self) -> tuple[str, ...]:
        """What may be observed, or not."""
        return tuple(node for node in self.net.nodes if node not in (*self.facts, self.accused))

    def chance(self, observed: Mapping[str, int]) -> float | None:
        """P(accused) given the facts and what is observed; None where that cannot happen."""
        found = posteriors(joint(self.net), self.net.nodes, {**self.facts, **observed})
        return None if found is None else found[self.accused]

    def frees(self, observed: Mapping[str, int]) -> bool:
        """Whether it is at or below the limit."""
        chance = self.chance(observed)
        return chance is not None and chance <= self.limit


CASES: dict[str, Case] = {
    "alarm": Case(ALARM, "burglary", {"alarm": 1}, 0.01),
    "calm": Case(ALARM, "burglary", {"alarm": 1, "earthquake": 0}, 0.01),
    "grass": Case(SPRINKLER, "sprinkler", {"wet": 1}, 0.12),
}


def fewest(case: Case) -> tuple[dict[str, int], ...]:
    """All smallest sets of observations that free the accused; none where nothing does."""
    for size in range(len(case.open) + 1):
        found = [
            observed
            for nodes in itertools.combinations(case.open, size)
            for values in itertools.product((1, 0), repeat=size)
            if case.frees(observed := dict(zip(nodes, values, strict=True)))
        ]
        if found:
            return tuple(found)
    return ()
