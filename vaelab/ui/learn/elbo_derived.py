"""Where the bound of lesson 7 comes from: KL on two curves, Jensen on a concave one, and q dragged onto the posterior."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from vaelab.images import palette
from vaelab.images.palette import Role, markdown
from vaelab.lessons.divergence import (
    Gaussian,
    divergence,
    jensen,
    line_elbo,
    line_evidence,
    line_posterior,
    log_density,
    summand,
)
from vaelab.ui.components.board.board_view import Board, State
from vaelab.ui.learn.evidence_bar import evidence_bar
from vaelab.ui.learn.marks import joined
from vaelab.ui.text import t
from vaelab.ui.widgets import figure, theme

REACH = 4.0  # of the axis of z
NARROW, WIDE = 0.3, 2.0  # sigma
WEIGHTS = (0.1, 6.0)  # of Jensen's two points
SEEN, NOISE = 1.2, 0.7  # x, and sigma of x around z, of the model whose posterior is dragged onto
GRID = np.linspace(-REACH, REACH, 241)
BAR = (-8.0, 0.0)  # nats of the bar of log p(x)
ROLES: tuple[Role, ...] = ("encoder", "prior", "eps", "total", "z", "decoder")
# A step may take several lines, none of which is wider than a phone.
JENSEN_STEPS = (
    r"\log p(x) = \log \int p(x, z)\, dz",
    r"= \log \int q(z|x)\, \frac{p(x, z)}{q(z|x)}\, dz",
    r"= \log \mathbb{E}_{q(z|x)}\!\left[\frac{p(x, z)}{q(z|x)}\right]",
    r"\ge \mathbb{E}_{q(z|x)}\!\left[\log \frac{p(x, z)}{q(z|x)}\right]",
    r"= \mathbb{E}_{q(z|x)}[\log p(x|z)] \\ &\qquad + \mathbb{E}_{q(z|x)}[\log p(z) - \log q(z|x)] \\"
    r" &\quad = \mathbb{E}_{q(z|x)}[\log p(x|z)] \\ &\qquad - \mathrm{KL}(q(z|x)\,\|\,p(z)) \\ &\quad = \mathrm{ELBO}(x)",
)
ONTO_STEPS = (
    r"-\mathrm{KL}(q\,\|\,p) = \mathbb{E}_q\!\left[\log \tfrac{p}{q}\right] \\ &\quad \le \log \mathbb{E}_q\!\left[\tfrac{p}{q}\right] = \log 1 = 0 \\ &",  # a line apart from what follows
    r"0 \le \mathrm{KL}(q(z|x)\,\|\,p(z|x)) \\ &\quad = \mathbb{E}_q[\log q(z|x) - \log p(z|x)]",
    r"= \mathbb{E}_q[\log q(z|x) - \log p(x, z)] \\ &\qquad + \log p(x)",
    r"\log p(x) = \mathbb{E}_q[\log p(x, z) - \log q(z|x)] \\ &\qquad + \mathrm{KL}(q(z|x)\,\|\,p(z|x))",
    r"\log p(x) = \mathrm{ELBO}(x) + \mathrm{gap}, \\ &\qquad \mathrm{gap} = \mathrm{KL}(q(z|x)\,\|\,p(z|x)) \ge 0",
)


def gaussian(at: Sequence[float], first: int) -> Gaussian:
    """The Gaussian of two handles: one at its mean, the other one sigma to the right."""
    return float(at[first]), float(at[first + 1] - at[first])


def _gaussians(state: State) -> bool:
    at = [float(value) for value in state["at"]]
    pairs = [gaussian(at, first) for first in range(0, len(at), 2)]
    return all(abs(mean) <= REACH - 0.5 and NARROW - 1e-6 <= sigma <= WIDE + 1e-6 for mean, sigma in pairs)


KL = Board(
    "elbo_kl", "curves", {"at": [1.0, 1.6, -0.5, 0.7]}, lambda state: len(state["at"]) == 4 and _gaussians(state)
)
JENSEN = Board(
    "elbo_jensen",
    "curves",
    {"at": [0.5, 4.5]},
    lambda state: len(state["at"]) == 2 and all(WEIGHTS[0] <= float(v) <= WEIGHTS[1] for v in state["at"]),
)
ONTO = Board("elbo_onto", "curves", {"at": [-0.9, -0.1]}, lambda state: len(state["at"]) == 2 and _gaussians(state))


def _line(x: Any, y: Any, role: Role, *, dash: bool = False, fill: bool = False) -> dict[str, Any]:
    lists = (np.round(np.asarray(values, dtype=float), 4).tolist() for values in (x, y))
    return dict(zip(("x", "y"), lists, strict=True)) | {"role": role, "dash": dash, "fill": fill}


def _handles(q: Gaussian, role: Role, first: int) -> list[dict[str, Any]]:
    """Of a Gaussian: at its top, and where it is one sigma away."""
    mean, sigma = q
    top = float(np.exp(log_density(q, np.array(mean))))
    side = float(np.exp(log_density(q, np.array(mean + sigma))))
    reach = {"low": 0.5 - REACH, "high": REACH - 0.5}
    width = {"low": NARROW, "high": WIDE}
    return [{"y": top, "role": role, "follows": None, **reach}, {"y": side, "role": role, "follows": first, **width}]


def _note(name: str, q: Gaussian, role: Role) -> dict[str, Any]:
    mean = q[0]
    top = float(np.exp(log_density(q, np.array(mean))))
    return {"x": mean, "y": min(top + 0.12, 1.36), "text": name, "role": role, "align": "center"}


def kl_view(at: Sequence[float]) -> dict[str, Any]:
    """Two densities, and what is added up to KL(q || p)."""
    q, p = gaussian(at, 0), gaussian(at, 2)
    added = summand(q, p, GRID)
    return {
        "x": [-REACH, REACH],
        "y": [-0.5, 1.4],
        "lines": [
            _line(GRID, np.clip(added, -0.5, 1.4), "eps", fill=True),
            _line(GRID, np.exp(log_density(p, GRID)), "prior"),
            _line(GRID, np.exp(log_density(q, GRID)), "encoder"),
        ],
        "handles": [*_handles(q, "encoder", 0), *_handles(p, "prior", 2)],
        "notes": [_note("q", q, "encoder"), _note("p", p, "prior")],
    }


def jensen_view(at: Sequence[float], share: float) -> dict[str, Any]:
    """The logarithm, a chord between two of its points, and how far the chord lies below it at their mean."""
    first, second = (float(value) for value in at)
    upper, lower = jensen(first, second, share)
    mean = share * first + (1.0 - share) * second
    grid = np.linspace(0.05, 6.4, 240)
    reach = {"follows": None, "low": WEIGHTS[0], "high": WEIGHTS[1], "role": "z"}
    return {
        "x": [0.0, 6.5],
        "y": [-2.6, 2.2],
        "lines": [
            _line(grid, np.log(grid), "encoder"),
            _line([first, second], np.log([first, second]), "prior", dash=True),
            _line([mean, mean], [lower, upper], "eps"),
        ],
        "handles": [{"y": math.log(value), **reach} for value in (first, second)],
        "notes": [
            {"x": 5.6, "y": 1.95, "text": "log w", "role": "encoder"},
            {"x": mean, "y": upper + 0.3, "text": figure(upper - lower, 3), "role": "eps", "align": "center"},
        ],
    }


def onto_view(at: Sequence[float]) -> dict[str, Any]:
    """The posterior, and the q that is dragged onto it."""
    q, posterior = gaussian(at, 0), line_posterior(SEEN, NOISE)
    return {
        "x": [-REACH, REACH],
        "y": [0.0, 1.4],
        "lines": [
            _line(GRID, np.exp(log_density((0.0, 1.0), GRID)), "prior", dash=True),
            _line(GRID, np.exp(log_density(posterior, GRID)), "total"),
            _line(GRID, np.exp(log_density(q, GRID)), "encoder", fill=True),
        ],
        "handles": _handles(q, "encoder", 0),
        "notes": [
            _note("q(z|x)", q, "encoder"),
            {"x": posterior[0] + 0.55, "y": 0.5, "text": "p(z|x)", "role": "total"},
            {"x": 2.3, "y": 0.12, "text": "p(z)", "role": "prior"},
        ],
    }


def _colours() -> dict[str, str]:
    return {role: palette.colour(role, theme()) for role in ROLES}


def kl_stage() -> None:
    """KL itself: two curves, and both directions."""
    at = KL.state()["at"]
    KL.draw(kl_view(at), _colours())
    q, p = gaussian(at, 0), gaussian(at, 2)
    st.markdown(
        t(
            "learn_elbo.kl_told",
            forth=figure(divergence(q, p)),
            back=figure(divergence(p, q)),
            area=figure(float(summand(q, p, np.linspace(-30, 30, 60_001)).sum() * 1e-3)),
        )
    )
    st.caption(t("learn_elbo.kl_how"))


def jensen_stage() -> None:
    """Jensen: two weights on a concave curve, then the derivation step by step."""
    left, right = st.columns(2, gap="medium")
    with left:
        share = st.slider(t("learn_elbo.share"), 0.0, 1.0, 0.5, 0.05, key="elbo_share", help=t("learn_elbo.share_help"))
    with right:
        step = _step("jensen", JENSEN_STEPS)
    at = JENSEN.state()["at"]
    JENSEN.draw(jensen_view(at, share), _colours())
    upper, lower = jensen(at[0], at[1], share)
    st.caption(t("learn_elbo.dots_how"))
    st.markdown(t("learn_elbo.jensen_told", upper=figure(upper), lower=figure(lower), gap=figure(upper - lower)))
    _derived("jensen", JENSEN_STEPS, step)


def onto_stage() -> None:
    """q dragged onto the posterior: the bar of log p(x) = ELBO + gap, then the derivation step by step."""
    at = ONTO.state()["at"]
    ONTO.draw(onto_view(at), _colours())
    q = gaussian(at, 0)
    fit, kl = line_elbo(q, SEEN, NOISE)
    evidence, gap = line_evidence(SEEN, NOISE), divergence(q, line_posterior(SEEN, NOISE))
    st.caption(t("learn_elbo.dots_how"))
    st.html(bar(fit - kl, evidence))
    words = in_hundredths(evidence, gap)
    st.markdown(
        t("learn_elbo.onto_told", **words, elbo_name=markdown("encoder", "ELBO"), gap_name=markdown("eps", "KL"))
    )
    _derived("onto", ONTO_STEPS, _step("onto", ONTO_STEPS))


def in_hundredths(evidence: float, gap: float) -> dict[str, str]:
    """log p(x), the gap and the ELBO in nats, rounded so that what is written adds up."""
    truth, lost = round(100 * evidence), round(100 * gap)
    values = {"truth": truth, "gap": lost, "elbo": truth - lost}
    return {name: f"{value / 100:.2f}".replace("-", "\u2212") for name, value in values.items()}


def bar(elbo: float, evidence: float) -> str:
    """log p(x) as a bar from BAR[0] nats: the ELBO and the gap that is left."""
    colours = _colours()
    parts = ((elbo, colours["encoder"]), (evidence, colours["eps"]))
    return evidence_bar(parts, *BAR, (evidence,), t("learn_elbo.bar_alt"))


def _step(name: str, formulas: Sequence[str]) -> int:
    """How far the reader has moved the derivation."""
    numbers = range(1, len(formulas) + 1)
    picked: int = st.select_slider(
        t("learn_elbo.step"), numbers, key=f"elbo_step_{name}", help=t("learn_elbo.step_help")
    )
    return picked


def _derived(name: str, formulas: Sequence[str], step: int) -> None:
    """Why the newest step may be taken, below it all steps so far."""
    st.markdown(f"**{step}.** {joined(t(f'learn_elbo.{name}_step_{step}'))}")
    lines = r" \\ ".join(
        f"& {line}" if "=" not in line[:3] and not line.startswith(r"\ge") else rf"&\quad {line}"
        for line in formulas[:step]
    )
    st.latex(rf"\begin{{aligned}} {lines} \end{{aligned}}")
