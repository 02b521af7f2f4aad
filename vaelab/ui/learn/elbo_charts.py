"""The chart of a bound that tightens with the number of draws."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from vaelab.images import palette
from vaelab.images.palette import Theme
from vaelab.ui.charts.thinning import Array
from vaelab.ui.learn.chart_shape import shaped


def bound_rows(found: Mapping[int, Array], truth: float, elbo: float, chosen: int) -> pd.DataFrame:
    """The data of `bound_chart`. found: the estimates by their number of draws; truth: log p(x); elbo: the ELBO; all in nats."""
    curve = pd.DataFrame(
        [(k, at.mean(), *np.quantile(at, [0.1, 0.9])) for k, at in found.items()], columns=["k", "value", "low", "high"]
    )
    marks = pd.DataFrame(
        {
            "k": [1.0, 1.0, float(chosen)],
            "value": [truth, elbo, found[chosen].mean()],
            "kind": ["truth", "elbo", "chosen"],
        }
    )
    return pd.concat([curve.assign(kind="bound"), marks], ignore_index=True)


def bound_chart(rows: pd.DataFrame, theme: Theme, texts: Mapping[str, str], height: int = 250) -> alt.LayerChart:
    """L_K over K on a logarithmic axis: its mean, the middle 80 % of single estimates, log p(x) and the ELBO as levels.

    texts: draws, nats, bound, truth, elbo.
    """
    base = alt.Chart(rows)
    purple = palette.colour("encoder", theme)
    x = alt.X(
        "k:Q",
        title=texts["draws"],
        scale=alt.Scale(type="log", domain=[1, 5000], nice=False),
        axis=alt.Axis(values=[1, 10, 100, 1000, 5000], grid=False),
    )
    y = alt.Y("value:Q", title=texts["nats"], scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=6))

    def only(kind: str) -> alt.Chart:
        return base.transform_filter(alt.datum.kind == kind)

    def hint(name: str) -> list[alt.Tooltip]:
        return [alt.Tooltip("value:Q", title=f"{texts[name]} ({texts['nats']})", format=".3f")]

    band = only("bound").mark_area(color=purple, opacity=0.2).encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
    line = only("bound").mark_line(color=purple, strokeWidth=2.5)
    truth = only("truth").mark_rule(color=palette.colour("total", theme), strokeWidth=2)
    elbo = only("elbo").mark_rule(color=purple, strokeWidth=2, strokeDash=[5, 4])
    chosen = only("chosen").mark_rule(color=palette.colour("z", theme), strokeWidth=1.5)
    point = only("chosen").mark_point(color=palette.colour("z", theme), filled=True, size=90, opacity=1)
    return shaped(
        alt.layer(
            band,
            line.encode(x=x, y=y, tooltip=[alt.Tooltip("k:Q", title="K"), *hint("bound")]),
            truth.encode(y=y, tooltip=hint("truth")),
            elbo.encode(y=y, tooltip=hint("elbo")),
            chosen.encode(x=x),
            point.encode(x=x, y=y, tooltip=[alt.Tooltip("k:Q", title="K"), *hint("bound")]),
        ),
        height,
    )
