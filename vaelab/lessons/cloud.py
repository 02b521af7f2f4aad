"""From a point to a distribution: the cloud of codes that an encoder's mu and sigma stand for. No torch."""

from __future__ import annotations

import math
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vaelab import palette
from vaelab.lessons.chart_shape import shaped
from vaelab.palette import Theme

Array = NDArray[Any]
REACH = 3.5  # latent units on either side
HIGHEST = 2.0  # of the density axis: a sigma of 0.2
THINNEST = 0.01  # a sigma below is drawn like this


def codes_around(mu: Array, sigma: Array, eps: Array) -> Array:
    """Draws from N(mu, diag(sigma^2)): z = mu + sigma * eps. mu, sigma: (Z,); eps: (S, Z) from N(0, I) -> (S, Z)."""
    return np.asarray(mu + sigma * eps)


def kl_nats(mu: Array, sigma: Array) -> Array:
    """KL of N(mu, sigma^2) from N(0, 1) in each dimension, nats; infinite for a point (sigma 0).

    Kingma & Welling 2014, app. B.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(0.5 * (mu**2 + sigma**2 - 1.0 - np.log(sigma**2)))


def normal_density(z: Array, mu: float, sigma: float) -> Array:
    """The density of N(mu, sigma^2) at each z."""
    return np.asarray(np.exp(-0.5 * ((z - mu) / sigma) ** 2) / (sigma * math.sqrt(2.0 * math.pi)))


def density_rows(mu: float, sigma: float, z: Array) -> pd.DataFrame:
    """The data of `density_chart`: prior and q on a grid, the draws z (S,), mu and the span mu - sigma to mu + sigma."""
    grid = np.linspace(-REACH, REACH, 281)
    prior = pd.DataFrame({"z": grid, "value": normal_density(grid, 0.0, 1.0), "kind": "prior"})
    q = pd.DataFrame({"z": grid, "value": normal_density(grid, mu, max(sigma, THINNEST)), "kind": "q"})
    draws = pd.DataFrame({"z": np.clip(z, -REACH, REACH), "value": 0.0, "kind": "draw"})
    span = pd.DataFrame({"z": [mu - sigma], "to": [mu + sigma], "value": [0.0], "kind": ["span"]})
    return pd.concat([prior, q, draws, span, pd.DataFrame({"z": [mu], "value": [0.0], "kind": ["mu"]})])


def density_chart(rows: pd.DataFrame, theme: Theme, texts: dict[str, str], height: int = 150) -> alt.LayerChart:
    """q(z_k|x) over the prior, with the draws as ticks. texts: prior, q, draw, mu, sigma, density."""
    base = alt.Chart(rows)
    x = alt.X(
        "z:Q", title=None, scale=alt.Scale(domain=[-REACH, REACH], nice=False), axis=alt.Axis(tickCount=7, grid=False)
    )
    y = alt.Y(
        "value:Q",
        title=texts["density"],
        scale=alt.Scale(domain=[-0.12, HIGHEST], nice=False),
        axis=alt.Axis(tickCount=4),
    )

    def only(kind: str) -> alt.Chart:
        return base.transform_filter(alt.datum.kind == kind)

    prior = only("prior").mark_line(color=palette.colour("prior", theme), strokeDash=[4, 3], clip=True)
    q = only("q").mark_area(
        color=palette.colour("encoder", theme), opacity=0.3, line={"color": palette.colour("encoder", theme)}, clip=True
    )
    draw = only("draw").mark_tick(color=palette.colour("z", theme), thickness=2, height=12, opacity=0.9)
    span = only("span").mark_rule(color=palette.colour("sigma", theme), strokeWidth=5, clip=True)
    middle = only("mu").mark_point(color=palette.colour("mu", theme), filled=True, size=110, opacity=1.0)
    hints = {name: [alt.Tooltip("z:Q", title=texts[name], format=".2f")] for name in ("draw", "mu")}
    return shaped(
        alt.layer(
            prior.encode(x=x, y=y),
            q.encode(x=x, y=y),
            span.encode(x=x, x2="to:Q", y=y),
            draw.encode(x=x, y=y, tooltip=hints["draw"]),
            middle.encode(x=x, y=y, tooltip=hints["mu"]),
        ),
        height,
    )
