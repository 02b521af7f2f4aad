"""What every lesson with a live training shows: its buttons, its progress, curves and strips of pictures that tick."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import streamlit as st

from vaelab.images.palette import markdown
from vaelab.lessons.race import MOST_RUNNING, PICTURES, RACES, Array, Plan, Race, RaceFrame
from vaelab.ui import doing, pictures, share
from vaelab.ui.learn.race_charts import SERIES, curve_rows, race_curves
from vaelab.ui.text import t
from vaelab.ui.ticking import still, ticking_chart
from vaelab.ui.widgets import figure

TICK = 0.7  # seconds
PATIENCE = (
    0.25  # seconds that a run waits for models that are built in a moment, rather than showing none until the next tick
)
CELL = 48  # pixels of a small picture: 8x8 six times as large
RANGE = (0.0, 50.0)  # nats per image; an untrained model's reconstruction term is 44
Draw = Callable[[RaceFrame], None]
# Where there is room, pictures twice as large.


def race_of(name: str, plan: Plan) -> Race:
    """This session's race of a name, made ready in the background."""
    owner = st.session_state.setdefault("race_owner", uuid.uuid4().hex)
    race = RACES.get(owner, name, plan)
    race.prepare(PATIENCE)
    return race


def race_stage(race: Race, key: str, draw: Draw) -> None:
    """The race's buttons and progress in one row, below them what `draw` makes of each frame; a fragment that ticks while it moves.

    The buttons keep their keys whatever they say: one that is replaced between the pointer's down and up loses the click.
    """
    st.fragment(_whole, key=f"{key}_whole")(race, key, draw)


def _whole(race: Race, key: str, draw: Draw) -> None:
    frame = race.look()
    if frame.is_moving:
        st.fragment(_tick, run_every=TICK)(race, key, draw)
    else:
        with st.container():  # what a fragment is on the page: nothing changes its place
            _show(race, key, draw, frame)


def _tick(race: Race, key: str, draw: Draw) -> None:
    frame = race.look()
    if not frame.is_moving:
        st.rerun()  # it has ended: only a run from outside ends the ticking
    _show(race, key, draw, frame)


def _show(race: Race, key: str, draw: Draw, frame: RaceFrame) -> None:
    lesson = {"diagnose": "pitfalls"}.get(key.partition("_")[0], key.partition("_")[0])
    share.not_held(f"learn_{lesson}.race", t("race.no_link", step=f"{frame.step:,}") if frame.step else None)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _buttons(race, key, frame)
        with st.container(width="stretch"):
            st.progress(frame.step / frame.steps, progress_words(frame))
    if frame.problem:
        st.error(t("race.failed", kind=frame.problem))
    if frame.halt == "crowd" and st.session_state.get(f"{key}_told") != frame.step:
        st.session_state[f"{key}_told"] = frame.step
        st.toast(t("race.crowd_told", most=MOST_RUNNING), icon=":material/groups:", duration="long")
    draw(frame)


def _buttons(race: Race, key: str, frame: RaceFrame) -> None:
    def press(*acts: Callable[[], None]) -> None:
        for act in acts:
            act()
        st.rerun(f"{key}_whole")  # not the ticking alone, which a start begins and a pause ends

    def go() -> None:
        doing.train_in_a_lesson(lambda: RACES.start(race, PATIENCE))

    def reset() -> None:
        race.reset()
        race.prepare(PATIENCE)

    acts: tuple[Callable[[], None], ...]
    if frame.is_moving and frame.step:
        words, icon, acts = "pause", ":material/pause:", (lambda: race.pause(),)
    elif frame.state in ("finished", "failed"):
        words, icon, acts = "again", ":material/replay:", (race.reset, go)
    else:
        words, icon, acts = "start" if frame.step == 0 else "go_on", ":material/play_arrow:", (go,)
    st.button(
        t(f"race.{words}"),
        key=f"{key}_go",
        icon=icon,
        on_click=press,
        args=acts,
        type="primary",
    )
    st.button(
        t("race.reset"),
        key=f"{key}_reset",
        icon=":material/restart_alt:",
        on_click=press,
        args=(reset,),
        disabled=frame.step == 0,
        help=t("race.reset_help"),
    )


def progress_words(frame: RaceFrame) -> str:
    """The state in a few words: step, and while it runs the estimated rest; why it stands where nobody asked for that."""
    words = t("race.step", step=f"{frame.step:,}", steps=f"{frame.steps:,}")
    if frame.remaining is not None:
        return f"{words} · {t('race.remaining', seconds=max(1, round(frame.remaining)))}"
    if frame.state == "paused" and frame.halt:
        return f"{words} · {t(f'race.halt_{frame.halt}')}"
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
    compact: bool = False,
) -> None:
    """A contestant's curves under their newest figures, which serve as the legend: nats per image. domain: of the axis.

    compact: the figures small and in two lines, else each in a line of its own.
    """
    told = [f"{markdown(SERIES[n], t(f'race.{n}'))} **{short(newest(curves.get(n, ())))}**" for n in names]
    nats = f":small[{t('race.nats')}]"
    if compact:
        told = [f":small[{' · '.join(words)}]" for words in (told[:1], told[1:]) if words]
    st.markdown("  \n".join(f"{words} {nats}" for words in told))
    texts = {word: t(f"race.{word}") for word in ("nats", *SERIES)} | {"step": t("race.step_word")}
    rows = curve_rows(curves, names, steps)
    ticking_chart(race_curves, rows, texts, key=key, alt_text=t("race.curves"), height=height, domain=domain)


def short(value: float | None) -> str:
    """Four significant digits and a true minus sign; powers of ten where a loss has run away."""
    if value is None or abs(value) < 1e6:
        return figure(value)
    digits, power = f"{value:.1e}".split("e")
    return f"{digits}e{int(power)}".replace("-", "−")


def lane_pictures(frame: RaceFrame, number: int, columns: int, rows: int = 1, samples: str = "race.samples") -> None:
    """Originals over a contestant's reconstructions, then what it decodes from z drawn from the prior. samples: the text that names these."""
    lane = frame.lanes[number] if frame.lanes else None
    st.caption(t("race.reconstructions"), help=t("race.reconstructions_help"))
    if lane is None or frame.originals is None:
        sheet = _empty(2, columns)
    else:
        sheet = pictures.pairs(frame.originals, lane.recon, columns, cell=CELL)
    with st.container(key=f"race_pictures_recon_{number}"):
        still(sheet, t("race.reconstructions"))
    st.caption(t(samples), help=t(f"{samples}_help"))
    if lane is None:
        sheet = _empty(rows, columns)
    else:
        sheet = pictures.strip(lane.samples[: min(rows * columns, PICTURES)], columns, cell=CELL)
    with st.container(key=f"race_pictures_samples_{number}"):
        still(sheet, t(samples))


def _empty(rows: int, columns: int) -> Array:
    """Faint tiles of the size that the pictures will have."""
    return pictures.empty_strip(rows, columns, image_size=8, cell=CELL)
