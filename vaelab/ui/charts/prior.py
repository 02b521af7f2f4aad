"""Figures of the prior beside the codes: aggregate posteriors of single dimensions, and posteriors of single images in two.

Plain Vega-Lite, which the page has loaded for its other charts: a second library would add 1.4 MB to a first visit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from vaelab.analysis.posterior import ellipses, normal
from vaelab.images import palette
from vaelab.images.palette import Theme

Array = npt.NDArray[Any]

PANELS = 4  # in a row
PANEL_HEIGHT = 92  # pixels
GAP = 0.06  # between two panels, of a panel's width
HEAD = 0.3  # above the highest density, of it: the panel's title
TICKS = (-2, 0, 2)
RINGS = (1.0, 2.0, 3.0)  # standard deviations of the prior
OUTLINE = 25  # points of an ellipse
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
) -> Figure:
    """The aggregate posterior of each dimension, filled, over N(0, 1), dashed. densities: dimension -> (G,) on the grid.

    A dimension that tells no images apart is drawn in grey. Each title gives the share of mass that the two have in common.
    Panels are places on one plane, so that they share the width there is. texts: dim, value, density.
    """
    top = max(0.45, *(float(np.quantile(q, 0.98)) for q in densities.values()))
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
                    "x": (left + grid).astype(np.float32),
                    "base": np.float32(base),
                    "top": (base + shown).astype(np.float32),
                    "prior": (base + normal(grid)).astype(np.float32),
                    "z": grid.astype(np.float32),
                    "q": density.astype(np.float32),
                    "dim": f"z{k}",
                    "used": k in used,
                }
            )
        )
        heads.append({"x": left, "y": base + 1.08 * top, "title": f"z{k} · {100 * overlaps[k]:.0f} %"})
        if at // PANELS == count - 1 or at + PANELS >= len(densities):  # nothing stands below it
            ticks += [{"x": left + z, "y": base, "title": str(z).replace("-", "−")} for z in TICKS]
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
                {"type": "area", "opacity": 0.35, "line": {"strokeWidth": 1.5}},
                {"x": x, "y": y | {"field": "top"}, "y2": {"field": "base"}, "detail": detail, "color": colour},
            ),
            _layer(
                {"type": "line", "strokeWidth": 1.3, "strokeDash": [4, 3], "color": grey},
                {"x": x, "y": y | {"field": "prior"}, "detail": detail},
            ),
            _layer({"type": "point", "opacity": 0, "size": 60}, {"x": x, "y": y | {"field": "top"}, "tooltip": hints}),
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
) -> Figure:
    """Posteriors of images in two dimensions as ellipses of one sigma, over the prior's circles of 1, 2 and 3.

    centres, axes: (N, 2) mu and sigma at the same scale on both axes, axes None for an autoencoder (points are drawn);
    labels: (N,) indices into names and colours, or None; texts: prior, posterior. A wheel or a drag moves the view.
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
            "group": np.repeat(np.array(groups, object)[of], turns),
        }
    )
    reach = 1.05 * max(max(RINGS), float(np.abs(centres).max(initial=0.0)) + radius)
    outline = ellipses(np.zeros((len(RINGS), 2)), np.repeat(np.array(RINGS)[:, None], 2, axis=1), points=97)
    ring = [
        {"x": round(float(x), 4), "y": round(float(y), 4), "image": at // 98, "turn": at % 98, "group": texts["prior"]}
        for at, (x, y) in enumerate(outline)
        if np.isfinite(x)
    ]
    legend = {
        "title": None,
        "symbolType": "stroke" if axes is not None else "circle",
        "symbolLimit": NAMED,
        "labelFontSize": 11,
    }
    grey = palette.colour("prior", theme)
    encoding = {
        "x": _axis("x", f"z{dims[0]}", reach, "width / height"),
        "y": _axis("y", f"z{dims[1]}", reach, "height / width"),
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
    moving = [{"name": "view", "select": "interval", "bind": "scales"}]
    spec = {
        "height": height,
        "padding": {"bottom": 2},
        "layer": [
            {"data": {"values": ring}, "params": moving}
            | _layer({"type": "line", "strokeWidth": 1.5, "strokeDash": [4, 3], "clip": True}, encoding),
            _layer(mark | {"clip": True}, encoding),
        ],
    }
    return Figure(spec, rows)


def _axis(field: str, title: str, reach: float, shape: str) -> dict[str, Any]:
    """One scale on both axes, whatever the shape of the plot: the longer side sees more."""
    side = f"{reach} * max(1, {shape})"
    scale = {"nice": False, "zero": False, "domainMin": {"expr": f"-{side}"}, "domainMax": {"expr": side}}
    return {"field": field, "type": "quantitative", "title": title, "axis": {"tickCount": 6}, "scale": scale}


def _layer(mark: Mapping[str, Any], encoding: Mapping[str, Any]) -> dict[str, Any]:
    """Marks without a role of their own: the chart's alternative text says what it is."""
    return {"mark": {**mark, "aria": False}, "encoding": dict(encoding)}
