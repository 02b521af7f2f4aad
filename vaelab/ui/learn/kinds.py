"""Lesson 1: discriminative, generative and conditional generative models of points that the reader edits."""

from __future__ import annotations

import contextlib
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab.config.errors import DataError
from vaelab.images import palette
from vaelab.lessons.kinds import Kinds, fit_kinds
from vaelab.ui.components.board.board_view import Board, State
from vaelab.ui.components.budget.budget_view import budget_view
from vaelab.ui.components.sentence.sentence_view import Number
from vaelab.ui.learn.frame import Hand, Lesson, Section, lesson_page
from vaelab.ui.learn.kinds_fields import MOST, REACH, board_view
from vaelab.ui.learn.kinds_images import MODEL, images_panel
from vaelab.ui.learn.kinds_panels import ask_panel, bayes_panel, mass_panel, missing_panel
from vaelab.ui.learn.prediction import Prediction
from vaelab.ui.learn.views import choice
from vaelab.ui.text import t
from vaelab.ui.widgets import theme

CROWD = Number("kinds_crowd", 0, 60, 1, 0, "learn_kinds.crowd", "eps")  # points B that the section about mass adds


def _thinned() -> dict[str, str]:
    """p(x) at the probe, as it was without the crowd and as it is."""
    state = BOARD.state()
    probe: NDArray[np.float64] = np.array([state["probe"]], dtype=float)
    with contextlib.suppress(DataError):
        fitted = (_fitted(_key(points)) for points in (_start(), state))
        before, now = (float(np.exp(kinds.generative.score_samples(probe)[0])) for kinds in fitted)
        return {"before": f"{before:.4f}", "now": f"{now:.4f}"}
    return {}


LESSON = Lesson(
    "learn_kinds",
    (
        Section("three", sets={"kinds_panel": "mass", "kinds_preset": "start"}),
        Section("models"),
        Section(
            "mass",
            r"\int p(x)\,dx = 1",
            {"kinds_panel": "mass", "kinds_preset": "crowd", CROWD.key: 20},
            hand=Hand({"crowd": CROWD}, {"kinds_panel": "mass", "kinds_preset": "crowd"}, _thinned),
        ),
        Section("keep", sets={"kinds_panel": "keep"}),
        Section("bayes", r"p(x|y) = \frac{p(y|x)\,p(x)}{p(y)}", {"kinds_panel": "bayes"}),
        Section("outlier", sets={"kinds_panel": "ask", "kinds_preset": "far"}),
        Section(
            "missing", r"p(x_2|x_1) = \frac{p(x_1, x_2)}{p(x_1)}", {"kinds_panel": "missing", "kinds_preset": "gap"}
        ),
        Section("images", r"z \sim q(z|x, y), \quad x' \sim p(x|z, y')", {"kinds_panel": "images"}),
    ),
    (
        ("lessons.kinds", "fit_kinds"),
        ("lessons.kinds", "one_joint"),
        ("lessons.kinds", "bayes"),
        ("lessons.mixtures", "mass_inside"),
        ("lessons.kernels", "density"),
        ("lessons.kernels", "longest"),
        ("lessons.mixtures", "missing"),
        ("lessons.same_style", "every_label"),
    ),
    ("decode", {"run": MODEL}),
    Prediction(("all", "x", "a", "none"), "x"),
)
PANELS = ("mass", "keep", "bayes", "ask", "missing", "images")


def _start() -> State:
    """Two classes of 30 points: A in two clouds, B in two others."""
    draw = np.random.default_rng(0).normal
    clouds = [((-1.6, 0.6), (0.5, 0.8), 16, 0), ((-0.4, -1.6), (0.6, 0.4), 14, 0)]
    clouds += [((1.4, 1.3), (0.6, 0.5), 18, 1), ((2.0, -1.0), (0.4, 0.5), 12, 1)]
    drawn = [(draw(centre, spread, (count, 2)).round(2), label) for centre, spread, count, label in clouds]
    points = [[float(x), float(y), label] for cloud, label in drawn for x, y in cloud]
    return {"points": points, "probe": [-1.6, 0.6], "field": ""}  # field: the large one, where another was chosen


