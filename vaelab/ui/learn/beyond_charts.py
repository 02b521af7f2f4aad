"""The chart of lesson 11: the data's density over x, and what a model gives."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from vaelab.images import palette
from vaelab.images.palette import Theme
from vaelab.ui.charts.thinning import Array
from vaelab.ui.learn.chart_shape import shaped


def density_rows(x: Array, data: Array, model: Array) -> pd.DataFrame:
    """The data of `density_chart`. x: (N,); data, model: densities there."""
    return pd.concat(
        [pd.DataFrame({"x": x, "value": values, "kind": kind}) for kind, values in (("data", data), ("model", model))],
        ignore_index=True,
    ).astype({"x": float, "value": float, "kind": str})


def density_chart(rows: pd.DataFrame, theme: Theme, texts: Mapping[str, str], height: int = 110) -> alt.LayerChart:
    """The data as an area, the model's p(x) as a line over it. texts: x, density, data, model."""
    base = alt.Chart(rows)
    ends = [float(np.floor(rows["x"].min())), float(np.ceil(rows["x"].max()))] if len(rows) else [-4.0, 5.0]
    x = alt.X(
        "x:Q",
        title=None,
        scale=alt.Scale(domain=ends, nice=False),
        axis=alt.Axis(grid=False, tickCount=9),
    )
    y = alt.Y("value:Q", title=None, scale=alt.Scale(domain=[0, 0.45]), axis=alt.Axis(tickCount=3))

    def only(kind: str) -> alt.Chart:
        return base.transform_filter(alt.datum.kind == kind)

    hint = [
        alt.Tooltip("x:Q", title=texts["x"], format=".1f"),
        alt.Tooltip("value:Q", title=texts["density"], format=".3f"),
    ]
    data = only("data").mark_area(color=palette.colour("total", theme), opacity=0.25).encode(x=x, y=y, tooltip=hint)
    model = (
        only("model").mark_line(color=palette.colour("decoder", theme), strokeWidth=2.5).encode(x=x, y=y, tooltip=hint)
    )
    return shaped(alt.layer(data, model), height)
