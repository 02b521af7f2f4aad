"""Lesson 12: an autoencoder with a learned prior over its codes, discrete or continuous: what image generators are built from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vaelab.lessons.race import Plan
from vaelab.ui.learn.frame import Lesson, Section, lesson_page
from vaelab.ui.learn.generators_views import codes_stage, flow_stage, three
from vaelab.ui.learn.prediction import Prediction
from vaelab.ui.learn.race_view import race_of, race_stage
from vaelab.ui.learn.views import choice
from vaelab.ui.text import t

if TYPE_CHECKING:
    from vaelab.lessons.small_images import SmallImages
    from vaelab.lessons.small_vae import Lane

STEPS = 600
VIEWS = ("three", "codes", "flow")

LESSON = Lesson(
    "learn_generators",
    (
        Section("stages", sets={"generators_view": "three"}),
        Section(
            "codebook",
            r"k = \operatorname{argmin}_j\, \| z_e - e_j \|, \quad z = e_k",
            {"generators_view": "codes"},
            methods=("vq-vae",),
        ),
        Section(
            "turn",
            r"p(c) = \prod_{i=1}^{16} p(c_i \,|\, c_1, \ldots, c_{i-1})",
            {"generators_view": "codes"},
        ),
        Section(
            "field",
            r"\begin{aligned} z_t &= (1 - t)\,\epsilon + t\, z \\ v(z_t, t) &\approx z - \epsilon \end{aligned}",
            {"generators_view": "flow"},
            methods=("autoencoder",),
        ),
        Section("today"),
    ),
    (
        ("lessons.generators", "whole_terms"),
        ("models.codebook", "Codebook.nearest"),
        ("models.codebook", "QuantisedPosterior.mean"),
        ("models.codebook", "CodePrior.forward"),
        ("models.codebook", "CodePrior.draw"),
        ("lessons.generators", "drawn_apart"),
        ("lessons.generators", "flow_terms"),
        ("models.velocity", "matching_loss"),
        ("models.velocity", "carry"),
    ),
    ("latent", {}),
    Prediction(("digits", "scraps", "grey", "same"), "scraps"),
)


def page() -> None:
    """The whole lesson."""
    lesson_page(LESSON, stage)


def stage() -> None:
    """Three trainings, or what two of them have learned so far."""
    race = race_of("generators", Plan(_lanes, STEPS, images=_images))
    view = choice(t("learn_generators.view"), VIEWS, "generators_view", lambda name: t(f"learn_generators.view_{name}"))
    if view == "three":
        race_stage(race, "generators_race", three)
    else:
        {"codes": codes_stage, "flow": flow_stage}[view](race)


def _lanes() -> Sequence[Lane]:
    from vaelab.lessons.generators import lanes

    return lanes()


def _images() -> SmallImages:
    from vaelab.lessons.generators import grown_digits

    return grown_digits()
