"""The views of a run: they tick once a second while it is active, less often for many (watchers.py), and change pixels, never positions.

Everything is read from the run directory, so a reload, a second browser or a restarted server shows the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from vaelab.analysis.decoder_facts import codes_of
from vaelab.analysis.projections import align, pca_plane
from vaelab.config.errors import VaeLabError
from vaelab.images.palette import Role, markdown
from vaelab.runs.files import Row, Stamp, stamp_of
from vaelab.runs.run_config import RunConfig
from vaelab.runs.status import Status
from vaelab.runs.store import Run
from vaelab.ui import pictures
from vaelab.ui.charts import training_charts
from vaelab.ui.names import label_title, value_names
from vaelab.ui.text import Language, language, t
from vaelab.ui.ticking import NUMBERS, Table, place, rooms, ticking_chart
from vaelab.ui.train.live_pictures import (
    STRIP_HEIGHT,
    STRIP_WIDTH,
    arrays_of,
    heading,
    latest_snapshot,
    strips,
)
from vaelab.ui.train.watchers import WATCHERS
from vaelab.ui.widgets import STATE_BADGES, clock, figure, state_text

SIDE = 184  # of the scatter's square, pixels
AXIS = 40  # its numbers, at the left
BARS = 100  # height of the bars of KL: with them the panel ends above the fold of a laptop
CURVES = 142  # height of the three curves
LOWER_CURVES = 102  # where a method has a row of its own below them, so that the pictures keep their place
OWN_CURVES = 52
COLOUR_BY = "train_colour_by"  # in the session and in links: what colours the probe images
MOST_OF_A_DEVICE = 24  # characters that its place in the status line holds
ACTIVE_VARIANCE = 0.01  # of mu over the probe images: Burda et al. 2016, section 5.2
MAX_CLASSES = 24  # more colours cannot be told apart at all
COLLAPSE_SHARE = 0.5  # fewer active dimensions than this share of Z is worth a word


def live_view(run: Run, status: Status) -> None:
    """All views of a run, in the order of look.md; ticking while it is queued, running or paused.

    status: the one that the controls beside them are drawn for; when it is another by now, the page is drawn again.
    """
    rooms(_rooms(run.config()))
    pace = WATCHERS.pace(_session()) if status.is_active else None
    st.fragment(_frame, run_every=pace)(run, status.state, pace)


def _session() -> str:
    context = get_script_run_ctx()
    return context.session_id if context else ""


def _rooms(cfg: RunConfig) -> dict[str, int]:
    """The heights of the places of all charts and pictures of a run, by their keys, in pixels."""
    method = cfg.model.method
    height = LOWER_CURVES if method.curves else CURVES
    return {
        **{f"curve_{term}": height for term in training_charts.TERMS},
        **{f"own_curve_{name}": OWN_CURVES for name in method.curves},
        **dict.fromkeys(("reconstructions", "samples", *method.pictures), STRIP_HEIGHT),
        "probe_scatter": SIDE + NUMBERS,
        "kl_bars": BARS,
    }


def _frame(run: Run, drawn_state: str, pace: float | None) -> None:
    """One tick. The controls beside the views depend on the state, so a change of it redraws the whole page; so does another pace of the ticks."""
    status = run.status()
    if status.state != drawn_state or (pace is not None and WATCHERS.pace(_session(), pace) != pace):
        st.rerun()
    cfg, rows = run.config(), run.metrics()
    with st.container(key="live_curves"):
        status_line(status, cfg, rows)
        curves(run, rows, CURVES if not cfg.model.method.curves else LOWER_CURVES)
        own_curves(run, cfg, rows)
    step = latest_snapshot(run)
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=STRIP_WIDTH, key="live_strips"):
            with st.container(key="whole_factor" if cfg.data.image_size < pictures.CELL else None):
                strips(run, step)
            collapse_warning(run, cfg, step, status.epoch)
        with st.container(horizontal=True, width="stretch", key="live_latent"):
            latent_views(run, cfg, step)


def status_line(status: Status, cfg: RunConfig, rows: Sequence[Row]) -> None:
    """State, epoch, speed, time, device: six figures that keep their places."""
    icon, _ = STATE_BADGES[status.state]
    memory = f" · {status.device_memory_mb:,.0f} MB" if status.device_memory_mb else ""
    devices = device_text(status.device or cfg.device)
    kinds = re.sub(r" \(.*?\)", "", devices)  # without the models of the cards
    every = f"{devices}{memory}"
    short = next((words for words in (every, devices) if len(words) <= MOST_OF_A_DEVICE), kinds)
    figures = (
        (1.35, t("train.state"), f"{icon} {state_text(status.state)}"),
        (1.5, t("train.epoch_step"), f"{status.epoch} / {cfg.optim.epochs} · {status.step:,}"),
        (0.85, t("train.speed"), f"{status.throughput:,.0f}" if status.throughput else "–"),
        (0.85, t("train.elapsed"), plain(clock(status.seconds))),
        (0.9, t("train.remaining"), plain(clock(status.remaining_seconds))),
        (2.2, t("train.device"), short),
    )
    widths = [width for width, _, _ in figures]
    for column, (_, label, value) in zip(st.columns(widths, gap="small"), figures, strict=True):
        # One element each, since six tick for everybody who watches.
        told = every if value == short != every else None
        if label == t("train.device") and status.compiled_from is not None:
            compiled = t("train.compiled_from", step=f"{status.compiled_from:,}")
            told = compiled if told is None else f"{told}  \n{compiled}"
        column.markdown(f":small[:gray[{label}]]  \n**{value}**", help=told, wrap=False)


def device_text(devices: str) -> str:
    """What trains, as the worker calls it ("4 x cpu (2 threads) on 2 computers"), in the session's language."""
    if language() == "en":
        return devices
    devices = re.sub(r"(\d+) threads?", lambda found: t("train.threads", count=found[1]), devices)
    return re.sub(r" on (\d+) computers", lambda found: t("train.computers", count=found[1]), devices)


