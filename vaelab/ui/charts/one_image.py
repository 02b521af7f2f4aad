"""Figures about one image: its code as bars, its score among test images, its place on the map, its signed error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from vaelab.images import palette
from vaelab.images.field_colours import diverging
from vaelab.images.palette import Theme
from vaelab.ui.charts import training_charts

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]

LABELLED = 40  # bars that have room for their names
REACH = 3.0  # latent units that the axis shows at least: nearly all of the prior
LIMITS = (0.1, 0.25, 0.5, 1.0)  # ends of the scale of a signed error, on the 0-1 scale of pixels
BAR_HEIGHT = 10  # pixels of the colour bar below an error map
BINS = 48
MAP_SIDE = 270  # pixels of the map


def code_rows(mu: Array, sigma: Array | None, z: Array, kl: Array | None) -> pd.DataFrame:
    """The data of `code_bars`. mu: (Z,); sigma, kl: (Z,) or None for an autoencoder; z: (S, Z) draws."""
    dims = [f"z{k}" for k in range(len(mu))]
    spread = np.zeros(len(mu)) if sigma is None else sigma
    bars = pd.DataFrame(
        {
            "dim": dims,
            "value": mu.astype(float),
            "low": (mu - spread).astype(float),
            "high": (mu + spread).astype(float),
            "sigma": spread.astype(float),
            "kl": np.zeros(len(mu)) if kl is None else kl.astype(float),
            "kind": "mu",
        }
    )
    draws = pd.DataFrame({"dim": dims * len(z), "value": z.reshape(-1).astype(float), "kind": "z"})
    corners = pd.DataFrame({"dim": dims[:1] * 2, "value": [-REACH, REACH], "kind": "corner"})
    zero = pd.DataFrame({"dim": dims[:1], "value": [0.0], "kind": "zero"})
    return pd.concat([bars, draws, corners, zero], ignore_index=True)


def code_bars(
    rows: pd.DataFrame, theme: Theme, texts: Mapping[str, str], dims: int, height: int = 240
) -> alt.LayerChart:
    """mu of every dimension as a bar, mu - sigma to mu + sigma as a line, draws of z as dots.

    texts: dim, mu, sigma, kl, nats; dims: how many bars.
    """
    labels = dims <= LABELLED
    axis = alt.Axis(labels=labels, ticks=False, labelAngle=0 if dims <= 8 else -90, labelOverlap=False, domain=False)
    x = alt.X("dim:N", sort=[f"z{k}" for k in range(dims)], title=None, axis=axis)
    y = alt.Y("value:Q", title=None, axis=alt.Axis(tickCount=6))
    hint = [
        alt.Tooltip("dim:N", title=texts["dim"]),
        alt.Tooltip("value:Q", title=texts["mu"], format=".3f"),
        alt.Tooltip("sigma:Q", title=texts["sigma"], format=".3f"),
        alt.Tooltip("kl:Q", title=f"{texts['kl']} ({texts['nats']})", format=".3f"),
    ]
    base = alt.Chart(rows)
    of_mu = base.transform_filter(alt.datum.kind == "mu")
    bars = of_mu.mark_bar(color=palette.colour("mu", theme), opacity=0.75).encode(x=x, y=y, tooltip=hint)
    ends = of_mu.mark_rule(color=palette.colour("sigma", theme), strokeWidth=7 if labels else 1.5, opacity=0.9).encode(
        x=x, y=alt.Y("low:Q"), y2="high:Q", tooltip=hint
    )
    dots = (
        base.transform_filter(alt.datum.kind == "z")
        .mark_circle(color=palette.colour("z", theme), size=9, opacity=1.0)
        .encode(x=x, y=y, tooltip=[hint[0], alt.Tooltip("value:Q", title="z", format=".3f")])
    )
    corners = base.transform_filter(alt.datum.kind == "corner").mark_point(opacity=0, tooltip=None).encode(x=x, y=y)
    of_zero = base.transform_filter(alt.datum.kind == "zero")
    zero = of_zero.mark_rule(color=palette.colour("prior", theme)).encode(y=y)
    return training_charts.fixed(alt.layer(corners, zero, bars, ends, dots), height)


def score_rows(ordered: Array, value: float) -> pd.DataFrame:
    """The data of `score_histogram`. ordered: (N,) ascending scores of test images, evenly spaced in rank; value: this image's.

    The axis ends at the 99.5th percentile or a little beyond this image, so that one odd test image cannot flatten it.
    """
    spread = np.interp(np.linspace(0.0, 1.0, 2_000), np.linspace(0.0, 1.0, len(ordered)), ordered)
    low, high = float(spread[0]), float(np.quantile(spread, 0.995))
    margin = 0.04 * max(high - low, 1e-6)
    edges = np.linspace(min(low, value) - margin, max(high, value) + margin, BINS + 1)
    counts, _ = np.histogram(spread, edges)
    shares = counts / len(spread)
    bins = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "share": shares, "floor": 0.0, "kind": "test"})
    mine = pd.DataFrame({"from": [value], "to": [value], "share": [0.0], "floor": [0.0], "kind": "mine"})
    return pd.concat([bins, mine], ignore_index=True)


def score_histogram(rows: pd.DataFrame, theme: Theme, texts: Mapping[str, str], height: int = 84) -> alt.LayerChart:
    """Where this image's score lies among those of test images. texts: score, nats, share, mine."""
    base = alt.Chart(rows)
    x = alt.X("from:Q", title=None, axis=alt.Axis(tickCount=4, grid=False), scale=alt.Scale(nice=False, zero=False))
    bars = (
        base.transform_filter(alt.datum.kind == "test")
        .mark_rect(color=palette.colour("prior", theme), opacity=0.6)
        .encode(
            x=x,
            x2="to:Q",
            y=alt.Y("share:Q", title=None, axis=None),
            y2="floor:Q",
            tooltip=[
                alt.Tooltip("from:Q", title=f"{texts['score']} ({texts['nats']})", format=".1f"),
                alt.Tooltip("share:Q", title=texts["share"], format=".1%"),
            ],
        )
    )
    mine = (
        base.transform_filter(alt.datum.kind == "mine")
        .mark_rule(color=palette.colour("total", theme), strokeWidth=3)
        .encode(x=x, tooltip=[alt.Tooltip("from:Q", title=texts["mine"], format=".1f")])
    )
    return training_charts.fixed(alt.layer(bars, mine), height)


