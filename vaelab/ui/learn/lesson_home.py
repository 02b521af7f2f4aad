"""A lesson to take home: one HTML file with its words and with those of its views that the browser computes by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from vaelab.config.texts import LANGUAGES, Language, say
from vaelab.runs import store
from vaelab.ui.source import source_of
from vaelab.ui.text import t

if TYPE_CHECKING:
    from vaelab.export.lesson_file import Told, View
    from vaelab.ui.learn.frame import Lesson

Bundles = dict[str, bytes]


@dataclass(frozen=True)
class Home:
    """What of a lesson goes into its file. sections: a key of the lesson's, and the number of the view that its button opens, None for no button.

    views: makes them, and puts the weights that they need into the bundles that it is given; code: of the lesson's, what belongs to them;
    asks: whether the file can answer the lesson's question.
    """

    sections: Mapping[str, int | None]
    views: Callable[[Bundles], list[View]]
    code: tuple[tuple[str, str], ...]
    asks: bool = False


def take_home(lesson: Lesson) -> None:
    """The button; where all of the lesson is computed by the app, a sentence says so."""
    home = HOMES.get(lesson.name)
    if home is None:
        st.caption(t("file.lesson_not"))
        return
    st.download_button(
        t("file.lesson_share"),
        lambda: make(lesson, home).encode(),  # in a thread of Streamlit's own
        f"{lesson.name.replace('_', '-')}.html",
        "text/html",
        key=f"home_{lesson.name}",
        icon=":material/share:",
        help=t("file.lesson_share_help"),
        on_click="ignore",
    )


def make(lesson: Lesson, home: Home) -> str:
    """The file. Raises ExportError, RunError, WeightsError."""
    from vaelab.export import lesson_file

    bundles: Bundles = {}
    views = home.views(bundles)
    code = [(f"vaelab.{module}.{name}", source_of(module, name)) for module, name in home.code]
    code += [
        (section.shows[1], source_of(*section.shows))
        for section in lesson.sections
        if section.key in home.sections and section.shows
    ]
    return lesson_file.make({lang: _told(lesson, home, lang) for lang in LANGUAGES}, views, code, bundles)


def _told(lesson: Lesson, home: Home, lang: Language) -> Told:
    """The words of one language."""
    from vaelab.export.lesson_file import Told
    from vaelab.export.markup import html_of, inline
    from vaelab.export.mathml import mathml

    def words(key: str) -> str:
        return say(lang, f"{lesson.name}.{key}")

    sections = []
    for section in lesson.sections:
        if section.key not in home.sections:
            continue
        view = home.sections[section.key]
        formula = mathml(section.latex, display=True) if section.latex else ""
        label = "" if view is None else words(f"{section.key}_do")
        sections.append((words(f"{section.key}_title"), html_of(words(section.key)) + formula, label, view or 0))
    rest = [words(f"{section.key}_title") for section in lesson.sections if section.key not in home.sections]
    answer = html_of(words("answer")) if home.asks else ""
    return Told(
        title=words("page_title"),
        lead=inline(words("lead")),
        sections=sections,
        question=html_of(words("question")) if home.asks else "",
        answer=answer,
        left_out=say(lang, "file.lesson_left_out", titles=say(lang, "lessons.between").join(rest)),
    )


def _packed(name: str, bundles: Bundles) -> str:
    """The id of a shipped model's decoder in the file."""
    from vaelab.export.one_file import pack
    from vaelab.export.told import know

    key = f"weights-{name}"
    if key not in bundles:
        bundles[key] = pack(know(store.find(name))).bytes
    return key


def _both(key: str, **values: object) -> dict[Language, str]:
    return {lang: say(lang, key, **values) for lang in LANGUAGES}


def _kinds(bundles: Bundles) -> list[View]:
    from vaelab.export.lesson_file import View
    from vaelab.images.palette import THEMES
    from vaelab.ui.components.budget.budget_view import budget_colours, budget_data

    data = {lang: budget_data(lang) for lang in LANGUAGES}
    return [
        View(
            "budget",
            _both("learn_kinds.panel_keep"),
            _both("file.lesson_try"),
            data,
            {theme: budget_colours(theme) for theme in THEMES},
        )
    ]


