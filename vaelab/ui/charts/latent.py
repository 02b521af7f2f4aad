"""Figures of the Latent space page from plain arrays: one code as bars, aggregate posteriors, posterior ellipses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from vaelab.analysis.posterior import ellipses, normal
from vaelab.images import palette
from vaelab.images.palette import Theme

Array = npt.NDArray[Any]

PANELS = 4  # in a row
PANEL_HEIGHT = 96  # pixels
RINGS = (1.0, 2.0, 3.0)  # standard deviations of the prior


def code_chart(
    mu: Array, sigma: Array | None, dims: Sequence[int], theme: Theme, texts: Mapping[str, str], height: int = 104
) -> alt.LayerChart:
    """mu as points with one sigma to either side, over the prior's own. mu, sigma: (Z,); dims: which, in this order.

    texts: dim, mu, sigma.
    """
    spread = np.zeros(len(mu)) if sigma is None else sigma
    frame = pd.DataFrame(
        {
            "dim": [f"z{k}" for k in dims],
            "mu": [float(mu[k]) for k in dims],
            "sigma": [float(spread[k]) for k in dims],
            "low": [float(mu[k] - spread[k]) for k in dims],
            "high": [float(mu[k] + spread[k]) for k in dims],
        }
    )
    base = alt.Chart(frame)
    axis = alt.Axis(labelAngle=0, ticks=False, labelOverlap=True)
    x = alt.X("dim:N", sort=[f"z{k}" for k in dims], title=None, axis=axis)
    hint = [
        alt.Tooltip("dim:N", title=texts["dim"]),
        alt.Tooltip("mu:Q", title=texts["mu"], format=".3f"),
        alt.Tooltip("sigma:Q", title=texts["sigma"], format=".3f"),
    ]
    prior = pd.DataFrame({"low": [-1.0], "high": [1.0]})
    band = alt.Chart(prior).mark_rect(color=palette.colour("prior", theme), opacity=0.16, aria=False)
    layers: list[alt.Chart] = []
    if sigma is not None:
        layers.append(band.encode(y=alt.Y("low:Q", title=None), y2="high:Q"))
        bars = base.mark_rule(color=palette.colour("sigma", theme), strokeWidth=7, aria=False)
        layers.append(bars.encode(x=x, y=alt.Y("low:Q", title=None), y2="high:Q", tooltip=hint))
    points = base.mark_point(color=palette.colour("mu", theme), filled=True, size=26, opacity=1.0, aria=False)
    layers.append(points.encode(x=x, y=alt.Y("mu:Q", title=None, axis=alt.Axis(tickCount=5)), tooltip=hint))
    chart = cast("alt.LayerChart", alt.layer(*layers))  # a facet only when a layer is one
    return chart.properties(height=height, usermeta={"embedOptions": {"renderer": "svg"}})


def marginals(
    densities: Mapping[int, Array], overlaps: Mapping[int, float], used: Sequence[int], grid: Array, theme: Theme
) -> go.Figure:
    """The aggregate posterior of each dimension, filled, over N(0, 1), dashed. densities: dimension -> (G,) on the grid.

    A dimension that tells no images apart is drawn in grey. Each title gives the share of mass that the two have in common.
    """
    dims = list(densities)
    rows = -(-len(dims) // PANELS)
    titles = [f"z{k} · {100 * overlaps[k]:.0f} %" for k in dims]
    figure = make_subplots(
        rows, PANELS, shared_xaxes=True, shared_yaxes=True, subplot_titles=titles, vertical_spacing=0.3 / (rows + 1),
        horizontal_spacing=0.02,
    )  # fmt: skip
    top = max(0.45, *(float(np.quantile(q, 0.98)) for q in densities.values()))
    for at, k in enumerate(dims):
        place = {"row": at // PANELS + 1, "col": at % PANELS + 1}
        ink = palette.colour("encoder" if k in used else "prior", theme)
        tip = f"z{k} = %{{x:.2f}}<br>q %{{y:.3f}}<extra></extra>"
        area = go.Scatter(x=grid, y=densities[k], fill="tozeroy", line={"color": ink, "width": 1.5}, hovertemplate=tip)
        line = {"color": palette.colour("prior", theme), "width": 1.5, "dash": "dash"}
        figure.add_trace(area, **place)
        figure.add_trace(go.Scatter(x=grid, y=normal(grid), line=line, hoverinfo="skip"), **place)
    figure.update_yaxes(range=[0.0, 1.08 * top], showticklabels=False)
    figure.update_xaxes(tickvals=[-2, 0, 2])
    figure.update_annotations(font={"size": 12, "color": palette.surface("text", theme)})
    return _styled(figure, theme, rows * PANEL_HEIGHT + 40)


def ellipse_figure(
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
) -> go.Figure:
    """Posteriors of images in two dimensions as ellipses of one sigma, over the prior's circles of 1, 2 and 3.

    centres, axes: (N, 2) mu and sigma at the same scale on both axes, axes None for an autoencoder (points are drawn);
    labels: (N,) indices into names and colours, or None; texts: prior, posterior.
    """
    figure = go.Figure()
    ring = ellipses(np.zeros((len(RINGS), 2)), np.repeat(np.array(RINGS)[:, None], 2, axis=1), points=97)
    dash = {"color": palette.colour("prior", theme), "width": 1.5, "dash": "dash"}
    figure.add_trace(
        go.Scatter(x=ring[:, 0], y=ring[:, 1], mode="lines", line=dash, name=texts["prior"], hoverinfo="skip")
    )
    groups = [(texts["posterior"], np.arange(len(centres)), palette.colour("encoder", theme))]
    if labels is not None:
        inks = colours or palette.class_colours(theme)
        groups = [(name, np.flatnonzero(labels == k), inks[k % len(inks)]) for k, name in enumerate(names)]
    for name, rows, ink in groups:
        if not len(rows):
            continue
        if axes is None:
            marks: dict[str, Any] = {"mode": "markers", "marker": {"color": ink, "size": 4}}
            points = centres[rows]
        else:
            marks = {"mode": "lines", "line": {"color": ink, "width": 1}, "opacity": 0.7}
            points = ellipses(centres[rows], axes[rows])
        figure.add_trace(go.Scattergl(x=points[:, 0], y=points[:, 1], name=name, hoverinfo="skip", **marks))
    figure.update_xaxes(title={"text": f"z{dims[0]}", "standoff": 6})
    figure.update_yaxes(title={"text": f"z{dims[1]}", "standoff": 6}, scaleanchor="x", scaleratio=1)
    figure = _styled(figure, theme, height)
    return figure.update_layout(showlegend=True, legend={"itemsizing": "constant", "font": {"size": 11}})


def _styled(figure: go.Figure, theme: Theme, height: int) -> go.Figure:
    """Our colours, no frame, little margin."""
    grid = palette.surface("border", theme)
    figure.update_xaxes(gridcolor=grid, zerolinecolor=grid, automargin=True)
    figure.update_yaxes(gridcolor=grid, zerolinecolor=grid, automargin=True)
    return figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 28, "b": 26},
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": palette.surface("text", theme), "size": 12},
        uirevision="kept",
    )