def plain(words: str) -> str:
    """Markdown without a name between colons: 1:02:03 has one, and the browser would fetch the emoji for it and move the page."""
    return words.replace(":", "\\:")


@lru_cache(maxsize=256)
def _curve_table(path: str, stamp: Stamp, term: str) -> Table:
    """The data of a curve, made once for all who watch. stamp: of the file of rows."""
    run = Run(path)
    return Table.of(training_charts.curve_rows(run.metrics(), run.events(), term))


def curves(run: Run, rows: Sequence[Row], height: int = CURVES) -> None:
    """Total, reconstruction and KL side by side, each under its newest figures, in nats per image."""
    texts = {name: t(f"train.{name}") for name in ("step", "nats", "train", "test", "floor")}
    stamp = stamp_of(run.metrics_file)
    last: Row = rows[-1] if rows else {}
    measured: Row = next((row for row in reversed(rows) if row.get("test_loss") is not None), {})
    for column, (term, role) in zip(st.columns(3), training_charts.TERMS.items(), strict=True):
        with column, st.container(gap=None):
            newest = t("train.newest", train=figure(last.get(term)), test=figure(measured.get(f"test_{term}")))
            st.markdown(f"**{markdown(role, t(f'train.term_{term}'))}**", help=t("train.curve_help"))
            st.caption(newest)
            ticking_chart(
                training_charts.curve,
                _curve_table(str(run.path), stamp, term),
                texts,
                key=f"curve_{term}",
                has_place=True,
                alt_text=t(f"train.term_{term}"),
                term=term,
                height=height,
            )


