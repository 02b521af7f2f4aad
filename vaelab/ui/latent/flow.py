"""A latent flow: noise that a learned field carries to the codes of images, and what the decoder makes of both ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab.analysis import latents, projections
from vaelab.analysis.latents import Query
from vaelab.config.errors import VaeLabError
from vaelab.ui import doing, pictures
from vaelab.ui.access.rules import may
from vaelab.ui.components.ways.ways_view import Ways, ways_view
from vaelab.ui.guard import show_error
from vaelab.ui.latent.map_panel import Colour
from vaelab.ui.text import t
from vaelab.ui.widgets import clock, figure
from vaelab.workers import flow_worker
from vaelab.workers.folder_job import State

MOVING = 300  # points on the way
SHOWN = 16  # of them decoded
COLUMNS = 8  # of the pictures before and after
LOOK_AGAIN = 1.5  # seconds
TEXT_WIDTH = 620  # pixels: about 70 characters a line


@dataclass(frozen=True)
class Made:
    """What a field makes of noise. places: (F, P, 2); z: (F, S, Z); y: (S,) or None; before, after: (S, C, H, W) uint8."""

    places: NDArray[np.float32]
    z: NDArray[np.float32]
    y: NDArray[np.int64] | None
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]


def flow_section(wanted: Query, colour: Colour) -> None:
    """The whole section; it looks again by itself while a field learns."""
    active = flow_worker.jobs.state(flow_worker.query(wanted.run).file_name).is_active
    st.subheader(t("latent_flow.title"), anchor=False)
    st.caption(t("latent_flow.intro"), width=TEXT_WIDTH)
    st.fragment(_section, run_every=LOOK_AGAIN if active else None)(wanted, colour, active)


def _section(wanted: Query, colour: Colour, was_active: bool) -> None:
    learned = flow_worker.query(wanted.run)
    state = flow_worker.jobs.state(learned.file_name)
    if state.is_active != was_active:
        st.rerun()  # the section begins or ends looking again
    file = flow_worker.field_file(learned)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="latent_flow_bar"):
        _controls(learned, state, has_field=file is not None)
    if file is None:
        return
    try:
        made = _made(str(wanted.run.path), learned.key, state.version, file.stat().st_mtime_ns, wanted.key, wanted)
    except VaeLabError as error:
        show_error(error)
        return
    known = latents.codes(wanted)
    labels = known.labels.get(colour.by)
    groups = np.full(len(known), -1) if labels is None else labels[0]
    plane = _plane(str(wanted.run.path), wanted.key, wanted)
    stamp = f"{learned.file_name}-{state.version}-{wanted.key}-{colour.by}"
    ways = Ways(plane.points, groups, colour.inks, made.places, made.z, made.y)
    ways_view("latent_ways", wanted.run, ways, stamp)
    before, after = st.columns(2, gap="medium")
    for place, name, images in ((before, "before", made.before), (after, "after", made.after)):
        with place:
            st.markdown(t(f"latent_flow.{name}"), help=t(f"latent_flow.{name}_help"))
            st.image(
                pictures.strip(images, COLUMNS), output_format="PNG", alt=t(f"latent_flow.{name}").replace("*", "")
            )


def _controls(learned: Query, state: State, *, has_field: bool) -> None:
    """Learn, stop, and how far it is; when it is done, how near the new codes come to those of images."""
    if state.is_active:
        starter = doing.starter_of_flow(learned)
        if may("stop_map", starter) and st.button(
            t("latent_flow.stop"), key="latent_flow_stop", icon=":material/stop:", help=t("latent_flow.stop_help")
        ):
            doing.stop_flow(starter, learned)
        if state.state == "queued" or not state.round:
            st.progress(0.0, t(f"latent_flow.{'waiting' if state.state == 'queued' else 'encoding'}"))
        else:
            words = t(
                "latent_flow.progress",
                done=f"{state.round:,}",
                steps=f"{state.rounds:,}",
                left=clock(state.remaining),
                loss=figure(_loss(learned)),
            )
            st.progress(state.round / max(1, state.rounds), words)
        return
    label = "again" if has_field else "learn"
    kind: Any = "secondary" if has_field else "primary"
    if st.button(
        t(f"latent_flow.{label}"),
        key="latent_flow_learn",
        icon=":material/water:",
        help=t("latent_flow.learn_help"),
        type=kind,
    ):
        try:
            doing.learn_flow(learned.run, learned)
        except VaeLabError as error:
            show_error(error)
            return
        st.rerun()
    if state.state == "failed":
        st.error(t("latent_flow.failed", why=state.message or "–"), icon=":material/error:")
    for name, value in state.told.items():
        if name in ("before", "after", "images"):
            st.metric(
                t(f"latent_flow.distance_{name}"), f"{value:.3f}", help=t("latent_flow.distance_help"), width="content"
            )


def _loss(learned: Query) -> float | None:
    curve = flow_worker.losses(learned)
    return None if curve is None or not len(curve) else float(curve[-1, 1])


@st.cache_data(max_entries=16, show_spinner=False)
def _plane(path: str, key: str, _wanted: Query) -> projections.Pca:
    return projections.pca(latents.codes(_wanted).mu)


@st.cache_data(max_entries=16, show_spinner=False)
def _made(path: str, key: str, version: int, stamp: int, shown: str, _wanted: Query) -> Made:
    """Both ends and the way between, of the same noise at every version of a field, so that pictures change and do not jump."""
    import torch

    from vaelab.analysis import inference, latent_flow
    from vaelab.models.one_thread import alone

    def make() -> Made:
        run = _wanted.run
        cfg = run.config().model
        model = inference.load_run(run)
        file = flow_worker.field_file(flow_worker.query(run))
        assert file is not None
        field = latent_flow.read(file, cfg.classes)
        eps = torch.randn(MOVING, cfg.latent_dim, generator=torch.Generator().manual_seed(0))
        y = torch.arange(MOVING) % cfg.classes if cfg.classes else None
        codes, decodable = latent_flow.ways(field, model, eps, y)
        plane = _plane(path, shown, _wanted)
        places = np.stack([plane.place(frame) for frame in codes])
        label = None if y is None else y[:SHOWN].numpy()
        own = cfg.method.codes_of_noise(model, eps[:SHOWN]).detach().numpy()
        z = decodable[:, :SHOWN]
        before, after = inference.decode(model, own, label), inference.decode(model, z[-1], label)
        return Made(places.astype(np.float32), z, label, before, after)

    return alone(make)
