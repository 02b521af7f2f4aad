"""The map of the Latent space page as a component: what it is told, and what was chosen on it.

The points themselves travel over HTTP (components/map/map_routes.py); a rerun sends addresses and words, and the component
fetches only what has changed, so the view, the choice and a running t-SNE stay (docs/decisions/0004-latent-map.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vaelab import data
from vaelab.analysis.latents import Query, has_images
from vaelab.config.errors import DataError
from vaelab.export import bundle
from vaelab.images.palette import STOPS, THEMES, class_colours, contrast, css_variables, surface, value_colours
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run
from vaelab.ui.components.carrier import FOLDER, bundle_url, component
from vaelab.ui.components.keeping import keeping
from vaelab.ui.components.map.map_routes import map_base, map_query
from vaelab.ui.latent.chosen import KEY, Choice, images_key, unheard
from vaelab.ui.names import label_title, value_names
from vaelab.ui.text import language, strings, t
from vaelab.ui.widgets import theme

ENTRY = "map/page.js"
TEXTS = "latent_map"
NO_FILM: dict[str, Any] = {"words": {}, "inks": [], "pale": False}
MOST_COLOURS = 10  # that can be told apart

Projection = Literal["pca", "tsne", "dims"]
PROJECTIONS: tuple[Projection, ...] = ("pca", "tsne", "dims")


@dataclass(frozen=True)
class Colour:
    """by: a label's name, "error" or "uncertainty"; names: the label's values, each with its ink; empty for numbers."""

    by: str
    title: str
    names: tuple[str, ...] = ()
    inks: tuple[str, ...] = ()


@dataclass(frozen=True)
class View:
    """How the codes are shown. dims: the two or three dimensions of a direct view; solid: in 3-D."""

    projection: Projection
    dims: tuple[int, ...]
    solid: bool
    colour: Colour


def colours_of(run: Run, cfg: RunConfig) -> list[Colour]:
    """What the points of a run can be coloured by, known without encoding anything."""
    try:
        info = data.info(cfg.data.name)
    except DataError:
        found: list[Colour] = []
    else:
        labels = (["class"] if info.classes else []) + list(info.factors)
        found = []
        for name in labels:
            values = data.label_names(info, name)
            inks = value_colours(values, theme())
            found.append(Colour(name, label_title(name).capitalize(), value_names(values), inks))
    if has_images(run):
        found.append(Colour("error", t("latent.by_error")))
    if cfg.model.has_posterior:
        found.append(Colour("uncertainty", t("latent.by_uncertainty")))
    return found or [Colour("nothing", t("latent.by_nothing"))]


def latent_map(wanted: Query, view: View, chosen: Choice, near: NDArray[np.int64] | Sequence[int]) -> None:
    """The map, its legend, its tools and the time slider. chosen: what is marked where it opens; near: rows that are marked as neighbours.

    Call it inside a fragment: a click reruns no more than that.
    """
    run = wanted.run
    colour = view.colour
    travel = f"{map_base(run)}" if run.snapshots() and run.fixed_file.exists() else None
    told: dict[str, Any] = {
        "key": f"{wanted.run.name}/{wanted.key}",
        "images": images_key(wanted),
        "language": language(),
        "base": map_base(run),
        "query": map_query(wanted),
        "time": {"base": travel, "active": run.status().is_active, **(film_words(run.config()) if travel else NO_FILM)},
        "view": {"projection": view.projection, "dims": list(view.dims), "solid": view.solid},
        "colour": {
            "by": colour.by,
            "kind": "classes" if colour.names or colour.by == "nothing" else "values",
            "title": colour.title,
            "names": list(colour.names),
            "inks": list(colour.inks),
            "pale": _pale(colour.inks),
        },
        "colours": list(class_colours(theme())),
        "stops": list(STOPS),
        "chosen": chosen.rows[0] if chosen.kind == "point" else -1,
        "mode": chosen.rows[0] if chosen.kind == "mode" else -1,
        "layers": layers_of(run),
        "inside": list(chosen.rows) if chosen.kind == "lasso" and unheard() else [],
        "near": [int(row) for row in near],
        "decoder": _decoder(run),
        "text": {**strings("en", TEXTS), **strings(language(), TEXTS)},
    }
    kept, keep = keeping(KEY)
    _component()(key=KEY, data=told | {"kept": kept}, on_choice_change=_nothing, on_kept_change=keep)


def layers_of(run: Run) -> dict[str, dict[str, Any]]:
    """What can be laid over the points, by its switch: "modes" of a prior that is a mixture, "arrows" of a model that learned from damaged images."""
    cfg = run.config().model
    found: dict[str, dict[str, Any]] = {}
    if cfg.method.mixture_prior:
        found["modes"] = {"inputs": "pseudo_inputs" in cfg.method.pictures}
    if cfg.method.damages_input and has_images(run):
        said = [setting.worded(cfg.value(setting.name), language()) for setting in cfg.method.settings]
        found["arrows"] = {"damage": " ".join(said)}
    return found


def _decoder(run: Run) -> dict[str, Any] | None:
    """Where the browser finds the decoder that the codes belong to, and the label that it takes; None where it cannot run it."""
    model = run.config().model
    if bundle.supported(model) is not None or run.model_file_or_none() is None:
        return None
    return {"url": bundle_url(run), "label": model.label, "classes": model.classes}


def film_words(cfg: RunConfig) -> dict[str, Any]:
    """words: what the film's label and its values are called in the session's language; inks, pale: their colours."""
    name = cfg.model.label or "class"
    try:
        values = data.label_names(data.info(cfg.data.name), name)
    except DataError:
        values = ()
    inks = value_colours(values, theme()) or class_colours(theme())
    words = {**dict(zip(values, value_names(values), strict=True)), name: label_title(name).capitalize()}
    return {"words": words, "inks": list(inks), "pale": _pale(inks)}


def _pale(inks: Sequence[str]) -> bool:
    """Whether the page would swallow points of these colours: WCAG asks for a contrast of 3:1."""
    return any(contrast(ink, surface("background", theme())) < 3.0 for ink in inks)


def _nothing() -> None:
    """The rerun itself is what a choice asks for."""


@cache
def _component() -> Any:
    """The component, registered once a process and kept: registering again would mount it anew."""
    return component("vaelab_latent_map", ENTRY, t("latent.scripts_failed"), _stylesheet())


def _stylesheet() -> str:
    """The decoder's stylesheet and the map's, with the colours of both themes."""
    themes = "".join(f'.vaelab[data-theme="{name}"]{{{css_variables(name)}}}' for name in THEMES)
    return themes + "".join(
        (FOLDER / name).read_text(encoding="utf-8") for name in ("decoder/decoder.css", "map/map.css")
    )
