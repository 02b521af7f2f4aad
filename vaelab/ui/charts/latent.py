"""Figures of the Latent space page from plain arrays: one code as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from vaelab.images import palette
from vaelab.images.palette import Theme

Array = npt.NDArray[Any]


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
