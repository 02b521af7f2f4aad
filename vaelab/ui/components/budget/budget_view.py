"""Lesson 1's game (budget.js): the reader drags points to hold p(x) up at a probe; all of it runs in the browser, Python hears only where it stands, for links."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.config.texts import Language, say
from vaelab.images import palette
from vaelab.images.palette import STOPS, Theme
from vaelab.lessons.kernels import density, elsewhere, longest
from vaelab.ui.components.widget import widget
from vaelab.ui.text import language

TEXTS = "learn_kinds"
REACH = 4.0  # plane units from the middle to the edge
PROBE = (-1.2, 0.4)
MINE = 12
AROUND = 0.85  # plane units of the reader's first points from the probe
WIDTH = 0.6  # of a bump, plane units
AWAY = 2.2  # of the computer's points from the probe
LINE = 0.95  # of p(x) at the start
OTHERS = 80  # more than can be borne
WORDS = (
    "plane", "plane_tip", "play", "pause", "play_tip", "next", "next_tip", "again", "again_tip", "at_probe", "line", "mine", "others", "mass",
    "start", "holds", "falls", "lost", "most", "bar",
)  # fmt: skip


def first_points() -> NDArray[Any]:
    """Where the reader's points stand at first: on a circle around the probe, (MINE, 2)."""
    turn = 2.0 * np.pi * np.arange(MINE) / MINE
    return np.stack([PROBE[0] + AROUND * np.cos(turn), PROBE[1] + AROUND * np.sin(turn)], axis=1).round(2)


def line() -> float:
    """What p(x) at the probe must not fall below."""
    return LINE * float(density(first_points(), np.array([PROBE]), WIDTH)[0])


def budget_view(key: str, theme: Theme) -> None:
    """Draw the game. Call it inside a fragment."""
    widget("budget", key, budget_data(language()) | budget_colours(theme), keeps=True)


def budget_colours(theme: Theme) -> dict[str, Any]:
    """What of it follows the theme."""
    mine, other = palette.class_colours(theme)[:2]
    return {"colours": {"mine": mine, "others": other}}


def budget_data(lang: Language) -> dict[str, Any]:
    """What budget.js is given beside its colours, in one language; also in a file without a server."""
    return {
        "mine": first_points().tolist(),
        "others": elsewhere(OTHERS, np.array(PROBE), REACH, AWAY, seed=5).tolist(),
        "probe": list(PROBE),
        "reach": REACH,
        "width": WIDTH,
        "line": line(),
        "longest": longest(MINE, line(), WIDTH),
        "stops": list(STOPS),
        "text": {name: say(lang, f"{TEXTS}.keep_{name}") for name in WORDS},
    }
