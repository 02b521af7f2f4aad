"""Lesson 4: the reference autoencoder with one image passing through it, and its sizes, forwards and backwards."""

from __future__ import annotations

import streamlit as st

from vaelab.ui.learn.autoencoder_layers import LAYER, code_view, layers_view, left_after
from vaelab.ui.learn.autoencoder_sizes import sizes_view
from vaelab.ui.learn.frame import Hand, Lesson, Section, lesson_page
from vaelab.ui.learn.prediction import Prediction
from vaelab.ui.learn.views import choice
from vaelab.ui.text import t

IMPOSSIBLE = (
    (5, 2, 1),
    *((4, 2, 1),) * 7,
)  # kernel, stride, padding of each layer: the first one does not come out whole

LESSON = Lesson(
    "learn_autoencoder",
    (
        Section("idea", r"x \;\xrightarrow{\text{encoder}}\; z \;\xrightarrow{\text{decoder}}\; \hat x"),
        Section(
            "layers",
            None,
            {"autoencoder_view": "layers", "autoencoder_layer": 8},
            hand=Hand({"layer": LAYER}, {"autoencoder_view": "layers"}, left_after),
        ),
        Section("patch", None, {"autoencoder_view": "patch"}),
        Section(
            "loss",
            r"-\sum_i \left[ x_i \ln \hat x_i + (1-x_i) \ln (1-\hat x_i) \right]",
            {"autoencoder_view": "layers", "autoencoder_image": "noise", "autoencoder_layer": 16},
        ),
        Section(
            "sizes",
            r"o = \frac{n + 2p - k}{s} + 1",
            {
                "autoencoder_view": "sizes",
                "autoencoder_stack": IMPOSSIBLE,
                "autoencoder_at": 0,
                "autoencoder_wanted": 16,
            },
        ),
        Section(
            "back",
            r"p = \frac{(o-1)\,s + k - n}{2}",
            {
                "autoencoder_view": "sizes",
                "autoencoder_stack": ((4, 2, 1),) * 8,
                "autoencoder_at": 0,
                "autoencoder_wanted": 16,
            },
        ),
        Section("model", shows=("lessons.plain_code", "Autoencoder")),
        Section(
            "squared",
            r"\begin{aligned} & -\log \mathcal{N}(x; \hat x, \sigma^2) \\ & \quad = \frac{(x - \hat x)^2}{2\sigma^2} + \log \sigma + \tfrac12 \log 2\pi \end{aligned}",
        ),
        Section("uses"),
    ),
    (
        ("lessons.activations", "layer_by_layer"),
        ("models.losses", "bernoulli_recon"),
        ("models.losses", "floor"),
        ("lessons.layer_sizes", "exact_size"),
        ("lessons.layer_sizes", "trouble_with"),
        ("lessons.layer_sizes", "walk"),
        ("lessons.layer_sizes", "padding_for"),
        ("models.layers", "Layer.params"),
    ),
    ("image", {"run": "cifar10-autoencoder"}),
    Prediction(("p0", "p1", "p2", "none"), "none"),
)


def stage() -> None:
    """The image in its layers, its code to be broken, or the sizes."""
    views = {"layers": layers_view, "patch": code_view, "sizes": sizes_view}
    with st.container(gap="xsmall"):
        view = choice(
            t("learn_autoencoder.view"),
            tuple(views),
            "autoencoder_view",
            lambda name: t(f"learn_autoencoder.view_{name}"),
        )
        views[view]()


def page() -> None:
    """The whole lesson."""
    lesson_page(LESSON, stage)
