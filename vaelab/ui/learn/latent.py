"""Lesson 3: a latent variable model with one latent number, its five distributions and the loop between them."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab.images import palette
from vaelab.images.field_colours import coloured
from vaelab.images.palette import STOPS, Theme
from vaelab.lessons.guessing import Rounds, rounds
from vaelab.lessons.latent_grid import (
    DECODERS,
    Decoder,
    decode,
    draw_pairs,
    five,
    linear_gaussian,
    moments,
    normal,
    posterior_at,
)
from vaelab.ui.components.board.board_view import Board, State
from vaelab.ui.components.guess.guess_view import guess_view
from vaelab.ui.components.sentence.sentence_view import Number
from vaelab.ui.learn.frame import Hand, Lesson, Section, lesson_page
from vaelab.ui.learn.number_table import Cell, Words, number_table, signed, small
from vaelab.ui.learn.prediction import Estimate
from vaelab.ui.learn.views import choice
from vaelab.ui.text import t
from vaelab.ui.widgets import theme

WEIGHT = Number("latent_weight", 0.4, 2.0, 0.1, 1.2, "learn_latent.weight", "decoder")
SIGMA = Number("latent_sigma", 0.1, 1.5, 0.1, 0.4, "learn_latent.sigma", "sigma")
START: dict[str, Any] = {"latent_decoder": "wave", WEIGHT.key: WEIGHT.start, SIGMA.key: SIGMA.start}


def _spread() -> dict[str, str]:
    """How widely x spreads where the decoder is a line."""
    weight, sigma = (float(st.session_state[number.key]) for number in (WEIGHT, SIGMA))
    return {"spread": f"{np.hypot(weight, sigma):.2f}"}


LESSON = Lesson(
    "learn_latent",
    (
        Section("hidden", r"p(x, z) = p(x|z)\,p(z)", {**START, "latent_view": "five", "latent_preset": "start"}),
        Section("marginal", r"p(x) = \int p(x|z)\,p(z)\,dz"),
        Section("named"),
        Section("loop", r"p(z|x) = \frac{p(x|z)\,p(z)}{p(x)}"),
        Section(
            "game",
            sets={"latent_view": "guess", "latent_decoder": "fold", "latent_weight": 1.0, "latent_sigma": 0.5},
        ),
        Section(
            "fold",
            sets={
                "latent_view": "five",
                "latent_decoder": "fold",
                "latent_weight": 1.0,
                "latent_sigma": 0.5,
                "latent_preset": "fold",
            },
        ),
        Section(
            "linear",
            r"p(z|x) = \mathcal{N}\!\left(\tfrac{w x}{w^2+\sigma^2},\ \tfrac{\sigma^2}{w^2+\sigma^2}\right)",
            {"latent_view": "five", "latent_decoder": "line", "latent_weight": 1.0, "latent_sigma": 0.5},
            hand=Hand({"weight": WEIGHT, "sigma": SIGMA}, {"latent_view": "five", "latent_decoder": "line"}, _spread),
        ),
    ),
    (
        ("lessons.latent_grid", "five"),
        ("lessons.latent_grid", "draw_pairs"),
        ("lessons.latent_grid", "posterior_at"),
        ("lessons.guessing", "rounds"),
        ("lessons.latent_grid", "linear_gaussian"),
    ),
    ("latent", {}),
    Estimate(0.0, 2.0, 0.05, right=0.83, near=0.1),
)
Z_REACH, X_REACH = 3.5, 4.0
Z_POINTS, X_POINTS = 241, 121  # of the axes in the panels; with fewer z a steep f(z) leaves ripples in p(x)
FINE = np.linspace(-14.0, 14.0, 5601)  # the grid of the numbers: wide and fine enough for the closed forms' digits
DRAWS = 200
ROUNDS = 10
VIEWS = ("five", "guess")
SEEDS = 1_000
GUESSED = np.linspace(-Z_REACH, Z_REACH, Z_POINTS)  # where a posterior is drawn after a guess

Array = NDArray[np.float64]


def _valid(state: State) -> bool:
    """Whether the browser's place can be used."""
    return abs(float(state["z"])) <= Z_REACH and abs(float(state["x"])) <= X_REACH


BOARD = Board("latent_board", "loop", {"z": 0.8, "x": 1.3}, _valid)


def _apply_preset(name: str | None) -> None:
    """Put z and x where a section's button wants them."""
    if name == "start":
        BOARD.put(**BOARD.start)
    elif name == "fold":
        BOARD.put(z=1.2, x=1.0)


@st.cache_data(max_entries=32, show_spinner=False)
def _view(kind: Decoder, weight: float, sigma: float) -> dict[str, Any]:
    """The view of board/loop.js: all that does not depend on z and x."""
    zs, xs = np.linspace(-Z_REACH, Z_REACH, Z_POINTS), np.linspace(-X_REACH, X_REACH, X_POINTS)
    all_five = five(kind, weight, sigma, zs, xs)
    top = float(all_five.joint.max())
    picture = coloured(all_five.joint.T[::-1], STOPS, 0.0, top)
    packed = {
        "prior": all_five.prior,
        "marginal": all_five.marginal,
        "curve": decode(kind, zs, weight),
        "likelihood": all_five.likelihood,
        "posterior": all_five.posterior,
        "draws": draw_pairs(kind, weight, sigma, DRAWS),
    }
    return {name: _packed(values) for name, values in packed.items()} | {
        "zs": [-Z_REACH, Z_REACH, Z_POINTS],
        "xs": [-X_REACH, X_REACH, X_POINTS],
        "joint": {"rgb": base64.b64encode(picture.tobytes()).decode(), "width": Z_POINTS, "height": X_POINTS},
    }


