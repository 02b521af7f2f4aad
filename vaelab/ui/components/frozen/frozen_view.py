"""The points of lesson 8, whose noise is frozen or not while mu and sigma move (frozen.js): in the browser, Python is told nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import streamlit as st

from vaelab.ui import styles
from vaelab.ui.components.carrier import FOLDER, loader_js
from vaelab.ui.components.decoder.decoder_view import stylesheet
from vaelab.ui.text import t

ENTRY = "frozen/frozen.js"
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
    st.html(styles.rule(key, min_height="var(--vl-room-frozen)"))
    _component()(key=key, data=data)


@cache
def _component() -> Any:
    """The component, registered once a process."""
    css = stylesheet() + (FOLDER / "frozen/frozen.css").read_text(encoding="utf-8")
    return st.components.v2.component("vaelab_frozen", css=css, js=loader_js(ENTRY, t("decode.scripts_failed")))
