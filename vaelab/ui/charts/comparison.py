"""Figures of several models side by side: their curves on one axis, and their maps with one image lighting up in all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from vaelab.images import palette
from vaelab.images.palette import Theme
from vaelab.ui.charts.thinning import thin
from vaelab.ui.charts.training_charts import NUMBER, STEPS, fixed

Array = npt.NDArray[Any]
Curve = tuple[tuple[Array, Array], tuple[Array, Array]]  # (x, y) in training and on held-out images
BETWEEN = 18  # pixels between two maps


def curve_rows(curves: Mapping[str, Curve]) -> pd.DataFrame:
    """The data of `curves`: x, value, model and split (train, test)."""
    parts = [
        (name, split, x, value)
        for name, both in curves.items()
        for split, (x, value) in zip(("train", "test"), (thin(*both[0]), both[1]), strict=True)
    ]
    lengths = [len(x) for _, _, x, _ in parts]
    return pd.DataFrame(
        {
            "x": np.concatenate([np.empty(0), *(x for _, _, x, _ in parts)]).astype(float),
            "value": np.concatenate([np.empty(0), *(value for _, _, _, value in parts)]).astype(float),
            "model": np.repeat(np.array([name for name, _, _, _ in parts], str), lengths),
            "split": np.repeat(np.array([split for _, split, _, _ in parts], str), lengths),
        }
    )


def curves(
    rows: pd.DataFrame, theme: Theme, texts: Mapping[str, str], models: tuple[str, ...], height: int
) -> alt.LayerChart:
    """One term of every model: training solid, held-out dashed with dots. texts: axis and term with their units, train, test."""
    colours = alt.Color(
        "model:N",
        title=None,
        scale=alt.Scale(domain=list(models), range=list(palette.class_colours(theme)[: len(models)])),
        legend=None,
    )
    base = alt.Chart(rows).encode(
        x=alt.X(
            "x:Q",
            title=texts["axis"],
            axis=alt.Axis(labelExpr=STEPS, grid=False),
            scale=alt.Scale(nice=False, zero=True),
        ),
        y=alt.Y("value:Q", title=texts["term"], axis=alt.Axis(labelExpr=NUMBER), scale=alt.Scale(zero=False)),
        color=colours,
        tooltip=[
            alt.Tooltip("model:N", title=texts["model"]),
            alt.Tooltip("x:Q", title=texts["axis"], format=",.4~g"),
            alt.Tooltip("value:Q", title=texts["term"], format=",.2f"),
        ],
    )
    train = base.transform_filter(alt.datum.split == "train").mark_line(strokeWidth=1.8)
    test = base.transform_filter(alt.datum.split == "test").mark_line(
        strokeWidth=1.6, strokeDash=[5, 3], point=alt.OverlayMarkDef(size=40)
    )
    return fixed(alt.layer(train, test), height)


def map_rows(points: Mapping[str, Array], values: Array | None, names: Sequence[str]) -> pd.DataFrame:
    """The data of `maps`: a row for each image of each model. points: name -> (N, 2); values: (N,) indices into names, or None."""
    frames = []
    for name, places in points.items():
        label = [""] * len(places) if values is None else [names[k] for k in values[: len(places)]]
        frames.append(
            pd.DataFrame(
                {"x": places[:, 0], "y": places[:, 1], "model": name, "image": np.arange(len(places)), "label": label}
            )
        )
    return pd.concat(frames, ignore_index=True)


def maps(
    rows: pd.DataFrame,
    theme: Theme,
    texts: Mapping[str, str],
    models: tuple[str, ...],
    colours: Mapping[str, str],
    side: int,
    *,
    matched: bool,
) -> alt.HConcatChart:
    """A map for each model, `side` pixels wide; the image under the pointer is ringed, where they match in every map.

    texts: label, image; colours: of each value of the label, empty where there is none; matched: whether the
    same number is the same image in all.
    """
    pointed = [
        alt.selection_point(
            name=f"here_{k}", on="pointerover", clear="pointerout", fields=["image"], empty=False, nearest=True
        )
        for k in range(len(models))
    ]
    ink: Any = alt.value(palette.colour("z", theme))
    if colours:
        ink = alt.Color(
            "label:N",
            title=None,
            scale=alt.Scale(domain=list(colours), range=list(colours.values())),
            legend=alt.Legend(orient="bottom", columns=8, symbolLimit=40),
        )
    plots = []
    for model, here in zip(models, pointed, strict=True):
        lit = pointed if matched else [here]
        base = alt.Chart(rows).transform_filter(alt.datum.model == model)
        places = {"x": _axis("x"), "y": _axis("y")}
        dots = base.mark_circle(size=26, opacity=0.75, aria=False).encode(
            **places,
            color=ink,
            tooltip=[alt.Tooltip("label:N", title=texts["label"]), alt.Tooltip("image:Q", title=texts["image"])],
        )
        ring = (
            base.transform_filter(cast(Any, {"or": [{"param": other.name, "empty": False} for other in lit]}))
            .mark_point(size=180, strokeWidth=2.5, filled=False, aria=False, color=palette.surface("text", theme))
            .encode(**places)
        )
        plots.append(alt.layer(dots.add_params(here), ring).properties(width=side, height=side, title=model))
    shown = alt.hconcat(*plots, spacing=BETWEEN).resolve_scale(x="independent", y="independent")
    return cast(alt.HConcatChart, shown.properties(padding={"bottom": 2}))


def _axis(field: str) -> Any:
    kind = alt.X if field == "x" else alt.Y
    return kind(f"{field}:Q", title=None, axis=alt.Axis(labels=False, ticks=False, grid=False, domain=False))