def _latent(bundles: Bundles) -> list[View]:
    from vaelab.export.lesson_file import View
    from vaelab.lessons.latent_grid import Decoder, decode
    from vaelab.ui.components.guess.guess_view import guess_data
    from vaelab.ui.learn import latent

    def view(kind: Decoder, weight: float, sigma: float) -> View:
        played = latent.played(kind, weight, sigma, 1)
        curve = decode(kind, latent.GUESSED, weight)
        data = {
            lang: guess_data(kind, played, latent.GUESSED, curve, sigma, latent.X_REACH, lang) for lang in LANGUAGES
        }
        return View("guess", _both(f"learn_latent.decoder_{kind}"), _both("file.lesson_try"), data)

    return [view("wave", 1.2, 0.4), view("fold", 1.0, 0.5)]


def _autoencoder(bundles: Bundles) -> list[View]:
    from vaelab.export.lesson_file import View
    from vaelab.ui.components.patch.patch_view import patch_data
    from vaelab.ui.learn import autoencoder_layers as layers

    pixels, seen = layers.passage_of("face")
    decoder = _packed(layers.MODEL, bundles)
    data = {lang: patch_data(decoder, pixels, seen.maps[layers.CODE], lang) for lang in LANGUAGES}
    return [View("patch", _both("learn_autoencoder.view_patch"), _both("file.lesson_try"), data)]


def _vae(bundles: Bundles) -> list[View]:
    from vaelab.export.lesson_file import View
    from vaelab.ui.components.cloud.cloud_view import cloud_data
    from vaelab.ui.components.twin.twin_view import twin_data
    from vaelab.ui.learn import vae

    run, decoder = store.find(vae.MODEL), _packed(vae.MODEL, bundles)
    first = vae.first_cloud()

    def cloud(sigma: float, name: str) -> View:
        shown = replace(first, sigma=sigma)
        data = {lang: cloud_data(run, shown, decoder, lang) for lang in LANGUAGES}
        return View("cloud", _both(f"learn_vae.{name}_title"), _both("file.lesson_try"), data)

    decoders = [_packed(name, bundles) for name in (vae.OTHER, vae.MODEL)]
    both = {lang: twin_data(vae.two_spaces(0, 0, lang), decoders, lang) for lang in LANGUAGES}
    twin = View("twin", _both("learn_vae.view_twin"), _both("learn_vae.twin_scale_said"), both)
    return [cloud(0.0, "point"), cloud(0.5, "cloud"), twin]


def _reparam(bundles: Bundles) -> list[View]:
    from vaelab.export.lesson_file import View
    from vaelab.ui.components.frozen.frozen_view import frozen_data
    from vaelab.ui.learn.reparam import PINNED

    eps = np.random.default_rng(0).standard_normal(PINNED).tolist()
    return [
        View(
            "frozen",
            _both(f"file.lesson_pin_{name}"),
            _both("file.lesson_try"),
            {lang: frozen_data("square", 0.8, 0.6, eps, name == "on", lang) for lang in LANGUAGES},
        )
        for name in ("on", "off")
    ]


HOMES: dict[str, Home] = {
    "learn_kinds": Home({"keep": None}, _kinds, (("lessons.kernels", "density"), ("lessons.kernels", "longest"))),
    "learn_latent": Home(
        {"named": None, "game": 1}, _latent, (("lessons.guessing", "rounds"), ("lessons.latent_grid", "posterior_at"))
    ),
    "learn_autoencoder": Home(
        {"idea": None, "patch": None, "model": None}, _autoencoder, (("models.layers", "Layer.params"),)
    ),
    "learn_vae": Home(
        {"point": 0, "cloud": 1, "model": None, "twin": 2, "prior": None},
        _vae,
        (("lessons.cloud", "codes_around"), ("lessons.cloud", "kl_nats"), ("lessons.two_spaces", "codes_at")),
        asks=True,
    ),
    "learn_reparam": Home({"trick": None, "pinned": 0}, _reparam, (("models.posteriors", "GaussianPosterior.sample"),)),
}
