"""What every lesson with a live training shows: its buttons, its progress, curves and strips of pictures that tick."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import streamlit as st

from vaelab.lessons.race import PICTURES, RACES, Array, Plan, Race, RaceFrame
from vaelab.lessons.race_charts import SERIES, curve_rows, race_curves
from vaelab.palette import markdown
from vaelab.ui import pictures
from vaelab.ui.lessons.ticking import still, ticking_chart
from vaelab.ui.text import t
from vaelab.ui.widgets import figure

TICK = 0.7  # seconds
CELL = 48  # pixels of a small picture: 8x8 six times as large
RANGE = (0.0, 50.0)  # nats per image; an untrained model's reconstruction term is 44
Draw = Callable[[RaceFrame], None]


def race_of(name: str, plan: Plan) -> Race:
    """This session's race of a name, made ready in the background."""
    owner = st.session_state.setdefault("race_owner", uuid.uuid4().hex)
    race = RACES.get(owner, name, plan)
    race.prepare()
    return race


def race_stage(race: Race, key: str, draw: Draw) -> None:
    """The race's buttons and progress in one row, below them what `draw` makes of each frame.

    It ticks while the race moves; when the state changes the page is built once more, with the buttons that fit.
    """
    frame = race.look()
    st.fragment(_tick, run_every=TICK if frame.is_moving else None)(race, key, frame.state, draw)


def _tick(race: Race, key: str, drawn: str, draw: Draw) -> None:
    frame = race.look()
    if frame.state != drawn:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _buttons(race, key, frame)
        with st.container(width="stretch"):
            st.progress(frame.step / frame.steps, progress_words(frame))
    if frame.problem:
        st.error(t("race.failed", kind=frame.problem))
    draw(frame)


def _buttons(race: Race, key: str, frame: RaceFrame) -> None:
    def again() -> None:
        race.reset()
        RACES.start(race)

    if frame.is_moving and frame.step:
        st.button(t("race.pause"), key=f"{key}_pause", icon=":material/pause:", on_click=race.pause, type="primary")
    elif frame.state in ("finished", "failed"):
        st.button(t("race.again"), key=f"{key}_again", icon=":material/replay:", on_click=again, type="primary")
    else:
        words = t("race.start") if frame.step == 0 else t("race.go_on")
        icon = ":material/play_arrow:"
        st.button(words, key=f"{key}_start", icon=icon, on_click=RACES.start, args=(race,), type="primary")
    st.button(
        t("race.reset"),
        key=f"{key}_reset",
        icon=":material/restart_alt:",
        on_click=race.reset,
        disabled=frame.step == 0,
        help=t("race.reset_help"),
    )


def progress_words(frame: RaceFrame) -> str:
    """The state in a few words: step, and while it runs the estimated rest."""
    words = t("race.step", step=f"{frame.step:,}", steps=f"{frame.steps:,}")
    if frame.remaining is not None:
        return f"{words} · {t('race.remaining', seconds=max(1, round(frame.remaining)))}"
    return f"{words} · {t(f'race.state_{frame.state}')}"


def newest(curve: Array | Sequence[float]) -> float | None:
    """A curve's newest value, averaged over its last steps; None before the first."""
    return float(np.mean(curve[-20:])) if len(curve) else None


def lane_curves(
    curves: Mapping[str, Array],
    steps: int,
    key: str,
    *,
    names: Sequence[str] = tuple(SERIES),
    height: int = 160,
    domain: tuple[float, float] = RANGE,
    one_line: bool = False,
) -> None:
    """A contestant's curves under their newest figures, which serve as the legend: nats per image. domain: of the axis."""
    told = [f"{markdown(SERIES[n], t(f'race.{n}'))} **{short(newest(curves.get(n, ())))}**" for n in names]
    nats = f":small[{t('race.nats')}]"
    if one_line:
        st.markdown(f":small[{' · '.join(told)}] {nats}", wrap=False)
    else:
        st.markdown("  \n".join(f"{words} {nats}" for words in told))
    texts = {word: t(f"race.{word}") for word in ("nats", *SERIES)} | {"step": t("race.step_word")}
    rows = curve_rows(curves, names, steps)
    ticking_chart(race_curves, rows, texts, key=key, alt_text=t("race.curves"), height=height, domain=domain)


def short(value: float | None) -> str:
    """Four significant digits; powers of ten where a loss has run away."""
    return figure(value) if value is None or abs(value) < 1e6 else f"{value:.1e}"


def lane_pictures(frame: RaceFrame, number: int, columns: int, rows: int = 1) -> None:
    """Originals over a contestant's reconstructions, then what it decodes from z drawn from the prior."""
    st.caption(t("race.reconstructions"), help=t("race.reconstructions_help"))
    lane = frame.lanes[number] if frame.lanes else None
    if lane is None or frame.originals is None:
        still(_empty(2, columns), t("race.reconstructions"))
    else:
        still(pictures.pairs(frame.originals, lane.recon, columns, cell=CELL), t("race.reconstructions"))
    st.caption(t("race.samples"), help=t("race.samples_help"))
    if lane is None:
        still(_empty(rows, columns), t("race.samples"))
    else:
        count = min(rows * columns, PICTURES)
        still(pictures.strip(lane.samples[:count], columns, cell=CELL), t("race.samples"))


def _empty(rows: int, columns: int) -> Array:
    """Faint tiles of the size that the pictures will have."""
    return pictures.empty_strip(rows, columns, image_size=8, cell=CELL)
