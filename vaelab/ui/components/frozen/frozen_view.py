"""The points of lesson 8, whose noise is frozen or not while mu and sigma move (frozen.js): in the browser, Python is told nothing."""

from __future__ import annotations

from collections.abc import Sequence

from vaelab.ui.components.widget import widget
from vaelab.ui.text import t

TEXTS = "learn_reparam"
WORDS = (
    "sheet", "sheet_tip", "eps", "z", "mean", "exact", "told", "jumps", "still", "clear", "clear_tip", "axis",
)  # fmt: skip


def frozen_view(key: str, cost: str, mu: float, sigma: float, eps: Sequence[float], pinned: bool) -> None:
    """Draw the points. cost: of lessons.gradients.COSTS; mu, sigma: where they start; eps: (N,); pinned: whether they stay. Call it inside a fragment."""
    data = {
        "cost": cost,
        "mu": mu,
        "sigma": sigma,
        "eps": list(eps),
        "pinned": pinned,
        "text": {name: t(f"{TEXTS}.frozen_{name}") for name in WORDS}
        | {name: t(f"{TEXTS}.{name}") for name in ("mu_help", "sigma_help")},
    }
    widget("frozen", key, data)