def _valid(state: State) -> bool:
    """Whether the browser's points can be used: at most MOST on the plane, each of class 0 or 1, and a probe."""
    points, probe = state["points"], state["probe"]
    places = np.array([*(point[:2] for point in points), probe], dtype=float)
    named = isinstance(state["field"], str) and len(state["field"]) < 20
    on_plane = places.shape == (len(points) + 1, 2) and bool((np.abs(places) <= REACH).all())
    return (
        named and on_plane and len(points) <= MOST and all(len(point) == 3 and point[2] in (0, 1) for point in points)
    )


BOARD = Board("kinds_board", "plane", _start(), _valid)


@lru_cache(maxsize=64)  # by the points themselves: Streamlit would hash each of their numbers by itself at every run
def _fitted(points: tuple[tuple[float, ...], ...]) -> Kinds:
    table = np.array(points, dtype=float).reshape(-1, 3)
    return fit_kinds(table[:, :2], table[:, 2].astype(np.int64))


def _key(state: State) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(point) for point in state["points"])


def _apply_preset(name: str | None) -> None:
    """Put the board into the state that a section's button asks for."""
    start = _start()
    if name == "start":
        st.session_state[CROWD.key] = CROWD.start
        BOARD.put(**start)
    elif name == "crowd":
        BOARD.put(**start)  # so that "before" means without the crowd
        count = int(st.session_state.get(CROWD.key, CROWD.start))
        crowd = np.random.default_rng(1).normal((2.8, 2.8), 0.35, (count, 2)).clip(-REACH, REACH).round(2)
        BOARD.put(points=[*start["points"], *([float(x), float(y), 1] for x, y in crowd)], probe=[-1.6, 0.6])
    elif name == "far":
        BOARD.put(probe=[3.6, -3.6])
    elif name == "gap":
        BOARD.put(probe=[1.8, BOARD.state()["probe"][1]])


def _usable(state: State) -> tuple[State, Kinds, str | None]:
    """The state, the models fitted to it, and a sentence where a class has too few points: then those of the last good state."""
    try:
        kinds = _fitted(_key(state))
    except DataError:
        good: State = st.session_state.get("kinds_good", BOARD.start)
        return good, _fitted(_key(good)), t("learn_kinds.too_few")
    st.session_state["kinds_good"] = state
    return state, kinds, None


def stage() -> None:
    """The board with its fields, and the numbers of the chosen panel below."""
    shown = theme()
    _apply_preset(st.session_state.pop("kinds_preset", None))
    panel = choice(t("learn_kinds.panel"), PANELS, "kinds_panel", lambda key: t(f"learn_kinds.panel_{key}"))
    if panel == "images":
        images_panel(shown)
        return
    if panel == "keep":
        budget_view("kinds_budget", shown)
        return
    state = BOARD.state()
    probe: NDArray[np.float64] = np.array(state["probe"], dtype=float)
    good, kinds, problem = _usable(state)
    BOARD.draw(board_view(kinds, probe, panel, shown), palette.class_colours(shown)[:2])
    if problem:
        st.warning(problem, icon=":material/warning:")
        return
    if panel == "mass":
        mass_panel(kinds, _before(kinds), probe, shown)
    elif panel == "bayes":
        bayes_panel(kinds, shown)
    elif panel == "ask":
        points: Any = np.array(good["points"], dtype=float)[:, :2]
        ask_panel(kinds, points, probe, shown)
    else:
        missing_panel(kinds, probe, shown)


def _before(kinds: Kinds) -> Kinds:
    """The models as they were before the last gesture; the present ones where they could not be fitted."""
    try:
        return _fitted(_key(BOARD.before()))
    except DataError:
        return kinds


def page() -> None:
    """Build the page."""
    lesson_page(LESSON, stage)
