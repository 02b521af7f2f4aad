"""The Latent space page: which model and images, how they are shown, and the map with its inspector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from vaelab import data
from vaelab.analysis import latents
from vaelab.analysis.latents import Query, Split
from vaelab.config.errors import VaeLabError
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run
from vaelab.ui.decode.decode_page import models
from vaelab.ui.guard import show_error
from vaelab.ui.latent.chosen import choice, keep_in_address
from vaelab.ui.latent.codes_download import codes_download
from vaelab.ui.latent.factors import factor_section
from vaelab.ui.latent.first_look import chose_view, look_first
from vaelab.ui.latent.flow import flow_section
from vaelab.ui.latent.inspector import inspector, neighbours
from vaelab.ui.latent.map_panel import (
    MOST_COLOURS,
    PROJECTIONS,
    Colour,
    View,
    colours_of,
    latent_map,
)
from vaelab.ui.latent.prior import prior_section
from vaelab.ui.model_picker import pick_model
from vaelab.ui.text import t
from vaelab.ui.widgets import page_link
from vaelab.workers import tsne_worker

Images = tuple[Split, int]
DEFAULT_IMAGES: Images = ("test", 2_000)


def page() -> None:
    """Everything below the title."""
    known = models()
    if not known:
        st.info(t("latent.no_models"), icon=":material/model_training:")
        page_link("train", t("latent.go_train"))
        return
    if st.runtime.exists():
        tsne_worker.jobs.warm_up()
    workspace(known)


@st.fragment
def workspace(known: dict[str, Run]) -> None:
    """The map on two thirds, its controls and the inspector on one; below, the prior. A gesture reruns this alone."""
    wide, side = st.columns([2, 1], gap="medium")
    with side, st.container(gap="xsmall"):  # close together: the code of a chosen point then ends above a laptop's fold
        run = pick_model(known, "latent", label=False)
        left, right = st.columns(2)
        try:
            cfg = run.config()
            wanted = pick_images(run, cfg, left)
            look_first(run)
            colour = pick_colour(run, cfg, right)
            view = pick_view(cfg, colour)
        except VaeLabError as error:
            show_error(error)
            return
    chosen = choice(wanted)
    keep_in_address(wanted, chosen)
    with wide:
        source_note(run, cfg)
        near = neighbours(wanted, chosen)
        latent_map(wanted, view, chosen, near[0])
    with side:
        try:
            inspector(wanted, view, chosen, near)
            codes_download(wanted, view, chosen)
        except VaeLabError as error:
            show_error(error)
    prior_section(wanted, view.colour)
    flow_section(wanted, view.colour)
    factor_section(wanted)


def pick_images(run: Run, cfg: RunConfig, place: st.delta_generator.DeltaGenerator) -> Query:
    """Which images are mapped. Raises WeightsError when the run has saved no weights yet."""
    options = image_sets(run, cfg)

    def words(images: Images) -> str:
        return t(f"latent.{images[0]}_images", n=f"{options[images]:,}")

    kept = st.session_state.get("latent_images")
    default = DEFAULT_IMAGES if DEFAULT_IMAGES in options else next(iter(options))
    st.session_state["latent_images"] = kept if kept in options else default
    images: Images = place.selectbox(
        t("latent.images"),
        list(options),
        key="latent_images",
        format_func=words,
        help=t("latent.images_help"),
        disabled=len(options) == 1,
    )
    return latents.query(run, *images)


def image_sets(run: Run, cfg: RunConfig) -> dict[Images, int]:
    """Splits and counts to choose from, with the images that each has; stored codes alone where none are installed."""
    sizes: dict[Split, int] = {"test": latents.COUNTS[0], "train": 0}
    if latents.has_images(run):
        info = data.info(cfg.data.name)
        sizes = {"test": info.test_images, "train": min(info.train_images, cfg.data.limit or info.train_images)}
    found: dict[Images, int] = {}
    for split, size in sizes.items():
        below = 0
        for count in latents.COUNTS:
            if below < size:  # the first count above the size takes every image there is
                found[split, count] = min(count, size)
            below = count
    return found


def pick_colour(run: Run, cfg: RunConfig, place: st.delta_generator.DeltaGenerator) -> Colour:
    """What the points are coloured by: at first what `look_first` found, else a label with few values."""
    colours = {colour.by: colour for colour in colours_of(run, cfg)}
    if st.session_state.get("latent_colour") not in colours:
        few = (by for by, colour in colours.items() if 0 < len(colour.names) <= MOST_COLOURS)
        st.session_state["latent_colour"] = next(few, next(iter(colours)))
    by = place.selectbox(
        t("latent.colour"),
        list(colours),
        key="latent_colour",
        format_func=lambda name: colours[name].title,
        on_change=chose_view,
        help=t("latent.colour_help"),
    )
    return colours[by]


def pick_view(cfg: RunConfig, colour: Colour) -> View:
    """The projection, and beside it 2-D or 3-D, or the two or three dimensions that are shown as they are."""
    left, right = st.columns([2, 3])  # three dimensions fit
    projection = left.selectbox(
        t("latent.projection"),
        PROJECTIONS,
        key="latent_projection",
        format_func=lambda name: t(f"latent.{name}"),
        on_change=chose_view,
        help=t("latent.projection_help"),
    )
    size = cfg.model.latent_dim
    if projection == "dims":
        dims = pick_dims(size, right)
        return View(projection, dims, len(dims) == 3, colour)
    solid = right.segmented_control(
        t("latent.space"),
        ["2-D", "3-D"],
        key="latent_solid",
        default=None if "latent_solid" in st.session_state else "2-D",
        required=True,
        disabled=projection == "tsne",
        help=t("latent.space_tsne") if projection == "tsne" else t("latent.space_help"),
        persist_state="session",
    )
    is_solid = solid == "3-D" and size > 2 and projection == "pca"
    return View(projection, tuple(range(min(size, 3 if is_solid else 2))), is_solid, colour)


def pick_dims(size: int, place: st.delta_generator.DeltaGenerator) -> tuple[int, ...]:
    """Two dimensions for a plane, three for a cloud; where fewer are chosen, the first others fill up."""
    kept = [k for k in st.session_state.get("latent_dims", ()) if k < size]
    st.session_state["latent_dims"] = kept or list(range(min(2, size)))
    dims = place.multiselect(
        t("latent.dims"),
        range(size),
        key="latent_dims",
        format_func=lambda k: f"z{k}",
        max_selections=3,
        help=t("latent.dims_help"),
        placeholder=t("latent.dims_empty"),
        persist_state="session",
    )
    return tuple([*dims, *(k for k in range(size) if k not in dims)][: max(2, len(dims))])


def source_note(run: Run, cfg: RunConfig) -> None:
    """What stands in where the images that the model learned from are not installed."""
    if latents.has_images(run):
        return
    stored = run.path / "latents.npz"
    what = "latent.stand_in_decoded" if stored.is_file() and not has_thumbnails(stored) else "latent.stand_in_stored"
    st.caption(t(what, data=cfg.data.name))


def has_thumbnails(stored: Path) -> bool:
    """Whether a file of stored codes holds their images too: reads its table of contents alone."""
    with np.load(stored, allow_pickle=False) as archive:
        return "thumbnails" in archive.files