def own_curves(run: Run, cfg: RunConfig, rows: Sequence[Row]) -> None:
    """The method's further terms in one lower row, each in its own words and unit."""
    method = cfg.model.method
    if not method.curves:
        return
    texts = {name: t(f"train.{name}") for name in ("step", "nats", "train", "test", "floor")}
    stamp = stamp_of(run.metrics_file)
    last: Row = rows[-1] if rows else {}
    for column, (name, words) in zip(st.columns(3), method.curves.items(), strict=False):
        role = cast(Role, method.curve_roles.get(name, "encoder"))
        title = words.titled(language())
        with column, st.container(gap=None):
            st.markdown(
                f"**{markdown(role, title)}** :small[{_short(last.get(name))}]",
                help=f"{words.helped(language())} {t('train.own_curve_help')}",
                wrap=False,
            )
            ticking_chart(
                training_charts.curve,
                _curve_table(str(run.path), stamp, name),
                texts,
                key=f"own_curve_{name}",
                has_place=True,
                alt_text=title,
                term=name,
                height=OWN_CURVES,
                role=role,
            )


def _short(value: float | None) -> str:
    """Three significant digits: the unit may be anything."""
    return "–" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def latent_views(run: Run, cfg: RunConfig, step: int | None) -> None:
    """The probe images' codes on a plane, and what each latent dimension carries."""
    arrays = arrays_of(run, step)
    mu = arrays.get("probe_mu", np.zeros((0, cfg.model.latent_dim)))
    with st.container(width=SIDE + AXIS + training_charts.LEGEND, gap=None):
        heading("mu", "scatter")
        if arrays:
            scatter(run, step, mu)
        else:  # the names of the classes come with the first codes: a chart without them would be mounted again then
            with place("probe_scatter", None, "content"):
                tile = pictures.empty_strip(1, 1, image_size=SIDE, cell=SIDE)
                st.image(tile, output_format="PNG", alt=t("train.scatter"))
    with st.container(width="stretch", gap=None, key="kl_panel"):
        kl_panel(run, cfg, mu)


def scatter(run: Run, step: int | None, mu: npt.NDArray[Any]) -> None:
    """The probe images' codes mu, (P, Z), on a plane, coloured by what is known of the images."""
    names, labels = scatter_colours(run)
    shown = (str(run.path), step, tuple(names))
    kept = st.session_state.get("shown_scatter")
    if kept is None or kept[0] != shown:  # a session's own: each turns the plane towards what it has seen
        kept = shown, Table.of(training_charts.scatter_rows(_aligned_plane(run, step, mu), labels, names))
        st.session_state["shown_scatter"] = kept
    ticking_chart(
        training_charts.latent_scatter,
        kept[1],
        {"class": t("train.class")},
        key="probe_scatter",
        has_place=True,
        width="content",
        alt_text=t("train.scatter"),
        names=tuple(names),
        side=SIDE,
    )


def kl_panel(run: Run, cfg: RunConfig, mu: npt.NDArray[Any]) -> None:
    """KL of each latent dimension and the count of active ones. mu: (P, Z), the probe images' codes."""
    heading("encoder", "kl_per_dim")
    if not cfg.model.has_posterior:
        st.caption(t("train.codes_kl" if cfg.model.method.has_prior else "train.no_kl"))
        return
    if not cfg.model.method.kl_by_dimension:
        st.caption(t("train.one_kl"))
        if len(mu):
            active = active_dimensions(mu)
            st.markdown(t("train.active", count=int(active.sum()), total=len(active)), wrap=False)
        return
    active = active_dimensions(mu)
    ticking_chart(
        training_charts.kl_bars,
        _kl_table(str(run.path), stamp_of(run.metrics_file), tuple(active.tolist())),
        {"dim": t("train.dimension"), "nats": t("train.nats")},
        key="kl_bars",
        has_place=True,
        alt_text=t("train.kl_per_dim"),
        dims=len(active),
        height=BARS,
    )
    if len(mu):
        st.markdown(t("train.active", count=int(active.sum()), total=len(active)), wrap=False)


@lru_cache(maxsize=64)
def _kl_table(path: str, stamp: Stamp, active: tuple[bool, ...]) -> Table:
    """The data of the bars, made once for all who watch. stamp: of the file of rows."""
    rows = Run(path).metrics()
    nothing = [0.0] * len(active)
    kl = np.array(next((row["kl_per_dim"] for row in reversed(rows) if row.get("kl_per_dim")), nothing), dtype=float)
    return Table.of(training_charts.kl_bar_rows(kl, np.array(active)))


