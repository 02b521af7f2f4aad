"""The charts of lesson 8: gradient estimates as histograms."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from vaelab.images import palette
from vaelab.images.palette import Role, Theme
from vaelab.ui.charts.thinning import Array
from vaelab.ui.learn.chart_shape import shaped

BINS = 61
ROLES: dict[str, Role] = {"reparam": "z", "score": "eps"}


def gradient_rows(estimates: Mapping[str, Array], exact: float) -> pd.DataFrame:
    """The data of `gradient_chart`: shares of the estimates in equal bins, and each mean. estimates: (S,) by name.

    The range holds 98 % of the wider estimates; what lies beyond is counted in the outermost bins.
    """
    together = np.concatenate([*estimates.values(), [exact]])
    low, high = np.quantile(together, [0.01, 0.99])
    room = 0.05 * max(high - low, 0.2)
    edges = np.linspace(min(low, exact) - room, max(high, exact) + room, BINS + 1)
    frames = []
    for name, values in estimates.items():
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        bars = {"from": edges[:-1], "to": edges[1:], "share": counts / len(values), "floor": 0.0}
        frames.append(pd.DataFrame({**bars, "name": name, "kind": "bars"}))
        mean = {"from": [values.mean()], "to": [values.mean()], "share": [0.0], "floor": [0.0]}
        frames.append(pd.DataFrame({**mean, "name": name, "kind": "mean"}))
    level = {"from": [exact], "to": [exact], "share": [0.0], "floor": [0.0], "name": [""], "kind": ["exact"]}
    return pd.concat([*frames, pd.DataFrame(level)], ignore_index=True)


def gradient_chart(
    rows: pd.DataFrame, theme: Theme, texts: Mapping[str, str], name: str, height: int = 112
) -> alt.LayerChart:
    """One estimator's histogram on the range of both, the exact gradient as a rule. texts: reparam, score, exact, share."""
    base = alt.Chart(rows)
    x = alt.X("from:Q", title=None, scale=alt.Scale(nice=False, zero=False), axis=alt.Axis(tickCount=7, grid=False))
    y = alt.Y("share:Q", title=None, axis=alt.Axis(tickCount=3, format="%", minExtent=42))
    colour = palette.colour(ROLES[name], theme)
    both = base.transform_filter(alt.datum.kind == "bars").mark_point(opacity=0, tooltip=None)  # the range of both
    bars = base.transform_filter((alt.datum.kind == "bars") & (alt.datum.name == name)).mark_rect(
        color=colour, opacity=0.65
    )
    mean = base.transform_filter((alt.datum.kind == "mean") & (alt.datum.name == name)).mark_point(
        color=colour, shape="triangle-up", filled=True, size=160, opacity=1.0
    )
    exact = base.transform_filter(alt.datum.kind == "exact").mark_rule(
        color=palette.colour("total", theme), strokeWidth=2, strokeDash=[5, 3]
    )
    hint = [
        alt.Tooltip("from:Q", title=texts[name], format=".3f"),
        alt.Tooltip("share:Q", title=texts["share"], format=".1%"),
    ]
    return shaped(
        alt.layer(
            both.encode(x=x),
            bars.encode(x=x, x2="to:Q", y=y, y2="floor:Q", tooltip=hint),
            exact.encode(x=x, tooltip=[alt.Tooltip("from:Q", title=texts["exact"], format=".3f")]),
            mean.encode(x=x, y=y, tooltip=hint[:1]),
        ),
        height,
    )
