"""Figures of the prior beside the codes: aggregate posteriors of single dimensions, and posteriors of single images in two.

Plain Vega-Lite, which the page has loaded for its other charts: a second library would add 1.4 MB to a first visit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from vaelab.analysis.posterior import Gaussians, ellipses, normal
from vaelab.images import palette
from vaelab.images.palette import Theme

Array = npt.NDArray[Any]

PANELS = 4  # in a row
PANEL_HEIGHT = 92  # pixels
GAP = 0.06  # between two panels, of a panel's width
HEAD = 0.3  # above the highest density, of it: the panel's title
TICKS = 4  # about as many steps of the ticks on a panel
RINGS = (1.0, 2.0, 3.0)  # standard deviations of a prior that is one Gaussian
PALEST = 0.15  # opacity of a part of the prior that has hardly any weight
OUTLINE = 17  # points of an ellipse: flat by less than a pixel where it is 50 pixels wide
DRAWN, POINTED = (
    2,
    4,
)  # of so many places of a marginal one is drawn, and one answers a pointer: a chart costs the browser by its places
MANY = 100  # parts of a prior, which are drawn with fewer points then
NAMED = 20  # groups that the legend lists


class Figure(NamedTuple):
    """What st.vega_lite_chart takes: the specification and its rows."""

    spec: dict[str, Any]
    rows: pd.DataFrame


def marginals(
    densities: Mapping[int, Array],
    overlaps: Mapping[int, float],
    used: Sequence[int],
    grid: Array,
    theme: Theme,
    texts: Mapping[str, str],
    *,
    priors: Mapping[int, Array] | None = None,
) -> Figure:
    """The aggregate posterior of each dimension, filled, over the prior, dashed. densities, priors: dimension -> (G,) on the grid.

    A dimension that tells no images apart is drawn in grey. Each title gives the share of mass that the two have in common.
    Panels are places on one plane, so that they share the width there is. The prior is N(0, 1) unless `priors` are given.
    texts: dim, value, density.
    """
    priors = priors or dict.fromkeys(densities, normal(grid))
    heights = [float(np.quantile(q, 0.98)) for q in (*densities.values(), *priors.values())]
    top = max(0.45 * 8.0 / float(grid[-1] - grid[0]), *heights)
    low, high = float(grid[0]), float(grid[-1])
    wide, tall = (1 + GAP) * (high - low), (1 + HEAD) * 1.08 * top
    frames, heads, ticks = [], [], []
    count = -(-len(densities) // PANELS)
    for at, (k, density) in enumerate(densities.items()):
        left, base = at % PANELS * wide - low, (count - 1 - at // PANELS) * tall
        shown = np.minimum(density, 1.08 * top)
        frames.append(
            pd.DataFrame(
                {
                    "told": np.arange(len(grid)) % POINTED == 0,
                    "x": (left + grid).astype(np.float32),
                    "base": np.float32(base),
                    "top": (base + shown).astype(np.float32),
                    "prior": (base + np.minimum(priors[k], 1.08 * top)).astype(np.float32),
                    "z": grid.astype(np.float32),
                    "q": density.astype(np.float32),
                    "dim": f"z{k}",
                    "used": k in used,
                }
            )[::DRAWN]
        )
        heads.append(
            {"x": left + (low + high) / 2.0, "y": base + 1.08 * top, "title": f"z{k} · {100 * overlaps[k]:.0f} %"}
        )
        if at // PANELS == count - 1 or at + PANELS >= len(densities):  # nothing stands below it
            ticks += [{"x": left + z, "y": base, "title": f"{z:g}".replace("-", "−")} for z in _ticks(low, high)]
    rows = pd.concat(frames, ignore_index=True)
    rows["dim"] = rows["dim"].astype("category")
    ink, grey, text = palette.colour("encoder", theme), palette.colour("prior", theme), palette.surface("text", theme)
    x = {"field": "x", "type": "quantitative", "axis": None, "scale": {"nice": False, "domain": [0, PANELS * wide]}}
    y = {"type": "quantitative", "axis": None, "scale": {"nice": False, "domain": [-0.28 * top, count * tall]}}
    colour = {
        "field": "used",
        "type": "nominal",
        "scale": {"domain": [True, False], "range": [ink, grey]},
        "legend": None,
    }
    detail = {"field": "dim", "type": "nominal"}
    hints = [
        {"field": "dim", "type": "nominal", "title": texts["dim"]},
        {"field": "z", "type": "quantitative", "format": ".2f", "title": texts["value"]},
        {"field": "q", "type": "quantitative", "format": ".3f", "title": texts["density"]},
    ]
    words = {"type": "text", "color": text, "aria": False}
    place = {"x": x, "y": y | {"field": "y"}, "text": {"field": "title", "type": "nominal"}}
    spec = {
        "height": count * PANEL_HEIGHT + 24,
        "padding": {"bottom": 2},
        "layer": [
            _layer(
                {"type": "area", "opacity": 0.35, "line": {"strokeWidth": 1.5, "aria": False}, "tooltip": None},
                {"x": x, "y": y | {"field": "top"}, "y2": {"field": "base"}, "detail": detail, "color": colour},
            ),
            _layer(
                {"type": "line", "strokeWidth": 1.3, "strokeDash": [4, 3], "color": grey, "tooltip": None},
                {"x": x, "y": y | {"field": "prior"}, "detail": detail},
            ),
            {"transform": [{"filter": "datum.told"}]}
            | _layer(
                {"type": "rule", "opacity": 0, "strokeWidth": 6},
                {"x": x, "y": y | {"field": "top"}, "y2": {"field": "base"}, "tooltip": hints},
            ),
            {"data": {"values": heads}, "mark": words | {"fontSize": 12, "baseline": "bottom"}, "encoding": place},
            {
                "data": {"values": ticks},
                "mark": words | {"fontSize": 10, "baseline": "top", "dy": 3},
                "encoding": place,
            },
        ],
    }
    return Figure(spec, rows)


def pair(
    centres: Array,
    axes: Array | None,
    labels: Array | None,
    names: Sequence[str],
    dims: tuple[int, int],
    theme: Theme,
    texts: Mapping[str, str],
    height: int = 430,
    *,
    colours: Sequence[str] = (),
    prior: Gaussians | None = None,
    by_draws: bool = False,
) -> Figure:
    """Posteriors of images in two dimensions as ellipses of one sigma, over the prior.

    centres, axes: (N, 2) mu and sigma at the same scale on both axes, axes None for an autoencoder (points are drawn);
    labels: (N,) indices into names and colours, or None; texts: prior, posterior. prior: in these dimensions, N(0, I) unless
    given: one Gaussian is drawn at 1, 2 and 3 sigma, several at one, paler with less weight, and points where it is known
    by_draws. A wheel or a drag moves the view.
    """
    inks = colours or palette.class_colours(theme)
    groups = [texts["posterior"]] if labels is None else list(names)
    paints = [palette.colour("encoder", theme)] if labels is None else [inks[k % len(inks)] for k in range(len(names))]
    of = np.zeros(len(centres), np.int64) if labels is None else labels
    shown = of >= 0
    centres, of = centres[shown], of[shown]
    if axes is None:
        points, turns, radius = centres, 1, 0.0
    else:
        turns = OUTLINE
        points = ellipses(centres, axes[shown], turns).reshape(-1, turns + 1, 2)[:, :turns].reshape(-1, 2)
        radius = float(axes[shown].max(initial=0.0))
    rows = pd.DataFrame(
        {
            "x": points[:, 0].astype(np.float32),
            "y": points[:, 1].astype(np.float32),
            "image": np.repeat(np.arange(len(centres), dtype=np.int16), turns),
            "turn": np.tile(np.arange(turns, dtype=np.int16), len(centres)),
            "group": pd.Categorical.from_codes(np.repeat(of, turns), groups),  # each name travels once
        }
    )
    ring = _outlines(prior or Gaussians.standard(2), by_draws, texts["prior"])
    middle, reach = _view(np.array([[row["x"], row["y"]] for row in ring]), centres, radius, about_zero=prior is None)
    legend = {
        "title": None,
        "symbolType": "stroke" if axes is not None else "circle",
        "symbolLimit": NAMED,
        "labelFontSize": 11,
    }
    grey = palette.colour("prior", theme)
    encoding = {
        "x": _axis("x", f"z{dims[0]}", middle[0], reach, "width / height"),
        "y": _axis("y", f"z{dims[1]}", middle[1], reach, "height / width"),
        "detail": {"field": "image", "type": "nominal"},
        "order": {"field": "turn", "type": "quantitative"},
        "color": {
            "field": "group", "type": "nominal", "legend": legend,
            "scale": {"domain": [texts["prior"], *groups], "range": [grey, *paints]},
        },
    }  # fmt: skip
    mark: dict[str, Any] = (
        {"type": "circle", "size": 16, "opacity": 0.8}
        if axes is None
        else {"type": "line", "strokeWidth": 1, "opacity": 0.7}
    )
    dashed: dict[str, Any] = (
        {"type": "circle", "size": 12} if by_draws else {"type": "line", "strokeWidth": 1.5, "strokeDash": [4, 3]}
    )
    paler = {"opacity": {"field": "weight", "type": "quantitative", "scale": None, "legend": None}}
    moving = [{"name": "view", "select": "interval", "bind": "scales"}]
    spec = {
        "height": height,
        "padding": {"bottom": 2},
        "layer": [
            {"data": {"values": ring}, "params": moving} | _layer(dashed | {"clip": True}, encoding | paler),
            _layer(mark | {"clip": True}, encoding),
        ],
    }
    return Figure(spec, rows)


def _outlines(prior: Gaussians, by_draws: bool, name: str) -> list[dict[str, Any]]:
    """The rows of the prior: outlines of one or several Gaussians, or their centres."""
    shade = np.clip(np.sqrt(prior.weights / prior.weights.max()), PALEST, 1.0)
    if by_draws:
        return [
            {"x": round(float(x), 4), "y": round(float(y), 4), "image": at, "turn": 0, "weight": 0.5, "group": name}
            for at, (x, y) in enumerate(prior.mu)
        ]
    sizes = RINGS if len(prior.mu) == 1 else (1.0,)
    turns = 97 if len(prior.mu) == 1 else OUTLINE if len(prior.mu) <= MANY else 13
    centres, axes = np.repeat(prior.mu, len(sizes), axis=0), np.concatenate([prior.sigma * size for size in sizes])
    return [
        {
            "x": round(float(x), 4),
            "y": round(float(y), 4),
            "image": at // (turns + 1),
            "turn": at % (turns + 1),
            "weight": round(float(shade[at // (turns + 1) // len(sizes)]), 3),
            "group": name,
        }
        for at, (x, y) in enumerate(ellipses(centres, axes, points=turns))
        if np.isfinite(x)
    ]


def _ticks(low: float, high: float) -> list[float]:
    """Round values between two ends, some three."""
    rough = (high - low) / TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * times for times in (1.0, 2.0, 5.0, 10.0) if unit * times >= 0.999 * rough)
    inside = 0.08 * (high - low)  # a label at the very end would touch the next panel's
    found = [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return [z for z in found if low + inside < z < high - inside]


def _view(outlines: Array, centres: Array, radius: float, *, about_zero: bool) -> tuple[tuple[float, float], float]:
    """The middle and the reach of a plane on which all is seen. outlines, centres: (M, 2), (N, 2); radius: of the largest posterior."""
    seen = np.concatenate([outlines, centres - radius, centres + radius])
    low, high = seen.min(axis=0), seen.max(axis=0)
    if about_zero:
        return (0.0, 0.0), 1.05 * float(np.maximum(-low, high).max())
    x, y = (low + high) / 2.0
    return (round(float(x), 4), round(float(y), 4)), round(1.05 * float((high - low).max()) / 2.0, 4)


def _axis(field: str, title: str, middle: float, reach: float, shape: str) -> dict[str, Any]:
    """One scale on both axes, whatever the shape of the plot: the longer side sees more."""
    side = f"{reach} * max(1, {shape})"
    scale = {
        "nice": False,
        "zero": False,
        "domainMin": {"expr": f"{middle} - {side}"},
        "domainMax": {"expr": f"{middle} + {side}"},
    }
    return {"field": field, "type": "quantitative", "title": title, "axis": {"tickCount": 6}, "scale": scale}


def _layer(mark: Mapping[str, Any], encoding: Mapping[str, Any]) -> dict[str, Any]:
    """Marks without a role of their own: the chart's alternative text says what it is."""
    return {"mark": {**mark, "aria": False}, "encoding": dict(encoding)}
