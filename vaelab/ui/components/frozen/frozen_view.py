"""The points of lesson 8, whose noise is frozen or not while mu and sigma move (frozen.js): in the browser, Python hears only where it stands, for links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vaelab.config.texts import Language, say
from vaelab.ui.components.widget import widget
from vaelab.ui.text import language

TEXTS = "learn_reparam"
WORDS = (
    "sheet", "sheet_tip", "eps", "z", "mean", "exact", "told", "jumps", "still", "clear", "clear_tip", "axis",
)  # fmt: skip


def frozen_view(key: str, cost: str, mu: float, sigma: float, eps: Sequence[float], pinned: bool) -> None:
    """Draw the points. cost: of lessons.gradients.COSTS; mu, sigma: where they start; eps: (N,); pinned: whether they stay. Call it inside a fragment."""
    widget("frozen", key, frozen_data(cost, mu, sigma, eps, pinned, language()), keeps=True)


def frozen_data(
    cost: str, mu: float, sigma: float, eps: Sequence[float], pinned: bool, lang: Language
) -> dict[str, Any]:
    """What frozen.js is given, in one language; also in a file without a server."""
    return {
        "cost": cost,
        "mu": mu,
        "sigma": sigma,
        "eps": list(eps),
        "pinned": pinned,
        "text": {name: say(lang, f"{TEXTS}.frozen_{name}") for name in WORDS}
        | {name: say(lang, f"{TEXTS}.{name}") for name in ("mu_help", "sigma_help")},
    }