def active_dimensions(mu: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which dimensions tell images apart: their mu varies. mu: (P, Z), (Z,); none does while there are no codes."""
    return mu.var(axis=0) > ACTIVE_VARIANCE if len(mu) else np.zeros(mu.shape[1], dtype=bool)


def collapse_warning(run: Run, cfg: RunConfig, step: int | None, epoch: int) -> None:
    """Where few dimensions are active, what that means and what helps; under the pictures, where nothing is moved by it."""
    mu = arrays_of(run, step).get("probe_mu")
    if mu is None or not cfg.model.has_posterior or epoch < 2:
        return
    idle = int((~active_dimensions(mu)).sum())
    if idle > (1 - COLLAPSE_SHARE) * len(mu.T):
        with st.container(key="collapse"):
            st.warning(t("train.collapse", idle=idle, total=len(mu.T)), icon=":material/compress:")


@st.cache_data(max_entries=32, show_spinner=False)
def _probe_labels(path: str, step: int, lang: Language) -> dict[str, tuple[npt.NDArray[Any], tuple[str, ...]]]:
    """What is known of the probe images in words of this language, the most telling first: title -> ((P,) indices, names)."""
    run = Run(path)
    codes = codes_of(run, run.config(), step)
    few = {label: pair for label, pair in codes.labels.items() if len(pair[1]) <= MAX_CLASSES}

    def rank(label: str) -> tuple[bool, float]:
        values, names = few[label]
        return len(names) > 10, -between(codes.pixels, values)  # ten colours can be told apart

    return {label_title(label): (few[label][0], value_names(few[label][1])) for label in sorted(few, key=rank)}


def between(pixels: npt.NDArray[Any] | None, values: npt.NDArray[Any]) -> float:
    """The share of the pixels' variance that lies between groups, less what chance gives: how well a label tells images apart.

    pixels: (P, C, H, W); values: (P,). Eta squared minus its expectation without any effect, (G - 1) / (P - 1).
    """
    if pixels is None or len(values) < 2:
        return 0.0
    x = pixels.reshape(len(pixels), -1).astype(np.float32)
    x -= x.mean(axis=0)
    groups = [x[values == value] for value in np.unique(values)]
    share = sum(len(group) * float((group.mean(axis=0) ** 2).sum()) for group in groups) / max(
        float((x**2).sum()), 1e-12
    )
    return share - (len(groups) - 1) / (len(values) - 1)


def probe_labels(run: Run) -> dict[str, tuple[npt.NDArray[Any], tuple[str, ...]]]:
    """As above; empty before the first snapshot, which is never thinned out and has the labels of all later ones."""
    steps = run.snapshots()
    try:
        return _probe_labels(str(run.path), steps[0], language()) if steps else {}
    except VaeLabError:
        return {}


def colour_choice(run: Run) -> None:
    """Which of the things known of the probe images colours their points; nothing where there is no choice."""
    known = probe_labels(run)
    if len(known) > 1:
        if st.session_state.get(COLOUR_BY) not in known:
            st.session_state[COLOUR_BY] = next(iter(known))
        st.selectbox(t("train.colour_by"), list(known), key=COLOUR_BY)


def scatter_colours(run: Run) -> tuple[list[str], npt.NDArray[Any] | None]:
    """The names of the values that colour the points and their indices, (P,)."""
    known = probe_labels(run)
    if not known:
        return [], None
    values, names = known.get(str(st.session_state.get(COLOUR_BY, "")), next(iter(known.values())))
    return list(names), values


def _aligned_plane(run: Run, step: int | None, mu: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The codes on a plane, (P, 2), turned to lie closest to what this session was shown last of the same run."""
    shown = st.session_state.get("shown_plane")
    if shown and shown[:2] == (str(run.path), step):
        return np.asarray(shown[2])
    points = pca_plane(mu)
    if shown and shown[0] == str(run.path) and shown[2].shape == points.shape:
        points = align(points, shown[2])
    st.session_state["shown_plane"] = (str(run.path), step, points)
    return points