def place_rows(map_rows: pd.DataFrame, place: Array, neighbours: Array) -> pd.DataFrame:
    """The data of `map_with_place`. map_rows: of charts.scatter_rows; place: (2,), this image; neighbours: (K, 2)."""
    points = np.vstack([neighbours, place[None]])
    kinds = [*["neighbour"] * len(neighbours), "mine"]
    mine = pd.DataFrame({"x": points[:, 0], "y": points[:, 1], "label": "", "kind": kinds})
    return pd.concat([map_rows, mine], ignore_index=True)


def map_with_place(
    rows: pd.DataFrame, theme: Theme, texts: Mapping[str, str], names: Sequence[str], side: int = MAP_SIDE
) -> alt.LayerChart:
    """A map (charts.latent_scatter) with this image on it and its neighbours ringed. texts: class, mine, neighbour."""
    chart = training_charts.latent_scatter(rows, theme, texts, names, side, names_at="bottom")
    x, y = alt.X("x:Q"), alt.Y("y:Q")
    base = alt.Chart(rows)
    near = base.transform_filter(alt.datum.kind == "neighbour").mark_point(
        color=palette.surface("text", theme), size=60, strokeWidth=1.5
    )
    mine = base.transform_filter(alt.datum.kind == "mine").mark_point(
        shape="diamond",
        size=190,
        filled=True,
        color=palette.colour("total", theme),
        stroke=palette.surface("background", theme),
    )
    for kind, layer in (("neighbour", near), ("mine", mine)):
        chart += layer.encode(x=x, y=y, tooltip=alt.value(texts[kind]))
    return chart


def error_limit(error: Array) -> float:
    """The end of the scale for a signed error: the smallest of LIMITS that all but one pixel in two hundred stay within."""
    most = float(np.quantile(np.abs(error), 0.995))
    return next((limit for limit in LIMITS if most <= limit), LIMITS[-1])


def signed_error(x: Pixels, x_hat: Pixels) -> Array:
    """x_hat - x on the 0-1 scale, averaged over the channels. (C, H, W) each -> (H, W) from -1 (too dark) to 1 (too bright)."""
    return np.asarray((x_hat.astype(np.float32) - x.astype(np.float32)).mean(axis=0) / 255.0)


def error_picture(error: Array, limit: float, theme: Theme, side: int) -> Pixels:
    """A signed error enlarged to `side` pixels without smoothing, its colour bar below. (H, W) -> (side + 16, side, 4) uint8."""
    scale = max(1, side // len(error))
    large = diverging(error, limit, theme).repeat(scale, axis=0).repeat(scale, axis=1)
    wide = large.shape[1]
    bar = np.broadcast_to(diverging(np.linspace(-limit, limit, wide), limit, theme), (BAR_HEIGHT, wide, 3))
    sheet = np.zeros((len(large) + 6 + BAR_HEIGHT, wide, 4), dtype=np.uint8)
    sheet[: len(large), :, :3], sheet[: len(large), :, 3] = large, 255
    sheet[-BAR_HEIGHT:, :, :3], sheet[-BAR_HEIGHT:, :, 3] = bar, 255
    return sheet
