"""The Your image page: a picture of one's own on the left, what the model makes of it on the right, its uses below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.elements.lib.mutable_tab_container import TabContainer

from vaelab.config.errors import VaeLabError
from vaelab.runs.store import Run
from vaelab.ui import share
from vaelab.ui.access import seen
from vaelab.ui.guard import show_error
from vaelab.ui.image import answer as answer
from vaelab.ui.image.flow_steps import flow_steps
from vaelab.ui.image.models import model_of, models, preparation, stamp
from vaelab.ui.image.source import choose_label, choose_picture, seen_pixels
from vaelab.ui.image.uses import USES
from vaelab.ui.model_picker import pick_model
from vaelab.ui.text import language, t
from vaelab.ui.widgets import page_link

SIDE_WIDTH = 272  # pixels: a picture of 256 and a little
READY_SOON = 0.3  # seconds that are waited for a preparation, so that a quick one needs no second look
LOOK_AGAIN = 1.0  # seconds


def page() -> None:
    """Everything below the title."""
    known = models()
    if not known:
        st.info(t("image.no_models"), icon=":material/model_training:")
        page_link("train", t("image.go_train"))
        return
    with st.container(horizontal=True, gap="medium"):
        side = st.container(width=SIDE_WIDTH, gap="small", key="image_side")
        wide = st.container(width="stretch", gap="small", key="image_wide")
    with side:
        run = pick_model(known, "image")
        try:
            chosen = source(run)
        except VaeLabError as error:
            show_error(error)
            return
    with wide:
        if chosen is None:
            st.info(t("image.empty"), icon=":material/add_photo_alternate:")
            return
        pixels, y = chosen
        if run.config().model.label is not None and y is None:
            st.info(t("image.label_needed"), icon=":material/label:")
            return
        load_model(run)
        pipeline_view(run.name, pixels, y)
        evidence(run, pixels, y)


def source(run: Run) -> tuple[NDArray[np.uint8], int | None] | None:
    """The column on the left: where the picture comes from, what the model sees of it, its label if one is needed."""
    preparation(run)  # begins now: it has the time that a person needs to choose a picture
    cfg = run.config()
    picture = choose_picture(run, cfg)
    share.not_held("image.picture", t("image.own_picture") if picture and picture.kind != "test" else None)
    if picture is None:
        return None
    pixels = seen_pixels(picture, cfg)
    return pixels, choose_label(run, cfg, picture)


def load_model(run: Run) -> None:
    """Load the model when a session asks for it first; words stand where its answer will be, as a new server imports torch."""
    wanted = (run.name, stamp(run))
    if st.session_state.get("image_loaded") == wanted:
        return
    try:
        with st.spinner(t("image.loading_model")):
            model_of(run)
    except VaeLabError:
        return  # told where the answer would be
    st.session_state["image_loaded"] = wanted


@st.fragment
def pipeline_view(run_name: str, pixels: NDArray[np.uint8], y: int | None) -> None:
    """The pipeline; a fragment, so that drawing z again touches nothing else."""
    run = seen.find(run_name)
    cfg = run.config()
    try:
        answer.pipeline(run, cfg, pixels, y, answer.inspect(run, cfg, pixels, y))
        flow_steps(run, pixels, y)
    except VaeLabError as error:
        show_error(error)


def evidence(run: Run, pixels: NDArray[np.uint8], y: int | None) -> None:
    """Figures and tabs; looked at again every second as long as the preparation is at work."""
    ready = preparation(run).wait(READY_SOON)
    st.fragment(_evidence, run_every=None if ready else LOOK_AGAIN)(run.name, pixels, y, ready)


def _tabs(titles: dict[str, str]) -> Sequence[TabContainer]:
    """The tabs, the one of the session's `image_tab` open. Streamlit knows a tab by its words, which are others in another language."""
    state, key = st.session_state, f"tab_of_image_{language()}"

    def chosen() -> None:
        state["image_tab"] = next((name for name, title in titles.items() if title == state[key]), None)

    if state.get("image_tab") not in titles:
        state["image_tab"] = next(iter(titles))
    state[key] = titles[state["image_tab"]]
    return st.tabs(list(titles.values()), key=key, on_change=chosen)


def _evidence(run_name: str, pixels: NDArray[np.uint8], y: int | None, was_ready: bool) -> None:
    run = seen.find(run_name)
    cfg = run.config()
    known = preparation(run)
    if known.done and not was_ready:
        st.rerun()
    try:
        found = answer.inspect(run, cfg, pixels, y)
        answer.figures(cfg, found, known)
        names = ("neighbours", *USES)
        titles = {name: t(f"image.tab_{name}") for name in names}
        for name, tab in zip(names, _tabs(titles), strict=True):
            if tab.open:
                with tab:
                    if name == "neighbours":
                        answer.neighbours(cfg, found, known)
                    else:
                        USES[name](run, cfg, pixels, y, known)
    except VaeLabError as error:
        show_error(error)
