"""Curves and codes of a race. They tick, so a specification never changes: limits are invisible rows of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from vaelab.images import palette
from vaelab.images.palette import Role, Theme
from vaelab.ui.charts.thinning import Array, thin
from vaelab.ui.charts.training_charts import latent_scatter, scatter_rows
from vaelab.ui.learn.chart_shape import shaped

POINTS = 120  # of one curve
RUNAWAY = 1e6  # nats
SERIES: dict[str, Role] = {"recon": "decoder", "kl": "encoder", "loss": "total"}  # the loss above the others


def curve_rows(curves: Mapping[str, Array], names: Sequence[str], steps: int) -> pd.DataFrame:
    """The data of `race_curves`. curves: (C,) values by series; steps: where the axis ends."""
    frames = [pd.DataFrame({"step": [0.0, float(steps)], "value": np.nan, "series": "corner"})]
    for name in names:
        values = curves.get(name, np.zeros(0))
        at, shown = thin(np.arange(1, len(values) + 1, dtype=float), np.asarray(values, dtype=float), POINTS)
        frames.append(pd.DataFrame({"step": at, "value": shown, "series": name}))
    return pd.concat(frames, ignore_index=True).astype({"step": float, "value": float, "series": str})


def race_curves(
    rows: pd.DataFrame, theme: Theme, texts: Mapping[str, str], domain: tuple[float, float], height: int = 160
) -> alt.LayerChart:
    """Loss, reconstruction and KL over the steps, each in its own colour. texts: step, nats, loss, recon, kl.

    domain: of the values, in nats; a curve that leaves it is cut off. One that reaches far below 0 goes by powers of ten.
    """
    x = alt.X("step:Q", title=None, axis=alt.Axis(tickCount=3, grid=False, format=",d"), scale=alt.Scale(nice=False))
    y = _nats(domain)
    base = alt.Chart(rows)
    layers = [base.transform_filter(alt.datum.series == "corner").mark_point(opacity=0, tooltip=None).encode(x=x)]
    for name, role in SERIES.items():
        hint = [
            alt.Tooltip("step:Q", title=texts["step"], format=".0f"),
            alt.Tooltip("value:Q", title=f"{texts[name]} ({texts['nats']})", format=".2f"),
        ]
        dash = [5, 3] if name == "loss" else [1, 0]
        line = base.transform_filter(alt.datum.series == name).mark_line(
            color=palette.colour(role, theme), strokeWidth=2, strokeDash=dash, clip=True
        )
        layers.append(line.encode(x=x, y=y, tooltip=hint))
    return shaped(alt.layer(*layers), height)


def _nats(domain: tuple[float, float]) -> alt.Y:
    """A loss upwards; where it may run away, logarithmic on both sides of 0 (symlog)."""
    if domain[0] > -RUNAWAY:
        scale = alt.Scale(domain=list(domain), nice=False, zero=False)
        return alt.Y("value:Q", title=None, axis=alt.Axis(tickCount=5), scale=scale)
    scale = alt.Scale(type="symlog", constant=10, domain=list(domain), nice=False, zero=False)
    powers = [0.0, *(-(10.0**k) for k in range(3, int(np.log10(-domain[0])) + 1, 3))]
    short = "replace(format(datum.value, '.0e'), 'e+', 'e')"
    axis = alt.Axis(values=powers, labelExpr=f"datum.value == 0 ? '0' : {short}")
    return alt.Y("value:Q", title=None, axis=axis, scale=scale)


def space_rows(mu: Array, labels: Array | None) -> pd.DataFrame:
    """The data of `space_chart`: codes (N, 2) with their digits (N,), or nothing but the prior's circles."""
    names = [str(k) for k in range(10)]
    return scatter_rows(mu, labels if len(mu) else None, names)


def space_chart(rows: pd.DataFrame, theme: Theme, texts: Mapping[str, str], side: int = 190) -> alt.LayerChart:
    """Codes of digits on the latent plane, coloured by digit, over the prior's 1 and 2 sigma circles. texts: digit."""
    chart = latent_scatter(rows, theme, {"class": texts["digit"]}, [str(k) for k in range(10)], side=side)
    # The room of the names is fixed and no name stands out at an end, so that two charts with other scales are level.
    y = alt.Axis(tickCount=5, title=None, minExtent=46, labelFlush=8)
    x = alt.Axis(tickCount=5, title=None, labelFlush=14)
    for layer in chart.layer:
        layer.encoding.x["axis"], layer.encoding.y["axis"] = x, y
        paint = getattr(layer.encoding, "color", alt.Undefined)
        if isinstance(paint, alt.Color):
            paint["legend"] = alt.Legend(title=None, orient="bottom", columns=5, symbolSize=40, offset=2)
    return chart
