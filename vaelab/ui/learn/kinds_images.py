"""The images of lesson 1: one style, decoded with every label, by the conditional model in weights/."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab import data
from vaelab.images import files
from vaelab.images.palette import Theme
from vaelab.lessons.same_style import colour_of, every_label, place_and_size, style_of
from vaelab.models.one_thread import alone
from vaelab.runs import store
from vaelab.ui.learn.number_table import Cell, Shares, number_table, signed
from vaelab.ui.learn.views import choice
from vaelab.ui.names import value_names
from vaelab.ui.text import t

if TYPE_CHECKING:
    from vaelab.models.latent_model import LatentModel

MODEL = "shapes-conv-vae-labelled"
EXAMPLES = 60  # of the test images that come with the model
LARGE, SMALL = 8, 2  # screen pixels of an image's pixel
Pixels = NDArray[np.uint8]


@st.cache_resource(show_spinner=False)
def _model() -> object:
    from vaelab.analysis import inference

    return inference.load(MODEL)


@st.cache_resource(show_spinner=False)
def _examples() -> tuple[Pixels, NDArray[np.int64], tuple[str, ...]]:
    """(pixels, labels, names of the labels) of the first images that come with the model."""
    run = store.find(MODEL)
    label = str(run.config().model.label)
    names = data.label_names(data.info(run.config().data.name), label)
    with np.load(run.path / "latents.npz") as kept:
        return kept["thumbnails"][:EXAMPLES], kept[f"factor_{label}"][:EXAMPLES], tuple(names)


def images_panel(theme: Theme) -> None:
    """An image, its style z, and the same style with every label."""
    model = cast("LatentModel", _model())
    pixels, labels, raw = _examples()
    names = value_names(raw)
    st.session_state.setdefault("kinds_example", 2)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = choice(
            t("learn_kinds.source"),
            ("image", "prior"),
            "kinds_source",
            lambda key: t(f"learn_kinds.source_{key}"),
            show_label=True,
            help=t("learn_kinds.source_help"),
        )
        number = st.slider(
            t("learn_kinds.example"), 1, EXAMPLES, key="kinds_example", help=t("learn_kinds.example_help")
        )
    label = int(labels[number - 1])
    if source == "image":
        z = alone(style_of, model, pixels[number - 1], label)
        made = alone(every_label, model, z)
        shown, words = pixels[number - 1], t("learn_kinds.original", name=names[label])
    else:
        z = np.random.default_rng(number).standard_normal(model.cfg.latent_dim).astype(np.float32)
        made = alone(every_label, model, z)
        shown, words = made[label], t("learn_kinds.drawn", name=names[label])
    with st.container(horizontal=True, gap="medium", key="kinds_images"):
        with st.container(width=32 * LARGE):
            st.image(files.grid(shown[None], columns=1, scale=LARGE), caption=words, width="content")
        with st.container(width=4 * (32 * SMALL + 18), horizontal=True, gap="small"):  # two rows of four
            for image, name in zip(made, names, strict=True):
                st.image(files.grid(image[None], columns=1, scale=SMALL), caption=name, width="content")
    if source == "image":  # the image first, so that its style can be compared with those made from it
        made, names = np.concatenate([shown[None], made]), ("x", *names)
    _measured(made, names, z, theme)


def _measured(made: Pixels, names: tuple[str, ...], z: NDArray[np.float32], theme: Theme) -> None:
    """How well the style is kept: centre and area of each; and the colour, which the label decides."""
    facts, colours = place_and_size(made), colour_of(made)
    rows: list[list[Cell]] = [
        [t("learn_kinds.image_colour"), *(Shares(((1.0, _code(colour)),)) for colour in colours)],
        [t("learn_kinds.image_right"), *(f"{value:.1f}" for value in facts[:, 0])],
        [t("learn_kinds.image_down"), *(f"{value:.1f}" for value in facts[:, 1])],
        [t("learn_kinds.image_area"), *(f"{value:.0f}" for value in facts[:, 2])],
    ]
    number_table([t("learn_kinds.image_label"), *names], rows, theme)
    st.caption(t("learn_kinds.style", z=", ".join(signed(value) for value in z)))


def _code(colour: NDArray[np.uint8]) -> str:
    return "#" + "".join(f"{value:02X}" for value in colour)
