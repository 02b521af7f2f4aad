"""The cloud of codes that lesson 5 moves (cloud.js): drawn and decoded in the browser in every frame, told to Python once a gesture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from vaelab.config.texts import Language, say
from vaelab.runs.store import Run
from vaelab.ui.components.carrier import bundle_url
from vaelab.ui.components.widget import widget
from vaelab.ui.text import language

TEXTS = "learn_vae"
MU = (-3.0, 3.0)  # as cloud.js has them
SIGMA = (0.0, 1.5)
WORDS = (
    "mu", "mu_help", "sigma", "sigma_help", "slider_value", "hint", "kl_one", "kl_all",
    "prior_name", "q", "draw", "density", "density_alt", "decodings_help", "refused", "sample", "sample_help",
)  # fmt: skip


@dataclass(frozen=True)
class Cloud:
    """mu and sigma of dimension dim, and what stays while they move.

    encoded: both as the encoder says them; code, spread: its mu and sigma, (Z,); all: every dimension has this sigma; eps: (S, Z).
    """

    mu: float
    sigma: float
    encoded: tuple[float, float]
    dim: int
    all: bool
    code: list[float]
    spread: list[float]
    eps: list[list[float]]


@dataclass(frozen=True)
class Settled:
    """What the sliders say at the end of a gesture; seq counts the gestures."""

    mu: float
    sigma: float
    seq: int


def cloud_view(key: str, run: Run, cloud: Cloud, seq: int, on_settle: Callable[[], None]) -> None:
    """Draw a cloud of a run's codes. seq: of the last gesture that was taken over; on_settle: `settled(key)` then holds the next.

    Call it inside a fragment.
    """
    data = cloud_data(run, cloud, bundle_url(run), language()) | {"seq": seq}
    widget("cloud", key, data, on_settled_change=on_settle)


def cloud_data(run: Run, cloud: Cloud, decoder: str, lang: Language) -> dict[str, Any]:
    """What cloud.js is given, in one language; also in a file without a server. decoder: address of its weights."""
    model = run.config().model
    return asdict(cloud) | {
        "seq": 0,
        "decoder": decoder,
        "shape": [model.channels, model.image_size, model.image_size],
        "text": {name: say(lang, f"{TEXTS}.{name}") for name in WORDS}
        | {"decodings": say(lang, f"{TEXTS}.decodings", count=len(cloud.eps))},
    }


def settled(key: str) -> Settled | None:
    """The gesture that has just ended, within on_settle; None where the browser tells something else."""
    answer = st.session_state.get(key)
    told: Any = answer.get("settled") if answer else None
    try:
        mu, sigma, seq = float(told["mu"]), float(told["sigma"]), int(told["seq"])
    except (LookupError, TypeError, ValueError, OverflowError):
        return None
    if not (math.isfinite(mu) and math.isfinite(sigma)):
        return None
    return Settled(min(max(mu, MU[0]), MU[1]), min(max(sigma, SIGMA[0]), SIGMA[1]), seq)