def _packed(values: Array) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def stage() -> None:
    """The five distributions with their numbers, or ten rounds in which z is guessed; the decoder's controls above both."""
    with st.container(horizontal=True, gap="small"):
        view = choice(t("learn_latent.view"), VIEWS, "latent_view", lambda name: t(f"learn_latent.view_{name}"))
        seed = _seed() if view == "guess" else 0
    _apply_preset(st.session_state.pop("latent_preset", None))
    kind, weight, sigma = _controls()
    if view == "guess":
        guessing(kind, weight, sigma, seed)
    else:
        panels(kind, weight, sigma)


def panels(kind: Decoder, weight: float, sigma: float) -> None:
    """The five panels and the numbers at the chosen z and x."""
    shown = theme()
    roles = {
        "z": "z",
        "x": "total",
        "prior": "prior",
        "likelihood": "decoder",
        "posterior": "encoder",
        "marginal": "total",
    }
    colours = {name: palette.colour(role, shown) for name, role in roles.items()}  # type: ignore[arg-type]
    BOARD.draw(_view(kind, weight, sigma), colours, name=f"{kind} {weight} {sigma}")
    _numbers(kind, weight, sigma, BOARD.state(), shown)


@st.cache_data(max_entries=32, show_spinner=False)
def played(kind: Decoder, weight: float, sigma: float, seed: int) -> Rounds:
    """The ten rounds of a seed, with what the posterior says of each."""
    return rounds(kind, weight, sigma, ROUNDS, GUESSED, (Z_REACH - 0.1, X_REACH - 0.2), seed)


def _seed() -> int:
    """Of the ten rounds, and the button that takes another one."""
    known = st.session_state.get("latent_seed")  # a link may have put anything there
    seed = known % SEEDS if isinstance(known, int) else 1
    st.button(
        t("learn_latent.guess_again"),
        key="latent_guess_again",
        icon=":material/casino:",
        on_click=st.session_state.update,
        args=({"latent_seed": seed + 1},),
        help=t("learn_latent.guess_again_help"),
    )
    return seed


def guessing(kind: Decoder, weight: float, sigma: float, seed: int) -> None:
    """Ten x, whose z the reader guesses."""
    name = f"{kind} {weight} {sigma} {seed}"
    ten = played(kind, weight, sigma, seed)
    guess_view("latent_guess", name, ten, GUESSED, decode(kind, GUESSED, weight), sigma, X_REACH)


def _controls() -> tuple[Decoder, float, float]:
    for key, value in START.items():
        st.session_state.setdefault(key, value)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = choice(
            t("learn_latent.decoder"),
            DECODERS,
            "latent_decoder",
            lambda kind: t(f"learn_latent.decoder_{kind}"),
            show_label=True,
            help=t("learn_latent.decoder_help"),
        )
        weight = st.slider(
            t(WEIGHT.label),
            WEIGHT.low,
            WEIGHT.high,
            step=WEIGHT.step,
            key=WEIGHT.key,
            help=t("learn_latent.weight_help"),
        )
        sigma = st.slider(
            t(SIGMA.label), SIGMA.low, SIGMA.high, step=SIGMA.step, key=SIGMA.key, help=t("learn_latent.sigma_help")
        )
    return kind, float(weight), float(sigma)


def _numbers(kind: Decoder, weight: float, sigma: float, state: State, shown: Theme) -> None:
    z, x = float(state["z"]), float(state["x"])
    posterior, evidence = posterior_at(kind, weight, sigma, x, FINE)
    prior = float(normal(np.array(z), 0.0, 1.0))
    likelihood = float(normal(np.array(x), decode(kind, np.array(z), weight), sigma))
    here = float(np.interp(z, FINE, posterior))
    values = [prior, likelihood, prior * likelihood, evidence, here]
    number_table(
        [t("learn_latent.here", z=signed(z), x=signed(x)), "p(z)", "p(x|z)", "p(x, z)", "p(x)", "p(z|x)"],
        [
            [t("learn_latent.density"), *(f"{value:.4f}" for value in values)],
        ],
        shown,
    )
    mean, spread = moments(posterior, FINE)
    centre, width = (t(f"learn_latent.{name}") for name in ("mean", "width"))
    rows: list[list[Cell]] = []
    if kind == "line":
        closed = linear_gaussian(weight, sigma, x)
        pairs = (("p(x)", evidence, closed.evidence), (centre, mean, closed.mean), (width, spread, closed.sigma))
        rows = [[name, signed(a, 6), signed(b, 6), Words(small(abs(a - b)))] for name, a, b in pairs]
    else:
        loop = abs(prior * likelihood - evidence * here)
        none = t("learn_latent.no_closed")
        rows = [
            ["p(x)", f"{evidence:.6f}", "–", Words(none)],
            [centre, signed(mean, 6), "–", Words("")],
            [width, f"{spread:.6f}", "–", Words(t("learn_latent.both_ways", gap=small(loop)))],
        ]
    number_table([t(f"learn_latent.{name}") for name in ("at_x", "grid", "closed", "gap")], rows, shown)


def page() -> None:
    """Build the page."""
    lesson_page(LESSON, stage)
